"""Codes: from the pattern, unique under many writers, never one that is taken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from crmcore.api import Customer
from crmcore.app import App
from crmcore.codes import codes_from_pattern
from crmcore.errors import BadConfig
from crmcore.testing import ACTOR

DAY = date(2026, 3, 2)


@given(st.lists(st.integers(1, 10**9), unique=True, max_size=20), st.dates())
def test_different_numbers_make_different_codes(numbers: list[int], today: date) -> None:
    codes = codes_from_pattern("C{year}{month}-{seq:05}", numbers, today)
    assert len(set(codes)) == len(numbers)
    assert all(code.startswith(f"C{today.year:04}{today.month:02}-") for code in codes)


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("C{seq:06}", "C000007"),
        ("客{seq}", "客7"),
        ("{year}{month}{seq:3}", "202603  7"),
        ("{{x}}{seq}", "{x}7"),
    ],
)
def test_patterns(pattern: str, code: str) -> None:
    assert codes_from_pattern(pattern, [7], DAY) == [code]


@pytest.mark.parametrize(
    "pattern",
    [
        "{seq:06}{day}",
        "{seq",
        "{}{seq}",
        "{0}{seq}",
        "{seq:xyz}",
        "{seq.real.__class__.nothing}",
        "{seq[0]}",
        "{year!z}{seq}",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(BadConfig, match=r"is not allowed; use \{seq:06\}, \{year\} and \{month\}"):
        codes_from_pattern(pattern, [1], DAY)


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    return make_app(database=database)


def make(app: App, count: int) -> list[str]:
    with app.write(ACTOR) as tx:
        codes = tx.new_codes("customer", count)
        tx.insert(Customer, [{"code": code, "name": code} for code in codes])
    return codes


def test_codes_go_on_from_the_last_one(app: App) -> None:
    assert make(app, 3) == ["C000001", "C000002", "C000003"]
    assert make(app, 1) == ["C000004"]
    with app.write(ACTOR) as tx:
        assert tx.new_codes("customer", 0) == []
        assert tx.new_codes("contact", 1) == ["P000001"]


def test_what_is_rolled_back_may_be_used_again(app: App) -> None:
    with pytest.raises(ZeroDivisionError), app.write(ACTOR) as tx:
        tx.new_codes("customer", 5)
        _ = 1 // 0
    assert make(app, 1) == ["C000001"]


def test_taken_codes_are_skipped_and_no_number_is_wasted(app: App) -> None:
    taken = [f"C{n:06}" for n in (1, 2, 4, *range(6, 700))]
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": code, "name": "x"} for code in taken])
    assert make(app, 2) == ["C000003", "C000005"]
    assert make(app, 1) == ["C000700"]
    assert make(app, 2) == ["C000701", "C000702"]


def test_a_code_of_a_deleted_customer_is_free_again_but_archived_ones_are_taken(app: App) -> None:
    make(app, 2)
    with app.write(ACTOR) as tx:
        tx.archive(Customer, [1])
    assert make(app, 1) == ["C000003"]


def test_each_pattern_counts_for_itself(make_app: Callable[..., App], reopen: Callable[..., App]) -> None:
    app = make_app()
    make(app, 2)
    text = app.config.path.read_text(encoding="utf-8")
    app.config.path.write_text(text.replace("C{seq:06}", "K{year}-{seq:04}"), encoding="utf-8")
    assert make(reopen(app), 2) == ["K2026-0001", "K2026-0002"]
    app.config.path.write_text(text, encoding="utf-8")
    assert make(reopen(app), 1) == ["C000003"]


WRITER = """
import sys
from crmcore.api import Customer
from crmcore.app import create_app
app = create_app(sys.argv[1])
for turn in range(int(sys.argv[2])):
    with app.write("tester") as tx:
        codes = tx.new_codes("customer", 7)
        tx.insert(Customer, [{"code": code, "name": sys.argv[3]} for code in codes])
app.close()
"""


@pytest.mark.slow
def test_four_processes_at_once_never_make_the_same_code(app: App) -> None:
    turns, writers = 12, 4
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(app.config.folder), str(turns), f"writer {n}"],
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(writers)
    ]
    for process in running:
        _out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
    total = turns * writers * 7
    with app.read() as ctx:
        codes = list(ctx.connection.scalars(sa.text("SELECT code FROM customer ORDER BY code")))
        transactions = ctx.connection.scalar(sa.text("SELECT count(*) FROM change_tx"))
    assert codes == [f"C{n:06}" for n in range(1, total + 1)], "none twice, none lost"
    assert transactions == turns * writers + 1
