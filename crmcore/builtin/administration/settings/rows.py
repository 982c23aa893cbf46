"""The settings of a plugin as rows: key, value, origin, description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmcore.builtin.administration.settings.environment import given_variables, overridden
from crmcore.builtin.administration.settings.keys import (
    MISSING,
    Path,
    Schema,
    is_secret,
    join_key,
    known_paths,
    schema_at,
    value_at,
)
from crmcore.builtin.administration.settings.secrets import is_reference, resolves, shown
from crmcore.i18n import N_, _, translate
from crmcore.settings.validation import with_defaults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from crmcore.config import Config
    from crmcore.plugins.manifest import Manifest

ORIGINS = (N_("default"), N_("file"), N_("environment"))
_WIDEST_VALUE = 60


def rows_of(config: Config, manifest: Manifest, warn: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return a row for each key that the schema names or the company set, tables before what they hold."""
    schema = manifest.settings_schema
    given = overridden(config, manifest, warn)
    values = with_defaults(schema, given)
    variables = given_variables(config, manifest)
    return [
        _row(path, values, schema_at(schema, path), manifest, _origin(path, given, variables))
        for path in known_paths(schema, values)
    ]


def empty_row(key: str) -> dict[str, Any]:
    """Return the row of a key that the schema does not name and the company does not set any more."""
    row: dict[str, Any] = {"key": key, "value": None, "origin": "default", "description": ""}
    return {**row, "variable": None, "resolves": None}


def _row(
    path: Path, values: Mapping[str, Any], schema: Schema, manifest: Manifest, origin: tuple[str, str | None]
) -> dict[str, Any]:
    value = value_at(values, path)
    package = manifest.package.split(".")[0]
    return {
        "key": join_key(path),
        "value": None if value is MISSING else value,
        "origin": origin[0],
        "description": translate(package, str(schema.get("description", ""))),
        "variable": origin[1],
        "resolves": resolves(value) if is_secret(schema) and is_reference(value) else None,
    }


def _origin(path: Path, given: Mapping[str, Any], variables: Mapping[str, Path]) -> tuple[str, str | None]:
    """Return where a value comes from, and the variable that gives it or a part of it."""
    if value_at(given, path) is MISSING:
        return "default", None
    for name, other in variables.items():
        if path[: len(other)] == other or other[: len(path)] == path:
            return "environment", name
    return "file", None


def lines_of(rows: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Return what people see of the rows; a table is shown by what it holds."""
    keys = [row["key"] for row in rows]
    return [
        (row["key"], _cell(row), translate("crmcore", row["origin"]), row["description"])
        for row in rows
        if not any(key.startswith(f"{row['key']}.") for key in keys)
    ]


def _cell(row: Mapping[str, Any]) -> str:
    from crmcore.db.base import dumps

    value = row["value"]
    if row["resolves"] is not None:
        said = _("{reference} (found)") if row["resolves"] else _("{reference} (nothing there)")
        return said.format(reference=shown(value))
    text = "" if value is None else value if isinstance(value, str) else dumps(value)
    return text if len(text) <= _WIDEST_VALUE else text[: _WIDEST_VALUE - 1] + "…"
