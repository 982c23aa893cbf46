"""Imports and merges: files that name the old code, and an import taken back after a merge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App
from crmcore.builtin.exchange.undo import undo_import
from crmcore.testing import ACTOR, CommandLine
from tests.merging.conftest import contents_of, merged, unmerged

Load = Callable[..., Any]
CUSTOMERS = "code,name,phone,parent\n"
TALKS = "code,customer,channel,subject,at\n"


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    """Return a company without customers."""
    return make_app((), database)


@pytest.fixture
def load(tmp_path: Path, crm: CommandLine, app: App) -> Load:
    """Import a text as a file; returns what the command prints as JSON."""

    def run(entity: str, text: str) -> Any:
        path = tmp_path / f"{entity}.csv"
        path.write_text(text, encoding="utf-8")
        return crm("import", entity, path, "--json").json()

    return run


def talks(app: App) -> dict[str, str]:
    query = "SELECT i.code, c.code AS owner FROM interaction i JOIN customer c ON c.id = i.customer_id"
    with app.read() as ctx:
        return {row.code: row.owner for row in ctx.connection.execute(sa.text(query))}


def whys(result: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(c["entity"], c["key"], c["field"], c["why"]) for c in result["conflicts"]]


def test_rows_that_name_the_old_code_or_the_common_name_land_on_the_remaining_customer(app: App, load: Load):
    load("customers", f"{CUSTOMERS}A,甲,,\nB,甲,,\n")
    by_name = "code,customer_name,channel,subject,at\nI2,甲,phone,s,2026-02-01\n"
    assert load("interactions", by_name)["rejected"] == 1, "two have the name"
    merged(app, "A", "B")
    load("interactions", f"{TALKS}I1,A,phone,s,2026-02-01\n")
    assert load("interactions", by_name)["rejected"] == 0
    assert talks(app) == {"I1": "B", "I2": "B"}


def test_a_parent_named_by_the_old_code_is_the_remaining_customer(app: App, load: Load, crm: CommandLine):
    load("customers", f"{CUSTOMERS}A,甲,,\nB,乙,,\nC,丙,,\n")
    merged(app, "A", "B")
    load("customers", f"{CUSTOMERS}C,丙,,A\nD,丁,,A\n")
    assert [crm.json("customer", "show", code)["parent"] for code in "CD"] == ["B", "B"]


def test_the_row_of_a_merged_customer_is_left_out_with_a_warning(app: App, load: Load, crm: CommandLine):
    load("customers", f"{CUSTOMERS}A,甲,1,\nB,乙,2,\n")
    merged(app, "A", "B")
    before = contents_of(app)
    result = load("customers", f"{CUSTOMERS}A,甲,9,\nB,乙,2,\n")
    assert (result["created"], result["updated"], result["unchanged"], result["rejected"]) == (0, 0, 2, 0)
    assert "A was merged into B; its row was left out" in result["warnings"]
    assert contents_of(app) == before


def test_the_import_that_made_both_leaves_them_while_they_are_merged(app: App, load: Load):
    number = load("customers", f"{CUSTOMERS}A,甲,1,\nB,乙,,\n")["import"]
    day = app.clock().astimezone(app.config.timezone).date()
    merged(app, "A", "B")
    before = contents_of(app)
    told = whys(undo_import(app, ACTOR, number))
    assert ("customer", "A", "archived_at", f"merged since by tester on {day}") in told
    assert ("customer", "B", "phone", f"merged since by tester on {day}") in told
    assert contents_of(app) == before
    unmerged(app, "A")
    assert undo_import(app, ACTOR, number)["conflicts"] == []
    assert contents_of(app)["customer"] == []


def test_the_import_that_made_only_who_remains_leaves_it(app: App, load: Load):
    load("customers", f"{CUSTOMERS}A,甲,,\n")
    number = load("customers", f"{CUSTOMERS}B,乙,,\n")["import"]
    merged(app, "A", "B")
    assert whys(undo_import(app, ACTOR, number)) == [
        ("customer", "B", "customer_merge", "customer_merge A hangs on it")
    ]
    unmerged(app, "A")
    assert undo_import(app, ACTOR, number)["conflicts"] == []


def test_rows_that_the_merge_only_moved_are_taken_back_with_their_import(app: App, load: Load):
    load("customers", f"{CUSTOMERS}A,甲,,\nB,乙,,\n")
    before = contents_of(app)
    number = load("interactions", f"{TALKS}I1,A,phone,s,2026-02-01\nI2,B,phone,s,2026-02-01\n")["import"]
    merged(app, "A", "B")
    result = undo_import(app, ACTOR, number)
    assert (result["removed"], result["conflicts"]) == (2, [])
    assert unmerged(app, "A")["conflicts"] == []
    assert contents_of(app) == before


def test_a_row_that_an_import_took_from_the_merged_customer_goes_back_to_who_remains(app: App, load: Load):
    load("customers", f"{CUSTOMERS}A,甲,,\nB,乙,,\nC,丙,,\n")
    load("interactions", f"{TALKS}I1,A,phone,s,2026-02-01\n")
    number = load("interactions", f"{TALKS}I1,C,phone,s,2026-02-01\n")["import"]
    merged(app, "A", "B")
    assert undo_import(app, ACTOR, number)["conflicts"] == []
    assert talks(app) == {"I1": "B"}


def test_a_head_that_an_import_had_replaced_is_never_the_customer_itself(
    app: App, load: Load, crm: CommandLine
):
    load("customers", f"{CUSTOMERS}A,甲,,\nC,丙,,\nK,戊,,A\n")
    number = load("customers", f"{CUSTOMERS}K,戊,,C\n")["import"]
    merged(app, "A", "K")
    assert undo_import(app, ACTOR, number)["conflicts"] == []
    assert crm.json("customer", "show", "K")["parent"] is None


def test_an_import_after_the_merge_is_undone_as_ever(app: App, load: Load):
    load("customers", f"{CUSTOMERS}A,甲,,\nB,乙,2,\n")
    merged(app, "A", "B")
    before = contents_of(app)
    first = load("customers", f"{CUSTOMERS}B,乙,3,\n")["import"]
    second = load("interactions", f"{TALKS}I1,A,phone,s,2026-02-01\n")["import"]
    assert undo_import(app, ACTOR, second)["conflicts"] == []
    assert undo_import(app, ACTOR, first)["conflicts"] == []
    assert contents_of(app) == before
    assert unmerged(app, "A")["conflicts"] == []


def test_a_field_that_an_import_changed_since_is_a_conflict_of_the_unmerge(app: App, load: Load):
    load("customers", f"{CUSTOMERS}A,甲,1,\nB,乙,,\n")
    merged(app, "A", "B")
    number = load("customers", f"{CUSTOMERS}B,乙,3,\n")["import"]
    assert whys(unmerged(app, "A")) == [("customer", "B", "phone", f"changed since by import {number}")]
