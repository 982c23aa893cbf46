"""The settings schema: valid, with defaults that it allows itself, and with words for who has to set it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from crmcore.builtin.conformance.findings import Finding, finding
from crmcore.errors import CrmError
from crmcore.i18n import _
from crmcore.settings.validation import check, with_defaults

if TYPE_CHECKING:
    from crmcore.builtin.conformance.subject import Subject

_DEEPEST = 20
_WORDS = ("title", "description")


def check_settings(subject: Subject) -> Finding:
    """Check the schema, its defaults and examples, and that every key says what it is."""
    from jsonschema import Draft202012Validator, SchemaError

    schema = subject.manifest.settings_schema
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return False, f"{error.json_path}: {error.message}"
    found = list(keys(schema))
    problems = [p for path, key, required in found for p in _problems(path, key, required=required)]
    problems += _references(schema)
    if not problems:
        problems += _disallowed(schema, found)
    return finding(problems, _("{count} keys").format(count=len(found)))


def keys(schema: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any, bool]]:
    """Yield path, schema and whether it must be given of each key, those inside objects and lists too."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return
    properties = schema.get("properties")
    required = schema.get("required", ())
    for name, sub in properties.items() if isinstance(properties, Mapping) else ():
        here = f"{path}.{name}" if path else name
        yield here, sub, depth > 0 and name in required
        yield from keys(sub, here, depth + 1)
    for inner in ("items", "additionalProperties"):
        yield from keys(schema.get(inner), path, depth + 1)


def _problems(path: str, key: Any, *, required: bool) -> Iterator[str]:
    if not isinstance(key, Mapping):
        yield _("{key} says nothing of itself").format(key=path)
        return
    missing = [word for word in _WORDS if not isinstance(key.get(word), str) or not key[word]]
    if "default" not in key and not required and not key.get("x-secret"):
        missing.append("default")
    if key.get("x-secret") and "default" in key:
        yield _("{key} is a secret with a default; take it out: what is in a package is no secret").format(
            key=path
        )
    if not key.get("examples") and "example" not in key:
        missing.append("examples")
    if missing:
        yield _("{key} lacks {words}").format(key=path, words=", ".join(missing))


def _references(schema: Any, depth: int = 0) -> list[str]:
    """Name references that lead out of the file: what is fetched from elsewhere is not what was checked."""
    if depth > _DEEPEST * 2:
        return [_("it is nested too deep")]
    children = schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list) else ()
    found = [problem for child in children for problem in _references(child, depth + 1)]
    target = schema.get("$ref") if isinstance(schema, Mapping) else None
    if isinstance(target, str) and not target.startswith("#"):
        found.append(_("$ref {target} leads out of the file").format(target=target))
    return found


def _disallowed(schema: Mapping[str, Any], found: list[tuple[str, Any, bool]]) -> list[str]:
    """Check every default and example against the schema of its key, and all defaults together."""
    problems = []
    definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    for path, key, _required in found:
        values = [key["default"]] if "default" in key else []
        for value in [*values, *key.get("examples", ())]:
            try:
                check(value, {**key, **definitions}, _("settings"), path)
            except CrmError as error:
                problems.append(str(error))
    try:
        check(with_defaults(schema, {}), schema, _("settings"), _("the defaults"))
    except CrmError as error:
        problems.append(str(error))
    return problems
