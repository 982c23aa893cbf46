"""The libraries that fit scorecards, loaded without a word: their solvers log to the terminal and warn of each other."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

from crmcore.api import CrmError, translator

_ = translator("crmcore_credit_5c")


@contextmanager
def quiet() -> Iterator[None]:
    """Let nothing that is logged, warned or printed inside reach the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            redirect_stdout(StringIO()),
            redirect_stderr(StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def load_libraries() -> tuple[Any, Any, Any]:
    """Return optbinning's OptimalBinning, scikit-learn's LogisticRegression and StratifiedKFold.

    CrmError with the command that installs them, where they are missing.
    """
    try:
        with quiet():
            from optbinning import OptimalBinning
            from sklearn.linear_model import LogisticRegression
            from sklearn.model_selection import StratifiedKFold
    except ImportError as error:
        message = _(
            'fitting a scorecard needs {library}, which is not installed; run: pip install "crmcore-credit-5c[scorecard]"'
        )
        raise CrmError(message.format(library=error.name or "optbinning")) from None
    return OptimalBinning, LogisticRegression, StratifiedKFold
