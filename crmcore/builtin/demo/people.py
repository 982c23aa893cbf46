"""Contacts (联络人): one to four people per organisation, with their roles in its decisions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from crmcore.builtin.demo.names import Person, person
from crmcore.builtin.demo.words import marked, words

if TYPE_CHECKING:
    import random
    from datetime import date

    from crmcore.builtin.demo.firms import Firm
    from crmcore.builtin.demo.identifiers import Issuer

Contact = dict[str, str]
"""Field name → what stands in the cell. A contact has no code: it is known by firm and name."""


def people_of(rng: random.Random, issuer: Issuer, firm: Firm, today: date) -> list[Contact]:
    """Return a firm's people: the legal representative first; large customers have more, each role once."""
    places = list(words()["roles"])
    large = firm.trading.weight > 1
    count = rng.choices([1, 2, 3, 4], [10, 30, 35, 25] if large else [45, 35, 15, 5])[0]
    # The one we talk to can decide or knows who does; the others have any other part.
    talker = rng.choice([place for place in places if place["role"] in {"决策者", "关键人"}])
    others = [place for place in places[1:] if place is not talker]
    chosen = [places[0], talker, *rng.sample(others, 2)][:count]
    people: list[Contact] = []
    for number, place in enumerate(chosen, 1):
        known_since = max(firm.trading.since, today - timedelta(days=rng.randint(20, 6 * 365)))
        who = firm.representative if number == 1 else _another(rng, people)
        people.append(
            {
                **_reached(rng, issuer, firm, who, number),
                "roles": place["role"] + ("、决策者" if count == 1 else ""),
                "position": rng.choice(place["positions"]),
                "since": f"{known_since:%Y-%m-%d}",
            }
        )
    return people


def first_contact(people: list[Contact]) -> Contact:
    """Return whom the card names as contact 联络人: the first who is more than legal representative."""
    return people[0] if len(people) == 1 else people[1]


def _another(rng: random.Random, people: list[Contact]) -> Person:
    """Draw a person whose name nobody at the firm bears yet."""
    taken = {contact["name"] for contact in people}
    while marked((who := person(rng)).name) in taken:
        pass
    return who


def _reached(rng: random.Random, issuer: Issuer, firm: Firm, who: Person, number: int) -> Contact:
    """Say how a person is reached; the domains are those of RFC 2606, mail to them reaches nobody."""
    domain = f"{firm.code.lower()}.{rng.choice(['example.com', 'example.net', 'test'])}"
    return {
        "customer": firm.code,
        "name": marked(who.name),
        "phone": issuer.landline(firm.city),
        "mobile": issuer.mobile(),
        "email": f"{who.surname}{number}@{domain}",
    }
