"""Together with the ledger, from the files that a company imports to the class on the card."""

from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("crmcore_trade_ledger") is None, reason="trade_ledger is not installed"
)

PURCHASES = """customer,date,amount,document,currency
C1,2025-03-01,"1,000.00",F1,CNY
C2,2025-03-02,500.00,F2,CNY
C2,2025-04-02,-100.00,F3,CNY
C3,2025-03-03,10.50,F4,USD
C1,2024-03-01,9999.00,F5,CNY
"""


@pytest.fixture
def imported(make_app, crm, database, tmp_path):
    make_app(["trade_ledger", "abc_analysis"], database, settings='USD = "7.12"\n')
    file = tmp_path / "purchases.csv"
    file.write_text(PURCHASES, "utf-8")
    crm.ok("import", "purchases", file, "--create-customers")
    return crm


def test_imported_purchases_are_classed(imported):
    made = imported.json("abc", "run", "--from", "2025-01-01", "--to", "2025-12-31")
    assert (made["customers"], made["amount_minor"]) == (3, 100_000 + 40_000 + 7_476)
    lines = imported.lines("abc", "grades")
    assert [(line["customer"], line["grade"], line["amount_minor"]) for line in lines] == [
        ("C1", "A", 100_000),
        ("C2", "D", 40_000),
        ("C3", "D", 7_476),
    ]


def test_the_explanation_adds_up_to_the_ledger(imported):
    imported.json("abc", "run")
    found = imported.json("abc", "explain", "C2")
    assert [(d["date"], d["amount_minor"]) for d in found["documents"]] == [
        ("2025-03-02", 50_000),
        ("2025-04-02", -10_000),
    ]
    assert [d["number"] for d in found["documents"]] == ["F2", "F3"]
    assert found["inputs_changed"] is False


def test_the_card_shows_the_class(imported):
    imported.json("abc", "run")
    sections = imported.json("customer", "show", "C1")["sections"]
    (grade,) = [section["data"] for section in sections if section["plugin"] == "abc_analysis"]
    assert (grade["grade"], grade["rank"]) == ("A", 1)


def test_reports_and_job_run(imported):
    imported.ok("jobs", "run", "abc_run")
    assert "1,000.00" in imported.ok("report", "run", "abc").stdout
    assert "C3" in imported.ok("report", "run", "abc_grades").stdout


def test_a_fall_from_one_year_to_the_next_is_work(imported):
    imported.json("abc", "run", "--from", "2024-01-01", "--to", "2024-12-31")
    imported.ok("import", "purchases", _more(imported.folder / "more.csv"))
    imported.json("abc", "run")
    waiting = imported.lines("work")
    assert [
        (w["kind"], w["customer"], w["title"], w["command"]) for w in waiting if w["plugin"] == "abc_analysis"
    ] == [
        ("work_item", "C1", "C1 fell from class A to D", "crm abc explain C1"),
        ("alert", None, "customers who fell to a worse class in run 2: 1 (A: 1)", None),
    ]


def _more(path):
    path.write_text("customer,date,amount,document\nC2,2025-05-01,5000.00,F6\n", "utf-8")
    return path
