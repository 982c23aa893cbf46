"""Real purchases: CDNOW, 69,659 purchases of 23,570 customers. Equal prices make thousands of ties."""

from collections import Counter
from datetime import date
from fractions import Fraction
from importlib import import_module
from itertools import accumulate, groupby
from operator import itemgetter

import pytest

from crmcore.api import CrmError, to_minor
from crmcore.testing import ACTOR
from crmcore_abc_analysis.analyses.concentration import concentration_document, run_concentration
from crmcore_abc_analysis.rules.classes import PRESETS, classify
from crmcore_abc_analysis.rules.concentration import Alike, concentration_of
from crmcore_abc_analysis.runs import list_grades
from crmcore_abc_analysis.services import Request, make_run


@pytest.fixture(scope="session")
def purchases(request) -> list[tuple[str, str, int]]:
    """Return customer, day and cents; the demo's own reader fetches the data, which we only read."""
    module = import_module("crmcore.builtin.demo.cdnow")
    try:
        rows = list(module.load_cdnow(request.config.cache.mkdir("cdnow")))
    except CrmError as error:
        pytest.skip(str(error))
    return [(row.customer, row.day.isoformat(), to_minor(row.amount, "USD")) for row in rows]


@pytest.fixture(scope="session")
def cdnow(purchases) -> dict[str, int]:
    totals: dict[str, int] = {}
    for customer, _day, cents in purchases:
        totals[customer] = totals.get(customer, 0) + cents
    return totals


@pytest.mark.parametrize("preset", PRESETS)
def test_cdnow_equals_the_oracle(oracle, cdnow, preset):
    rule = PRESETS[preset]
    expected = oracle(cdnow, rule.by, [(c.grade, Fraction(c.within)) for c in rule.cutoffs])
    customers = list(cdnow)
    standings = classify({i: cdnow[c] for i, c in enumerate(customers)}, rule)
    assert {customers[s.customer]: (s.rank, s.grade) for s in standings} == expected


def test_cdnow_has_the_customers_and_ties_that_are_known(cdnow):
    assert len(cdnow) == 23_570
    assert max(Counter(cdnow.values()).values()) == 697  # one disc at 11.77 and nothing else
    counts = Counter(s.grade for s in classify(dict(enumerate(cdnow.values())), PRESETS["pyramid"]))
    assert counts["A"] == 236  # ceil(1 % of 23,570), without a tie at the bound


def gini_and_lorenz(amounts: list[int]) -> tuple[Fraction, list[Fraction]]:
    """Return both from the sorted amounts; twenty copies of each customer put every step of the curve between two."""
    amounts = sorted(amounts)
    count, whole = len(amounts), sum(amounts)
    ranked = sum(rank * amount for rank, amount in enumerate(amounts, 1))
    reached = [0, *accumulate(amount for amount in amounts for _ in range(20))]
    lorenz = [Fraction(reached[count * step], 20 * whole) for step in range(21)]
    return Fraction(2 * ranked, count * whole) - Fraction(count + 1, count), lorenz


def test_cdnow_is_as_concentrated_as_plain_python_says(cdnow):
    amounts = list(cdnow.values())
    alike = [Alike(*pair) for pair in sorted(Counter(amounts).items(), reverse=True)]
    found = concentration_of(alike, len(amounts), sum(amounts))
    assert found is not None
    assert (found.gini, list(found.lorenz)) == gini_and_lorenz(amounts)
    largest = sorted(amounts, reverse=True)
    assert [best.customers for best in found.best] == [236, 1179, 2357, 4714, 11785]
    assert [best.amount_minor for best in found.best] == [sum(largest[: b.customers]) for b in found.best]


@pytest.mark.slow
def test_cdnow_read_from_a_database_equals_the_oracle(make_company, oracle, purchases, cdnow):
    company = make_company(settings='USD = "7"\n[plugins.abc_analysis]\ncurrency = "USD"\n')
    company.add(*cdnow)
    for day, bought in groupby(sorted(purchases, key=itemgetter(1)), key=itemgetter(1)):
        company.buy(day, [(customer, cents) for customer, _day, cents in bought], "USD")
    make_run(company.app, ACTOR, Request(date(1997, 1, 1), date(1998, 6, 30), by="amount"))
    with company.app.read("abc_analysis") as ctx:
        lines = list(list_grades(ctx))
        concentration = concentration_document(run_concentration(ctx))
    rule = PRESETS["pareto"]
    expected = oracle(cdnow, rule.by, [(c.grade, Fraction(c.within)) for c in rule.cutoffs])
    assert {line["customer"]: (line["rank"], line["grade"]) for line in lines} == expected
    assert [line["customer"] for line in lines] == sorted(cdnow, key=lambda code: (-cdnow[code], code))
    gini, lorenz = gini_and_lorenz(list(cdnow.values()))
    assert concentration["gini"] == float(round(gini, 12))
    assert concentration["lorenz"] == [float(round(share, 12)) for share in lorenz]
