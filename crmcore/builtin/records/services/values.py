"""Values of contacts, interactions, documents and actors: cleaned, and held against their columns, before the gate.

A customer's values are checked by the field catalogue instead.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, NoReturn

import sqlalchemy as sa
from sqlmodel import SQLModel

from crmcore.entities.lookup import NOUNS, table_of
from crmcore.errors import CrmError, StaleVersion
from crmcore.i18n import _
from crmcore.text import many_lines, one_line


class By(NamedTuple):
    """Who writes, and why."""

    actor: str
    reason: str = ""


_NOTES = "notes"
_LONGEST_NOTE = 32_000


def at_version(number: int, version: int | None) -> dict[int, int] | None:
    """Return what `Tx.update` wants to hear of the version that an editor has seen, if they say."""
    return {number: version} if version else None


def require_version(model: type[SQLModel], row: sa.RowMapping, expected: int | None) -> None:
    """Refuse to write beside a row that is not as it was seen.

    For what stands in a table of its own and does not raise the row's version: none of the row's values is
    overwritten, so none is compared. `Tx.update` checks what stands in the row itself.
    """
    if not expected or row["version"] == expected:
        return
    message = _(
        "{entity} {code} was changed since you read it (version {now}, you saw {seen}); read it again"
    )
    told = {"code": row["code"], "now": row["version"], "seen": expected}
    raise StaleVersion(message.format(entity=_(NOUNS[table_of(model).name]), **told))


def alone_with_groups(connection: sa.Connection) -> None:
    """Let nobody else change parents until this transaction ends: two could make a circle that neither sees."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(726871)"))


def cleaned(model: type[SQLModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for a table with clean texts, an empty one as None; CrmError says what is not allowed."""
    table = table_of(model)
    return {name: _checked(name, value, table.c[name]) for name, value in values.items()}


def _checked(name: str, value: Any, column: Any) -> Any:
    if isinstance(value, str):
        value = (many_lines(value) if name == _NOTES else one_line(value)) or None
        most = getattr(column.type, "length", None) or _LONGEST_NOTE
        if value and len(value) > most:
            refuse(name, value[:40] + "…", _("is longer than {most} characters").format(most=most))
    if value is None and not column.nullable:
        raise CrmError(_("{field} must not be empty").format(field=name))
    return value


def contains(text: str, *columns: Any) -> sa.ColumnElement[bool]:
    """Return the condition that one of the columns contains a text, in capitals or not."""
    return sa.or_(*(column.icontains(text, autoescape=True) for column in columns))


def require_one_of(name: str, value: str | None, allowed: Collection[str]) -> None:
    """Raise CrmError unless the value is absent or one of those allowed."""
    if value is not None and value not in allowed:
        refuse(name, value, _("must be one of {choices}").format(choices=", ".join(allowed)))


def refuse(name: str, value: Any, problem: str) -> NoReturn:
    """Raise CrmError with field, value and what is wrong with it."""
    message = _("{field} = {value!r} is not allowed: it {problem}")
    raise CrmError(message.format(field=name, value=value, problem=problem))
