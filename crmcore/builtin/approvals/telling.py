"""What each reader is told of requests: in their own language, whoever asked.

What is stored is English where a program wrote it, and what a person wrote where a person did. `--json` shows what is
stored; people are told it by the kind of the request (`ApprovalKind.describe`), and a rule's reason by its catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from crmcore.builtin.approvals.kinds import HOOK, package_of
from crmcore.builtin.approvals.queries import Row, as_json, as_request
from crmcore.builtin.approvals.small_amounts import REASON as SMALL
from crmcore.builtin.approvals.values import LONGEST_SUBJECT
from crmcore.builtin.privacy.rules import ERASED
from crmcore.i18n import N_, _, language, set_language, translate
from crmcore.plugins.isolation import set_apart
from crmcore.text import one_line

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import ApprovalKind, ApprovalRequest, Context

PERSON_ERASED = N_("the person was erased")
UNINSTALLED = N_("plugin {plugin} was uninstalled and its data dropped")
_OWN = (SMALL, PERSON_ERASED, UNINSTALLED)
"""The reasons that the core itself gives for decisions."""
T = TypeVar("T")


def in_english(call: Callable[[], T]) -> T:
    """Call something as an English user would."""
    before = language()
    set_language("en")
    try:
        return call()
    finally:
        set_language(before)


def described(app: App, kind: ApprovalKind, request: ApprovalRequest) -> str | None:
    """Ask a kind what a request is about, in the language of this context; empty where it does not say.

    None where it fails: that is kept as its failure, and no reason to hide the request.
    """
    if kind.describe is None:
        return ""
    try:
        with set_apart():
            return _line(kind.describe(request))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (a plugin may raise anything)
        app.host.failed(app.host.get(kind.plugin), HOOK, error)
        return None


def _line(said: object) -> str:
    if said is not None and not isinstance(said, str):
        raise TypeError(f"describe returned {type(said).__name__}")
    return one_line(said or "")[:LONGEST_SUBJECT]


def subjects(app: App, rows: Iterable[Row], today: date) -> dict[int, str]:
    """Return number → what is asked for, as the reader is told; as it is stored where no running plugin says it."""
    kinds = {(kind.plugin, kind.name): kind for kind in app.host.registered(HOOK)}
    found = {}
    for row in rows:
        place, stored = (row["plugin"], row["kind"]), str(row["subject"])
        said: str | None = ""
        if stored == ERASED:
            said = _(ERASED)
        elif place in kinds:
            said = described(app, kinds[place], as_request(row, today))
        if said is None:
            del kinds[place]  # once is enough
        found[row["id"]] = said or stored
    return found


def decision_reason(app: App, row: Row) -> str | None:
    """Return why a request was decided so, as the reader is told: what a person wrote stays as it is."""
    reason, by = row["decision_reason"], row["decided_by"] or ""
    by_rule = by.startswith("plugin:")
    if not reason or not (by_rule or (row["state"] == "withdrawn" and by != row["requested_by"])):
        return None if reason is None else str(reason)
    for message in _OWN:
        if (values := _values_in(reason, message)) is not None:
            return _(message).format(**values)
    return translate(package_of(app, by.removeprefix("plugin:")), reason) if by_rule else str(reason)


def _values_in(text: str, message: str) -> dict[str, str] | None:
    """Return what a message was filled in with; None where a text is no such message."""
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(message))
    found = re.fullmatch(pattern, text)
    return None if found is None else found.groupdict()


def told(app: App, rows: Sequence[Row], today: date) -> list[Row]:
    """Return stored requests with the texts as the reader is told them."""
    said = subjects(app, rows, today)
    return [{**row, "subject": said[row["id"]], "decision_reason": decision_reason(app, row)} for row in rows]


def as_told(app: App, ctx: Context, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return requests as `as_json` does, with the texts as the reader is told them."""
    return as_json(ctx, told(app, rows, ctx.today))
