"""Parquet files as tables of a bench."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from crmcore.api import App, Bench, CrmError, open_bench

KINDS = {"customer_id": "int64", "day": "date", "currency": "string", "amount": "int64"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with a quote in its name, with two files of ten rows in all."""
    folder = tmp_path / "pur'chases"
    folder.mkdir()
    for part in range(2):
        rows = [
            {
                "customer_id": n,
                "day": date(2025, 1, 1 + n),
                "currency": "CNY",
                "amount": n * 2**40,
                "more": "x",
            }
            for n in range(part * 5, part * 5 + 5)
        ]
        table = pa.Table.from_pylist(rows)
        # Narrow integers, as other programs write them.
        table = table.set_column(0, "customer_id", table["customer_id"].cast(pa.int32()))
        parquet.write_table(table, folder / f"part-{part}.parquet")
    return folder


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=[pytest.mark.slow])])
def bench(company: App, request: pytest.FixtureRequest) -> Any:
    if request.param == "spark" and "spark" not in __import__("crmcore.api").api.available_engines(company):
        pytest.skip("no Java: the engine spark needs it")
    with open_bench(company, request.param, "points") as opened:
        yield opened


@pytest.mark.parametrize("pattern", ["part-*.parquet", "part-1.parquet"])
def test_files_are_read_where_they_lie(bench: Bench, files: Path, pattern: str) -> None:
    bench.read_files("rows", str(files / pattern), KINDS)
    found = bench.fetch(lambda t: t["rows"].order_by("customer_id"))
    first = 0 if "*" in pattern else 5
    assert found == [(n, date(2025, 1, 1 + n), "CNY", n * 2**40) for n in range(first, 10)]


def test_files_that_are_not_there_are_one_sentence(bench: Bench, files: Path) -> None:
    with pytest.raises(CrmError, match=r"none\.parquet") as caught:
        bench.read_files("rows", str(files / "none.parquet"), KINDS)
        bench.fetch(lambda t: t["rows"])
    assert "\n" not in str(caught.value)


def test_a_column_that_the_files_lack_is_named(bench: Bench, files: Path) -> None:
    with pytest.raises(CrmError, match="weight"):
        bench.read_files("rows", str(files / "part-0.parquet"), {**KINDS, "weight": "int64"})
        bench.fetch(lambda t: t["rows"])


def test_files_and_the_database_join(bench: Bench, files: Path, constant_rows: Any) -> None:
    names = {"number": "int64", "name": "string"}
    bench.read(
        "names", constant_rows([{"number": 3, "name": "three"}, {"number": 4, "name": "four"}], names), names
    )
    bench.read_files("rows", str(files / "*.parquet"), KINDS)
    bench.define(
        "joined", lambda t: t["rows"].inner_join(t["names"], t["rows"].customer_id == t["names"].number)
    )
    found = bench.fetch(lambda t: t["joined"].select("name", "amount").order_by("amount"))
    assert found == [("three", 3 * 2**40), ("four", 4 * 2**40)]
