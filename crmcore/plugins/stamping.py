"""Records that a plugin returned, checked and copied with its name on them: field by field for all of them at once.

A hook may return a record for each of 100,000 customers. Looked at one by one that costs several times as much as
making them; column by column nearly all of it is done inside the interpreter. What the quick way cannot vouch for is
looked at again one by one, by `check_record`, which also knows the sentence.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from functools import cache
from itertools import chain, islice, repeat
from math import inf
from operator import attrgetter, methodcaller
from types import FunctionType, MemberDescriptorType, NoneType, UnionType
from typing import Any, NamedTuple, get_args, get_origin

from crmcore.collector import collector_off
from crmcore.plugins.results import check_record, checks_of, hints_of, require_json, small
from crmcore.plugins.types import CardSection

_SAFE: dict[Any, type] = {kind: kind for kind in (str, int, bool, float, date, NoneType)} | {
    Mapping: dict,
    Callable: FunctionType,
}
"""Annotation → the type of which every value is right; a Decimal may be no number."""
_PLAIN = {str, int, bool, NoneType}
"""What JSON can always hold."""
_PART = 5_000


class _Field(NamedTuple):
    read: Callable[[Any], Any]
    write: Callable[[Any, Any], None]
    safe: frozenset[type]
    fits: Callable[[Any], bool]


def parts(results: Iterable[Any], until: float) -> Iterator[list[Any]]:
    """Give results in parts, each as soon as it is full; of a generator no more once time is up."""
    left = iter(results) if until == inf else _in_time(results, until)
    while part := list(islice(left, _PART)):
        yield part


def _in_time(results: Iterable[Any], until: float) -> Iterator[Any]:
    for result in results:
        yield result
        if time.monotonic() > until:
            return


def stamped(hook: str, results: Sequence[Any], wanted: type, plugin: str) -> list[Any]:
    """Return copies that bear the plugin's name; TypeError names the first field that is not what it must be."""
    layout = _layout(wanted)
    if layout and set(map(type, results)) == {wanted}:
        with collector_off():
            copies: list[Any] = list(map(object.__new__, repeat(wanted, len(results))))
        if all(_copied(field, results, copies) for field in layout):
            if wanted is CardSection:
                _check_data([result.data for result in results])
            _all(map(vars(wanted)["plugin"].__set__, copies, repeat(plugin)))
            return copies
    for result in results:
        check_record(hook, result, wanted)
    return [replace(result, plugin=plugin) for result in results]


def _copied(field: _Field, results: Sequence[Any], copies: list[Any]) -> bool:
    column = list(map(field.read, results))
    _all(map(field.write, copies, column))
    kinds = set(map(type, column))
    if not kinds <= field.safe:
        return all(map(field.fits, column))
    return int not in kinds or small([n for n in column if n.__class__ is int])


def _all(calls: map[None]) -> None:
    deque(calls, maxlen=0)


def _check_data(held: Sequence[Mapping[Any, Any]]) -> None:
    values = list(chain.from_iterable(map(methodcaller("values"), held)))
    plain = _PLAIN.issuperset(map(type, values)) and set(map(type, chain.from_iterable(held))) <= {str}
    if not (plain and small([n for n in values if n.__class__ is int])):
        require_json(held)


@cache
def _layout(record: Any) -> list[_Field]:
    """Return a record's fields but `plugin`; [] where it is more than its fields, which only its author can copy."""
    slots = {field.name: vars(record).get(field.name) for field in fields(record)}
    if hasattr(record, "__post_init__") or not all(
        isinstance(s, MemberDescriptorType) for s in slots.values()
    ):
        return []
    hints, checks = hints_of(record), checks_of(record)
    return [
        _Field(attrgetter(name), slot.__set__, frozenset(_safe(hints[name])), checks[name])
        for name, slot in slots.items()
        if isinstance(slot, MemberDescriptorType) and name != "plugin"
    ]


def _safe(hint: Any) -> set[type]:
    if get_origin(hint) is UnionType:
        return set().union(*map(_safe, get_args(hint)))
    found = _SAFE.get(get_origin(hint) or hint)
    return {found} if found else set()
