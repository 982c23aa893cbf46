"""Mapping files: what a person decided about a kind of file, kept so that the next one needs no question."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from crmcore.builtin.exchange.dates import DateOrder
from crmcore.config import SCHEMAS
from crmcore.errors import CrmError
from crmcore.files import write_atomically
from crmcore.i18n import translator
from crmcore.settings.validation import check, load_schema

_ = translator("crmcore")

SCHEMA = "import_mapping.schema.json"
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """How the columns of a kind of file are read; the names are those of the mapping file."""

    entity: str = ""
    columns: dict[str, str | None] = field(default_factory=dict)
    """Header → field, None = leave the column out."""
    factors: dict[str, str] = field(default_factory=dict)
    """Header → what its numbers are multiplied by, decimal text."""
    constants: dict[str, str] = field(default_factory=dict)
    """Field → value for every row that has none, written as in a cell."""
    date_order: DateOrder = None
    decimal_style: str = "1,234.56"
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the mapping as a JSON object, without what is not said."""
        return {key: value for key, value in asdict(self).items() if value not in (None, {}, "")}


def load_mapping(path: Path, entity: str) -> ColumnMapping:
    """Read a mapping file; CrmError says what is wrong with it."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CrmError(_("{file} is too large for a mapping file").format(file=path))
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CrmError(_("{file} cannot be read: {error}").format(file=path, error=error.strerror)) from None
    except (ValueError, RecursionError) as error:
        raise CrmError(_("{file} is no JSON file: {error}").format(file=path, error=error)) from None
    mapping = mapping_from(data, path.name)
    if mapping.entity not in {"", entity}:
        raise CrmError(
            _("{file} is a mapping for {entity}, not for {wanted}").format(
                file=path, entity=mapping.entity, wanted=entity
            )
        )
    return mapping


def mapping_from(data: Any, file: str) -> ColumnMapping:
    """Check a JSON value against the published schema and return the mapping."""
    check(data, load_schema(SCHEMAS / SCHEMA), file)
    return ColumnMapping(**{key: value for key, value in data.items() if key != "$schema"})


def save_mapping(path: Path, mapping: ColumnMapping) -> None:
    """Write a mapping file; CrmError where that is not possible."""
    data = {"$schema": "urn:crmcore:schema:import_mapping:1", **mapping.as_json()}
    try:
        write_atomically(path, json.dumps(data, ensure_ascii=False, indent=2).encode() + b"\n", mode=0o644)
    except OSError as error:
        raise CrmError(
            _("{file} cannot be written: {error}").format(file=path, error=error.strerror)
        ) from None
