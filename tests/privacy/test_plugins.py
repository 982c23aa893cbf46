"""Plugins of others: all that hold persons must answer, and what they leave is found out."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

from .conftest import fill, places_with

TABLES = """
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from crmcore.api import BigId, metadata

class VisitsModel(SQLModel, registry=registry(metadata=metadata)):
    pass

class Note(VisitsModel, table=True):
    __tablename__ = "visits_note"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId)
    text: str | None = None
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op
from crmcore.api import BigId
revision = "visits_0001"
down_revision = None

def upgrade():
    op.create_table("visits_note", sa.Column("id", BigId, primary_key=True), sa.Column("customer_id", BigId),
                    sa.Column("text", sa.String()), sqlite_autoincrement=True)

def downgrade():
    op.drop_table("visits_note")
"""
MODELS = """
from crmcore.api import Refused, TableSpec, erase_person_rows, hookimpl, person_rows
from crmcore.api import ErasedData

@hookimpl
def models():
    from .tables import Note
    return [TableSpec(Note, customer_references=("customer_id",), personal=("text",), person="customer_id")]

@hookimpl
def move_references(moves, tx, ctx):
    return []
"""
ANSWERS = """
@hookimpl
def export_persons(persons, ctx):
    from .tables import Note
    return person_rows(ctx, Note, persons, "To prepare visits")

@hookimpl
def erase_persons(persons, tx, ctx):
    from .tables import Note
    assert ctx.plugin == "visits"
    return [erase_person_rows(tx, Note, persons{how})]
"""
SECRET = "脚气治疗中"


@pytest.fixture
def visited(make_app: Callable[..., App], database: str, install_plugin: Any) -> Callable[[str], App]:
    """Make a company with a plugin `visits` that has a note on C1; its hooks are what is given."""

    def make(hooks: str) -> App:
        files = {"tables.py": TABLES, "migrations/0001_visits.py": MIGRATION}
        manifest = {
            "table_prefix": "visits",
            "migrations": "migrations",
            "references_customers": True,
            "personal_data": [{"table": "visits_note", "purpose": "Preparing visits"}],
        }
        plugin = install_plugin("visits", MODELS + hooks, manifest, files=files)
        app = fill(make_app(["visits"], database))
        note = importlib.import_module(f"{plugin.package}.tables").Note
        with app.write(ACTOR) as tx:
            tx.insert(note, [{"customer_id": 3, "text": SECRET}, {"customer_id": 1, "text": "firm"}])
        return app

    return make


@pytest.mark.parametrize("how", ["", ', {"text": None}'])
def test_a_plugins_rows_are_given_and_erased(
    visited: Callable[[str], App], crm: CommandLine, how: str
) -> None:
    app = visited(ANSWERS.replace("{how}", how))
    parts = crm.json("person", "export", "C1")["parts"]
    (part,) = [p for p in parts if p["plugin"] == "visits"]
    assert (part["table"], part["purpose"], part["rows"]) == (
        "visits_note",
        "To prepare visits",
        [{"text": SECRET}],
    )
    done = crm.json("person", "erase", "C1", "--reason", "asked", "--yes")
    assert [t["erased"] for t in done["tables"] if t["table"] == "visits_note"] == [1]
    assert places_with(app, [SECRET]) == []
    with app.read() as ctx:
        left = ctx.connection.exec_driver_sql("SELECT text FROM visits_note WHERE customer_id = 1").scalar()
    assert left == "firm"
    assert any(line["table"] == "visits_note" for line in crm.lines("privacy", "inventory"))


@pytest.mark.parametrize(
    ("hooks", "sentence"),
    [
        ("", "plugin 'visits' may hold values of this person and cannot be asked"),
        (ANSWERS.replace("{how}", ", {}"), "plugin 'visits' left visits_note.text of row 1 as it was"),
        (
            ANSWERS.replace("{how}", ") + 1 / 0 if persons else (None"),
            "plugin 'visits' failed in erase_persons",
        ),
        (
            ANSWERS.replace("return [erase_person_rows(tx, Note, persons{how})]", "raise Refused('not now')"),
            "not now",
        ),
    ],
)
def test_a_plugin_that_does_not_do_its_part_refuses_the_whole_and_nothing_is_lost(
    visited: Callable[[str], App], crm: CommandLine, hooks: str, sentence: str
) -> None:
    visited(hooks)
    before = crm.json("customer", "show", "C1")
    for words in ((), ("--reason", "asked", "--yes")):
        result = crm("person", "erase", "C1", *words)
        assert (result.exit_code, sentence in result.stderr) == (1, True), result.stderr
    assert crm.json("customer", "show", "C1") == before
    assert crm.lines("privacy", "erasures") == []


def test_rows_of_a_plugin_that_is_disabled_are_given_and_keep_the_person_from_being_called_erased(
    visited: Callable[[str], App], crm: CommandLine
) -> None:
    visited(ANSWERS.replace("{how}", ""))
    crm.ok("plugins", "disable", "visits")
    (part,) = [p for p in crm.json("person", "export", "C1")["parts"] if p["table"] == "visits_note"]
    assert part["rows"] == [{"text": SECRET}]
    refused = crm("person", "erase", "C1", "--reason", "asked", "--yes")
    assert "table visits_note of a plugin that is not enabled holds 1 rows" in refused.stderr
    crm.ok("person", "erase", "P1", "--reason", "asked", "--yes")


COLUMNS = """    contact_id: int | None = Field(default=None, sa_type=BigId)
    wechat: str | None = None
"""
ADDED = ', sa.Column("contact_id", BigId), sa.Column("wechat", sa.String())'


@pytest.fixture
def unexplained(make_app: Callable[..., App], database: str, install_plugin: Any) -> Any:
    """Install a plugin whose table holds persons of both kinds, a column nobody marked, and for no purpose."""
    tables = TABLES.replace("    customer_id: int =", COLUMNS + "    customer_id: int | None =")
    tables = tables.replace("Field(sa_type=BigId)", "Field(default=None, sa_type=BigId)")
    migration = MIGRATION.replace('sa.Column("text", sa.String())', 'sa.Column("text", sa.String())' + ADDED)
    hooks = MODELS.replace('person="customer_id"', 'person=("contact_id", "customer_id")')
    files = {"tables.py": tables, "migrations/0001_visits.py": migration}
    manifest = {"table_prefix": "visits", "migrations": "migrations", "references_customers": True}
    plugin = install_plugin("visits", hooks + ANSWERS.replace("{how}", ""), manifest, files=files)
    app = fill(make_app(["visits"], database))
    return app, importlib.import_module(f"{plugin.package}.tables").Note, plugin


def test_a_personal_column_without_a_purpose_and_one_that_nobody_marked_are_reported(
    unexplained: Any, crm: CommandLine
) -> None:
    told = crm("privacy", "inventory", "--json")
    (line,) = [one for one in told.lines() if one["table"] == "visits_note"]
    assert (line["field"], line["purpose"], line["retention"]) == ("text", "", "until the person is erased")
    assert "plugin 'visits' does not say for which purpose visits_note.text is kept" in told.stderr
    assert "visits_note.wechat of plugin 'visits' looks personal and is not marked so" in told.stderr
    assert told.stderr.count("crm: warning:") == 2


def test_nothing_of_ours_is_kept_without_a_purpose(make_app: Callable[..., App], crm: CommandLine) -> None:
    make_app(["trade_ledger", "abc_analysis"])
    told = crm("privacy", "inventory", "--json")
    assert told.stderr == ""
    assert {"records", "privacy", "approvals", "duplicates", "documents", "abc_analysis"} <= {
        line["plugin"] for line in told.lines()
    }


def test_rows_of_persons_of_both_kinds_stay_blank_when_a_plugin_comes_back_with_its_export(
    unexplained: Any, crm: CommandLine, tmp_path: Any
) -> None:
    app, note, _plugin = unexplained
    with app.write(ACTOR) as tx:
        tx.insert(
            note,
            [
                {"customer_id": 3, "text": SECRET},
                {"contact_id": 1, "text": SECRET},
                {"customer_id": 1, "text": "firm"},
            ],
        )
    crm.ok("plugins", "uninstall", "visits", "--export", tmp_path / "visits")
    crm.ok("person", "erase", "C1", "P1", "--reason", "asked", "--yes")
    crm.ok("plugins", "restore", "visits", tmp_path / "visits")
    assert places_with(app, [SECRET]) == []
    with app.read() as ctx:
        found = ctx.connection.exec_driver_sql("SELECT text FROM visits_note ORDER BY id").scalars().all()
    assert found == [None, None, "firm"]
