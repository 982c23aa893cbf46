"""What a check says: ok or not, and one line of detail."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.errors import CrmError
from crmcore.i18n import N_, _
from crmcore.text import printable

NOT_RUN = N_("not run")
"""Detail of a check that this computer cannot do, such as PostgreSQL where there is none; never translated as JSON."""
_SHOWN = 5
_LONGEST = 600

Finding = tuple[bool, str]
"""Whether the check passed, and its detail."""


class NotRun(Exception):
    """What a check stands on failed in a check before it."""


def finding(problems: Sequence[str], fine: str) -> Finding:
    """Return ok with `fine`, or failed with the first problems and how many more there are."""
    if not problems:
        return True, fine
    shown = "; ".join(problems[:_SHOWN])
    more = len(problems) - _SHOWN
    return False, shown + (_(" and {count} more").format(count=more) if more > 0 else "")


def cut(text: object) -> str:
    """Return a text as one line that can be shown: no control characters, not longer than a paragraph."""
    line = printable(text)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def said(error: BaseException) -> str:
    """Return an error as a sentence: ours as it is, others with their type; one whose __str__ fails by its type."""
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001  (a plugin's exception may have any __str__)
        message = ""
    if isinstance(error, CrmError) and message:
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
