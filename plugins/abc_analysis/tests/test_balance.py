"""`crm abc balance`: who came, who went, who came back."""

import random
from datetime import date

import pytest

from crmcore.api import UsageProblem
from crmcore_abc_analysis.analyses.balance import Asked, balance, balance_report, report_of

CUSTOMERS = [f"C{i:02}" for i in range(12)]
DAYS = [
    f"{year}-{month:02}-{day:02}" for year in (2023, 2024, 2025) for month in (1, 3, 4, 12) for day in (1, 28)
]


@pytest.fixture
def company(make_company, database):
    """Four customers: one stays, one leaves and comes back, one leaves for good, one comes late."""
    company = make_company(database, settings='USD = "7"\n')
    company.add("STAYS", "RETURNS", "LEAVES", "LATE", "NEVER")
    for year in ("2022", "2023", "2024", "2025"):
        company.buy(f"{year}-06-30", {"STAYS": 100})
    company.buy("2022-01-10", {"RETURNS": 500, "LEAVES": 300})
    company.buy("2023-12-31", {"LEAVES": 700})
    company.buy("2023-12-31", {"LEAVES": 10}, "USD")
    company.buy("2025-01-01", {"RETURNS": 40})
    company.buy("2025-02-01", {"LATE": 50, "LEAVES": -20})
    return company


def shown(found, *keys):
    return [tuple(period[key] for key in keys) for period in found["periods"]]


def test_the_balance_by_year(company, crm, check_schema):
    found = crm.json("abc", "balance", "--to", "2025-12-31")
    check_schema(found, "balance")
    assert (found["by"], found["begins_on"], found["who"]) == ("year", "2022-01-10", None)
    assert shown(found, "period", "won", "lost", "regained", "net", "active") == [
        ("2022", 3, 0, 0, 3, 3),
        ("2023", 0, 1, 0, -1, 2),
        ("2024", 0, 1, 0, -1, 1),
        ("2025", 1, 0, 1, 2, 3),
    ]
    assert shown(found, "first", "open") == [(True, False), (False, False), (False, False), (False, False)]


def test_who_left_and_who_came_back(company, crm, check_schema):
    lost = crm.json("abc", "balance", "--who", "lost", "--period", "2024")
    check_schema(lost, "balance")
    assert lost["who"] == {
        "movement": "lost",
        "period": "2024",
        "currency": "CNY",
        "count": 1,
        "customers": [
            {
                "customer": "LEAVES",
                "name": "LEAVES",
                "last_before": "2023-12-31",
                "bought_on": None,
                "amount_minor": 770,
            }
        ],
    }
    assert [p["period"] for p in lost["periods"]] == ["2024"]
    regained = crm.json("abc", "balance", "--who", "regained", "--to", "2025-06-01")["who"]
    assert [(c["customer"], c["last_before"], c["bought_on"]) for c in regained["customers"]] == [
        ("RETURNS", "2022-01-10", "2025-01-01")
    ]
    won = crm.json("abc", "balance", "--who", "won", "--period", "2025-Q1")["who"]
    assert [(c["customer"], c["amount_minor"]) for c in won["customers"]] == [("LATE", 50)]


def test_lists_begin_with_those_who_bought_most_and_have_a_limit(make_company, database, crm):
    company = make_company(database)
    company.sell("2025-03-01", {"b": 5, "B": 5, "a": 9, "c": 1})
    words = ("abc", "balance", "--who", "won", "--period", "2025-03")
    assert [c["customer"] for c in crm.json(*words)["who"]["customers"]] == ["a", "B", "b", "c"]
    short = crm.json(*words, "--limit", 2)["who"]
    assert (short["count"], [c["customer"] for c in short["customers"]]) == (4, ["a", "B"])


def test_a_return_is_no_purchase(company, crm):
    found = crm.json("abc", "balance", "--by", "month", "--from", "2025-02-01", "--to", "2025-02-28")
    assert shown(found, "period", "won", "lost", "active") == [("2025-02", 1, 1, 1)]


@pytest.mark.parametrize("by", ["month", "quarter", "year"])
def test_any_company_equals_the_oracle(make_company, database, crm, by):
    random_source = random.Random(7)
    company = make_company(database, settings='USD = "7"\n')
    company.add(*CUSTOMERS)
    bought = [
        (random_source.choice(CUSTOMERS), random_source.choice(DAYS), random_source.randint(-2, 5))
        for _ in range(90)
    ]
    for code, day, amount in bought:
        company.buy(day, {code: amount}, random_source.choice(["CNY", "USD"]))
    found = crm.json("abc", "balance", "--by", by, "--from", "2023-01-01", "--to", "2025-12-31")
    expected = list(naive(bought, by, [p["start"] for p in found["periods"]]))
    assert shown(found, "won", "lost", "regained", "active") == expected
    last = found["periods"][-1]["period"]
    for who in ("won", "lost", "regained"):
        listed = crm.json("abc", "balance", "--period", last, "--who", who)["who"]
        assert listed["count"] == len(listed["customers"]) == found["periods"][-1][who]


def naive(bought, by, starts):
    """Compare sets of customers, period by period; the start of a period is found by looking, not by reckoning."""
    ends = [*starts[1:], "2026-01-01"]
    visited = [
        {c for c, day, amount in bought if start <= day < end and amount > 0}
        for start, end in zip(starts, ends, strict=True)
    ]
    for i, here in enumerate(visited):
        before = visited[i - 1] if i else set()
        ever = set().union(*visited[:i])
        yield len(here - ever), len(before - here), len((here & ever) - before), len(here)


def test_twelve_months_are_usual_and_the_running_one_is_marked(company):
    with company.app.read("abc_analysis") as ctx:
        months = balance(ctx, Asked("month"))["periods"]
        running = balance(ctx, Asked("month", 2, end=date(2026, 3, 2)))
    assert (len(months), months[0]["period"], months[-1]["period"]) == (12, "2025-03", "2026-02")
    assert not any(month["open"] for month in months)
    assert [(m["period"], m["open"]) for m in running["periods"]] == [("2026-02", False), ("2026-03", True)]
    assert "2026-03 is not over: who is lost in it so far may still buy." in report_of(running).notes


def test_a_range_may_begin_before_the_records(company, crm):
    found = crm.json("abc", "balance", "--from", "2020-01-01", "--periods", 3)
    assert shown(found, "period", "won", "active", "first") == [
        ("2020", 0, 0, False),
        ("2021", 0, 0, False),
        ("2022", 3, 3, True),
    ]


def test_nobody_has_bought_anything(make_company, crm, check_schema):
    make_company().add("C1")
    found = crm.json("abc", "balance", "--who", "lost")
    check_schema(found, "balance")
    assert (found["begins_on"], found["who"]["customers"]) == (None, [])
    assert {p["active"] for p in found["periods"]} == {0}
    assert "Nobody has bought anything yet" in crm.ok("abc", "balance").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--period", "2025-13"), "'2025-13' is no period"),
        (("--period", "2025", "--by", "month"), "leave out --by"),
        (("--from", "2025-01-01", "--to", "2024-01-01"), "end before they begin"),
        (("--from", "2024-01-01", "--to", "2025-01-01", "--periods", "2"), "one too many"),
        (("--by", "month", "--from", "1000-01-01"), "periods are too many"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_sentence(company, crm, words, sentence):
    result = crm("abc", "balance", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_rate_is_named(make_company, crm):
    company = make_company()
    company.sell("2025-03-01", {"C1": 5}, "USD")
    assert crm.json("abc", "balance", "--period", "2025")["periods"][0]["won"] == 1
    assert "USD" in crm("abc", "balance", "--period", "2025", "--who", "won").stderr


def test_the_terminal_shows_the_table_and_what_to_know(company, crm):
    text = crm.ok("abc", "balance", "--who", "lost", "--period", "2024").stdout
    assert "Lost in 2024: 1" in text
    assert "7.70" in text
    text = crm.ok("abc", "balance", "--to", "2025-12-31").stdout
    assert "The records begin on 2022-01-10, in 2022" in text


def test_the_report_takes_its_parameters(company):
    with company.app.read("abc_analysis") as ctx:
        report = balance_report(ctx, {"by": "month", "periods": "3"})
        assert [row[0] for row in report.tables[0].rows] == ["2025-12", "2026-01", "2026-02"]
        assert len(list(balance_report(ctx, {}).tables[0].rows)) == 4
        for wrong in ({"by": "week"}, {"periods": "0"}, {"periods": "x"}):
            with pytest.raises(UsageProblem):
                balance_report(ctx, wrong)
