"""Estimates of potential in files: read from real headers, found again by customer and day, written out again."""

import csv
import threading
from datetime import date
from pathlib import Path

import pytest

from crmcore.testing import ACTOR
from crmcore_abc_analysis import potential_files
from crmcore_abc_analysis.potentials import Estimate, record_potential

ENGLISH = """customer,amount,currency,estimated_on,basis,estimator
C1,"120,000.00",CNY,2025-01-05,visit,wang
C2,5000,USD,2025-01-05,fair,
C1,90000,,2024-01-05,old visit,li
"""


@pytest.fixture
def company(make_company, database):
    company = make_company(database, settings='USD = "7"\nJPY = "0.05"\n')
    company.add("C1", "C2")
    return company


@pytest.fixture
def load(crm, tmp_path):
    def load(text, *options, code=0):
        file = tmp_path / "potentials.csv"
        file.write_text(text, "utf-8")
        result = crm("import", "potentials", file, "--json", *options)
        assert result.exit_code == code, result.stderr
        return result.json()

    return load


def counts(done):
    return tuple(done[key] for key in ("created", "updated", "unchanged", "rejected"))


def estimates(crm, code):
    found = crm.json("abc", "potential", "show", code)["estimates"]
    return [tuple(v for name, v in e.items() if name != "version") for e in found]


def test_rows_become_estimates(company, crm, load):
    assert counts(load(ENGLISH)) == (3, 0, 0, 0)
    assert estimates(crm, "C1") == [
        ("2025-01-05", 12_000_000, "CNY", "wang", "visit"),
        ("2024-01-05", 9_000_000, "CNY", "li", "old visit"),
    ]
    assert estimates(crm, "C2") == [("2025-01-05", 500_000, "USD", ACTOR, "fair")]


def test_the_same_file_again_changes_nothing(company, crm, load):
    load(ENGLISH)
    before = estimates(crm, "C1")
    assert counts(load(ENGLISH)) == (0, 0, 3, 0)
    assert estimates(crm, "C1") == before


def test_other_values_of_the_same_day_update(company, crm, load):
    load(ENGLISH)
    changed = "customer,amount,estimated_on\nC1,1,2025-01-05\nC2,5000,2025-01-05\nC2,1,2025-01-06\n"
    assert counts(load(changed)) == (1, 2, 0, 0)
    assert estimates(crm, "C1")[0] == ("2025-01-05", 100, "CNY", "wang", "visit")
    assert estimates(crm, "C2")[1] == ("2025-01-05", 500_000, "CNY", ACTOR, "fair")


def test_without_a_basis_the_import_is_what_it_rests_on(company, crm, load):
    rows = "customer,amount,estimated_on\nC1,1,2025-01-05\n"
    done = load(rows)
    assert estimates(crm, "C1") == [("2025-01-05", 100, "CNY", ACTOR, f"import {done['import']}")]
    assert counts(load(rows)) == (0, 0, 1, 0)


def test_chinese_headers_units_and_currencies_are_understood(company, crm, load):
    assert counts(
        load("客户编码,发展潜力（万元）,币别,估计日期,估计依据,估计人\nC1,12.5,人民币,2025年1月5日,拜访,王\n")
    ) == (1, 0, 0, 0)
    assert estimates(crm, "C1") == [("2025-01-05", 12_500_000, "CNY", "王", "拜访")]


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("C9,1,CNY,2025-01-05", "customer", "no customer has this code"),
        ("C1,-1,CNY,2025-01-05", "amount", "it is negative"),
        ("C1,1.5,JPY,2025-01-05", "amount", "JPY has 0 decimals"),
        ("C1,99999999999999,CNY,2025-01-05", "amount", "the amount is too large"),
        ("C1,1,CNY,2125-01-05", "estimated_on", "is after today"),
        ("C1,1,Taler,2025-01-05", "currency", "is no currency"),
        ("C1,1,EUR,2025-01-05", "currency", "no exchange rate from EUR to CNY on 2025-01-05"),
        ("C2,1,CNY,2025-01-05", "estimated_on", "another estimate of this day in the file"),
    ],
)
def test_a_row_that_cannot_be_taken_is_rejected_with_the_reason(company, crm, load, row, column, reason):
    done = load(f"customer,amount,currency,estimated_on\nC2,7,CNY,2025-01-05\n{row}\n")
    assert counts(done) == (1, 0, 0, 1)
    (rejected,) = csv.DictReader(Path(done["rejects_file"]).read_text("utf-8-sig").splitlines())
    assert rejected["_column"] == column
    assert reason in rejected["_reason"]


def test_customers_are_created_where_that_is_wanted(company, crm, load):
    assert counts(
        load("customer,amount,estimated_on\nN1,1,2025-01-05\nN1,2,2025-01-06\n", "--create-customers")
    ) == (2, 0, 0, 0)
    assert [e[1] for e in estimates(crm, "N1")] == [200, 100]


def test_a_dry_run_counts_and_writes_nothing(company, crm, load):
    load(ENGLISH)
    text = "customer,amount,estimated_on\nC1,1,2025-01-05\nC1,90000,2024-01-05\nC2,1,2025-02-05\n"
    assert counts(load(text, "--dry-run")) == (1, 1, 1, 0)
    assert [e[1] for e in estimates(crm, "C1")] == [12_000_000, 9_000_000]
    assert counts(load(text)) == (1, 1, 1, 0)


@pytest.mark.slow
def test_a_dry_run_of_several_chunks_counts_like_the_import(company, load):
    many = "".join(f"C1,{i},{1900 + i // 300}-{i % 12 + 1:02}-{i // 12 % 25 + 1:02}\n" for i in range(6000))
    text = f"customer,amount,estimated_on\n{many}C1,5,1900-06-01\nC1,7,1900-07-01\nC1,9,1900-08-01\n"
    dry = counts(load(text, "--dry-run"))
    assert dry == counts(load(text)) == (6000, 2, 1, 0)


def test_what_is_exported_is_read_back_to_the_same(company, crm, load, tmp_path):
    record_potential(company.app, ACTOR, Estimate("C1", "1000.05", None, None, '=visit, "two" lines'))
    load(ENGLISH)
    file = tmp_path / "out.csv"
    crm.ok("export", "potentials", file)
    exported = file.read_text("utf-8-sig")
    rows = list(csv.DictReader(exported.splitlines()))
    assert list(rows[0]) == ["customer", "amount", "currency", "estimated_on", "basis", "estimator"]
    assert [(row["customer"], row["estimated_on"]) for row in rows] == [
        ("C1", "2024-01-05"),
        ("C1", "2025-01-05"),
        ("C1", "2026-03-02"),
        ("C2", "2025-01-05"),
    ]
    assert counts(load(exported)) == (0, 0, 4, 0)


def test_who_states_what_a_file_states_at_the_same_time_replaces_it(company, reopen, load, crm, monkeypatch):
    other, done, write = reopen(company.app), [], potential_files._Loader._write
    estimate = Estimate("C1", "7", "CNY", date(2025, 1, 5), "call")

    def write_and_meet(loader):
        """Have the other one come before the file is in; it may have to wait until it is."""
        write(loader)
        thread.start()
        thread.join(0.5)

    thread = threading.Thread(target=lambda: done.append(record_potential(other, ACTOR, estimate)["version"]))
    monkeypatch.setattr(potential_files._Loader, "_write", write_and_meet)
    assert counts(load(ENGLISH)) == (3, 0, 0, 0)
    thread.join(30)
    assert done == [2]
    assert ("2025-01-05", 700, "CNY", ACTOR, "call") in estimates(crm, "C1")
