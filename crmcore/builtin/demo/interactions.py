"""Interactions (互动): eighteen months of contact with customers over all channels."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from crmcore.builtin.demo.words import words

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from crmcore.builtin.demo.companies import Customer

COUNT = 6000
DAYS = 548
"""Eighteen months."""

Interaction = dict[str, str]
"""Field name → what stands in the cell."""


def interactions(
    rng: random.Random,
    customers: Sequence[Customer],
    today: date,
    count: int = COUNT,
) -> list[Interaction]:
    """Return `count` interactions in order of time; customers who buy more are in touch more often."""
    frequency = [0.6 + min(customer.trading.weight, 25.0) ** 0.7 for customer in customers]
    chosen = rng.choices(customers, frequency, k=count)
    times = sorted(_working_time(rng, today) for _ in range(count))
    return [
        _interaction(rng, f"JL{number:06}", customer, at, today)
        for number, (customer, at) in enumerate(zip(chosen, times, strict=True), 1)
    ]


def _working_time(rng: random.Random, today: date) -> datetime:
    """Return a moment of a working day before today, from 8:30 to 17:55 of the company's time."""
    while (day := today - timedelta(days=rng.randint(1, DAYS))).isoweekday() > 5:  # noqa: PLR2004  (Friday)
        pass
    return datetime.combine(day, time(8, 30)) + timedelta(minutes=5 * rng.randint(0, 113))


def _interaction(
    rng: random.Random,
    code: str,
    customer: Customer,
    at: datetime,
    today: date,
) -> Interaction:
    topic = rng.choice(words()["topics"])
    channel = rng.choice(topic["channels"]) if "channels" in topic else _channel(rng)
    # First-asked responsibility 首问负责制: who is asked owns the matter, one time in ten the service desk.
    desk = topic["direction"] == "in" and rng.random() < 0.1  # noqa: PLR2004
    return {
        "code": code,
        "customer": customer.code,
        "contact": rng.choice(customer.people)["name"] if customer.people else "",
        "channel": channel,
        "direction": "来" if topic["direction"] == "in" else "去",
        "subject": topic["subject"],
        "notes": rng.choice(topic["notes"]),
        "at": f"{at:%Y-%m-%d %H:%M}",
        "owner": words()["service_desk"]["code"] if desk else customer.card["owner"],
        **_follow_up(rng, topic, at, today),
    }


def _channel(rng: random.Random) -> str:
    shares: Mapping[str, int] = words()["interaction_channels"]
    return rng.choices(list(shares), list(shares.values()))[0]


def _follow_up(rng: random.Random, topic: Mapping[str, Any], at: datetime, today: date) -> dict[str, str]:
    """Most promises are kept in time, some late, a few are still open past their day."""
    if rng.random() >= topic["follow_up"]:
        return {"due_on": "", "done_at": ""}
    due_on = at.date() + timedelta(days=rng.randint(2, 14))
    kept = rng.random() < 0.97  # noqa: PLR2004
    done_at = at + timedelta(days=rng.randint(1, 16), minutes=5 * rng.randint(0, 40))
    done = kept and done_at.date() < today
    return {"due_on": f"{due_on:%Y-%m-%d}", "done_at": f"{done_at:%Y-%m-%d %H:%M}" if done else ""}
