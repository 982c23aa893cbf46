"""Estimates of potential: recording, showing and listing them, and the fact that others read."""

import threading
from collections import defaultdict
from contextlib import suppress
from datetime import date

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.api import CrmError, FactProvider, MissingFact, StaleVersion, UsageProblem
from crmcore.testing import ACTOR
from crmcore_abc_analysis import plugin
from crmcore_abc_analysis import potentials as module
from crmcore_abc_analysis.potentials import (
    Estimate,
    estimates_of,
    latest_potentials,
    list_potentials,
    record_potential,
)

TODAY = date(2026, 3, 2)
USD = 'USD = "7"\n'


def record(company, code, amount, on=None, currency=None, basis="visit"):
    day = date.fromisoformat(on) if on else None
    return record_potential(company.app, ACTOR, Estimate(code, str(amount), currency, day, basis))


def latest(company, on=TODAY):
    with company.app.read("abc_analysis") as ctx:
        rows = ctx.connection.execute(latest_potentials(ctx, on)).all()
    return sorted(tuple(row) for row in rows)


def logged(company):
    query = sa.text("SELECT operation FROM change_log WHERE entity = 'abc_potential' ORDER BY seq")
    with company.app.read() as ctx:
        return list(ctx.connection.scalars(query))


def test_an_estimate_is_kept_with_estimator_day_and_basis(make_company, database):
    company = make_company(database)
    company.add("C1")
    kept = record(company, "C1", "120000.5", basis=" two new\nlines ")
    assert kept == {
        "estimated_on": "2026-03-02",
        "amount_minor": 12_000_050,
        "currency": "CNY",
        "estimator": ACTOR,
        "basis": "two new lines",
        "version": 1,
    }
    with company.app.read("abc_analysis") as ctx:
        assert estimates_of(ctx, "C1") == {"customer": "C1", "estimates": [kept]}


def test_an_estimate_replaces_the_one_of_the_same_day_and_no_other(make_company, database):
    company = make_company(database, settings=USD)
    company.add("C1")
    record(company, "C1", 100, "2025-01-01")
    record(company, "C1", 200, "2025-02-01")
    record(company, "C1", 300, "2025-01-01", "USD", "fair")
    with company.app.read("abc_analysis") as ctx:
        found = estimates_of(ctx, "C1")["estimates"]
    assert [(e["estimated_on"], e["amount_minor"], e["currency"], e["basis"]) for e in found] == [
        ("2025-02-01", 20_000, "CNY", "visit"),
        ("2025-01-01", 30_000, "USD", "fair"),
    ]
    assert logged(company) == ["create", "create", "update"]


def test_the_same_estimate_again_changes_nothing(make_company):
    company = make_company()
    company.add("C1")
    assert record(company, "C1", 100) == record(company, "C1", 100)
    assert logged(company) == ["create"]


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"amount": "x"}, "'x' is no amount; write it like 120000 or 120000.50"),
        ({"amount": "1,5"}, "'1,5' is no amount"),
        ({"amount": "1e5"}, "'1e5' is no amount"),
        ({"amount": "-1"}, "-1 cannot be a potential: it is negative"),
        ({"amount": "1.001"}, "1.001 cannot be a potential: CNY has 2 decimals"),
        ({"amount": "1.5", "currency": "JPY"}, "JPY has 0 decimals"),
        ({"amount": "10000000000000.01"}, "the amount is too large"),
        ({"amount": "999999999999999999"}, "the amount is too large"),
        ({"currency": "yuan"}, "'yuan' is no currency; use its ISO 4217 code such as CNY"),
        ({"on": "2026-03-03"}, "2026-03-03 is after today"),
        ({"basis": " \n"}, "the basis is empty"),
        ({"basis": "x" * 501}, "the basis has 501 characters; at most 500 can be kept"),
    ],
)
def test_what_cannot_be_an_estimate_is_refused(make_company, stated, message):
    company = make_company()
    company.add("C1")
    with pytest.raises(UsageProblem, match=message):
        record(company, "C1", **{"amount": "1", **stated})
    assert latest(company) == []


def test_an_estimate_that_no_rate_makes_comparable_is_refused(make_company, database):
    company = make_company(database, settings=USD)
    company.add("C1")
    with pytest.raises(CrmError, match="no exchange rate from EUR to CNY on 2026-03-02"):
        record(company, "C1", "1", currency="EUR")
    assert latest(company) == []
    record(company, "C1", "1", currency="USD")
    assert len(latest(company)) == 1


@pytest.mark.parametrize("amount", ["1234567.89", "1,234,567.89", " 1234567.89 "])
def test_thousands_may_be_marked(make_company, amount):
    company = make_company()
    company.add("C1")
    assert record(company, "C1", amount)["amount_minor"] == 123_456_789


def test_only_the_latest_estimate_on_or_before_a_day_counts(make_company, database):
    company = make_company(database)
    company.add("C1", "C2", "C3")
    for code, on, amount in (
        ("C1", "2025-01-01", 1),
        ("C1", "2025-06-01", 2),
        ("C1", "2025-12-31", 3),
        ("C2", "2025-06-02", 4),
    ):
        record(company, code, amount, on)
    one, two = company.id_of("C1"), company.id_of("C2")
    assert latest(company, date(2024, 12, 31)) == []
    assert latest(company, date(2025, 6, 1)) == [(one, date(2025, 6, 1), "CNY", 200)]
    assert latest(company) == [(one, date(2025, 12, 31), "CNY", 300), (two, date(2025, 6, 2), "CNY", 400)]


DAYS = st.dates(date(2025, 1, 1), date(2025, 1, 6))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.integers(1, 3), DAYS, st.integers(0, 9)), max_size=12), on=DAYS)
def test_the_latest_estimates_equal_the_oracle(potentials_of, rows, on):
    estimates = {(customer, day): amount for customer, day, amount in rows}
    days = defaultdict(list)
    for customer, day in estimates:
        if day <= on:
            days[customer].append(day)
    expected = [(c, max(known), "CNY", estimates[c, max(known)]) for c, known in sorted(days.items())]
    assert potentials_of(estimates, on) == expected


@pytest.fixture
def potentials_of(make_company):
    """Return a function: estimates, day → the latest ones, from a provider that has just these."""
    company = make_company()

    def answer(estimates, on):
        values = [
            sa.select(
                sa.literal(customer, sa.BigInteger).label("customer_id"),
                sa.literal(day, sa.Date).label("estimated_on"),
                sa.literal("CNY").label("currency"),
                sa.literal(amount, sa.BigInteger).label("amount_minor"),
            )
            for (customer, day), amount in estimates.items()
        ]
        nothing = sa.select(
            sa.literal(0, sa.BigInteger).label("customer_id"),
            sa.literal(on, sa.Date).label("estimated_on"),
            sa.literal("").label("currency"),
            sa.literal(0, sa.BigInteger).label("amount_minor"),
        ).where(sa.false())
        rows = sa.union_all(nothing, *values).subquery()
        with company.app.read("abc_analysis") as ctx, pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(ctx.facts), "select", lambda _self, _fact: sa.select(rows))
            return sorted(tuple(row) for row in ctx.connection.execute(latest_potentials(ctx, on)))

    return answer


def test_the_fact_has_all_estimates(make_company, database):
    company = make_company(database, settings=USD)
    company.add("C1")
    record(company, "C1", 1, "2025-01-01")
    record(company, "C1", 2, "2025-06-01", "USD")
    with company.app.read() as ctx:
        assert ctx.facts.provider("potential").plugin == "abc_analysis"
        rows = sorted(tuple(row) for row in ctx.connection.execute(ctx.facts.select("potential")))
    one = company.id_of("C1")
    assert rows == [(one, date(2025, 1, 1), "CNY", 100), (one, date(2025, 6, 1), "USD", 200)]


def test_of_two_providers_the_company_chooses_one(make_company, monkeypatch):
    company = make_company()
    own = plugin.facts()
    monkeypatch.setattr(
        type(company.app.host), "registered", _with_another(type(company.app.host).registered, own)
    )
    with company.app.read("abc_analysis") as ctx, pytest.raises(MissingFact, match=r"strategies\.potential"):
        latest_potentials(ctx, TODAY)


def _with_another(registered, own):
    """Return a host's `registered` under which another plugin provides the same fact."""

    def both(host, hook, *arguments):
        found = list(registered(host, hook, *arguments))
        if hook == "facts":
            found += [FactProvider(p.fact, p.select, plugin="erp_bridge") for p in own]
        return found

    return both


def test_the_list_has_the_latest_of_each_customer_by_code(make_company, database):
    company = make_company(database)
    company.add("b", "B", "a", "C")
    for code in ("b", "B", "a"):
        record(company, code, 1, "2025-01-01")
        record(company, code, 2, "2025-06-01")
    with company.app.read("abc_analysis") as ctx:
        found = list(list_potentials(ctx))
        assert list(list_potentials(ctx, 2)) == found[:2]
    assert [(e["customer"], e["name"], e["amount_minor"]) for e in found] == [
        ("B", "B", 200),
        ("a", "a", 200),
        ("b", "b", 200),
    ]


# -- command line --------------------------------------------------------------------------------------------


def test_an_estimate_is_recorded_and_shown_on_the_command_line(make_company, crm, database, check_schema):
    company = make_company(database, settings=USD)
    company.add("C1", "C2")
    said = crm.ok(
        "abc",
        "potential",
        "set",
        "C1",
        "120,000",
        "--currency",
        "usd",
        "--on",
        "2025-05-01",
        "--basis",
        "visit",
    )
    assert said.stdout == "C1 could buy for 120,000.00 USD a year, as estimated on 2025-05-01.\n"
    shown = crm.json("abc", "potential", "show", "C1")
    check_schema(shown, "potential")
    estimate = {
        "estimated_on": "2025-05-01",
        "amount_minor": 12_000_000,
        "currency": "USD",
        "estimator": ACTOR,
        "basis": "visit",
    }
    assert shown == {"customer": "C1", "estimates": [{**estimate, "version": 1}]}
    assert "120,000.00  USD" in crm.ok("abc", "potential", "show", "C1").stdout
    lines = crm.lines("abc", "potential", "list")
    for line in lines:
        check_schema(line, "potentials")
    assert lines == [{"customer": "C1", "name": "C1", **estimate}]
    nothing = crm.json("abc", "potential", "show", "C2")
    check_schema(nothing, "potential")
    assert nothing == {"customer": "C2", "estimates": []}


def test_an_estimate_that_somebody_replaced_meanwhile_is_not_replaced(make_company, crm, database):
    make_company(database).add("C1")
    words = ("abc", "potential", "set", "C1")
    crm.ok(*words, "1000", "--basis", "visit", "--expect-version", "0")
    crm.ok(*words, "2000", "--basis", "call", "--expect-version", "1")
    for seen in ("0", "1"):
        stale = crm(*words, "3000", "--basis", "mail", "--expect-version", seen)
        assert (stale.exit_code, stale.stdout) == (1, "")
        assert stale.stderr == (
            f"crm: the estimate of C1 of 2026-03-02 was changed since you read it (version 2, you saw {seen}):"
            " now '2,000.00 CNY', yours '3,000.00 CNY'; read it again\n"
        )
    (kept,) = crm.json("abc", "potential", "show", "C1")["estimates"]
    assert (kept["amount_minor"], kept["basis"], kept["version"]) == (200_000, "call", 2)
    assert crm(*words, "1", "--on", "2026-03-01", "--basis", "x", "--expect-version", "1").exit_code == 1
    crm.ok(*words, "3000", "--basis", "mail")


@pytest.mark.parametrize(("seen", "kept"), [(0, 1), (1, 2), (None, 3)])
def test_of_two_who_write_an_estimate_at_once_the_second_sees_the_first(
    make_company, reopen, database, monkeypatch, seen, kept
):
    company = make_company(database)
    company.add("C1")
    if seen != 0:
        record(company, "C1", 5)
    apps, done, stale, keep = [company.app, reopen(company.app)], [], [], module._keep
    meet = threading.Barrier(2)

    def keep_and_wait(*arguments):
        """Do not commit before the other one is here or has to wait."""
        version = keep(*arguments)
        with suppress(threading.BrokenBarrierError):
            meet.wait(0.5)
        return version

    def write(app, amount):
        estimate = Estimate("C1", amount, None, None, amount)
        try:
            done.append(record_potential(app, ACTOR, estimate, expect_version=seen)["version"])
        except StaleVersion as error:
            stale.append(str(error))

    monkeypatch.setattr(module, "_keep", keep_and_wait)
    threads = [threading.Thread(target=write, args=(app, f"{n}0")) for n, app in enumerate(apps, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == ([2, 3] if seen is None else [kept])
    told = f"the estimate of C1 of 2026-03-02 was changed since you read it (version {kept}, you saw {seen})"
    assert [sentence.startswith(told) for sentence in stale] == [True] * (seen is not None), stale
    with company.app.read("abc_analysis") as ctx:
        assert [one["version"] for one in estimates_of(ctx, "C1")["estimates"]] == [kept]


def test_without_estimates_the_commands_say_how_to_record_one(make_company, crm):
    make_company().add("C1")
    assert "crm abc potential set C1 AMOUNT" in crm.ok("abc", "potential", "show", "C1").stdout
    assert "there are no estimates yet" in crm.ok("abc", "potential", "list").stdout
    assert crm.lines("abc", "potential", "list") == []


def test_a_long_list_says_that_there_is_more(make_company, crm):
    company = make_company()
    company.add(*(f"C{i:02}" for i in range(60)))
    for i in range(60):
        record(company, f"C{i:02}", 1)
    shown = crm.ok("abc", "potential", "list").stdout
    assert "C49" in shown
    assert "C50" not in shown
    assert "There are more" in shown
    assert "There are more" not in crm.ok("abc", "potential", "list", "--limit", 60).stdout
    assert len(crm.lines("abc", "potential", "list")) == 60
    assert len(crm.lines("abc", "potential", "list", "--limit", 7)) == 7


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["C1", "x", "--basis", "b"], 2),
        (["C1", "5"], 2),
        (["C1", "5", "--basis", ""], 2),
        (["C9", "5", "--basis", "b"], 1),
    ],
)
def test_wrong_words_are_refused(make_company, crm, words, code):
    make_company().add("C1")
    assert crm("abc", "potential", "set", *words).exit_code == code
