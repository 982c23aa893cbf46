"""The quick way into a table, past the gate: what the gate logs of it, and what is left when it fails."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from typing import Any

import ibis
import pyarrow as pa
import pytest
import sqlalchemy as sa

from crmcore.api import Bench, CrmError, LoadedRange, Refused, open_bench, unload
from crmcore.app import App
from crmcore.builtin.analytics import loading
from crmcore.builtin.analytics.child_load import Hashes
from crmcore.changes import digest_of_rows
from crmcore.db.engine import sqlite_path
from crmcore.errors import GateError
from crmcore.testing import ACTOR

CONTROL = "".join(map(chr, range(1, 32))) + "\x7f\x80"
WORDS = ["A", "", None, "“B”中文😀", "a\"b\\c\\\\\\n'd", CONTROL, "\\u000B", "\N{LINE SEPARATOR}/"]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "CHUNK", 1_000)


def source(customers: list[int]) -> sa.Select[Any]:
    numbers = sa.table("customer", sa.column("id"))
    shuffled = ((numbers.c.id * 7919) % 1_000_003).label("points")
    return sa.select(numbers.c.id, sa.cast(shuffled, sa.BigInteger).label("points")).where(
        numbers.c.id.between(customers[0], customers[-1])
    )


def rows_of_round(number: int) -> Callable[[Any], Any]:
    """Give each customer points, words of all kinds and days."""

    def build(t: Any) -> Any:
        rows = t["sums"]
        word: Any = ibis.null("string")
        for position, text in enumerate(WORDS):
            word = ibis.ifelse(rows.points % len(WORDS) == position, ibis.literal(text, "string"), word)
        day = ibis.ifelse(rows.points % 3 == 0, ibis.null("date"), ibis.date("2024-02-29"))
        points = rows.points - 500_000
        return rows.select(
            round=ibis.literal(number),
            customer_id=rows.id,
            points=points,
            word=word,
            day=day,
            special=rows.points % 2 == 0,
        )

    return build


def load(app: App, model: Any, customers: list[int], number: int = 1) -> list[LoadedRange]:
    with open_bench(app, "duckdb", "points") as bench:
        return load_on(bench, model, customers, number)


def load_on(bench: Bench, model: Any, customers: list[int], number: int = 1) -> list[LoadedRange]:
    bench.read("sums", source(customers), {"id": "int64", "points": "int64"})
    return load_round(bench, model, number)


def load_round(bench: Bench, model: Any, number: int) -> list[LoadedRange]:
    found = bench.load(model, rows_of_round(number), actor=ACTOR, ids_in_order=["customer_id"])
    assert found is not None
    return found


def stored(app: App, model: Any, first: int = 0, last: int = 2**62) -> list[dict[str, Any]]:
    table = model.__table__
    with app.read("points") as ctx:
        query = sa.select(table).where(table.c.id.between(first, last)).order_by(table.c.id)
        return [dict(row) for row in ctx.connection.execute(query).mappings()]


def entries(app: App) -> list[dict[str, Any]]:
    with app.read() as ctx:
        query = "SELECT after FROM change_log WHERE entity = 'points_point' ORDER BY seq"
        return [json.loads(text) for text in ctx.connection.scalars(sa.text(query))]


def test_loaded_rows_are_logged_as_inserted_ones_are(company: App, point: Any, customers: list[int]) -> None:
    ranges = load(company, point, customers)
    assert [r.rows for r in ranges] == [1_000, 1_000, 500]
    with company.write(ACTOR, plugin="points") as tx:
        tx.log_loaded(point, ranges)
    loaded = stored(company, point)
    assert len(loaded) == 2_500
    assert [row["customer_id"] for row in loaded] == customers
    assert {row["word"] for row in loaded} == set(WORDS)
    assert {row["level"] for row in loaded} == {3}
    assert {row["day"] for row in loaded} == {None, date(2024, 2, 29)}
    # The same rows through the gate, into the ids that come next.
    again = [{k: v for k, v in row.items() if k != "id"} | {"round": 2} for row in loaded]
    with company.write(ACTOR, plugin="points") as tx:
        for start in range(0, len(again), 1_000):
            tx.insert(point, again[start : start + 1_000])
    for a, b in zip(entries(company)[:3], entries(company)[3:], strict=True):
        assert list(a) == list(b)
        assert (a["rows"], a["columns"]) == (b["rows"], b["columns"])
        for entry in (a, b):
            rows = stored(company, point, entry["first"], entry["last"])
            assert entry["sha256"] == digest_of_rows(entry["columns"], [r["id"] for r in rows], rows)
    # And byte for byte: the digest over the loaded rows, had `insert` given them those ids.
    for found, entry in zip(ranges, entries(company), strict=False):
        assert (entry["first"], entry["last"], entry["rows"], entry["sha256"]) == found
    assert company.host.get("points").state == "enabled"


def test_the_change_log_stays_whole(company: App, point: Any, customers: list[int], crm: Any) -> None:
    ranges = load(company, point, customers)
    with company.write(ACTOR, plugin="points") as tx:
        tx.log_loaded(point, ranges)
        tx.insert(point, [{"round": 9, "customer_id": customers[0], "points": 1}])
    checks = {check["name"]: check for check in crm.json("doctor")["checks"]}
    assert checks["change log"]["ok"], checks


def test_ids_are_taken_once_whoever_writes(company: App, point: Any, customers: list[int]) -> None:
    with company.write(ACTOR, plugin="points") as tx:
        (before,) = tx.insert(point, [{"round": 9, "customer_id": customers[0], "points": 1}])
    ranges = load(company, point, customers)
    with company.write(ACTOR, plugin="points") as tx:
        (after,) = tx.insert(point, [{"round": 9, "customer_id": customers[1], "points": 1}])
    taken = [n for r in ranges for n in range(r.first, r.last + 1)]
    assert before < taken[0]
    assert taken[-1] < after
    assert len(set(taken)) == 2_500
    assert load(company, point, customers, 2)[0].first > after


def test_ids_that_others_draw_in_between_are_left_to_them(
    company: App, point: Any, customers: list[int]
) -> None:
    if company.engine.dialect.name == "sqlite":
        pytest.skip("its write lock lets nobody draw in between")
    ours: list[int] = []
    over = threading.Event()
    busy = [threading.Thread(target=_draw_on, args=(company, ours, over)) for _ in range(2)]
    with open_bench(company, "duckdb", "points") as bench:
        bench.read("sums", source(customers), {"id": "int64", "points": "int64"})
        for thread in busy:
            thread.start()
        try:
            loads = [load_round(bench, point, number) for number in range(1, 9)]
            while max(map(len, loads)) <= 3:  # until they did: on a busy machine nobody may come in between
                loads.append(load_round(bench, point, len(loads) + 1))
        finally:
            over.set()
            for thread in busy:
                thread.join()
    taken = [n for ranges in loads for r in ranges for n in range(r.first, r.last + 1)]
    assert (len(taken), set(taken) & set(ours)) == (len(loads) * 2_500, set())
    assert [row["id"] for row in stored(company, point)] == sorted(taken)


def _draw_on(app: App, drawn: list[int], over: threading.Event) -> None:
    draw = sa.text("SELECT nextval(pg_get_serial_sequence('points_point', 'id')) FROM generate_series(1, 3)")
    with app.engine.connect() as connection:
        while not over.is_set():
            drawn += connection.scalars(draw)


def test_a_run_of_ids_that_ends_ends_a_chunk() -> None:
    hashes = Hashes(3)
    ids = [1, 2, 3, 4, 7, 8]
    lines = [f",[{n}]" for n in ids]
    for part in (slice(2), slice(2, 4)):
        hashes.add(pa.record_batch({"id": ids[part], "line": lines[part]}))
    hashes.add(pa.record_batch({"id": ids[4:], "line": lines[4:]}))
    hashes.cut()
    assert [r[:3] for r in hashes.ranges] == [(1, 3, 3), (4, 4, 1), (7, 8, 2)]
    assert [r[3] for r in hashes.ranges] == [
        sha256(text.encode()).hexdigest() for text in ("[[1],[2],[3]]", "[[4]]", "[[7],[8]]")
    ]


def test_ids_with_gaps_between_give_a_range_each(company: App, point: Any, customers: list[int]) -> None:
    if company.engine.dialect.name == "sqlite":
        pytest.skip("SQLite gives ids without gaps")
    with company.operations() as connection, company.unguarded(connection):
        connection.execute(sa.text("ALTER SEQUENCE points_point_id_seq INCREMENT BY 2"))
    ranges = load(company, point, customers[:4])
    assert [(r.last - r.first, r.rows) for r in ranges] == [(0, 1)] * 4
    rows = stored(company, point)
    assert [r["customer_id"] for r in rows] == customers[:4]
    for row, found in zip(rows, ranges, strict=True):
        assert found.sha256 == digest_of_rows(list(row), [row["id"]], [row])


def test_nothing_to_load_is_no_range(company: App, point: Any, customers: list[int]) -> None:
    with open_bench(company, "duckdb", "points") as bench:
        bench.read("sums", source(customers), {"id": "int64", "points": "int64"})
        build = rows_of_round(1)
        found = bench.load(
            point, lambda t: build(t).filter(ibis._.points > 10**9), actor=ACTOR, ids_in_order=["customer_id"]
        )
    assert found == []
    assert stored(company, point) == []


def test_a_customer_that_is_not_there_refuses_its_rows(
    company: App, point: Any, customers: list[int]
) -> None:
    with open_bench(company, "duckdb", "points") as bench:
        bench.read("sums", source(customers), {"id": "int64", "points": "int64"})
        build = rows_of_round(1)

        def build_wrong(t: Any) -> Any:
            rows = build(t)
            return rows.mutate(customer_id=rows.customer_id + 5)

        with pytest.raises(CrmError, match=r"(?i)foreign key"):
            bench.load(point, build_wrong, actor=ACTOR, ids_in_order=["customer_id"])
    assert stored(company, point) == []


def test_a_second_load_of_the_same_rows_is_refused_and_taken_away(
    company: App, point: Any, customers: list[int]
) -> None:
    ranges = load(company, point, customers)
    with pytest.raises(CrmError, match=r"(?i)unique"):
        load(company, point, customers)
    assert len(stored(company, point)) == 2_500
    with company.write(ACTOR, plugin="points") as tx:
        tx.log_loaded(point, ranges)


def test_who_may_not_write_may_not_load(company: App, point: Any, customers: list[int]) -> None:
    with open_bench(company, "duckdb", "points") as bench:
        bench.read("sums", source(customers), {"id": "int64", "points": "int64"})
        with pytest.raises(Refused, match="there is no actor 'nobody'"):
            bench.load(point, rows_of_round(1), actor="nobody", ids_in_order=["customer_id"])


def test_where_a_plugin_decides_on_changes_there_is_no_way_round_it(
    make_app: Any, install_plugin: Any, company: App, point: Any, customers: list[int], reopen: Any
) -> None:
    install_plugin(
        "never", "from crmcore.api import hookimpl\n@hookimpl\ndef validate_changes(changes): return []\n"
    )
    from crmcore.builtin.lifecycle.enabling import enable

    enable(company, ["never"], ACTOR)
    with open_bench(reopen(company), "duckdb", "points") as bench:
        bench.read("sums", source(customers), {"id": "int64", "points": "int64"})
        assert bench.load(point, rows_of_round(1), actor=ACTOR, ids_in_order=["customer_id"]) is None
    del make_app


def test_engines_without_a_quick_way_say_so(company: App, point: Any, customers: list[int]) -> None:
    with open_bench(company, "database", "points") as bench:
        bench.read("sums", source(customers), {"id": "int64", "points": "int64"})
        assert bench.load(point, rows_of_round(1), actor=ACTOR, ids_in_order=["customer_id"]) is None


def test_a_table_that_is_logged_row_by_row_is_not_for_this(company: App, point: Any) -> None:
    from importlib import import_module

    detail = import_module("crmcore_points.tables").Detail
    with open_bench(company, "duckdb", "points") as bench:
        bench.read("one", sa.select(sa.literal_column("1").label("points")), {"points": "int64"})
        assert bench.load(detail, lambda t: t["one"], actor=ACTOR, ids_in_order=["points"]) is None
    with pytest.raises(GateError, match="logged one by one"), company.write(ACTOR) as tx:
        tx.log_loaded(detail, [LoadedRange(1, 1, 1, "")])
    with pytest.raises(GateError, match="logged one by one"):
        unload(company, detail, sa.true())
    del point


def test_what_was_never_logged_can_be_taken_away_again(
    company: App, point: Any, customers: list[int]
) -> None:
    table = point.__table__
    ranges = load(company, point, customers)
    with company.write(ACTOR, plugin="points") as tx:
        tx.log_loaded(point, ranges)
    load(company, point, customers, 2)
    assert unload(company, point, table.c.round == 2) == 2_500
    assert unload(company, point, table.c.round == 2) == 0
    assert len(stored(company, point)) == 2_500
    with pytest.raises(GateError, match="are in the change log"):
        unload(company, point, table.c.round == 1)
    assert len(stored(company, point)) == 2_500
    assert load(company, point, customers, 2)


def test_a_load_that_was_killed_leaves_what_unload_takes_away(
    company: App, point: Any, many_customers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill the process in its second transaction; the first is there, the log knows nothing of it."""
    monkeypatch.setattr(loading, "AT_ONCE", 2_048)
    table = point.__table__
    with open_bench(company, "duckdb", "points") as bench:
        child: Any = bench.child  # type: ignore[attr-defined]
        bench.read("sums", source(many_customers), {"id": "int64", "points": "int64"})
        killer = threading.Thread(target=_kill_when_begun, args=(company, point, child))
        killer.start()
        with pytest.raises(CrmError, match="the process of the engine duckdb ended before its work was done"):
            bench.load(point, rows_of_round(1), actor=ACTOR, ids_in_order=["customer_id"])
        killer.join()
    left = len(stored(company, point))
    assert 0 < left < 12_000
    assert left % 2_048 == 0
    assert entries(company) == []
    assert unload(company, point, table.c.round == 1) == left
    assert stored(company, point) == []
    assert len(load(company, point, many_customers)) == 12
    if path := sqlite_path(company.config):
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()


def _kill_when_begun(company: App, point: Any, child: Any) -> None:
    deadline = time.monotonic() + 30
    query = sa.select(sa.func.count()).select_from(point.__table__)
    while time.monotonic() < deadline:
        with company.read() as ctx:
            if ctx.connection.scalar(query):
                os.kill(child.pid, signal.SIGKILL)
                return


def test_others_write_while_rows_are_loaded(
    company: App, point: Any, many_customers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "AT_ONCE", 2_048)
    waits: list[float] = []
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            begun = time.monotonic()
            with company.write(ACTOR, plugin="points") as tx:
                tx.insert(
                    point, [{"round": 100 + number, "customer_id": many_customers[0], "points": number}]
                )
            waits.append(time.monotonic() - begun)
            time.sleep(0.01)

    writer = threading.Thread(target=write)
    with (
        open_bench(company, "duckdb", "points") as bench,
        company.read("points") as ctx,
    ):  # a connection of ours stays open all the while
        ctx.connection.scalar(sa.text("SELECT count(*) FROM points_point"))
        writer.start()
        try:
            ranges = load_on(bench, point, many_customers)
        finally:
            done.set()
            writer.join()
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM points_point")) in {0, 12_000 + len(waits)}
    assert max(waits) < 2 or len(waits) == 1
    with company.write(ACTOR, plugin="points") as tx:
        tx.log_loaded(point, ranges)
    assert len(stored(company, point)) == 12_000 + len(waits)
    for entry in entries(company):
        rows = [
            r
            for r in stored(company, point, entry["first"], entry["last"])
            if (r["round"] == 1) == (entry["rows"] > 1)
        ]
        assert entry["sha256"] == digest_of_rows(entry["columns"], [r["id"] for r in rows], rows)
    if path := sqlite_path(company.config):
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
