"""The keys of a plugin's settings: as typed, as the schema knows them, and their values in nested tables."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]
Schema = Mapping[str, Any]
MISSING: Any = object()
"""What `value_at` returns where there is nothing."""
_PART = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[^.\s"\'\\]+')
DEEPEST = 8
"""A schema that holds itself ends here."""


def split_key(typed: str) -> Path:
    """Return the parts of a dotted key; parts that hold dots are quoted as in TOML."""
    try:
        table: Any = tomllib.loads(f"{_quoted(typed)} = true")
    except (tomllib.TOMLDecodeError, RecursionError):
        return tuple(typed.split("."))
    parts = []
    while isinstance(table, dict) and len(table) == 1:
        ((part, table),) = table.items()
        parts.append(part)
    return tuple(parts) if table is True else tuple(typed.split("."))


def _quoted(typed: str) -> str:
    """Put the quotation marks around parts that TOML wants and people see no need of: letters beyond ASCII."""
    return _PART.sub(lambda part: part[0] if part[0][0] in "\"'" else f'"{part[0]}"', typed)


def join_key(path: Path) -> str:
    """Write a dotted key."""
    return ".".join(
        part if re.fullmatch(r"[\w-]+", part) else '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for part in path
    )


def schema_at(root: Schema, path: Path) -> Schema:
    """Return what the schema says of a key; {} where it says nothing."""
    node = _followed(root, root)
    for part in path:
        node = _followed(root, _below(node, part))
    return node


def _below(node: Schema, part: str) -> Schema:
    if part in node.get("properties", {}):
        found = node["properties"][part]
    else:
        patterns = node.get("patternProperties", {})
        rest = node.get("additionalProperties")
        found = next((sub for pattern, sub in patterns.items() if re.search(pattern, part)), rest)
    return found if isinstance(found, dict) else {}


def _followed(root: Schema, node: Schema) -> Schema:
    """Follow references within the schema; what stands beside one counts, too."""
    for _step in range(DEEPEST):
        target = node.get("$ref")
        if not isinstance(target, str) or not target.startswith("#/"):
            break
        found: Any = root
        for part in target.removeprefix("#/").split("/"):
            found = found.get(part, {}) if isinstance(found, dict) else {}
        node = {**found, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def is_secret(schema: Schema) -> bool:
    """Say whether a key takes only a reference to a secret."""
    return schema.get("x-secret") is True


def types_of(schema: Schema) -> frozenset[str]:
    """Return the names of the types that a schema allows, as far as it says so."""
    given = schema.get("type", ())
    names = {given} if isinstance(given, str) else set(given)
    for kind in ("anyOf", "oneOf"):
        for part in schema.get(kind, ()):
            names |= types_of(part) if isinstance(part, dict) else set()
    if not names and all(isinstance(value, str) for value in schema.get("enum", [None])):
        names = {"string"}
    return frozenset(names)


def known_paths(root: Schema, values: Mapping[str, Any]) -> Iterator[Path]:
    """Give every key that the schema names or the values hold, a table before what it holds."""
    yield from _paths(root, root, values, ())


def _paths(root: Schema, node: Schema, values: Any, above: Path) -> Iterator[Path]:
    node = _followed(root, node)
    if is_secret(node) or len(above) >= DEEPEST:
        return
    present = values if isinstance(values, Mapping) else {}
    for name in dict.fromkeys([*node.get("properties", {}), *present]):
        yield (*above, name)
        yield from _paths(root, _below(node, name), present.get(name), (*above, name))


def value_at(values: Any, path: Path) -> Any:
    """Return the value of a key, or MISSING."""
    for part in path:
        if not isinstance(values, Mapping) or part not in values:
            return MISSING
        values = values[part]
    return values


def with_value(values: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return the values with one of them changed; with MISSING it is left out."""
    part, *rest = path
    changed = dict(values)
    if rest:
        below = changed.get(part)
        if value is not MISSING or isinstance(below, Mapping):
            changed[part] = with_value(below if isinstance(below, Mapping) else {}, tuple(rest), value)
    elif value is MISSING:
        changed.pop(part, None)
    else:
        changed[part] = value
    return changed
