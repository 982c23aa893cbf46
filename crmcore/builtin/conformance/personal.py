"""Personal data: what looks personal is marked, whom it concerns is said, and customers are known where they are named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.conformance.findings import Finding, finding
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.builtin.conformance.subject import Subject

_LOOKS_PERSONAL = re.compile(
    r"(^|_)(phone|telephone|tel|mobile|fax|e_?mail|wechat|weixin|wecom|qq|address|addr"
    r"|birthday|birth_?date|birth_day|date_of_birth|born_on"
    r"|id_?card|id_?card_(no|number)|id_number|identity_(no|number)|passport(_(no|number))?|licence_plate"
    r"|(contact|person|full|first|last|family|given|sur)_?name|surname|recipient|consignee)$"
)
_TYPES = (sa.String, sa.Date, sa.DateTime, sa.LargeBinary, sa.JSON)
_REFERENCE = re.compile(r"(^|_)customer_id$")
_PERSONS = ("export_persons", "erase_persons")
_MERGE = "move_references"


def check_personal(subject: Subject) -> Finding:
    """Look at the columns of its tables, at what TableSpec and manifest say of them, and at the hooks that follow."""
    problems: list[str] = []
    for name, spec in subject.tables.items():
        problems += _of_table(name, spec)
    problems += _of_manifest(subject)
    problems += _unanswered(subject)
    personal = sum(len(spec.personal) for spec in subject.tables.values())
    references = sum(len(spec.customer_references) for spec in subject.tables.values())
    fine = _("{personal} personal columns, {references} references to customers").format(
        personal=personal, references=references
    )
    return finding(problems, fine)


def _of_table(name: str, spec: Any) -> Iterator[str]:
    table: sa.Table = spec.table.__table__
    for column in table.columns:
        place = f"{name}.{column.name}"
        if looks_personal(column) and column.name not in spec.personal:
            yield _("{column} looks personal and is not among TableSpec.personal").format(column=place)
        points = _REFERENCE.search(column.name) or _points_to(column, "customer")
        if points and column.name not in spec.customer_references:
            yield _("{column} names a customer and is not among TableSpec.customer_references").format(
                column=place
            )
    named = [
        *(p.split(".")[0] for p in spec.personal),
        *spec.customer_references,
        *_whose(spec),
    ]
    for column_name in named:
        if column_name not in table.columns:
            yield _("table {table!r} has no column {column!r}, which its TableSpec names").format(
                table=name, column=column_name
            )
    if spec.personal and (not _whose(spec) or set(_whose(spec)) - {"contact_id", "customer_id", "id"}):
        yield _(
            "table {table!r} holds personal values and does not say whose: person = 'contact_id' or 'customer_id'"
        ).format(table=name)


def _whose(spec: Any) -> tuple[str, ...]:
    return (spec.person,) if isinstance(spec.person, str) else spec.person or ()


def looks_personal(column: sa.Column[Any]) -> bool:
    """Say whether a column holds what is said of persons, by its name and type."""
    return _LOOKS_PERSONAL.search(column.name) is not None and _holds_text(column)


def _holds_text(column: sa.Column[Any]) -> bool:
    kind: Any = column.type
    return isinstance(getattr(kind, "impl", kind), _TYPES) or isinstance(kind, _TYPES)


def _points_to(column: sa.Column[Any], table: str) -> bool:
    return any(key.target_fullname.split(".")[0] == table for key in column.foreign_keys)


def _of_manifest(subject: Subject) -> Iterator[str]:
    """Compare what the manifest says of persons and customers with what the tables say."""
    values = subject.manifest.values
    said = {str(entry["table"]) for entry in values.get("personal_data", ())}
    stored = {name for name, spec in subject.tables.items() if spec.personal}
    for name in sorted(stored - said):
        yield _(
            "plugin.json: personal_data does not say for which purpose table {table!r} holds personal values"
        ).format(table=name)
    for name in sorted(said - stored):
        yield _(
            "plugin.json: personal_data names table {table!r}, whose TableSpec marks nothing as personal"
        ).format(table=name)
    refers = any(spec.customer_references for spec in subject.tables.values())
    if refers != bool(values.get("references_customers", False)):
        yield _("plugin.json: references_customers must be {value}").format(value=str(refers).lower())


def _wanted(subject: Subject) -> list[str]:
    """Return the hooks that a plugin with such tables has to answer."""
    specs = subject.tables.values()
    wanted = list(_PERSONS) if any(spec.personal for spec in specs) else []
    return wanted + ([_MERGE] if any(spec.customer_references for spec in specs) else [])


def _unanswered(subject: Subject) -> Iterator[str]:
    for hook in _wanted(subject):
        if hook not in subject.hosted.functions:
            yield _("its tables name persons or customers, so it must answer the hook {hook}").format(
                hook=hook
            )
