"""An explanation opens to the rule, the neighbours and the purchases behind a class."""

from datetime import date

import pytest

from crmcore.api import NotFound
from crmcore.testing import ACTOR
from crmcore_abc_analysis.explain import explain
from crmcore_abc_analysis.services import Request, make_run


def explained(company, code, number=None, **options):
    with company.app.read("abc_analysis") as ctx:
        return explain(ctx, code, number, **options)


@pytest.fixture
def company(make_company, database):
    """Twenty customers, C01 the largest, who bought 100 × their place from the end."""
    company = make_company(database, settings='USD = "7.12"\n')
    company.sell("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)})
    return company


def test_the_purchases_add_up_to_the_amount_of_the_class(company):
    company.buy("2025-06-01", {"C03": 250}, "USD")
    company.buy("2025-07-01", {"C03": -50})
    company.buy("2026-01-01", {"C03": 999})
    make_run(company.app, ACTOR, Request())
    found = explained(company, "C03")
    assert [(d["date"], d["currency"], d["amount_minor"]) for d in found["documents"]] == [
        ("2025-05-01", "CNY", 1800),
        ("2025-06-01", "USD", 250),
        ("2025-07-01", "CNY", -50),
    ]
    for amount in found["amounts"]:
        lines = [d["amount_minor"] for d in found["documents"] if d["currency"] == amount["currency"]]
        assert (sum(lines), len(lines)) == (amount["amount_minor"], amount["purchases"])
    assert [(a["rate"], a["converted_minor"]) for a in found["amounts"]] == [("1", 1750), ("7.12", 1780)]
    assert sum(a["converted_minor"] for a in found["amounts"]) == found["amount_minor"] == 3530


def test_rank_share_and_bounds_are_told(company):
    make_run(company.app, ACTOR, Request())
    found = explained(company, "C04")
    assert (found["rank"], found["customers"], found["grade"]) == (4, 20, "C")
    assert found["share"] == pytest.approx(1700 / 21000, abs=1e-12)
    assert found["cumulative_share"] == pytest.approx(7400 / 21000, abs=1e-12)
    assert [tuple(b.values()) for b in found["bounds"]] == [
        ("A", "0.01", 1, 1, 2000),
        ("B", "0.05", 1, 0, None),
        ("C", "0.2", 4, 3, 1700),
        ("D", "1", 20, 16, 100),
    ]
    assert found["rule"] == {"by": "rank", "preset": "pyramid"}
    assert found["why"] == "rank 4 of 20; class C is open to the ranks up to 4"


def test_by_amount_the_bound_is_money(company):
    make_run(company.app, ACTOR, Request(by="amount"))
    found = explained(company, "C12")
    assert [b["bound"] for b in found["bounds"]] == [16800, 19950, 21000]
    assert found["why"] == "those ahead of it come to less than 168.00 CNY, up to where class A is open"


def test_neighbours_are_those_directly_before_and_after(company):
    make_run(company.app, ACTOR, Request())
    near = explained(company, "C04")["neighbours"]
    assert [n["customer"] for n in near["before"]] == ["C02", "C03"]
    assert [n["customer"] for n in near["after"]] == ["C05", "C06"]
    assert explained(company, "C01")["neighbours"]["before"] == []
    assert [n["customer"] for n in explained(company, "C20", neighbours=1)["neighbours"]["before"]] == ["C19"]


def test_neighbours_of_equal_amounts_are_those_listed_beside(company):
    company.buy("2025-08-01", {"C06": 100, "C05": 0, "C07": 200})
    make_run(company.app, ACTOR, Request())
    near = explained(company, "C06")["neighbours"]
    assert [n["customer"] for n in near["before"]] == ["C04", "C05"]
    assert [n["customer"] for n in near["after"]] == ["C07", "C08"]


def test_changed_inputs_are_noticed(company):
    make_run(company.app, ACTOR, Request())
    assert explained(company, "C04")["inputs_changed"] is False
    company.buy("2025-06-01", {"C04": 10})
    found = explained(company, "C04")
    assert (found["inputs_changed"], found["amount_minor"]) == (True, 1700)


def test_a_currency_that_the_run_did_not_meet_is_told_without_a_rate(company):
    make_run(company.app, ACTOR, Request())
    company.buy("2025-06-01", {"C04": 10}, "USD")
    found = explained(company, "C04")
    assert found["inputs_changed"] is True
    assert (found["amounts"][1]["rate"], found["amounts"][1]["converted_minor"]) == (None, None)


def test_who_returned_more_than_it_bought_is_told_so(company):
    company.buy("2025-06-01", {"C20": -500})
    make_run(company.app, ACTOR, Request())
    found = explained(company, "C20")
    assert (found["grade"], found["share"], found["cumulative_share"]) == ("D", 0.0, 1.0)
    assert found["why"] == "what counts comes to no more than zero, so it is in the last class, D"


def test_an_earlier_run_can_be_explained(company):
    first = make_run(company.app, ACTOR, Request())
    make_run(company.app, ACTOR, Request(preset="pareto"))
    assert explained(company, "C04", first)["rule"]["preset"] == "pyramid"


def test_who_has_no_class_is_told_why(company):
    company.add("NEW")
    make_run(company.app, ACTOR, Request())
    with pytest.raises(
        NotFound, match="customer NEW has no class in run 1: nothing of it counts from 2025-01-01"
    ):
        explained(company, "NEW")
    with pytest.raises(NotFound, match="no customer 'NOBODY'"):
        explained(company, "NOBODY")


def test_since_is_the_day_of_the_first_run_that_gave_the_class(company, clock):
    make_run(company.app, ACTOR, Request())
    clock.move(days=3)
    make_run(company.app, ACTOR, Request(date(2025, 1, 1), date(2025, 6, 30)))
    assert explained(company, "C01")["since"] == "2026-03-02"
    clock.move(days=4)
    company.buy("2025-06-30", {"C20": 9000})
    make_run(company.app, ACTOR, Request(date(2025, 1, 1), date(2025, 6, 30)))
    assert explained(company, "C20")["since"] == "2026-03-09"
    assert explained(company, "C01")["since"] == "2026-03-09"
    assert explained(company, "C10")["since"] == "2026-03-02"
