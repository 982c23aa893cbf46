"""Compare published JSON Schemas.

A schema is flattened to its places, such as `$.error.message` or `$.hooks[]`, each with what is demanded there.
What people or plugins write is checked against a schema: it may ask for no more than before. What crmcore prints is
read by programs: it may hold no less than before, and nothing of a new type. Which of the two a schema is says its
description: one that names `--json` describes what is printed.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from tools.contract.difference import Difference, added, broken

Places = dict[str, dict[str, Any]]

_NO_SHAPE = {"$schema", "$id", "$comment", "title", "description", "examples", "example", "default"}
_BRANCHES = ("anyOf", "oneOf", "allOf", "prefixItems")
_EVERY_TYPE = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
# Below this nothing passes; above this nothing passes.
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def describe(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema as its snapshot holds it: printed or not, and its places."""
    return {"printed": "--json" in str(schema.get("description", "")), "places": dict(_flat("$", schema))}


def _flat(place: str, schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(schema, Mapping):
        yield place, {"allowed": bool(schema)}
        return
    own: dict[str, Any] = {}
    below: list[tuple[str, Any, bool]] = []
    needed = schema.get("required", ())
    for key, value in schema.items():
        if key == "properties":
            below += [(f"{place}.{name}", sub, name in needed) for name, sub in value.items()]
        elif key in {"patternProperties", "$defs"}:
            below += [(f"{place}.<{name}>", sub, False) for name, sub in value.items()]
        elif key in _BRANCHES:
            below += [(f"{place}({key} {number})", sub, False) for number, sub in enumerate(value)]
        elif key == "items" or (key in {"additionalProperties", "propertyNames"} and isinstance(value, dict)):
            below.append((place + {"items": "[]", "propertyNames": ".(name)"}.get(key, ".*"), value, False))
        elif key not in _NO_SHAPE and key != "required" and not key.startswith("x-"):
            own[key] = value
    yield place, dict(sorted(own.items()))
    for where, sub, required in sorted(below, key=lambda item: item[0]):
        for inner, found in _flat(where, sub):
            yield inner, {**found, "required": True} if required and inner == where else found


def compare_schemas(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    """Compare the schemas of a distribution, by file name."""
    for name in sorted({*old, *new}):
        if name not in new:
            yield broken(name, "is gone")
        elif name not in old:
            yield added(name, "is new")
        else:
            yield from compare_schema(name, old[name], new[name])


def compare_schema(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    """Compare one schema, as printed or as written, whatever it is said to be now."""
    printed = bool(old["printed"])
    if printed != new["printed"]:
        yield broken(name, "describes something that is printed in one version and written in the other")
    before, after = old["places"], new["places"]
    for place in sorted({*before, *after}):
        where = f"{name}: {place}"
        if place not in after:
            yield broken(where, "is gone")
        elif place not in before:
            yield from _new_place(
                where, after[place], printed=printed or _within(place, {*after} - {*before})
            )
        else:
            yield from _compare_place(where, before[place], after[place], printed=printed)


def _within(place: str, fresh: AbstractSet[str]) -> bool:
    """Say whether it lies within another that is new itself: what nobody has used yet demands nothing of them."""
    return any(place.startswith((f"{other}.", f"{other}[", f"{other}(")) for other in fresh)


def _new_place(where: str, found: Mapping[str, Any], *, printed: bool) -> Iterator[Difference]:
    if printed:
        yield added(where, "is new")
    elif found.get("required"):
        yield broken(where, "is new and required")
    elif where.endswith(("[]", ".*", ".(name)", ">")) or "(allOf" in where:
        yield broken(where, "is a new demand")
    else:
        yield added(where, "is new")


def _compare_place(
    where: str, old: Mapping[str, Any], new: Mapping[str, Any], *, printed: bool
) -> Iterator[Difference]:
    yield from _compare_types(where, old, new, printed=printed)
    yield from _compare_choices(where, old, new)
    if new.get("required") and not old.get("required"):
        yield broken(where, "is required now")
    if old.get("required") and not new.get("required"):
        yield (broken if printed else added)(where, "may be absent now")
    rest = {*old, *new} - {"type", "enum", "const", "required"}
    for key in sorted(rest):
        if old.get(key) != new.get(key):
            what = f"has {key} = {new.get(key, 'none')}, was {old.get(key, 'none')}"
            yield (broken if not printed and _narrower(key, old, new) else added)(where, what)


def _compare_types(
    where: str, old: Mapping[str, Any], new: Mapping[str, Any], *, printed: bool
) -> Iterator[Difference]:
    before, after = _types(old), _types(new)
    if before != after:
        what = f"is {_words(after)}, was {_words(before)}"
        yield (broken if printed or before - after else added)(where, what)


def _types(found: Mapping[str, Any]) -> frozenset[str]:
    stated = found.get("type")
    if stated is None:
        return _EVERY_TYPE
    names = {stated} if isinstance(stated, str) else set(stated)
    return frozenset(names | {"integer"} if "number" in names else names)


def _words(types: frozenset[str]) -> str:
    return "anything" if types == _EVERY_TYPE else " or ".join(sorted(types))


def _compare_choices(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    before, after = _choices(old), _choices(new)
    if before is None and after is not None:
        yield broken(where, f"allows only {', '.join(after)} now")
    elif before is not None and after is None:
        yield added(where, "allows more than listed values now")
    elif before is not None and after is not None:
        for gone in (value for value in before if value not in after):
            yield broken(where, f"has lost its value {gone}")
        for fresh in (value for value in after if value not in before):
            yield added(where, f"has a new value {fresh}")


def _choices(found: Mapping[str, Any]) -> list[str] | None:
    if "const" in found:
        return [repr(found["const"])]
    return [repr(value) for value in found["enum"]] if "enum" in found else None


def _narrower(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Say whether a demand lets less through than before."""
    if key not in new or (key == "pattern" and key in old):
        return False  # which of two patterns lets more through, a reviewer must see
    if key in _LOWER and key in old:
        return bool(new[key] > old[key])
    if key in _UPPER and key in old:
        return bool(new[key] < old[key])
    if key in {"additionalProperties", "unevaluatedProperties", "allowed"}:
        return new[key] is False and old.get(key, True) is not False
    return True
