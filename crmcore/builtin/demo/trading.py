"""How much, how often and how promptly each customer buys: the law behind the demo's numbers.

A customer's yearly purchases follow a lognormal law with sigma 1.7, taken at its exact quantiles, shuffled.
Its Gini coefficient is erf(sigma / 2) = 0.77, and the first fifth of the buyers buys
1 - F(F^-1(0.8) - 1.7) = 80 % of the amount (F: the standard normal distribution function), the 80/20 rule of
ABC. Source of both: the Lorenz curve in Aitchison and Brown, The Lognormal Distribution (1957).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import erf, exp
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

SIGMA = 1.7
EXPECTED_GINI = erf(SIGMA / 2)
NEVER, STOPPED = 280, 220
"""Of 2,000 organisations: prospects that have not bought yet, and former customers."""
BEHAVIOURS = {"prompt": 55, "usual": 25, "late": 15, "very_late": 5}

Stage = Literal["never", "stopped", "active"]


@dataclass(frozen=True, slots=True)
class Trading:
    """One customer's way of trading; see `shared["customers"]` in docs/explanation/demo-data.md."""

    weight: float
    orders_per_year: float
    growth: float
    since: date
    stopped_on: date | None
    terms_days: int
    payment_behaviour: str

    def buys_between(self, start: date, end: date) -> bool:
        """Tell whether the customer may buy on a day from `start` to `end`, both included."""
        return self.weight > 0 and self.since <= end and (self.stopped_on is None or self.stopped_on > start)


def weights(count: int) -> list[float]:
    """Return `count` weights of mean 1, ascending: the quantiles of the law."""
    normal = NormalDist()
    raw = [exp(SIGMA * normal.inv_cdf((place + 0.5) / count)) for place in range(count)]
    mean = fmean(raw)
    return [weight / mean for weight in raw]


def gini(amounts: Sequence[float]) -> float:
    """Return the Gini coefficient of non-negative amounts: 0 = all alike, near 1 = one has all."""
    ordered = sorted(amounts)
    count, total = len(ordered), sum(ordered)
    ranked = sum(place * amount for place, amount in enumerate(ordered, 1))
    return 2 * ranked / (count * total) - (count + 1) / count


def profiles(rng: random.Random, count: int, today: date) -> list[Trading]:
    """Return the trading of `count` organisations, in no particular order."""
    never, stopped = count * NEVER // 2000, count * STOPPED // 2000
    stages: dict[Stage, int] = {"never": never, "stopped": stopped, "active": count - never - stopped}
    law = weights(count - never)
    rng.shuffle(law)
    found = [
        _profile(rng, stage, law.pop() if stage != "never" else 0.0, today)
        for stage, number in stages.items()
        for _ in range(number)
    ]
    rng.shuffle(found)
    return found


def _profile(rng: random.Random, stage: Stage, weight: float, today: date) -> Trading:
    stopped_on = today - timedelta(days=rng.randint(40, 3 * 365)) if stage == "stopped" else None
    return Trading(
        weight=round(weight, 6),
        orders_per_year=round(min(40.0, max(2.5, 6 * weight**0.45)), 2) if weight else 0.0,
        growth=round(min(1.45, max(0.75, rng.gauss(1.04, 0.1))), 3),
        since=_since(rng, stage, stopped_on or today),
        stopped_on=stopped_on,
        terms_days=_terms(rng, weight),
        payment_behaviour=rng.choices(list(BEHAVIOURS), list(BEHAVIOURS.values()))[0],
    )


def _since(rng: random.Random, stage: Stage, end: date) -> date:
    """Prospects are known for two years at most; of those who buy some are new, most are old customers."""
    if stage == "never":
        days = rng.randint(5, 2 * 365)
    elif stage == "stopped":
        days = rng.randint(400, 12 * 365)
    else:
        first, last = rng.choices([(5, 330), (331, 3 * 365), (3 * 365, 18 * 365)], [6, 14, 80])[0]
        days = rng.randint(first, last)
    return end - timedelta(days=days)


def _terms(rng: random.Random, weight: float) -> int:
    """Small customers pay at once, large ones get credit."""
    if weight < 0.2:  # noqa: PLR2004  (of the mean customer's purchases)
        return rng.choices([0, 30], [85, 15])[0]
    if weight < 2:  # noqa: PLR2004
        return rng.choices([0, 30, 45, 60], [25, 45, 15, 15])[0]
    return rng.choices([30, 45, 60, 90], [35, 20, 35, 10])[0]
