"""One administrator at a time: two who enable, upgrade or uninstall at once wait for each other, on any host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

import sqlalchemy as sa

from crmcore.builtin.records.services.list_indexes import settle_or_warn
from crmcore.files import alone_in

if TYPE_CHECKING:
    from crmcore.app import App

P = ParamSpec("P")
R = TypeVar("R")
_FILE = ".crm-plugins"
_KEY = 726867
"""Number of the advisory lock on PostgreSQL."""


def one_at_a_time(
    action: Callable[Concatenate[App, P], R],
) -> Callable[Concatenate[App, P], R]:
    """Have an action wait until no other administrator is at work, and then see what is enabled now."""

    @wraps(action)
    def alone(app: App, *args: P.args, **kwargs: P.kwargs) -> R:
        place = app.config.folder / _FILE
        place.touch(0o600)
        with alone_in(place), _alone_in_database(app.engine):
            app.refresh()
            done = action(app, *args, **kwargs)
            settle_or_warn(app)  # the card's fields may be others now
            return done

    return cast("Callable[Concatenate[App, P], R]", alone)


@contextmanager
def _alone_in_database(engine: sa.Engine) -> Iterator[None]:
    """Hold PostgreSQL's lock, which ends with its connection, however that ends; of SQLite the folder's is enough."""
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _KEY})
        try:
            yield
        finally:
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _KEY})
