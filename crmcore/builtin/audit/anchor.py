"""Anchors: heads of the change log noted outside, against which a later log is held."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.changes import GENESIS, head
from crmcore.db.system import change_seal, change_tx
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHORT = re.compile(r"\b([0-9]{1,18}):\s?([0-9a-f]{16,64})\b")
LONGEST = 1 << 22
"""Characters of a file of anchors: ten years of one a day take a fifth of it."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head that was noted: the seal at a position."""

    position: int
    seal: str
    """At least the first 16 of its 64 digits."""
    database: str | None = None
    """The first seal of the log that it was taken from."""


def newest(connection: sa.Connection) -> dict[str, Any]:
    """Return the head of the log as it is published."""
    position, seal = head(connection)
    query = (
        sa.select(change_tx.c.id, change_tx.c.at)
        .join(change_seal, change_seal.c.tx_id == change_tx.c.id)
        .where(change_seal.c.position == position)
    )
    row = connection.execute(query).first()
    return {
        "position": position,
        "seal": seal,
        "tx": row.id if row else None,
        "at": row.at if row else None,
        "database": first_seal(connection),
    }


def first_seal(connection: sa.Connection) -> str | None:
    """Return the seal at position 1: no two databases have the same."""
    c = change_seal.c
    found: str | None = connection.scalar(sa.select(c.seal).where(c.position == 1))
    return found


def read_anchors(text: str, where: str) -> list[Anchor]:
    """Read anchors from what `crm audit anchor` printed, in either form, one or many; or from a backup's manifest.

    Other lines are skipped: a mail or minutes will do. CrmError where there is none.
    """
    try:
        found = list(_documents([json.loads(text)]))
    except ValueError:
        found = [anchor for line in text.splitlines() for anchor in _of_line(line)]
    if not found:
        message = _("{file} holds no anchor; print one with: crm audit anchor")
        raise CrmError(message.format(file=where))
    return found


def _of_line(line: str) -> Iterator[Anchor]:
    try:
        yield from _documents([json.loads(line)])
    except ValueError:
        yield from (Anchor(int(position), seal) for position, seal in _SHORT.findall(line))


def _documents(values: list[Any]) -> Iterator[Anchor]:
    for value in values:
        if not isinstance(value, dict):
            continue
        if isinstance(value.get("anchor"), dict):
            yield from _documents([value["anchor"]])
        elif "position" in value and "seal" in value:
            yield _checked(value)


def _checked(value: Mapping[str, Any]) -> Anchor:
    position, seal, database = value["position"], value["seal"], value.get("database")
    whole = isinstance(position, int) and not isinstance(position, bool) and position >= 0
    if not (whole and isinstance(seal, str) and re.fullmatch("[0-9a-f]{16,64}", seal)):
        message = _("{text} is no anchor; print one with: crm audit anchor")
        raise CrmError(message.format(text=json.dumps(dict(value), ensure_ascii=False)))
    return Anchor(position, seal, database if isinstance(database, str) else None)


def compare(anchor: Anchor, seal: str) -> bool:
    """Tell whether a seal is the one that was noted."""
    return (seal if anchor.position else GENESIS).startswith(anchor.seal)
