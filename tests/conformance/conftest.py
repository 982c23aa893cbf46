"""A small plugin that keeps every rule, to be broken in one place by each test."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from crmcore.builtin.conformance import texts
from crmcore.builtin.conformance.subject import Subject
from crmcore.testing import TestPlugin

PLUGIN = '''"""Stamps for customers."""

from crmcore.api import (
    Alert, CardSection, Column, Field, Importable, JobSpec, Loaded, N_, Refusal, Rejected, Report, ReportSpec, Table,
    TableSpec, WorkItem, erase_person_rows, hookimpl, move_rows, person_rows, translator,
)

_ = translator("crmcore_stamps")
FIELDS = (Field("customer", "code", required=True), Field("count", "integer", required=True), Field("phone", "phone"))


@hookimpl
def models():
    from .tables import Stamp

    return [TableSpec(Stamp, customer_references=("customer_id",), personal=("phone",), person="customer_id")]


@hookimpl
def move_references(moves, tx):
    from .tables import Stamp

    return [move_rows(tx, Stamp, "customer_id", moves)]


@hookimpl
def export_persons(persons, ctx):
    from .tables import Stamp

    return person_rows(ctx, Stamp, persons, "To call who has a full card")


@hookimpl
def erase_persons(persons, tx):
    from .tables import Stamp

    return [erase_person_rows(tx, Stamp, persons, {"phone": None})]


@hookimpl
def importables():
    return [Importable("stamps", N_("Stamps"), FIELDS, load, export)]


def load(tx, rows, ctx):
    from crmcore.api import customer_ids

    from .tables import Stamp

    ids = customer_ids(tx.connection, [row.values["customer"] for row in rows])
    good = [row for row in rows if row.values["customer"] in ids]
    tx.insert(Stamp, [
        {"customer_id": ids[r.values["customer"]], "count": r.values["count"], "phone": r.values.get("phone")}
        for r in good
    ])
    bad = [Rejected(r.line, "customer", r.values["customer"], "unknown") for r in rows if r.values["customer"] not in ids]
    return Loaded(created=len(good), rejected=bad)


def export(ctx):
    from crmcore.api import customer_codes

    codes = customer_codes(ctx.connection, [row.customer_id for row in rows_of(ctx)])
    for row in rows_of(ctx):
        yield {"customer": codes[row.customer_id], "count": row.count, "phone": row.phone}


def rows_of(ctx, customer_ids=None):
    import sqlalchemy as sa

    from .tables import Stamp

    table = Stamp.__table__
    query = sa.select(table).order_by(table.c.id)
    if customer_ids is not None:
        query = query.where(table.c.customer_id.in_(list(customer_ids)))
    return ctx.connection.execute(query).all()


@hookimpl
def card_sections(customer_ids, ctx):
    return [
        CardSection(row.customer_id, "stamps", _("Stamps"), {"count": row.count}, {"count": _("Number")})
        for row in rows_of(ctx, customer_ids)
    ]


@hookimpl
def work_items(actor, ctx):
    return [
        WorkItem(f"stamps:{row.id}", row.customer_id, ctx.today, _("Give the present"))
        for row in rows_of(ctx) if row.count >= ctx.settings["enough"]
    ]


@hookimpl
def alerts(ctx):
    return [Alert("stamps:many", None, ctx.now, _("Many stamps"))] if len(rows_of(ctx)) > 100_000 else []


@hookimpl
def validate_changes(changes):
    return [
        Refusal(i, _("a card holds {most} stamps").format(most=1_000_000), "count")
        for i, change in enumerate(changes)
        if change.entity == "stamps_stamp" and (change.after or {}).get("count", 0) > 1_000_000
    ]


@hookimpl
def observe_changes(changes):
    return None


@hookimpl
def reports():
    return [ReportSpec("stamps", N_("Stamps"), stamps_report)]


def stamps_report(ctx, parameters):
    rows = [(row.customer_id, row.count) for row in rows_of(ctx)]
    columns = (Column("customer", _("Customer"), "integer"), Column("count", _("Number"), "integer"))
    return Report(_("Stamps"), (Table("stamps", "", columns, rows),))


@hookimpl
def jobs():
    return [JobSpec("stamps_double", N_("Give everybody one more"), give_more)]


def give_more(app, actor):
    from .tables import Stamp

    with app.write(actor, "one more", "job", plugin="stamps") as tx:
        changed = tx.update(Stamp, [(row.id, {"count": row.count + 1}) for row in rows_of(tx.ctx)])
    return {"changed": changed}
'''
TABLES = """from sqlalchemy import ForeignKey
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from crmcore.api import BigId, metadata


class StampsModel(SQLModel, registry=registry(metadata=metadata)):
    pass


class Stamp(StampsModel, table=True):
    __tablename__ = "stamps_stamp"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[ForeignKey("customer.id")], index=True)
    count: int
    phone: str | None = Field(default=None, max_length=64)
    version: int = 1
"""
FIRST = """import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId

revision = "stamps_0001"
down_revision = None


def upgrade():
    op.create_table(
        "stamps_stamp",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_stamps_stamp_customer_id", "stamps_stamp", ["customer_id"])


def downgrade():
    op.drop_table("stamps_stamp")
"""
SECOND = """import sqlalchemy as sa
from alembic import op

revision = "stamps_0002"
down_revision = "stamps_0001"


def upgrade():
    op.add_column("stamps_stamp", sa.Column("phone", sa.String(64), nullable=True))


def downgrade():
    with op.batch_alter_table("stamps_stamp") as table:
        table.drop_column("phone")
"""
CLI = """import click

from crmcore.api import Command, Group, N_, echo


@click.group(cls=Group, help=N_("Stamps: show"))
def stamps():
    pass


@stamps.command("show", cls=Command, help=N_("Show the stamps of a customer."))
@click.argument("code")
def show(code):
    echo(code)
"""
SETTINGS = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:crmcore:schema:stamps:settings:1",
    "title": "Stamps",
    "description": "When a card is full.",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "enough": {
            "title": "Enough",
            "description": "So many stamps give a present.",
            "type": "integer",
            "minimum": 1,
            "default": 10,
            "examples": [5],
        }
    },
}
MANIFEST = {
    "title": "Stamps",
    "description": "Gives stamps to customers.",
    "api": ">=0.1,<1",
    "table_prefix": "stamps",
    "migrations": "migrations",
    "settings": "settings.schema.json",
    "commands": [{"name": "stamps", "help": "Stamps: show", "target": "crmcore_stamps.cli:stamps"}],
    "permissions": [{"name": "stamps.give", "title": "Give stamps"}],
    "personal_data": [{"table": "stamps_stamp", "purpose": "To call who has a full card"}],
    "references_customers": True,
}


@dataclass
class Stamps:
    """The plugin's files, changed where a test wants them broken."""

    files: dict[str, str] = field(
        default_factory=lambda: {
            "plugin.py": PLUGIN,
            "tables.py": TABLES,
            "cli.py": CLI,
            "migrations/0001_stamps.py": FIRST,
            "migrations/0002_phone.py": SECOND,
            "settings.schema.json": json.dumps(SETTINGS),
            "plugin.json": json.dumps(MANIFEST),
        }
    )
    untranslated: tuple[str, ...] = ()
    translations: dict[str, str] = field(default_factory=dict)

    def change(self, file: str, old: str, new: str) -> Stamps:
        """Replace a text in a file, which must hold it."""
        assert old in self.files[file], f"{file} does not hold {old!r}"
        self.files[file] = self.files[file].replace(old, new)
        return self

    def declare(self, **values: Any) -> Stamps:
        """Change keys of the manifest."""
        self.files["plugin.json"] = json.dumps({**json.loads(self.files["plugin.json"]), **values})
        return self

    def set(self, change: Callable[[dict[str, Any]], object]) -> Stamps:
        """Change the settings schema."""
        schema = json.loads(self.files["settings.schema.json"])
        change(schema)
        self.files["settings.schema.json"] = json.dumps(schema)
        return self

    def hook(self, code: str) -> Stamps:
        """Add code to the module of the hooks."""
        self.files["plugin.py"] += f"\n\n{code}\n"
        return self

    def catalogue(self) -> bytes:
        """Return a compiled catalogue of all texts, but those left out."""
        found: set[str] = set()
        for name, text in self.files.items():
            if name.endswith(".py"):
                found.update(texts.from_code(text))
            elif name.endswith(".json"):
                found.update(texts.from_json(json.loads(text), frozenset({"title", "description", "help"})))
        catalogue = Catalog(locale="zh_CN")
        for text in found - set(self.untranslated):
            catalogue.add(text, self.translations.get(text, f"译{text}"))
        file = io.BytesIO()
        write_mo(file, catalogue)
        return file.getvalue()

    def write(self, folder: Path) -> Path:
        """Write the package into a folder."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        folder.joinpath("__init__.py").touch()
        path = folder / "locale" / "zh_CN" / "LC_MESSAGES" / "crmcore_stamps.mo"
        path.parent.mkdir(parents=True)
        path.write_bytes(self.catalogue())
        return folder


@pytest.fixture
def stamps() -> Stamps:
    return Stamps()


Installer = Callable[[Stamps], TestPlugin]


@pytest.fixture
def installed(install_plugin: Any) -> Installer:
    """Install the plugin as it is, broken or not."""

    def install(plugin: Stamps) -> TestPlugin:
        done: TestPlugin = install_plugin("stamps", plugin.files["plugin.py"])
        plugin.write(done.folder)
        done.write({})
        return done

    return install


@pytest.fixture
def subject(
    installed: Installer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Subject]]:
    """Install the plugin and look at it in this process: what a check finds, without a process of its own."""
    made: list[Subject] = []

    def look(plugin: Stamps, postgres: str = "") -> Subject:
        monkeypatch.setenv("PYTHONPATH", str(installed(plugin).site))
        folder = tmp_path / "subject"
        folder.mkdir()
        made.append(Subject("stamps", folder, postgres=postgres))
        return made[-1]

    yield look
    for one in made:
        for kept in one.kept.values():
            kept.app.close()
