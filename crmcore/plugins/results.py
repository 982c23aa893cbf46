"""What a plugin returned, looked at field by field: garbage shows here, by name, not where it is sorted or printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from crmcore.i18n import _
from crmcore.plugins.types import CardSection

Fits = Callable[[Any], bool]

_TOO_LARGE = 2**63


def check_record(hook: str, result: Any, wanted: type) -> None:
    """Raise TypeError unless a hook returned a record of this kind, each of its fields as its annotation says."""
    if not isinstance(result, wanted):
        raise TypeError(
            _("{hook} returned a {got}, expected {wanted}").format(
                hook=hook, got=type(result).__name__, wanted=wanted.__name__
            )
        )
    kind: Any = type(result)
    for name, fits in checks_of(kind).items():
        value = getattr(result, name)
        if not fits(value):
            raise TypeError(
                _("{hook} returned {name} = {value!r}, which is not allowed there").format(
                    hook=hook, name=name, value=value
                )
            )
    if isinstance(result, CardSection):
        require_json(result.data)


@cache
def checks_of(record: Any) -> Mapping[str, Fits]:
    """Return what each field of a record is held against; made once, for a plugin may return many."""
    return {name: _fits(hint) for name, hint in hints_of(record).items()}


@cache
def hints_of(record: Any) -> Mapping[str, Any]:
    """Return the annotations of a record, with the names that types.py imports for type checkers alone."""
    import random

    import sqlalchemy
    from sqlmodel import SQLModel

    names = {"sa": sqlalchemy, "SQLModel": SQLModel, "Facts": Any, "Tx": Any, "random": random}
    return get_type_hints(record, localns=names)


def _fits(hint: Any) -> Fits:
    """Return a function that says whether a value is what an annotation says."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        several = [_fits(one) for one in arguments]
        return lambda value: any(fits(value) for fits in several)
    if origin is Literal:
        return lambda value: value in arguments
    if origin is type:
        return lambda value: isinstance(value, type) and issubclass(value, arguments)
    if origin is tuple:
        each = _fits(arguments[0])
        return lambda value: isinstance(value, tuple) and all(map(each, value))
    if hint is Any:
        return lambda _value: True
    return _of_class(origin or hint)


def _of_class(kind: Any) -> Fits:
    if kind is date:  # a day cannot be compared with a time
        return lambda value: isinstance(value, date) and not isinstance(value, datetime)
    if kind is datetime:  # without a zone nobody knows when it was
        return lambda value: isinstance(value, datetime) and value.tzinfo is not None
    if kind is int:
        return lambda value: isinstance(value, int) and small([value])
    if kind is Decimal:  # what is no number compares with nothing
        return lambda value: isinstance(value, Decimal) and value.is_finite()
    if not is_dataclass(kind):
        return lambda value: isinstance(value, kind)
    record: Any = kind
    return lambda value: (
        isinstance(value, record)
        and all(fits(getattr(value, name)) for name, fits in checks_of(record).items())
    )


def small(numbers: Sequence[int]) -> bool:
    """Say whether each of these integers is one that a database can hold."""
    return not numbers or (min(numbers) >= -_TOO_LARGE and max(numbers) < _TOO_LARGE)


def require_json(value: Any) -> None:
    """Raise TypeError or ValueError for what cannot be written as JSON."""
    json.dumps(value, default=_plain, allow_nan=False)


def _plain(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise TypeError(_("the time {at} has no time zone").format(at=value))
    if isinstance(value, date | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
