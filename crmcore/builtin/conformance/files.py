"""Files for a plugin's importers: made from the fields that an importer says it understands."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crmcore.builtin.conformance.subject import ACTOR

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from crmcore.app import App
    from crmcore.plugins.types import Field


def import_file(app: App, entity: str, path: Path) -> dict[str, Any]:
    """Import a file as `crm import` does; returns its result. CrmError says why it cannot be."""
    from crmcore.builtin.exchange.mapping import ColumnMapping
    from crmcore.builtin.exchange.services import run_import
    from crmcore.builtin.exchange.understanding import Options, find_importable, understand

    what = understand(app, find_importable(app, entity), path, ColumnMapping(entity=entity), Options())
    try:
        return run_import(app, ACTOR, what)
    finally:
        what.table.close()


def write_rows(path: Path, names: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a CSV file with these fields as header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([row.get(name, "") for name in names] for row in rows)


def write_file(
    path: Path, fields: Iterable[Field], customers: Sequence[str], count: int, today: date
) -> None:
    """Write a CSV file of `count` rows: values of each field's type, customers by their codes."""
    fields = [field for field in fields if not field.computed_by]
    rows = (
        {field.name: cell(field, customers, number, today) for field in fields}
        for number in range(1, count + 1)
    )
    write_rows(path, [field.name for field in fields], rows)


def names_customer(field: Field) -> bool:
    """Say whether a field holds a customer's code, going by its name."""
    return "customer" in field.name and field.type in {"code", "text"}


def cell(field: Field, customers: Sequence[str], number: int, today: date) -> str:
    """Return what stands in a cell."""
    if names_customer(field) and customers:
        return customers[(number - 1) % len(customers)]
    if field.type == "choice":
        return next(iter(field.choices), "")
    day = (today - timedelta(days=number % 300 + 1)).isoformat()
    texts = {
        "code": f"{field.name[:8].upper()}{number:06}",
        "phone": f"0571-{number:08}",
        "date": day,
        "datetime": f"{day} 09:30",
        "amount": f"{number % 1000 + 1}.50",
        "decimal": f"{number % 100 + 1}.25",
        "integer": str(number % 100 + 1),
        "boolean": "true" if number % 2 else "false",
    }
    text = texts.get(field.type, f"{field.title or field.name} {number}")
    return text[: field.max_length] if field.max_length else text
