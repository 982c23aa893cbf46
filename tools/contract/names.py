"""Compare `api` modules and hooks: what was there, and what of it callers would miss now."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tools.contract.describe import Description
from tools.contract.difference import Difference, added, broken

_ARGUMENT = re.compile(
    r"(?P<stars>\*{0,2})(?P<name>\w*)(?:: (?P<type>.*?))?(?: = (?P<default>.*))?", re.DOTALL
)


class Argument(NamedTuple):
    """One argument or field, taken apart."""

    name: str
    type: str
    default: str | None
    place: int | None
    """Position; None where it is given by name only, or takes any number."""


def parsed(texts: Sequence[str]) -> dict[str, Argument]:
    """Take texts such as `limit: int = 5` apart, by name (with its stars)."""
    found: dict[str, Argument] = {}
    by_place = True
    for place, text in enumerate(texts):
        match = _ARGUMENT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no argument")
        stars, name = match["stars"], match["name"]
        by_place = by_place and not stars
        if name:
            whole = stars + name
            found[whole] = Argument(whole, match["type"] or "", match["default"], place if by_place else None)
    return found


def compare_names(old: Mapping[str, Description], new: Mapping[str, Description]) -> Iterator[Difference]:
    """Compare two descriptions of a module's names."""
    for name in sorted({*old, *new}):
        if name not in new:
            yield broken(name, "is gone")
        elif name not in old:
            yield added(name, "is new")
        else:
            yield from compare_values(name, old[name], new[name])


def compare_values(name: str, old: Description, new: Description) -> Iterator[Difference]:
    """Compare two descriptions of one name."""
    if _family(old) != _family(new):
        yield broken(name, f"was a {old['kind']} and is a {new['kind']} now")
        return
    if old["kind"] == "hook":
        yield from compare_hook(name, old, new)
        return
    if "arguments" in old:
        yield from compare_function(f"{name}()", old, new)
    if old.get("type") != new.get("type"):
        yield broken(name, f"was a {old.get('type')} and is a {new.get('type')} now")
    for base in sorted({*old.get("bases", ())} - {*new.get("bases", ())}):
        yield broken(name, f"is no {base} any more")
    yield from _compare_fields(name, old.get("fields", ()), new.get("fields", ()))
    yield from _compare_properties(name, old.get("properties", {}), new.get("properties", {}))
    yield from _compare_methods(name, old.get("methods", {}), new.get("methods", {}))


def _family(described: Description) -> str:
    return "class" if described["kind"] in {"class", "dataclass", "exception"} else str(described["kind"])


def compare_function(name: str, old: Description, new: Description) -> Iterator[Difference]:
    """Compare what a caller may hand in and gets back."""
    yield from _compare_arguments(name, parsed(old["arguments"]), parsed(new["arguments"]))
    if old["returns"] != new["returns"]:
        what = f"returns {new['returns']}, was {old['returns']}"
        fewer = members(new["returns"]) <= members(old["returns"])
        nothing = old["returns"] == "None"  # nobody used it, so anything may be there now
        yield (added if fewer or nothing else broken)(name, what)


def _compare_arguments(
    name: str, old: Mapping[str, Argument], new: Mapping[str, Argument], noun: str = "argument"
) -> Iterator[Difference]:
    for gone in old.keys() - new.keys():
        yield broken(name, f"has lost its {noun} {gone}")
    for argument in new.values():
        before = old.get(argument.name)
        if before is not None:
            yield from _compare_argument(name, before, argument, noun)
        elif argument.default is None and not argument.name.startswith("*"):
            yield broken(name, f"has a new {noun} {argument.name} without a default")
        else:
            yield added(name, f"has a new {noun} {argument.name}")
    kept = [a for a in old if a in new and old[a].place is not None and new[a].place is not None]
    places = [
        name for name, a in sorted(new.items(), key=lambda item: item[1].place or 0) if a.place is not None
    ]
    if places[: len(kept)] != kept:
        yield broken(name, f"has its {noun}s in another order: {', '.join(places)}; was {', '.join(kept)}")


def _compare_argument(name: str, old: Argument, new: Argument, noun: str) -> Iterator[Difference]:
    if old.default is not None and new.default is None and not new.name.startswith("*"):
        yield broken(name, f"must be given its {noun} {new.name}, which had a default")
    elif old.default != new.default:
        yield added(name, f"has another default of {new.name}: {new.default}, was {old.default}")
    if old.place is not None and new.place is None:
        yield broken(name, f"takes its {noun} {new.name} by name only now")
    if old.type != new.type:
        what = f"takes {new.name}: {new.type or 'anything'}, was {old.type or 'anything'}"
        wider = not new.type or (old.type != "" and members(old.type) <= members(new.type))
        yield (added if wider else broken)(name, what)


def members(annotation: str) -> set[str]:
    """Split a type into what it may be: the parts of a union, the words of a Literal."""
    found: set[str] = set()
    for part in _split(annotation, "|"):
        literal = re.fullmatch(r"Literal\[(.*)\]", part)
        found.update(_split(literal[1], ",") if literal else [part])
    return found


def _split(text: str, separator: str) -> list[str]:
    """Split at a separator outside brackets."""
    depth, parts, begun = 0, [], 0
    for place, letter in enumerate(text):
        depth += (letter in "[(") - (letter in "])")
        if letter == separator and depth == 0:
            parts.append(text[begun:place])
            begun = place + 1
    return [part.strip() for part in [*parts, text[begun:]] if part.strip()]


# -- classes -------------------------------------------------------------------------------------------------


def _compare_fields(name: str, old: Sequence[str], new: Sequence[str]) -> Iterator[Difference]:
    yield from _compare_arguments(name, parsed(old), parsed(new), "field")


def _compare_properties(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    for attribute in sorted({*old, *new}):
        place = f"{name}.{attribute}"
        if attribute not in new:
            yield broken(place, "is gone")
        elif attribute not in old:
            yield added(place, "is new")
        elif old[attribute] != new[attribute]:
            fewer = members(new[attribute]) <= members(old[attribute])
            yield (added if fewer else broken)(place, f"is {new[attribute]}, was {old[attribute]}")


def _compare_methods(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for method in sorted({*old, *new}):
        place = f"{name}.{method}()"
        if method not in new:
            yield broken(place, "is gone")
        elif method not in old:
            yield added(place, "is new")
        else:
            yield from compare_function(place, old[method], new[method])


# -- hooks and facts -----------------------------------------------------------------------------------------


def compare_hooks(old: Mapping[str, Description], new: Mapping[str, Description]) -> Iterator[Difference]:
    """Compare the hooks; a plugin takes their arguments by name, so that order does not matter and one more is welcome."""
    for name in sorted({*old, *new}):
        if name not in new:
            yield broken(f"hook {name}", "is gone")
        elif name not in old:
            yield added(f"hook {name}", "is new")
        else:
            yield from compare_hook(f"hook {name}", old[name], new[name])


def compare_hook(name: str, old: Description, new: Description) -> Iterator[Difference]:
    """Compare one hook: what plugins may ask for, and what they may return."""
    if old.get("family") != new.get("family"):
        yield broken(name, f"is a {new.get('family')}, was a {old.get('family')}")
    before, after = parsed(old["arguments"]), parsed(new["arguments"])
    for gone in sorted(before.keys() - after.keys()):
        yield broken(name, f"has lost its argument {gone}")
    for fresh in sorted(after.keys() - before.keys()):
        yield added(name, f"has a new argument {fresh}")
    for argument in sorted(before.keys() & after.keys()):
        was, now = before[argument].type, after[argument].type
        if was != now:
            fewer = members(now) <= members(was)
            yield (added if fewer else broken)(name, f"hands out {argument}: {now}, was {was}")
    if old["returns"] != new["returns"]:
        wider = members(old["returns"]) <= members(new["returns"])
        yield (added if wider else broken)(name, f"wants {new['returns']}, was {old['returns']}")
    if old.get("since") != new.get("since"):
        yield added(name, f"is there since {new.get('since')}, was {old.get('since')}")


def compare_facts(old: Mapping[str, list[str]], new: Mapping[str, list[str]]) -> Iterator[Difference]:
    """Compare the facts: a provider gives exactly their columns, so that one more breaks it, too."""
    for fact in sorted({*old, *new}):
        if fact not in new:
            yield broken(f"fact {fact}", "is gone")
        elif fact not in old:
            yield added(f"fact {fact}", "is new")
        elif old[fact] != new[fact]:
            yield broken(
                f"fact {fact}", f"has the columns {', '.join(new[fact])}; had {', '.join(old[fact])}"
            )
