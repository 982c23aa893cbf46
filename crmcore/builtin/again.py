"""Doing something once more whose transaction met another one: the database gave it up, nothing of it was written."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import sqlalchemy as sa

from crmcore.errors import CrmError, StaleVersion

P = ParamSpec("P")
R = TypeVar("R")

TRIES = 8
_MET = frozenset({"40001", "40P01"})
"""What PostgreSQL calls it when it has to give up a transaction for another one's sake: no order, a deadlock."""
_PAUSE_SECONDS = 0.05


def met_another(error: BaseException) -> bool:
    """Say whether a transaction failed because of what somebody else did meanwhile, so that a new one may succeed."""
    # A key that was free, or a row that was there, when this one looked.
    return isinstance(_cause(error), sa.exc.IntegrityError) or was_given_up(error)


def was_given_up(error: BaseException) -> bool:
    """Say whether PostgreSQL gave a transaction up for another one's sake."""
    cause = _cause(error)
    return isinstance(cause, sa.exc.DBAPIError) and getattr(cause.orig, "sqlstate", None) in _MET


def _cause(error: BaseException) -> BaseException:
    return (error.__cause__ or error) if isinstance(error, CrmError) else error


def until_done(
    step: Callable[[], R], *, stale: bool = False, met: Callable[[BaseException], bool] = met_another
) -> R:
    """Run a step that writes in one transaction; if that met another one, run it again, each time from its beginning.

    stale: also where the step has read a row that was changed before it wrote it. met: what counts as having met one.
    """
    for turn in range(1, TRIES):
        try:
            return step()
        except (CrmError, sa.exc.DBAPIError) as error:
            if not (met(error) or (stale and isinstance(error, StaleVersion))):
                raise
        time.sleep(random.random() * _PAUSE_SECONDS * turn)  # noqa: S311  (two who met shall not meet again)
    return step()


def again(use_case: Callable[P, R]) -> Callable[P, R]:
    """Run a use case, which writes in one transaction, once more where that met another one."""
    return _repeated(use_case, met_another)


def again_if_given_up(use_case: Callable[P, R]) -> Callable[P, R]:
    """Run a use case that calls plugins once more only where the database gave it up.

    A key that is taken may be the plugin's own, and will be: what it does would be done eight times for nothing.
    """
    return _repeated(use_case, was_given_up)


def _repeated(use_case: Callable[P, R], met: Callable[[BaseException], bool]) -> Callable[P, R]:
    @wraps(use_case)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return until_done(lambda: use_case(*args, **kwargs), met=met)

    return run
