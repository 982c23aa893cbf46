"""The command line: what it prints is what the published schemas promise, in both languages."""

import json
import re
from importlib import import_module

import pytest
import sqlalchemy as sa

from crmcore.facts import FACTS


@pytest.fixture
def company(make_company, database):
    company = make_company(database, settings='USD = "7.12"\n')
    company.sell("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)})
    company.buy("2025-06-01", {"C03": 250}, "USD")
    return company


def test_run_prints_what_its_schema_promises(company, crm, check_schema):
    printed = crm.json("abc", "run", "--from", "2025-01-01", "--to", "2025-12-31")
    check_schema(printed, "run")
    promised = ["run", "period", "currency", "basis", "customers", "amount_minor", "grades"]
    assert list(printed) == [*promised, "level", "by", "remarks"]
    assert printed["amount_minor"] == 22780
    assert crm.json("abc", "run") == printed


def test_run_takes_preset_and_by(company, crm):
    pyramid = crm.json("abc", "run", "--preset", "pyramid")
    increments = crm.json("abc", "run", "--preset", "increments")
    assert [g["customers"] for g in pyramid["grades"]] == [1, 0, 3, 16]
    assert [g["customers"] for g in increments["grades"]] == [1, 1, 4, 14]
    by_amount = crm.json("abc", "run", "--by", "amount")
    assert [g["grade"] for g in by_amount["grades"]] == ["A", "B", "C"]
    assert sum(g["customers"] for g in by_amount["grades"]) == 20


def test_grades_prints_what_its_schema_promises(company, crm, check_schema):
    run = crm.json("abc", "run")
    lines = crm.lines("abc", "grades")
    for line in lines:
        check_schema(line, "grade")
        assert list(line) == ["customer", "grade", "rank", "amount_minor", "cumulative_share"]
    assert [line["rank"] for line in lines] == list(range(1, 21))
    assert lines[-1]["cumulative_share"] == 1.0
    crm.json("abc", "run", "--preset", "pareto")
    assert crm.lines("abc", "grades", "--run", run["run"]) == lines
    assert crm.lines("abc", "grades", "--run", run["run"], "--limit", 3) == lines[:3]


def test_explain_prints_what_its_schema_promises(company, crm, check_schema):
    for by in ("rank", "amount"):
        crm.json("abc", "run", "--by", by)
        for code in ("C03", "C01", "C20"):
            check_schema(crm.json("abc", "explain", code), "explain")
    company.buy("2025-06-01", {"C03": 10}, "EUR")
    check_schema(crm.json("abc", "explain", "C03"), "explain")


def test_runs_prints_what_its_schema_promises(company, crm, check_schema):
    first, second = (crm.json("abc", "run", "--by", by)["run"] for by in ("rank", "amount"))
    lines = crm.lines("abc", "runs")
    for line in lines:
        check_schema(line, "runs")
    assert [(line["run"], line["state"]) for line in lines] == [(second, "current"), (first, "old")]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("run", "--from", "2025-01-01"), 2, "a period needs both its days"),
        (("run", "--to", "2025-01-01"), 2, "a period needs both its days"),
        (("run", "--from", "2025-02-01", "--to", "2025-01-01"), 2, "ends before it begins"),
        (("run", "--from", "01/02/2025", "--to", "2025-12-31"), 2, "01/02/2025"),
        (("run", "--preset", "piramid"), 2, "piramid"),
        (("grades",), 1, "there is no run yet; make one with: crm abc run"),
        (("grades", "--run", "9"), 1, "there is no run 9"),
        (("explain", "C01"), 1, "there is no run yet"),
        (("explain", "NOBODY"), 1, "no customer 'NOBODY'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(make_company, crm, words, code, sentence):
    make_company().add("C01")
    result = crm("abc", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("crm: ")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_run_shows_classes_and_a_pareto_chart(company, crm):
    shown = crm.ok("abc", "run").stdout
    assert "ABC analysis by purchases, 2025-01-01 to 2025-12-31" in shown
    assert "227.80" not in shown  # the sum of all is no row
    assert "35.80" in shown
    assert "19–20" in shown
    assert "crm abc explain CODE" in shown


def test_grades_shows_fifty_customers_and_how_to_see_more(make_company, crm):
    company = make_company()
    company.sell("2025-05-01", {f"C{i:03}": 1000 - i for i in range(60)})
    crm.ok("abc", "run")
    shown = crm.ok("abc", "grades").stdout
    assert "C049" in shown
    assert "C050" not in shown
    assert "60 customers in all; more with --limit N, all with --json" in shown
    assert "C059" in crm.ok("abc", "grades", "--limit", "60").stdout


def test_explain_shows_why(company, crm):
    crm.ok("abc", "run")
    shown = crm.ok("abc", "explain", "C03").stdout
    for part in ("C03: class A, rank 1 of 20", "Why: rank 1 of 20", "Purchases in USD", "7.12", "C01"):
        assert part in shown
    company.buy("2025-06-01", {"C03": 10})
    assert "have changed since this run" in crm.ok("abc", "explain", "C03").stdout


def test_runs_shows_the_runs(company, crm):
    crm.ok("abc", "run")
    shown = crm.ok("abc", "runs").stdout
    assert "current" in shown
    assert "227.80 CNY" in shown


ENGLISH = (
    "class",
    "Class",
    "rank",
    "Rank",
    "run",
    "Run",
    "Amount",
    "customers",
    "Customers",
    "Purchases",
    "Why",
)


def test_chinese_output_holds_no_english_words(company, crm):
    calls = [("run",), ("run", "--by", "amount"), ("grades",), ("explain", "C03"), ("runs",)]
    shown = [crm.ok("abc", *words, "--lang", "zh_CN").stdout for words in calls]
    for text in shown:
        for command in ("crm abc run", "crm abc explain CODE", "crm abc grades"):
            text = text.replace(command, "")  # noqa: PLW2901  (what is typed stays as it is)
        assert [word for word in ENGLISH if word in text] == []
    assert "客户分类" in shown[0]


COMMANDS = sorted(import_module("crmcore_abc_analysis.cli").abc.lazy)


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_is_translated(make_company, crm, command):
    make_company()
    group = import_module("crmcore_abc_analysis.cli").abc
    texts = [p.help for p in _found(group, command).params if p.name not in {"as_json", "actor", "lang"}]
    for text in [_found(group, command).help, *filter(None, texts)]:
        english = crm.ok("--lang", "en", "abc", *command, "--help").stdout
        chinese = crm.ok("--lang", "zh_CN", "abc", *command, "--help").stdout
        assert text.rstrip(".") in " ".join(english.split())
        assert text.rstrip(".") not in " ".join(chinese.split())


def _found(group, command):
    return group.get_command(None, command[0]) if command else group


ARGUMENTS = {
    "composition": ["--by", "region"],
    "explain": ["HEAD"],
    "grade": ["HEAD"],
    "gaps": ["HEAD"],
    "set": ["C01", "A", "--reason", "重要", "--until", "2026-12-31"],
    "unset": ["C01", "--reason", "结束"],
    "policy": ["show"],
    "potential": ["list"],
    "transitions": ["--from-run", "1", "--to-run", "2"],
    "whatif": ["--preset", "increments"],
}
NOT_WORDS = re.compile(
    r"crm( [^\s，。；：）]+)+|--[a-z-]+"  # what is typed
    r"|HEAD|\b(pyramid|increments|pareto|own|tester|python|visit|sales|fake_purchases|fake_costs)\b"  # names that people gave
)


@pytest.mark.parametrize("facts", [(), "all"])
def test_no_command_shows_english_to_a_chinese_user(make_company, crm, facts):
    company = make_company(facts=facts)
    company.add("HEAD", "C01", "C02", "C03", region="华东")
    company.group("HEAD", "C01")
    for year in ("2024", "2025"):
        bought = {"HEAD": 500 if year == "2024" else 900, "C01": 300, "C02": 20}
        company.buy(f"{year}-05-05", bought, product="P1", cost_minor=10, quantity_micro=1_000_000)
        crm.ok("abc", "run", "--from", f"{year}-01-01", "--to", f"{year}-12-31")
    if facts:
        company.spend("2025-06-01", {"HEAD": 5})
    company.buy("2025-06-06", {"C02": 3})
    crm.ok("abc", "potential", "set", "C03", "900", "--basis", "拜访")
    for name in ["set", *COMMANDS]:
        if name != "report":
            shown = crm.ok("abc", name, *ARGUMENTS.get(name, []), "--lang", "zh_CN").stdout
            words = re.findall(r"[A-Za-z]{4,}", NOT_WORDS.sub("", shown))
            assert {*words} <= FACT_NAMES, (name, shown)


FACT_NAMES = {word for fact in FACTS for word in re.findall("[a-z]{4,}", fact)}


def test_names_with_markup_are_shown_as_they_are(make_company, crm):
    company = make_company()
    company.add("C1", name="甲[/a]\x1b[31m")
    company.buy("2025-05-01", {"C1": 100})
    crm.ok("abc", "run")
    shown = crm.ok("abc", "grades").stdout
    assert "甲[/a]" in shown
    assert "\x1b[31m" not in shown


def test_json_keys_stay_english_in_chinese(company, crm):
    english, chinese = (crm.ok("abc", "run", "--json", "--lang", lang).stdout for lang in ("en", "zh_CN"))
    assert json.loads(english) == json.loads(chinese)


def test_only_who_may_export_reads_classes_in_bulk_and_it_is_recorded(make_company, crm):
    company = make_company()
    company.sell("2025-05-01", {f"C{i:03}": 500 - i for i in range(120)})
    crm.ok("abc", "run")
    crm.ok("actor", "add", "rep")
    crm.ok("actor", "grant", "rep", "sales_representative")
    assert len(crm.lines("abc", "grades", "--limit", "100", "--actor", "rep")) == 100
    for words in (("abc", "grades", "--json"), ("report", "run", "abc_grades", "--json")):
        refused = crm(*words, "--actor", "rep")
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "may not export and list in bulk" in refused.stderr
    assert len(crm.lines("abc", "grades")) == 120
    with company.app.read() as ctx:
        query = sa.text("SELECT what, entity, count FROM read_log ORDER BY id")
        reads = [tuple(row) for row in ctx.connection.execute(query)]
    assert reads[-1] == ("list", "abc_grade", 120)


@pytest.mark.parametrize(
    "words",
    [
        ("grades", "--limit", 2**63),
        ("transitions", "--from-run", 10**30),
        ("whatif", "--run", -1),
        ("report", "--run", 0),
        ("concentration", "--run", 2**64),
    ],
)
def test_a_number_that_no_database_holds_is_a_mistake_in_typing(make_company, crm, words):
    make_company()
    refused = crm("abc", *words)
    assert refused.exit_code == 2
    assert str(words[-1]) in refused.stderr
