"""The rules for files of limits, and that an approved file gives exactly its limits."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore_credit_5c.rules.imports import Asked, Since, problem_of, skip_of, state_of, twice

TODAY = date(2026, 3, 2)
ONE = Asked(100, "CNY")


@pytest.mark.parametrize(
    ("held", "state"),
    [
        (None, "new"),
        (ONE, "unchanged"),
        (ONE._replace(payment_days=30), "unchanged"),
        (ONE._replace(limit_minor=99), "changed"),
        (ONE._replace(currency="USD"), "changed"),
        (ONE._replace(until=TODAY), "changed"),
    ],
)
def test_a_row_is_compared_with_the_limit_that_holds(held: Asked | None, state: str) -> None:
    assert state_of(ONE, held) == state


def test_payment_days_are_compared_where_the_file_says_them() -> None:
    thirty = ONE._replace(payment_days=30)
    assert state_of(thirty, ONE) == "changed"
    assert state_of(thirty, thirty) == "unchanged"


def test_the_last_day_is_a_day_on_which_a_limit_still_holds() -> None:
    assert problem_of(ONE._replace(until=TODAY), 100, 100, TODAY) is None
    assert problem_of(ONE._replace(until=TODAY - timedelta(days=1)), 100, 100, TODAY) == "until_past"
    assert skip_of(ONE._replace(until=TODAY), Since(), TODAY) is None


def test_the_largest_plausible_limit_is_plausible() -> None:
    assert problem_of(ONE, 100, 100, TODAY) is None
    assert problem_of(ONE, 101, 100, TODAY) == "implausible"


def test_a_limit_of_nothing_is_a_limit_and_a_negative_one_is_none() -> None:
    assert problem_of(ONE._replace(limit_minor=0), 0, 100, TODAY) is None
    assert problem_of(ONE._replace(limit_minor=-1), -1, 100, TODAY) == "negative"


@pytest.mark.parametrize(
    ("days", "problem"),
    [(None, None), (0, None), (3_650, None), (-1, "payment_days"), (3_651, "payment_days")],
)
def test_payment_days_are_none_to_ten_years(days: int | None, problem: str | None) -> None:
    assert problem_of(ONE._replace(payment_days=days), 100, 100, TODAY) == problem


PAST = ONE._replace(until=TODAY - timedelta(days=1))


@pytest.mark.parametrize(
    ("asked", "since", "skip"),
    [
        (ONE, Since(), None),
        (PAST, Since(), "until_past"),
        (PAST, Since(decided=True), "decided"),
        (PAST, Since(decided=True, restricted=True), "restricted"),
        (PAST, Since(decided=True, restricted=True, archived=True), "archived"),
        (PAST, Since(merged=True, archived=True, restricted=True, decided=True), "merged"),
    ],
)
def test_a_row_is_left_out_for_what_became_of_its_customer(
    asked: Asked, since: Since, skip: str | None
) -> None:
    assert skip_of(asked, since, TODAY) == skip


def test_all_lines_of_a_customer_who_stands_there_twice_are_named() -> None:
    assert twice([(2, 7), (3, 8), (4, 7), (5, 7)]) == {2: 4, 4: 2, 5: 2}
    assert twice([(2, 7), (3, 8), (4, 7)]) == {2: 4, 4: 2}


CODES = [f"K{number}" for number in range(8)]
AMOUNTS = st.integers(0, 10**11)
DAYS = st.one_of(st.none(), st.integers(0, 60).map(lambda n: TODAY + timedelta(days=n)))
ROWS = st.dictionaries(
    st.sampled_from(CODES), st.tuples(AMOUNTS, DAYS, st.one_of(st.none(), st.integers(0, 120)))
)
STYLES = st.sampled_from([("utf-8", ","), ("gb18030", ";"), ("utf-16", "\t"), ("utf-8-sig", "|")])


def write(path: Path, rows: Any, encoding: str, delimiter: str) -> None:
    with path.open("w", encoding=encoding, newline="") as out:
        writer = csv.writer(out, delimiter=delimiter)
        writer.writerow(["客户编码", "客户名称", "信用额度", "有效期至", "账期"])
        for code, (amount, until, days) in rows.items():
            shown = f"{amount // 100:,}.{amount % 100:02}"
            writer.writerow([code, "示例商行", shown, until or "", "" if days is None else days])


@pytest.mark.slow
def test_an_approved_file_gives_exactly_its_limits(
    make_trade: Any, crm: Any, tmp_path: Path, database: str
) -> None:
    """Whatever stands in the files, and however they are written: what one says holds, and nothing else changes."""
    trade = make_trade(database)
    trade.add(*CODES)
    held: dict[str, tuple[int, date | None]] = {}
    path = tmp_path / "limits.csv"

    @settings(
        max_examples=10,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        database=None,
    )
    @given(rows=ROWS.filter(bool), style=STYLES)
    def keeps(rows: Any, style: tuple[str, str]) -> None:
        write(path, rows, *style)
        found = crm.json("credit", "limit", "import", path)
        assert found["rejected"] == 0
        assert found["sum_minor"] == sum(
            row["limit_minor"] for row in found["rows"] if row["state"] != "unchanged"
        )
        if found["request"] is not None:
            with crm.as_actor("boss", roles=["general_manager"]):
                crm.ok("credit", "limit", "approve", found["request"], "--reason", "as it says")
        held.update({code: (amount, until) for code, (amount, until, _days) in rows.items()})
        told = {line["customer"]: line for line in crm.lines("credit", "limit", "list")}
        assert {code: (line["limit_minor"], line["until"]) for code, line in told.items()} == {
            code: (amount, until.isoformat() if until else None) for code, (amount, until) in held.items()
        }
        assert crm.json("credit", "limit", "import", path)["unchanged"] == len(rows)

    keeps()
