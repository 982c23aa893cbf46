"""What of a customer is compared, brought to one form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from crmcore.builtin.duplicates.names import Name, read_name
from crmcore.builtin.duplicates.places import split_place
from crmcore.builtin.duplicates.tax_ids import TaxId, read_tax_id
from crmcore.builtin.search.folding import fold
from crmcore.builtin.search.phones import numbers_in

_MOBILE = re.compile(r"1\d{10}")
_DISTRICT = re.compile(r"^[^\d]{1,5}?(?:新区|开发区|自治县|区|县|旗)(?=..)")
_HOUSE = re.compile(r"^\D*\d+")
_DIGITS = re.compile(r"\d+")
_ADDRESSES = 4_096
"""So many addresses are kept as they were taken apart: two entries of one customer mostly have it in common."""
T = TypeVar("T")
LEAST_CONTACT = 2
"""A contact who is written with fewer characters (王) is anybody."""


class Address(NamedTuple):
    """An address as it is compared."""

    place: str
    """City, or province; empty if it names none."""
    rest: str
    """Street, house and room, without the district."""
    house: str
    """Street and house; empty where no house is named."""
    numbers: tuple[str, ...]
    """House, building, room."""


class Person(NamedTuple):
    """Somebody at the customer."""

    name: str
    numbers: frozenset[str]


class once(Generic[T]):  # noqa: N801  (used as a decorator)
    """An attribute that is worked out when it is first asked for; on Python 3.11 the library's own takes a lock each time."""

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        """Take the method that works it out."""
        self._work_out = work_out

    def __get__(self, card: object, _owner: type) -> T:
        """Keep what it comes to where it is found from now on."""
        found = card.__dict__[self._work_out.__name__] = self._work_out(card)
        return found


class Card:
    """A customer as it is compared; what is not asked for is not worked out."""

    def __init__(self, row: Mapping[str, Any], people: Iterable[Person] = ()) -> None:
        """Take a row: id, code, kind, name, short_name, tax_id, phone, address; and its people."""
        self.row = row
        self.people = tuple(people)

    @property
    def number(self) -> int:
        """The customer's id."""
        return int(self.row["id"])

    @property
    def is_person(self) -> bool:
        """Whether it is a natural person."""
        return bool(self.row["kind"] == "person")

    @once
    def name(self) -> Name:
        """Return its name."""
        if self.is_person:
            whole = fold(self.row["name"])
            return Name(whole, whole, "", "", (), ())
        return read_name(self.row["name"])

    @once
    def short(self) -> str:
        """Return the core of its short name; empty if it has none, or the same."""
        short = self.row["short_name"]
        core = read_name(short).core if short and not self.is_person else ""
        return "" if core == self.name.core else core

    @once
    def tax_id(self) -> TaxId | None:
        """Return its tax id."""
        return read_tax_id(self.row["tax_id"])

    @once
    def phones(self) -> frozenset[str]:
        """Return its numbers and those of its people, a natural person's only where they stand on the card."""
        own = frozenset(numbers_in(self.row["phone"])) if self.row["phone"] else frozenset()
        return own.union(*[person.numbers for person in self.people]) if self.people else own

    @once
    def contacts(self) -> frozenset[str]:
        """Return the names of its people."""
        return frozenset(person.name for person in self.people if len(person.name) >= LEAST_CONTACT)

    @once
    def address(self) -> Address | None:
        """Return its address."""
        return read_address(self.row["address"])

    @property
    def place(self) -> str:
        """Where it is, by its name or else its address; a branch is where its address is."""
        written = self.address.place if self.address else ""
        return (written or self.name.place) if self.name.unit else (self.name.place or written)


@lru_cache(_ADDRESSES)
def read_address(text: str | None) -> Address | None:
    """Take an address apart; None where there is none."""
    place, rest = split_place(fold(text or ""))
    shorter = _DISTRICT.sub("", rest)
    rest = shorter or rest
    if not rest:
        return Address(place, "", "", ()) if place else None
    house = _HOUSE.match(rest)
    return Address(place, rest, house[0] if house else "", tuple(_DIGITS.findall(rest)))


def is_mobile(number: str) -> bool:
    """Tell whether a number is somebody's own, not a firm's."""
    return _MOBILE.fullmatch(number) is not None
