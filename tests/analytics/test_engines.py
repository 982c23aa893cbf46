"""One analysis, the same answer on every engine, and the same as plain Python's."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from itertools import groupby
from typing import Any

import ibis
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.api import App, Bench, CrmError, Customer, div_whole, open_bench
from crmcore.testing import ACTOR

KINDS = {"customer_id": "int64", "currency": "string", "day": "date", "amount": "int64", "big": "int64"}
FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)

one_row = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(["CNY", "USD", "EUR"]),
        "day": st.dates(date(2024, 11, 1), date(2026, 2, 1)),
        "amount": st.one_of(st.integers(-3, 3), st.integers(-(10**15), 10**15)),
        "big": st.integers(-(2**62), 2**62),
    }
)
some_rows = st.lists(one_row, max_size=40).map(
    lambda rows: [{"customer_id": n, **row} for n, row in enumerate(rows, 1)]
)


# -- the analysis, twice -------------------------------------------------------------------------------------


def graded(t: Any) -> Any:
    """Rank the amounts of 2025, say what stands ahead of each, its fifth, and its share in thousandths."""
    rows = t.filter(t.day.between(ibis.date(FIRST.isoformat()), ibis.date(LAST.isoformat())))
    by_amount = ibis.window(order_by=rows.amount.desc())
    each = ibis.window(order_by=[rows.amount.desc(), rows.customer_id])
    positive = ibis.greatest(rows.amount, ibis.literal(0, "int64"))
    rows = rows.mutate(
        rank=ibis.rank().over(by_amount) + 1,
        fifth=ibis.ntile(5).over(each) + 1,
        upto=positive.sum().over(
            ibis.window(order_by=[rows.amount.desc(), rows.customer_id], preceding=(None, 0))
        ),
        thousands=div_whole(rows.big, 1000),
        rest=rows.big % 1000,
    )
    chosen = rows.select("customer_id", "rank", "fifth", "upto", "thousands", "rest")
    return chosen.order_by("customer_id")


def graded_by_hand(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    inside = sorted(
        (r for r in rows if FIRST <= r["day"] <= LAST), key=lambda r: (-r["amount"], r["customer_id"])
    )
    fifths = [n for n in range(1, 6) for _ in range(len(inside) // 5 + (n <= len(inside) % 5))]
    found = []
    upto = 0
    for position, (row, fifth) in enumerate(zip(inside, fifths, strict=True)):
        upto += max(row["amount"], 0)
        rank = 1 + sum(r["amount"] > row["amount"] for r in inside)
        sign = -1 if row["big"] < 0 else 1
        thousands, rest = (sign * part for part in divmod(abs(row["big"]), 1000))
        found.append((row["customer_id"], rank, fifth, upto, thousands, rest))
        del position
    return sorted(found)


def totals(t: Any) -> Any:
    answer = t.group_by("currency").aggregate(
        amount=t.amount.sum(), rows=t.count(), last=t.day.max(), largest=t.big.max()
    )
    return answer.order_by("currency")


def totals_by_hand(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    ordered = sorted(rows, key=lambda r: r["currency"])
    groups = [(currency, list(own)) for currency, own in groupby(ordered, key=lambda r: r["currency"])]
    return [
        (c, sum(r["amount"] for r in own), len(own), max(r["day"] for r in own), max(r["big"] for r in own))
        for c, own in groups
    ]


def lines(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    text = "".join(" ".join(str(row[c]) for c in columns) + "\n" for row in rows)
    return sha256(text.encode()).hexdigest()


def agree(bench: Bench, name: str, rows: list[dict[str, Any]], select: Any) -> None:
    bench.read(name, select, KINDS)
    bench.define(f"{name}_graded", lambda t: graded(t[name]))
    found = bench.fetch(lambda t: t[f"{name}_graded"].order_by("customer_id"))
    assert found == graded_by_hand(rows)
    assert bench.fetch(lambda t: totals(t[name])) == totals_by_hand(rows)
    assert bench.checksum(name, ["customer_id", "amount", "big"]) == lines(
        rows, ("customer_id", "amount", "big")
    )


# -- tests ---------------------------------------------------------------------------------------------------


def test_an_analysis_gives_what_plain_python_gives(bench: Bench, engine: str, constant_rows: Any) -> None:
    count = 0

    @settings(max_examples=2 if engine == "spark" else 40)
    @given(some_rows)
    def examples(rows: list[dict[str, Any]]) -> None:
        nonlocal count
        count += 1
        agree(bench, f"rows_{count}", rows, constant_rows(rows, KINDS))

    examples()


def test_ties_negatives_and_extremes(bench: Bench, constant_rows: Any) -> None:
    values = [5, 5, 5, 0, 0, -1, -1, 10**15, -(10**15), 1, 7, 7]
    bigs = [2**62, -(2**62), 2**53 + 1, -(2**53) - 1, 999, -999, 1000, -1000, 1, -1, 0, 7]
    rows = [
        {"customer_id": n, "currency": "CNY", "day": FIRST if n % 2 else LAST, "amount": a, "big": b}
        for n, (a, b) in enumerate(zip(values, bigs, strict=True), 1)
    ]
    agree(bench, "sums", rows, constant_rows(rows, KINDS))


def test_values_come_back_as_what_they_are(bench: Bench, constant_rows: Any) -> None:
    kinds = {"n": "int64", "word": "string", "day": "date", "yes": "boolean", "share": "float64"}
    rows: list[dict[str, Any]] = [
        {
            "n": 1,
            "word": "50%:x 'quoted' \"twice\" \\ 客户",
            "day": date(2024, 2, 29),
            "yes": True,
            "share": 0.25,
        },
        {"n": 2, "word": None, "day": None, "yes": None, "share": None},
        {"n": None, "word": "", "day": date(1999, 12, 31), "yes": False, "share": -1.5},
    ]
    bench.read("mixed", constant_rows(rows, kinds), kinds)
    found = bench.fetch(lambda t: t["mixed"].order_by(ibis.asc("n", nulls_first=False)))
    assert found == [tuple(row.values()) for row in rows]
    assert [[type(v) for v in row] for row in found] == [[type(v) for v in row.values()] for row in rows]
    bench.define("again", lambda t: t["mixed"].mutate(m=t["mixed"].n + 1, w=t["mixed"].word.upper()))
    assert bench.fetch(lambda t: t["again"].filter(t["again"].n == 2).select("m", "w", "day")) == [
        (3, None, None)
    ]


def test_a_column_that_begins_with_nothing_keeps_its_type(bench: Bench, constant_rows: Any) -> None:
    kinds = {"n": "int64", "word": "string"}
    rows = [{"n": n, "word": None if n < 60 else "late"} for n in range(70)]
    bench.read("sparse", constant_rows(rows, kinds), kinds)
    found = bench.fetch(lambda t: t["sparse"].filter(t["sparse"].word.notnull()).order_by("n"))
    assert found == [(n, "late") for n in range(60, 70)]


def test_nothing_is_an_answer_too(bench: Bench, constant_rows: Any) -> None:
    bench.read("empty", constant_rows([], KINDS), KINDS)
    bench.define("none", lambda t: t["empty"].filter(t["empty"].amount > 0))
    assert bench.fetch(lambda t: t["none"]) == []
    assert list(bench.batches(lambda t: t["none"].order_by("customer_id"))) == []
    assert bench.checksum("none", ["customer_id"]) == sha256(b"").hexdigest()
    assert bench.fetch(lambda t: t["none"].aggregate(n=t["none"].count())) == [(0,)]


def test_big_answers_come_in_batches_in_order_and_side_by_side(bench: Bench, constant_rows: Any) -> None:
    kinds = {"n": "int64"}
    bench.read("ten", constant_rows([{"n": n} for n in range(10)], kinds), kinds)

    def thousand(t: Any) -> Any:
        a, b, c = (t["ten"].rename({f"n{i}": "n"}) for i in range(3))
        return a.cross_join(b).cross_join(c).mutate(m=lambda x: x.n0 * 100 + x.n1 * 10 + x.n2).select("m")

    bench.define("thousand", thousand)
    sizes, seen = [], []
    for part in bench.batches(lambda t: t["thousand"].order_by(ibis.desc("m")), size=300):
        sizes.append(len(part))
        seen += [n for (n,) in part]
        assert bench.fetch(lambda t: t["thousand"].aggregate(s=t["thousand"].m.sum())) == [(499_500,)]
    assert (sizes, seen) == ([300, 300, 300, 100], list(range(999, -1, -1)))
    given_up = bench.batches(lambda t: t["thousand"].order_by("m"), size=10)
    assert next(given_up)[0] == (0,)
    given_up.close()
    assert bench.checksum("thousand", ["m"]) == lines([{"m": n} for n in range(1000)], ("m",))


def test_every_engine_gives_the_same_checksum(company: App, constant_rows: Any) -> None:
    rows = [{"customer_id": n, "big": (-1) ** n * (2**61 + n)} for n in range(1, 40)]
    rows.append({"customer_id": 99, "big": None})
    kinds = {"customer_id": "int64", "big": "int64"}
    found = set()
    for engine in ("database", "duckdb"):
        with open_bench(company, engine, "points") as bench:
            bench.read("sums", constant_rows(rows, kinds), kinds)
            found.add(bench.checksum("sums", ["customer_id", "big"]))
    assert found == {lines(rows, ("customer_id", "big"))}


@pytest.mark.parametrize(
    ("name", "kinds", "message"),
    [
        ("t0", {"n": "int64"}, "cannot name a table"),
        ("x; DROP TABLE y", {"n": "int64"}, "cannot name a table"),
        ("sums", {"n": "decimal"}, "there is no type 'decimal'"),
        ("sums", {"m": "int64"}, "the select gives"),
    ],
)
def test_what_a_bench_does_not_take(
    company: App, constant_rows: Any, name: str, kinds: dict[str, str], message: str
) -> None:
    with open_bench(company, "database", "points") as bench, pytest.raises(ValueError, match=message):
        bench.read(name, constant_rows([{"n": 1}], {"n": "int64"}), kinds)


def test_a_name_is_given_once_and_a_type_must_be_known_everywhere(company: App, constant_rows: Any) -> None:
    kinds = {"n": "int64"}
    with open_bench(company, "database", "points") as bench:
        bench.read("one", constant_rows([{"n": 1}], kinds), kinds)
        with pytest.raises(ValueError, match="there is a table 'one' on the bench already"):
            bench.read("one", constant_rows([{"n": 1}], kinds), kinds)
        with pytest.raises(ValueError, match="column 'd' is decimal"):
            bench.define("two", lambda t: t["one"].mutate(d=t["one"].n.cast("decimal(10, 2)")))


def test_what_is_too_large_is_an_error_and_no_wrong_number(bench: Bench, constant_rows: Any) -> None:
    kinds = {"n": "int64"}
    bench.read("large", constant_rows([{"n": 2**62}, {"n": 2**62}], kinds), kinds)
    with pytest.raises(CrmError, match=r"(?i)overflow|out of range|64 bits"):
        bench.define("sum", lambda t: t["large"].aggregate(n=t["large"].n.sum()))
        bench.fetch(lambda t: t["sum"])


@pytest.mark.parametrize(("least", "most"), [(1, 2_500), (700, 800), (10**9, 2 * 10**9), (5, 5)])
def test_rows_that_are_read_side_by_side_are_all_there_once(
    bench: Bench, customers: list[int], least: int, most: int
) -> None:
    ids = sa.table("customer", sa.column("id"))
    bench.read("numbers", sa.select(ids.c.id), {"id": "int64"}, spread=("id", least, most))
    assert [number for (number,) in bench.fetch(lambda t: t["numbers"].order_by("id"))] == customers


def test_rows_that_are_read_side_by_side_are_those_of_the_moment_of_the_first_read(
    company: App, customers: list[int]
) -> None:
    ids = sa.select(sa.table("customer", sa.column("id")).c.id)
    with open_bench(company, "duckdb", "points") as opened:
        opened.read("before", ids, {"id": "int64"})
        assert len(opened.fetch(lambda t: t["before"])) == len(customers)
        with company.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": "NEW", "name": "n", "kind": "organisation", "lifecycle": "active"}])
        opened.read("after", ids, {"id": "int64"}, spread=("id", customers[0], customers[-1]))
        assert len(opened.fetch(lambda t: t["after"])) == len(customers)
