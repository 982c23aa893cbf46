"""Which organisations there are, before their cards are filled in: 2,000, some of them in groups (集团)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmcore.builtin.demo.names import Brand, Person, brands, person
from crmcore.builtin.demo.trading import Trading, profiles
from crmcore.builtin.demo.words import City, by_share, cities, words

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterator, Sequence
    from datetime import date

GROUP_SHARE = 0.06
"""Share of the organisations that head a group: 120 of 2,000."""
LARGEST_GROUP = 4
"""Members besides the head."""


@dataclass(frozen=True, slots=True)
class Firm:
    """What an organisation is."""

    code: str
    city: City
    brand: Brand
    trade: dict[str, Any]
    channel: dict[str, Any]
    legal_form: dict[str, Any]
    pattern: str
    """How its name is put together."""
    parent: str
    """Code of the group's head, or empty."""
    trading: Trading
    representative: Person
    owner: str
    """Code of the representative in charge (业务员)."""


@dataclass(frozen=True, slots=True)
class _Business:
    """What the members of a group have in common."""

    brand: Brand
    trade: dict[str, Any]
    channel: dict[str, Any]


class _Founder:
    """Makes firms one after another; codes count up within each region."""

    def __init__(self, rng: random.Random, today: date, count: int) -> None:
        self._rng = rng
        self._brands = iter(brands(rng))
        self._trading = profiles(rng, count, today)
        self._numbers: dict[str, int] = {}

    def business(self) -> _Business:
        """Draw a brand, a channel and a trade that fits it."""
        channel = by_share(self._rng, words()["channels"])
        trade = self._rng.choice([t for t in words()["trades"] if t["word"] in channel["trades"]])
        return _Business(next(self._brands), trade, channel)

    def city(self, *, besides: Collection[City] = ()) -> City:
        """Draw a city, each as often as its share says."""
        free = [city for city in cities() if city not in besides]
        return self._rng.choices(free, [city.share for city in free])[0]

    def head(self) -> Firm:
        """Found the head of a group: the largest of the next ten customers."""
        ahead = range(len(self._trading))[-10:]
        self._trading.append(self._trading.pop(max(ahead, key=lambda place: self._trading[place].weight)))
        return self.firm(self.business(), self.city(), _form("有限责任公司"), words()["group_pattern"])

    def firm(
        self,
        business: _Business,
        city: City,
        legal_form: dict[str, Any],
        pattern: str,
        parent: str = "",
    ) -> Firm:
        """Found a firm; it trades as the next profile says."""
        number = self._numbers[city.prefix] = self._numbers.get(city.prefix, 0) + 1
        return Firm(
            code=f"{city.prefix}{number:04}",
            city=city,
            brand=business.brand,
            trade=business.trade,
            channel=business.channel,
            legal_form=legal_form,
            pattern=pattern,
            parent=parent,
            trading=self._trading.pop(),
            representative=person(self._rng),
            owner=self._rng.choice(_owners(city.region)),
        )


def firms(rng: random.Random, today: date, count: int) -> list[Firm]:
    """Return `count` firms: the heads of groups, then their members, then all others."""
    founder = _Founder(rng, today, count)
    heads = [founder.head() for _ in range(round(count * GROUP_SHARE))]
    members = list(_members(rng, founder, heads))
    others = [_single(rng, founder) for _ in range(count - len(heads) - len(members))]
    return heads + members + others


def _members(rng: random.Random, founder: _Founder, heads: Sequence[Firm]) -> Iterator[Firm]:
    for head in heads:
        business = _Business(head.brand, head.trade, head.channel)
        homes, form = [head.city], _form("有限责任公司")
        for _ in range(rng.randint(1, LARGEST_GROUP)):
            homes.append(founder.city(besides=homes))
            yield founder.firm(business, homes[-1], form, words()["branch_pattern"], head.code)


def _single(rng: random.Random, founder: _Founder) -> Firm:
    form = by_share(rng, words()["legal_forms"])
    return founder.firm(founder.business(), founder.city(), form, form["pattern"])


def _form(word: str) -> dict[str, Any]:
    return next(form for form in words()["legal_forms"] if form["form"] == word)


def _owners(region: str) -> list[str]:
    return [owner["code"] for owner in words()["owners"] if owner["region"] == region]
