"""Rows of an import looked at before they become customers: whom does each look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmcore.builtin.duplicates.candidates import MOST_SHARING, members
from crmcore.builtin.duplicates.cards import Card
from crmcore.builtin.duplicates.judging import Judged, at_least, judge_among, judge_cards
from crmcore.builtin.duplicates.keys import keys_of
from crmcore.builtin.duplicates.reading import person, read_cards
from crmcore.builtin.duplicates.tables import KEYS
from crmcore.builtin.duplicates.words import shown_certainty, shown_kind
from crmcore.db.engine import gate
from crmcore.db.rows import write_many
from crmcore.i18n import translator

if TYPE_CHECKING:
    from crmcore.plugins.types import Context, Row
    from crmcore.tx import Tx

_ = translator("crmcore")

PLUGIN = "duplicates"
_OWN = ("name", "short_name", "tax_id", "phone", "address")
_PEOPLE = (("contact", "contact_phone", "contact_mobile"), ("legal_representative",))
Seen = dict[Any, Any]


class Incoming:
    """The rows of one chunk, and whom they look like: customers that are there, or rows before them."""

    def __init__(self, tx: Tx, seen: Seen | None) -> None:
        """Take the open transaction; `seen`: in a dry run, whose chunks are taken back, what chunks before had."""
        self._ctx: Context = tx._app.context(PLUGIN, tx.connection, tx.actor)  # noqa: SLF001  (the transaction's own)
        self._seen: Seen = {} if seen is None else seen
        self._is_dry = seen is not None
        self._mine: dict[int, set[int]] = {}

    def refusals(self, rows: Sequence[Row]) -> dict[int, str]:
        """Return line → why that row is refused: it is likely to repeat a customer. The others are remembered."""
        cards = [(card, keys_of(card)) for card in map(_card, rows)]
        found = self._like_customers(cards)
        for card, its_keys in cards:
            line = -card.number
            if line in found:
                continue
            if sentence := self._like_rows(card, its_keys):
                found[line] = sentence
                continue
            for key in its_keys:
                self._seen.setdefault((PLUGIN, key), []).append(card)
            self._mine[line] = its_keys
        return found

    def remember(self, ids: Mapping[int, int]) -> None:
        """Write the keys of rows that became customers (line → id), so that rows of later chunks meet them."""
        rows = sorted((key, number) for line, number in ids.items() for key in self._mine[line])
        if rows and not self._is_dry:
            with gate(self._ctx.connection):
                write_many(self._ctx.connection, KEYS, ("key", "customer_id"), rows)

    def _like_customers(self, cards: Sequence[tuple[Card, set[int]]]) -> dict[int, str]:
        """Return line → sentence of the rows that look like customers."""
        sharers = self._sharers({key for _card, its_keys in cards for key in its_keys})
        there = read_cards(
            self._ctx.connection, {i for ids in sharers.values() for i in ids}, self._ctx.today
        )
        pairs = [
            (there[number], card)
            for card, its_keys in cards
            for number in sorted({i for key in its_keys for i in sharers.get(key, ())})
            if number in there
        ]
        codes = {number: str(card.row["code"]) for number, card in there.items()}
        best = _best(judge_cards(self._ctx, pairs))
        return {-one.pair[1]: _sentence(one, codes[one.pair[0]]) for one in best}

    def _like_rows(self, card: Card, its_keys: set[int]) -> str | None:
        near = {
            id(other): other for key in its_keys for other in self._seen.get((PLUGIN, key), ())[:MOST_SHARING]
        }
        judged = [
            (one, other)
            for other in near.values()
            for one in judge_among(self._ctx.settings, [(other, card)], {})
            if one.certainty in at_least("likely")
        ]
        if not judged:
            return None
        one, other = max(judged, key=lambda pair: pair[0].score)
        return _sentence(one, str(other.row["code"]))

    def _sharers(self, wanted: set[int]) -> dict[int, list[int]]:
        """Return key → the customers that share it, where they are few."""
        found: dict[int, list[int]] = {}
        for key, number in members(self._ctx.connection, wanted):
            found.setdefault(key, []).append(number)
        return {key: ids for key, ids in found.items() if len(ids) <= MOST_SHARING}


def _card(row: Row) -> Card:
    """Return a row as it is compared; its id is its line, below 0."""
    values = row.values
    own = {name: values.get(name) for name in _OWN}
    kind, code = values.get("kind", "organisation"), values["code"]
    people = [
        person(values[names[0]], *(values.get(name) for name in names[1:]))
        for names in _PEOPLE
        if names[0] in values
    ]
    return Card({**own, "id": -row.line, "code": code, "kind": kind, "parent_id": None}, people)


def _best(judged: Sequence[Judged]) -> list[Judged]:
    """Return the surest pair of each row, of those that are likely."""
    found: dict[int, Judged] = {}
    for one in judged:
        held = found.get(one.pair[1])
        if one.certainty in at_least("likely") and (held is None or held.score < one.score):
            found[one.pair[1]] = one
    return list(found.values())


def _sentence(one: Judged, code: str) -> str:
    why = ", ".join(shown_kind(reason.kind) for reason in one.why if reason.points > 0)
    message = _("looks like {other} ({certainty}: {why})")
    return message.format(other=code, certainty=shown_certainty(one.certainty), why=why)
