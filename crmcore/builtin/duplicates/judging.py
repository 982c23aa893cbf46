"""Pairs judged: their cards read, the rules asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from crmcore.builtin.duplicates import rules
from crmcore.builtin.duplicates.alike import comparison
from crmcore.builtin.duplicates.candidates import Pair, count_sharing
from crmcore.builtin.duplicates.cards import Card
from crmcore.builtin.duplicates.keys import address_text, exact, loose, phone_text
from crmcore.builtin.duplicates.reading import read_cards

if TYPE_CHECKING:
    from crmcore.plugins.types import Context


class Judged(NamedTuple):
    """What the rules say of a pair."""

    pair: Pair
    score: int
    certainty: rules.Certainty
    why: list[rules.Evidence]

    @property
    def stored(self) -> dict[str, Any]:
        """What is kept of it: no value of either customer."""
        why = [[one.kind, one.points] for one in self.why]
        return {"score": self.score, "certainty": self.certainty, "why": why}


def judge(ctx: Context, pairs: Sequence[Pair]) -> list[Judged]:
    """Return the pairs that are possible at least; `ctx` is of the plugin `duplicates`."""
    cards = read_cards(ctx.connection, {number for pair in pairs for number in pair}, ctx.today)
    there = [(cards[low], cards[high]) for low, high in pairs if low in cards and high in cards]
    return judge_cards(ctx, there)


def judge_cards(ctx: Context, pairs: Sequence[tuple[Card, Card]]) -> list[Judged]:
    """Return the pairs of cards that are possible at least."""
    sharing = count_sharing(ctx.connection, {key for one, other in pairs for key in _shared_keys(one, other)})
    return judge_among(ctx.settings, pairs, sharing)


def judge_among(
    settings: Mapping[str, Any], pairs: Sequence[tuple[Card, Card]], sharing: Mapping[int, int]
) -> list[Judged]:
    """Return the pairs of cards that are possible at least; `sharing`: key → how many customers share it."""
    alike = comparison()
    limits: dict[str, int] = {name: settings[name] for name in rules.CERTAINTIES}
    many = {key for key, count in sharing.items() if count > settings["shared_by"]}
    found = []
    for one, other in pairs:
        why = rules.evidence(one, other, alike, many.__contains__)
        points = rules.score(why)
        sure = rules.certainty(points, limits)
        if sure is not None:
            found.append(Judged((one.number, other.number), points, sure, why))
    return found


def _shared_keys(one: Card, other: Card) -> Iterable[int]:
    """Give the keys of which it matters how many share them."""
    yield from (exact(phone_text(number)) for number in one.phones & other.phones)
    mine, theirs = one.address, other.address
    if mine is not None and theirs is not None and mine.house and theirs.house:
        yield from (loose(address_text(rest)) for rest in {mine.rest, theirs.rest})


def at_least(limit: str) -> list[str]:
    """Return the certainties from one upwards."""
    return list(rules.CERTAINTIES[: rules.CERTAINTIES.index(limit) + 1])
