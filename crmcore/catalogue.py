"""The one field catalogue: every field of the customer card, where it lives, and whether a value is allowed.

Bulk validation is compiled column by column from the schema; `jsonschema` is the reference, and a property test
holds the two equal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from crmcore.config import SCHEMAS
from crmcore.errors import BadConfig, CrmError
from crmcore.i18n import _, translate
from crmcore.settings.validation import load_schema

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crmcore.plugins.manifest import Manifest

COMPANY_FIELDS = "customer_card.schema.json"
"""A company's own attributes: a file of this name in the workspace, `properties` as in the published schema."""
LONGEST_PATTERN = 200
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class CatalogueField:
    """One field of the card."""

    name: str
    schema: Mapping[str, Any]
    package: str = "crmcore"
    """Whose translations its title has."""

    @property
    def title(self) -> str:
        """What people call it (English)."""
        return str(self.schema["title"])

    @property
    def shown_title(self) -> str:
        """What people call it, in their language."""
        return translate(self.package, self.title)

    @property
    def source(self) -> str:
        """`column`, `attribute`, `contact` or `plugin:<name>`."""
        return str(self.schema.get("x-source", "attribute"))

    @property
    def personal(self) -> bool:
        """Whether it is personal where the customer is a natural person."""
        return bool(self.schema.get("x-personal"))

    @property
    def sensitive(self) -> bool:
        """Whether reading it is recorded."""
        return bool(self.schema.get("x-sensitive"))

    @property
    def confidential(self) -> bool:
        """Whether it is for us alone: it never stands on a paper for the customer."""
        return bool(self.schema.get("x-confidential"))


@dataclass(frozen=True)
class Catalogue:
    """All fields by name, in the order of the card."""

    fields: Mapping[str, CatalogueField]
    checks: Mapping[str, Any]

    def problem(self, name: str, value: Any) -> str | None:
        """Say why a value is not allowed in a field, or None if it is."""
        problem: str | None = self.checks[name](value)
        return problem

    def require_writable(self, name: str) -> CatalogueField:
        """Return a field that may be set; CrmError for an unknown or a computed one."""
        if name not in self.fields:
            from difflib import get_close_matches

            near = get_close_matches(name, self.fields, n=1)
            hint = " " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
            raise CrmError(_("the customer card has no field {name!r}{hint}").format(name=name, hint=hint))
        found = self.fields[name]
        if found.source.startswith("plugin:"):
            raise CrmError(
                _("{name} is computed by plugin {plugin} and cannot be set by hand").format(
                    name=name, plugin=found.source.removeprefix("plugin:")
                )
            )
        return found


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """Read the published catalogue and a company's own attributes beside its crm.toml; read again when that file changes."""
    own = folder / COMPANY_FIELDS if folder else None
    try:
        stamp = own.stat().st_mtime_ns if own else None
    except OSError:
        own, stamp = None, None
    return _load(own, stamp)


@lru_cache(maxsize=8)
def _load(own: Path | None, _stamp: int | None) -> Catalogue:
    properties = dict(load_schema(SCHEMAS / COMPANY_FIELDS)["properties"])
    if own is not None:
        properties.update(_company_properties(own, properties))
    fields = {name: CatalogueField(name, schema) for name, schema in properties.items()}
    return Catalogue(fields, {name: compile_check(schema) for name, schema in properties.items()})


def with_plugin(catalogue: Catalogue, manifest: Manifest) -> Catalogue:
    """Return the catalogue with a plugin's card fields; BadConfig says which of them is not allowed, and why."""
    own = manifest.card_fields
    _check_properties(f"{manifest.package}: card_fields", own, catalogue.fields, f"{manifest.table_prefix}_")
    fields = {name: CatalogueField(name, schema, manifest.package) for name, schema in own.items()}
    checks = {name: compile_check(schema) for name, schema in own.items()}
    return Catalogue({**catalogue.fields, **fields}, {**catalogue.checks, **checks})


def _company_properties(path: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    try:
        properties: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))["properties"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadConfig(
            _("{file} is not a schema with properties: {error}").format(file=path, error=error)
        ) from None
    _check_properties(path, properties, known)
    return properties


def _check_properties(where: Path | str, properties: Any, known: Mapping[str, Any], prefix: str = "") -> None:
    """Raise BadConfig for the first field that may not be added to those known."""
    if not isinstance(properties, dict):
        raise BadConfig(_("{file}: properties must be an object").format(file=where))
    for name, schema in properties.items():
        if name in known or not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
            raise BadConfig(
                _("{file}: the field name {name!r} is taken or not allowed").format(file=where, name=name)
            )
        problem = _field_problem(schema)
        if not name.startswith(prefix):
            problem = _("must begin with {prefix!r}").format(prefix=prefix)
        if problem:
            raise BadConfig(_("{file}: {name} {problem}").format(file=where, name=name, problem=problem))


def _field_problem(schema: Any) -> str | None:
    """Say what keeps a company's field from being checked; a keyword that nobody checks would promise too much."""
    if not isinstance(schema, dict):
        return _("must be an object")
    if schema.get("x-source", "attribute") != "attribute" or not isinstance(schema.get("title"), str):
        return _("needs a title and may only be an attribute")
    if schema.get("type") not in ("string", "number", "integer", "boolean"):
        return _("must be a string, number, integer or boolean")
    for key, value in schema.items():
        if key.startswith("x-") or key in _DESCRIBING:
            continue
        if key not in _KEYWORDS:
            return _("has the keyword {key!r}; known are {known}").format(key=key, known=", ".join(_KEYWORDS))
        if not _KEYWORDS[key](value):
            return _("has {key} = {value}, which is not allowed").format(key=key, value=value)
    return None


def _is_pattern(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) <= LONGEST_PATTERN and bool(re.compile(value))
    except re.error:
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_choices(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str | int | float) for v in value)


_DESCRIBING = frozenset({"type", "title", "description", "default", "examples", "$comment"})
_KEYWORDS: dict[str, Callable[[Any], bool]] = {
    "enum": _is_choices,
    "minLength": _is_size,
    "maxLength": _is_size,
    "pattern": _is_pattern,
    "minimum": _is_number,
    "maximum": _is_number,
    "exclusiveMinimum": _is_number,
    "exclusiveMaximum": _is_number,
    "format": lambda value: value == "date",
}


def compile_check(schema: Mapping[str, Any]) -> Callable[[Any], str | None]:
    """Compile the flat schema of one field into a function: value → problem or None."""
    checks = [make(schema[key]) for key, make in _MAKERS.items() if key in schema]
    if schema.get("format") == "date":
        checks.append(_date_check)
    if len(checks) == 1:
        return checks[0]

    def check(value: Any) -> str | None:
        for one in checks:
            problem = one(value)
            if problem is not None:
                return problem
        return None

    return check


def _type_check(name: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        if name == "string":
            right = isinstance(value, str)
        elif name == "boolean":
            right = isinstance(value, bool)
        elif name == "integer":
            right = (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        else:
            right = isinstance(value, int | float) and not isinstance(value, bool)
        return None if right else _("must be of type {type}").format(type=name)

    return check


def _enum_check(allowed: list[Any]) -> Callable[[Any], str | None]:
    choices = set(allowed)
    return lambda value: (
        None
        if value in choices
        else _("must be one of {choices}").format(choices=", ".join(map(str, allowed)))
    )


def _length_check(most: int) -> Callable[[Any], str | None]:
    return lambda value: (
        _("is longer than {most} characters").format(most=most)
        if isinstance(value, str) and len(value) > most
        else None
    )


def _shortest_check(least: int) -> Callable[[Any], str | None]:
    return lambda value: _("must not be empty") if isinstance(value, str) and len(value) < least else None


def _pattern_check(pattern: str) -> Callable[[Any], str | None]:
    search = re.compile(pattern).search
    return lambda value: (
        _("does not match {pattern}").format(pattern=pattern)
        if isinstance(value, str) and not search(value)
        else None
    )


def _minimum_check(least: float) -> Callable[[Any], str | None]:
    return lambda value: (
        _("must be at least {value}").format(value=least)
        if isinstance(value, int | float) and value < least
        else None
    )


def _maximum_check(most: float) -> Callable[[Any], str | None]:
    return lambda value: (
        _("must be at most {value}").format(value=most)
        if isinstance(value, int | float) and value > most
        else None
    )


def _above_check(bound: float) -> Callable[[Any], str | None]:
    return lambda value: (
        _("must be above {value}").format(value=bound)
        if isinstance(value, int | float) and value <= bound
        else None
    )


def _below_check(bound: float) -> Callable[[Any], str | None]:
    return lambda value: (
        _("must be below {value}").format(value=bound)
        if isinstance(value, int | float) and value >= bound
        else None
    )


def _date_check(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        if _ISO_DATE.fullmatch(value):
            date.fromisoformat(value)
            return None
    except ValueError:
        pass
    return _("must be a date such as 2024-03-05")


_MAKERS: dict[str, Callable[[Any], Callable[[Any], str | None]]] = {
    "type": _type_check,
    "enum": _enum_check,
    "minLength": _shortest_check,
    "maxLength": _length_check,
    "pattern": _pattern_check,
    "minimum": _minimum_check,
    "maximum": _maximum_check,
    "exclusiveMinimum": _above_check,
    "exclusiveMaximum": _below_check,
}
