"""The demo company's customers: organisations and a few natural persons, each with its finished card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from crmcore.builtin.demo.cards import Card, organisation_card, person_card
from crmcore.builtin.demo.firms import Firm, firms
from crmcore.builtin.demo.identifiers import Issuer
from crmcore.builtin.demo.names import person
from crmcore.builtin.demo.people import Contact, first_contact, people_of
from crmcore.builtin.demo.trading import Trading, profiles

if TYPE_CHECKING:
    import random
    from datetime import date

ORGANISATIONS, PERSONS = 2000, 20


@dataclass(frozen=True, slots=True)
class Customer:
    """A finished customer: its card as it stands in the file, and what later files need."""

    card: Card
    trading: Trading
    people: list[Contact]
    """Nobody besides the customer itself where that is a natural person."""

    @property
    def code(self) -> str:
        """Return the customer's code 客户代号."""
        return self.card["code"]

    def shared(self) -> dict[str, Any]:
        """Return what other plugins' generators are told; see docs/explanation/demo-data.md."""
        trading = self.trading
        return {
            "code": self.code,
            "weight": trading.weight,
            "orders_per_year": trading.orders_per_year,
            "growth": trading.growth,
            "since": trading.since,
            "stopped_on": trading.stopped_on,
            "terms_days": trading.terms_days,
            "payment_behaviour": trading.payment_behaviour,
            "channel": self.card["channel"],
            "region": self.card["region"],
            "owner": self.card["owner"],
        }


def customers(rng: random.Random, today: date, organisations: int = ORGANISATIONS) -> list[Customer]:
    """Return the customers, organisations first; heads of groups stand before their members."""
    issuer = Issuer(rng)
    made = [_organisation(rng, issuer, firm, today) for firm in firms(rng, today, organisations)]
    return made + [_person(rng, issuer, number, today) for number in range(1, PERSONS + 1)]


def _organisation(rng: random.Random, issuer: Issuer, firm: Firm, today: date) -> Customer:
    card = organisation_card(rng, issuer, firm, today)
    people = people_of(rng, issuer, firm, today)
    first = first_contact(people)
    return Customer({**card, "contact": first["name"], "contact_phone": first["phone"]}, firm.trading, people)


def _person(rng: random.Random, issuer: Issuer, number: int, today: date) -> Customer:
    """Make a person who asked once or was served once: no regular buyer, so in no analysis of purchases."""
    trading = replace(profiles(rng, 1, today)[0], weight=0.0, orders_per_year=0.0, terms_days=0)
    return Customer(person_card(rng, issuer, number, person(rng), trading), trading, [])
