"""Statements, commits and steps on files can be counted, and each made to fail."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from crmcore.api import App, CrmError, Customer
from crmcore.testing import ACTOR, ProcessRunner, StatementFaults

Make = Callable[..., App]


def add(app: App, code: str) -> None:
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": code, "name": "A"}])


def codes(app: App) -> list[str]:
    with app.read() as ctx:
        return list(ctx.connection.scalars(sa.text("SELECT code FROM customer ORDER BY code")))


def test_points_are_the_statements_and_both_sides_of_the_commit(
    make_app: Make, database: str, statement_faults: StatementFaults
):
    app = make_app(database=database)
    app.close()
    with statement_faults.counted() as points:
        add(app, "A1")
    texts = [point.text for point in points if point.writes]
    assert any("customer" in text for text in texts)
    assert any("change_log" in text for text in texts)
    assert [(point.kind, point.writes) for point in points][-2:] == [("commit", True), ("committed", False)]


def test_each_point_that_fails_leaves_all_or_nothing(
    make_app: Make, database: str, statement_faults: StatementFaults
):
    app = make_app(database=database)
    add(app, "A")  # the first row of all has points of its own
    app.close()
    with statement_faults.counted() as points:
        add(app, "A0")
    last = max(n for n, point in enumerate(points, 1) if point.kind == "commit" and point.writes)
    for n, point in enumerate(points, 1):
        for fail in (statement_faults.fail, statement_faults.disk_full)[: 2 if point.writes else 1]:
            before = codes(app)
            app.close()
            with fail(n) as fault, pytest.raises((CrmError, sa.exc.DBAPIError, sqlite3.Error)):
                add(app, f"A{n}")
            assert fault.struck
            app.close()
            added = [f"A{n}"] if n > last else []
            assert sorted(codes(app)) == sorted({*before, *added}), point


def test_a_full_disk_stays_full_and_reading_goes_on(make_app: Make, statement_faults: StatementFaults):
    app = make_app()
    app.close()
    with statement_faults.disk_full(1):
        for code in ("A1", "A2"):
            with pytest.raises(CrmError, match="the disk is full"):
                add(app, code)
        assert codes(app) == []
    add(app, "A1")
    assert codes(app) == ["A1"]


def test_a_file_that_is_not_flushed_is_half_lost(tmp_path: Path, statement_faults: StatementFaults):
    file = tmp_path / "a"

    def write() -> None:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
        try:
            os.write(descriptor, b"12345678")
            os.fsync(descriptor)
            os.replace(file, tmp_path / "b")  # noqa: PTH105  (what is watched)
        finally:
            os.close(descriptor)

    with statement_faults.counted() as points:
        write()
    assert [point.text for point in points] == ["open a", "fsync", "replace a"]
    with statement_faults.disk_full(2), pytest.raises(OSError, match="No space left"):
        write()
    assert file.read_bytes() == b"1234"


def test_a_kill_ends_a_process_that_may_be_killed(
    make_app: Make, run_in_process: ProcessRunner, statement_faults: StatementFaults
):
    def crash(folder: str) -> None:
        from crmcore.api import Customer
        from crmcore.testing import ACTOR, StatementFaults, open_workspace

        with StatementFaults().kill(12), open_workspace(folder).write(ACTOR) as tx:
            tx.insert(Customer, [{"code": "A1", "name": "A"}])

    app = make_app()
    assert run_in_process(crash, app.config.folder).exit_code == -9
    assert codes(app) == []
    with pytest.raises(RuntimeError, match="would end the tests themselves"):
        statement_faults.kill(1)
