"""Who reads for long sees one moment, and is in nobody's way."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.builtin.exchange import customer_export, export
from crmcore.builtin.records.services import customers
from crmcore.builtin.records.services.values import By
from crmcore.db.engine import sqlite_path
from crmcore.testing import ACTOR, CommandLine
from tests.writers.conftest import fill, place_of
from tests.writers.oracle import Company

BY = By(ACTOR, "many writers")
FIRMS = 60


@pytest.fixture
def large(company: App, monkeypatch: pytest.MonkeyPatch) -> App:
    """Return a company of several pages."""
    monkeypatch.setattr(customer_export, "PAGE", 20)
    with company.write(*BY) as tx:
        rows = [{"code": f"F{n:02}", "name": f"Firm {n}", "region": "old"} for n in range(FIRMS)]
        tx.insert(Customer, rows)
    return company


def test_an_export_sees_one_moment_while_others_write(
    large: App, reopen: Any, crm: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, picker, written = reopen(large), export._picker, iter(range(FIRMS))

    def write_meanwhile(fields: Sequence[str]) -> Callable[[Any], Any]:
        def pick(row: Any) -> Any:
            number = next(written, None)
            if number is not None:
                customers.edit(other, BY, f"F{number:02}", {"region": "new"})
                customers.add(other, BY, {"code": f"G{number:02}", "name": "Added"})
            return picker(fields)(row)

        return pick

    monkeypatch.setattr(export, "_picker", write_meanwhile)
    crm.ok("export", "customers", tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(encoding="utf-8-sig", newline="") as file:
        firms = {row["code"]: row["region"] for row in csv.DictReader(file) if row["code"][0] in "FG"}
    assert firms == {f"F{n:02}": "old" for n in range(FIRMS)}
    now = Company(place_of(large)).rows("customer")
    assert [row["region"] for row in now if row["code"][0] == "F"] == ["new"] * FIRMS
    assert sum(row["code"][0] == "G" for row in now) == FIRMS


def test_what_is_read_in_several_steps_fits_together(large: App, reopen: Any) -> None:
    other = reopen(large)
    with large.read() as ctx:
        before = ctx.connection.scalar(sa.text("SELECT count(*) FROM customer"))
        for number in range(5):
            customers.add(other, BY, {"name": f"Added {number}"})
            assert ctx.connection.scalar(sa.text("SELECT count(*) FROM customer")) == before
        ids = ctx.connection.scalars(sa.text("SELECT entity_id FROM change_log WHERE entity = 'customer'"))
        assert len(set(ids)) == before
    with large.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM customer")) == before + 5


def test_the_log_of_sqlite_does_not_grow_on_behind_a_long_reader(make_app: Any, reopen: Any) -> None:
    app = fill(make_app(standing_clock=False))
    other, path = reopen(app), sqlite_path(app.config)
    assert path is not None
    journal = path.with_name(path.name + "-wal")

    def write_much(name: str) -> int:
        """Write some 2 MB; returns how large the journal is then."""
        with app.write(*BY) as tx:
            tx.insert(Customer, [{"code": f"W{name}{n}", "name": f"{name} {n}" * 9} for n in range(1500)])
        return journal.stat().st_size

    one = write_much("A")
    with other.read() as ctx:
        ctx.connection.scalar(sa.text("SELECT count(*) FROM customer"))
        held = [write_much(name) for name in "BCDE"][-1]
    assert held > 3 * one, "while somebody reads, it keeps all that was written since"
    after = [write_much(name) for name in "FGHIJK"]
    assert after[-1] <= held + one
    assert Company(path).problems() == []
