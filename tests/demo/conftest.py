"""One generated distributor for all tests of this folder."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date

import pytest

from crmcore.builtin.demo.companies import Customer, customers
from crmcore.builtin.demo.interactions import Interaction, interactions
from crmcore.builtin.demo.people import Contact


@dataclass(frozen=True)
class Distributor:
    """What the generators made for `crm demo --seed 1` on one day."""

    today: date
    customers: list[Customer]
    interactions: list[Interaction]

    @property
    def contacts(self) -> list[Contact]:
        return [contact for customer in self.customers for contact in customer.people]

    @property
    def firms(self) -> list[Customer]:
        return [customer for customer in self.customers if customer.card["kind"] == "企业"]


def generate(seed: str, today: date) -> Distributor:
    rng = random.Random(seed)
    firms = customers(rng, today)
    return Distributor(today, firms, interactions(rng, firms, today))


@pytest.fixture(scope="session")
def distributor() -> Distributor:
    return generate("1:demo:customers.csv", date(2026, 3, 15))


@pytest.fixture(scope="session")
def another() -> Distributor:
    """Generate once more from the same seed and day."""
    return generate("1:demo:customers.csv", date(2026, 3, 15))
