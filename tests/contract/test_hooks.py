"""Every hook, used by a small plugin of somebody else, and what a user sees of it.

`test_every_hook_has_its_test_and_its_page` keeps this complete: a hook ships with both.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore import hookspecs
from crmcore.api import Customer, Refused
from crmcore.app import App
from crmcore.hookspecs import FAMILIES
from crmcore.testing import ACTOR, CommandLine
from tools import hook_docs

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(FAMILIES)


def add(app: App, *codes: str, **values: Any) -> list[int]:
    with app.write(ACTOR) as tx:
        return tx.insert(Customer, [{"code": code, "name": code, **values} for code in codes])


# -- each hook ---------------------------------------------------------------------------------------------------


def test_hook_validate_changes(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin(
        "dealers",
        """
from crmcore.api import Refusal, hookimpl
SEEN = []

@hookimpl
def validate_changes(changes, ctx):
    SEEN.extend((c.entity, c.id, c.operation, c.before, c.after, c.seq) for c in changes)
    known = ctx.connection.exec_driver_sql("SELECT count(*) FROM customer").scalar()
    return [
        Refusal(i, f"dealers need a tax id ({known} customers so far)", "tax_id")
        for i, c in enumerate(changes)
        if c.after and c.after.get("customer_kind") == "dealer" and not c.after.get("tax_id")
    ]
""",
    )
    app = make_app(["dealers"], database)
    seen = importlib.import_module("crmcore_dealers.plugin").SEEN
    (number,) = add(app, "A", customer_kind="dealer", tax_id="91")
    entity, reserved, operation, before, after, seq = seen[-1]
    assert (entity, reserved, operation, before, seq) == ("customer", number, "create", None, 0)
    assert after["tax_id"] == "91"
    assert "phone" not in after, "of a create every set column"
    refused = crm("customer", "add", "--name", "B", "--set", "customer_kind=dealer")
    assert refused.exit_code == 1
    assert "dealers need a tax id (1 customers so far) [dealers]" in refused.stderr
    with app.write(ACTOR) as tx:
        tx.update(Customer, [(number, {"tax_id": None, "phone": None, "attributes": {"fax": "1"}})])
    assert seen[-1][2:5] == (
        "update",
        {"tax_id": "91", "attributes": {"fax": None}},
        {"tax_id": None, "attributes": {"fax": "1"}},
    ), "of an update the changed columns, those that are emptied among them"
    with app.write(ACTOR) as tx:
        tx.archive(Customer, [number])
    with app.write(ACTOR) as tx:
        tx.restore(Customer, [number])
        tx.delete(Customer, [number])
    assert [s[2] for s in seen[-3:]] == ["archive", "restore", "delete"]
    assert seen[-2][4] == {"archived_at": None}
    assert (seen[-1][3]["code"], seen[-1][4]) == ("A", None)
    batches = len(seen)
    add(app, "X", "Y", "Z")
    assert len(seen) == batches + 3


def test_hook_service_policies(make_app: Callable[..., App], database: str, install_plugin: Any) -> None:
    code = """
import datetime
from decimal import Decimal
from crmcore.api import ServicePolicy, hookimpl

@hookimpl
def service_policies(customer_ids, ctx):
    since = datetime.date(2026, 1, 1)
    return [ServicePolicy(i, "{grade}", 14, "manager", 1, Decimal("0.08"), "manager", since, "why") for i in customer_ids if i != 2]
"""
    install_plugin("gold", code.format(grade="A"))
    install_plugin("tin", code.format(grade="D"))
    app = make_app(["gold"], database)
    ids = add(app, "A", "B", "C")

    def policies(app: App) -> list[tuple[int, str, str]]:
        with app.read(actor=ACTOR) as ctx:
            return [
                (p.customer_id, p.grade, p.plugin)
                for p in app.host.service_policies(ids, ctx.connection, ctx.actor)
            ]

    assert policies(app) == [(1, "A", "gold"), (3, "A", "gold")], "who has no policy is left out"
    from crmcore.builtin.lifecycle.enabling import enable

    enable(app, ["tin"], ACTOR)
    with pytest.raises(Exception, match="service policies come from several plugins: gold, tin; choose one"):
        policies(app)
    toml = app.config.path.read_text(encoding="utf-8")
    app.config.path.write_text(toml + '\n[strategies]\nservice_policies = "tin"\n', encoding="utf-8")
    app.refresh()
    assert policies(app) == [(1, "D", "tin"), (3, "D", "tin")]
    app.config.path.write_text(toml + '\n[strategies]\nservice_policies = "silver"\n', encoding="utf-8")
    app.refresh()
    with pytest.raises(
        Exception, match=r"strategies.service_policies = 'silver' is not known; known are gold, tin"
    ):
        policies(app)


def test_hook_code_generator(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin(
        "spoken",
        """
from crmcore.api import hookimpl

def spell(pattern, numbers, today):
    return [f"{today.year}-{pattern[0]}{'x' * n}" for n in numbers]

@hookimpl
def code_generator():
    return {"spoken": spell}
""",
    )
    make_app(["spoken"], database, settings='\n[strategies]\ncode_generator = "spoken"\n')
    year = crm.json("customer", "add", "--name", "one")["code"][:4]
    assert year.isdigit()
    assert [crm.json("customer", "add", "--name", n)["code"] for n in ("two", "three")] == [
        f"{year}-Cxx",
        f"{year}-Cxxx",
    ]


def test_hook_currency_rates(make_app: Callable[..., App], install_plugin: Any) -> None:
    from datetime import date
    from decimal import Decimal

    install_plugin(
        "bank",
        """
from decimal import Decimal
from crmcore.api import hookimpl

def rate(source, target, day, ctx):
    if source == "XXX":
        return None
    return Decimal(day.day) if (source, target, ctx.currency) == ("EUR", "CNY", "CNY") else 7.5

@hookimpl
def currency_rates():
    return {"bank": rate}
""",
    )
    app = make_app(["bank"], settings='\n[strategies]\ncurrency_rates = "bank"\n')
    with app.read() as ctx:
        assert ctx.facts.rate("EUR", "CNY", date(2026, 3, 9)) == Decimal(9)
        assert ctx.facts.rate("CNY", "CNY", date(2026, 3, 9)) == 1
        with pytest.raises(Exception, match="no exchange rate from XXX to CNY on 2026-03-09"):
            ctx.facts.rate("XXX", "CNY", date(2026, 3, 9))
        with pytest.raises(Exception, match=r"plugin 'bank' failed in currency_rates .*7.5"):
            ctx.facts.rate("USD", "CNY", date(2026, 3, 9))


def test_hook_workdays(make_app: Callable[..., App], install_plugin: Any, crm: CommandLine) -> None:
    from datetime import date

    from crmcore.api import is_workday, next_workday

    install_plugin(
        "plant",
        """
from crmcore.api import JobSpec, Workday, hookimpl

def fridays(days, ctx):
    return [Workday(day, day.isoweekday() == 5, ctx.plugin == "plant") for day in days]

@hookimpl
def workdays():
    return {"fridays": fridays}

@hookimpl
def jobs():
    return [JobSpec("pay", "Pay", lambda app, actor: {}, "0 8 * * *", workdays="only")]
""",
    )
    app = make_app(["plant"], settings='\n[strategies]\nworkdays = "fridays"\n')
    with app.read() as ctx:
        friday = is_workday(ctx, date(2026, 3, 6))
        assert (friday.day, friday.works, friday.official) == (date(2026, 3, 6), True, True)
        assert not is_workday(ctx, date(2026, 3, 5)).works
        assert next_workday(ctx, date(2026, 3, 7)) == date(2026, 3, 13)
    due = {job["name"]: job["next_run"] for job in crm.lines("jobs", "list")}
    assert due["pay"] == "2026-03-06T00:00:00.000000Z"


ABACUS = """
from crmcore.api import Bench, CrmError, hookimpl

class Abacus(Bench):
    dialect = "duckdb"
    told = []

    @classmethod
    def missing(cls, app):
        return None if app.config.currency == "CNY" else "beads are for CNY"

    def __exit__(self, kind, error, trace):
        self.told.append(("closed", self.plugin))

    def take_rows(self, name, select, schema):
        with self.app.read(self.plugin) as ctx:
            self.rows = [tuple(row) for row in ctx.connection.execute(select)]

    def take_files(self, name, files, schema):
        raise CrmError("no files here")

    def keep(self, name, query, schema):
        self.told.append((name, "SUM" in query))

    def answer(self, query, kinds, size):
        yield self.rows

@hookimpl
def analytics_engine():
    return {"abacus": Abacus}
"""


def test_hook_analytics_engine(make_app: Callable[..., App], install_plugin: Any) -> None:
    from crmcore.api import available_engines, choose_engine, open_bench

    install_plugin("beads", ABACUS)
    app = make_app(["beads"], settings='\n[analytics]\nengine = "abacus"\n')
    add(app, "A", "B")
    told = importlib.import_module("crmcore_beads.plugin").Abacus.told
    assert "abacus" in available_engines(app)
    assert choose_engine(app) == "abacus"
    with open_bench(app, "abacus", "beads") as bench:
        names = sa.select(sa.table("customer", sa.column("name")).c.name.label("name")).order_by("name")
        bench.read("names", names, {"name": "string"})
        bench.define("lengths", lambda t: t["names"].aggregate(all=t["names"].name.length().sum()))
        assert bench.fetch(lambda t: t["names"]) == [("A",), ("B",)]
    assert told == [("lengths", True), ("closed", "beads")]
    app.config.data["company"]["currency"] = "EUR"
    with pytest.raises(Exception, match="beads are for CNY"):
        choose_engine(app)


def test_hook_card_sections(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin(
        "stars",
        """
from crmcore.api import CardSection, hookimpl

@hookimpl
def card_sections(customer_ids, as_of, ctx):
    return [CardSection(i, "stars", "Stars", {"count": 5, "who": ctx.actor, "as_of": as_of}) for i in customer_ids]
""",
    )
    app = make_app(["stars"], database)
    add(app, "A")
    (section,) = [s for s in crm.json("customer", "show", "A")["sections"] if s["plugin"] == "stars"]
    assert section == {
        "plugin": "stars",
        "name": "stars",
        "title": "Stars",
        "data": {"count": 5, "who": ACTOR, "as_of": None},
    }
    assert "Stars" in crm.ok("customer", "show", "A").stdout


def test_hook_work_items(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin(
        "diary",
        """
import datetime
from crmcore.api import WorkItem, hookimpl

@hookimpl
def work_items(actor, since, ctx):
    day = since or datetime.date(2026, 1, 2)
    return [WorkItem(f"call:{actor}", 1, day, "Call them", "critical", "crm customer show A")]
""",
    )
    app = make_app(["diary"], database)
    add(app, "A")
    (item,) = [x for x in crm.lines("work") if x["plugin"] == "diary"]
    assert {k: item[k] for k in ("key", "customer", "due", "title", "severity", "command")} == {
        "key": f"call:{ACTOR}",
        "customer": "A",
        "due": "2026-01-02",
        "title": "Call them",
        "severity": "critical",
        "command": "crm customer show A",
    }
    assert (
        next(x for x in crm.lines("work", "--since", "2026-02-03") if x["plugin"] == "diary")["due"]
        == "2026-02-03"
    )


def test_hook_alerts(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin(
        "siren",
        """
import datetime
from crmcore.api import Alert, hookimpl

@hookimpl
def alerts(run):
    assert run is None
    at = datetime.datetime(2026, 3, 1, 8, tzinfo=datetime.UTC)
    return [Alert("fell:1", 1, at, "fell from A to C")]
""",
    )
    app = make_app(["siren"], database)
    add(app, "A")
    (alert,) = [x for x in crm.lines("work") if x["plugin"] == "siren"]
    assert (alert["kind"], alert["key"], alert["customer"], alert["title"], alert["severity"]) == (
        "alert",
        "fell:1",
        "A",
        "fell from A to C",
        "warning",
    )


def test_hook_observe_changes(make_app: Callable[..., App], database: str, install_plugin: Any) -> None:
    install_plugin(
        "mirror",
        """
from crmcore.api import hookimpl
SEEN = []

@hookimpl
def observe_changes(changes):
    SEEN.extend(changes)
""",
    )
    app = make_app(["mirror"], database)
    seen = importlib.import_module("crmcore_mirror.plugin").SEEN
    (number,) = add(app, "A")
    change = seen[-1]
    assert (change.entity, change.id, change.operation, change.before) == ("customer", number, "create", None)
    assert change.after["code"] == "A"
    assert [c.seq for c in seen] == sorted({c.seq for c in seen})
    with pytest.raises(ZeroDivisionError), app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "B", "name": "b"}])
        _ = 1 // 0
    assert seen[-1] is change, "only what was committed"


POINTS_TABLES = """
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from crmcore.api import BigId, metadata

class PointsModel(SQLModel, registry=registry(metadata=metadata)):
    pass

class Point(PointsModel, table=True):
    __tablename__ = "points_point"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    points: int
"""
POINTS_MIGRATION = """
import sqlalchemy as sa
from alembic import op
from crmcore.api import BigId
revision = "points_0001"
down_revision = None

def upgrade():
    op.create_table("points_point", sa.Column("id", BigId, primary_key=True),
                    sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
                    sa.Column("points", sa.Integer(), nullable=False), sqlite_autoincrement=True)

def downgrade():
    op.drop_table("points_point")
"""
POINTS = """
from crmcore.api import TableSpec, hookimpl

@hookimpl
def models():
    from .tables import Point
    return [TableSpec(Point, customer_references=("customer_id",))]
"""
POINTS_FILES = {"tables.py": POINTS_TABLES, "migrations/0001_points.py": POINTS_MIGRATION}
POINTS_MANIFEST = {"table_prefix": "points", "migrations": "migrations"}


def test_hook_models(make_app: Callable[..., App], database: str, install_plugin: Any) -> None:
    install_plugin("points", POINTS, POINTS_MANIFEST, files=POINTS_FILES)
    app = make_app(["points"], database)
    point = importlib.import_module("crmcore_points.tables").Point
    (customer,) = add(app, "A")
    with app.write(ACTOR, plugin="points") as tx:
        (number,) = tx.insert(point, [{"customer_id": customer, "points": 3}])
        tx.update(point, [(number, {"points": 5})])
    with app.read("points") as ctx:
        assert ctx.connection.scalar(sa.text("SELECT points FROM points_point")) == 5
        query = sa.text("SELECT operation FROM change_log WHERE entity = 'points_point' ORDER BY seq")
        assert ctx.connection.scalars(query).all() == ["create", "update"]
    with pytest.raises(sa.exc.IntegrityError), app.write(ACTOR) as tx:
        tx.insert(point, [{"customer_id": 4711, "points": 3}])


MOVING = """
from crmcore.api import move_rows
SEEN = []

@hookimpl
def move_references(moves, tx, ctx):
    from .tables import Point
    SEEN.append((ctx.plugin, tx.actor, [(m.from_id, m.into_id, m.undo, m.rows.get("points_point")) for m in moves]))
    return [move_rows(tx, Point, "customer_id", moves)]
"""


def test_hook_move_references(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin("points", POINTS + MOVING, POINTS_MANIFEST, files=POINTS_FILES)
    app = make_app(["points"], database)
    point = importlib.import_module("crmcore_points.tables").Point
    a, b = add(app, "A", "B")
    with app.write(ACTOR, plugin="points") as tx:
        ours = tx.insert(point, [{"customer_id": a, "points": 3}, {"customer_id": b, "points": 4}])

    def owners() -> list[int]:
        with app.read("points") as ctx:
            return list(ctx.connection.scalars(sa.text("SELECT customer_id FROM points_point ORDER BY id")))

    plan = crm("duplicates", "merge", "A", "B", "--reason", "one", "--json")
    assert (plan.exit_code, owners()) == (3, [a, b])
    done = crm.json("duplicates", "merge", "A", "B", "--reason", "one", "--yes")
    assert {m["table"]: (m["plugin"], m["rows"]) for m in done["moved"]} == {"points_point": ("points", 1)}
    assert owners() == [b, b]
    crm.ok("duplicates", "unmerge", "A", "--reason", "two")
    assert owners() == [a, b]
    seen = importlib.import_module("crmcore_points.plugin").SEEN
    there, back = (a, b, False, None), (b, a, True, (ours[0],))
    assert seen == [("points", ACTOR, [there]), ("points", ACTOR, [there]), ("points", ACTOR, [back])]


def test_merging_is_refused_by_name_where_a_plugin_does_not_answer(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin("points", POINTS, POINTS_MANIFEST, files=POINTS_FILES)
    add(make_app(["points"]), "A", "B")
    refused = crm("duplicates", "merge", "A", "B", "--reason", "one", "--yes")
    assert refused.exit_code == 1
    assert "plugin 'points' names customers in points_point.customer_id and does not answer" in refused.stderr


FACT = """
import sqlalchemy as sa
from crmcore.api import FactProvider, hookimpl

def rows(settings):
    values = {{"customer_id": 1, "occurred_on": sa.literal("2026-01-02", sa.Date), "currency": sa.literal("CNY"),
               "amount_minor": {amount}, "cost_minor": sa.null(), "quantity_micro": sa.null(), "product_id": sa.null(),
               "document_id": 7, "line": 1}}
    return sa.select(*(sa.literal(v).label(k) if isinstance(v, int) else v.label(k) for k, v in values.items()))

@hookimpl
def facts():
    return [FactProvider("purchases", rows)]
"""


def test_hook_facts(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    code = FACT.replace('sa.literal("2026-01-02", sa.Date)', "sa.cast(sa.literal('2026-01-02'), sa.String)")
    install_plugin("sales", code.format(amount=1250))
    app = make_app(["sales"], database)
    with app.read() as ctx:
        assert ctx.facts.available() == ("purchases",)
        (row,) = ctx.connection.execute(ctx.facts.select("purchases")).mappings()
    assert (row["customer_id"], row["amount_minor"], row["cost_minor"]) == (1, 1250, None)
    assert next(r for r in crm.lines("plugins", "list") if r["name"] == "sales")["provides"] == [
        "fact:purchases"
    ]


PERSONS = """
from crmcore.api import ErasedData, PersonData
SEEN = []

@hookimpl
def export_persons(persons, ctx):
    SEEN.append(("export", ctx.plugin, ctx.actor, [(p.entity, p.id, p.code) for p in persons]))
    return [PersonData(p.uid, "points_point", ({"points": 3},), "To give points") for p in persons]

@hookimpl
def erase_persons(persons, tx, ctx):
    from .tables import Point
    SEEN.append(("erase", ctx.plugin, tx.actor, [(p.entity, p.id, p.code) for p in persons]))
    gone = [n for (n,) in tx.connection.exec_driver_sql("SELECT id FROM points_point")]
    tx.delete(Point, gone)
    return [ErasedData("points_point", len(gone), kept=2, why_kept="tax law")]
"""


@pytest.fixture
def pointed(make_app: Callable[..., App], database: str, install_plugin: Any) -> App:
    install_plugin("points", POINTS + PERSONS, POINTS_MANIFEST, files=POINTS_FILES)
    app = make_app(["points"], database)
    (person,) = add(app, "P", kind="person")
    point = importlib.import_module("crmcore_points.tables").Point
    with app.write(ACTOR, plugin="points") as tx:
        tx.insert(point, [{"customer_id": person, "points": 3}])
    return app


def test_hook_export_persons(pointed: App, crm: CommandLine) -> None:
    content = crm.json("person", "export", "P")
    (part,) = [part for part in content["parts"] if part["plugin"] == "points"]
    assert part == {
        "plugin": "points",
        "table": "points_point",
        "purpose": "To give points",
        "rows": [{"points": 3}],
    }
    seen = importlib.import_module("crmcore_points.plugin").SEEN
    assert seen == [("export", "points", ACTOR, [("customer", 1, "P")])]


def test_hook_erase_persons(pointed: App, crm: CommandLine) -> None:
    def rows() -> int:
        with pointed.read("points") as ctx:
            return int(ctx.connection.scalar(sa.text("SELECT count(*) FROM points_point")) or 0)

    plan = crm("person", "erase", "P", "--json")
    assert (plan.exit_code, rows()) == (3, 1), "a rehearsal is rolled back"
    (table,) = [t for t in plan.json()["tables"] if t["plugin"] == "points"]
    assert (table["erased"], table["kept"], table["why_kept"]) == (1, 2, "tax law")
    crm.ok("person", "erase", "P", "--reason", "asked", "--yes")
    assert rows() == 0
    seen = importlib.import_module("crmcore_points.plugin").SEEN
    assert set(map(str, seen)) == {str(("erase", "points", ACTOR, [("customer", 1, "P")]))}
    assert len(seen) == 3, "for the plan, for the rehearsal before it, in earnest"


POINTS_EXCHANGE = """
from crmcore.api import Field, Importable, Loaded, Rejected, customer_codes, customer_ids

FIELDS = (Field("customer", "code", required=True, headers=("客户",)), Field("points", "integer", required=True))

def load(tx, rows, ctx):
    from .tables import Point
    known = customer_ids(tx.connection, [row.values["customer"] for row in rows])
    good = [row for row in rows if row.values["customer"] in known]
    tx.insert(Point, [{"customer_id": known[r.values["customer"]], "points": r.values["points"]} for r in good])
    bad = [Rejected(r.line, "customer", r.values["customer"], "unknown") for r in rows if r not in good]
    return Loaded(created=len(good), rejected=bad)

def export(ctx):
    import sqlalchemy as sa
    for row in ctx.connection.execute(sa.text("SELECT * FROM points_point ORDER BY id")):
        yield {"customer": customer_codes(ctx.connection, [row.customer_id])[row.customer_id], "points": row.points}

@hookimpl
def importables():
    return [Importable("points", "Loyalty points", FIELDS, load, export)]
"""


def test_hook_importables(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine, tmp_path: Path
) -> None:
    code = POINTS + POINTS_EXCHANGE
    install_plugin("points", code, POINTS_MANIFEST, files=POINTS_FILES)
    app = make_app(["points"], database)
    add(app, "A", "B")
    file = tmp_path / "points.csv"
    file.write_text('客户,points\nA,3\nghost,1\nB,"1,005"\n', encoding="utf-8")
    result = crm.json("import", "points", file)
    assert (result["read"], result["created"], result["rejected"]) == (3, 2, 1)
    out = tmp_path / "out.csv"
    crm.ok("export", "points", out)
    assert out.read_text(encoding="utf-8-sig").split() == ["customer,points", "A,3", "B,1005"]


def test_hook_list_columns(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin(
        "letters",
        """
import sqlalchemy as sa
from crmcore.api import Customer, ListColumn, hookimpl

c = Customer.__table__.c

def select(settings):
    return sa.select(c.id.label("customer_id"), sa.func.length(c.name).label("value")).where(c.name != "none")

@hookimpl
def list_columns():
    return [ListColumn("count", "Letters", "integer", select)]
""",
    )
    app = make_app(["letters"], database)
    with app.write(ACTOR) as tx:
        tx.insert(
            Customer, [{"code": code, "name": n} for code, n in {"A": "aa", "B": "b", "C": "none"}.items()]
        )
    assert crm.lines("customer", "list", "--columns", "code,letters.count", "--sort", "letters.count") == [
        {"code": "B", "letters.count": 1},
        {"code": "A", "letters.count": 2},
        {"code": "C", "letters.count": None},
    ]
    assert [c["code"] for c in crm.lines("customer", "list", "--where", "letters.count>=2")] == ["A"]
    assert "Letters" in crm.ok("customer", "list", "--columns", "letters.count").stdout
    assert "did you mean 'letters.count'" in crm("customer", "list", "--sort", "letters.cuont").stderr


CARDS = """
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from crmcore.api import BigId, metadata

class CardModel(SQLModel, registry=registry(metadata=metadata)):
    pass

class Card(CardModel, table=True):
    __tablename__ = "cards_card"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    number: str
    holder: str
    line: str
"""
CARDS_MIGRATION = """
import sqlalchemy as sa
from alembic import op
from crmcore.api import BigId
revision = "cards_0001"
down_revision = None

def upgrade():
    op.create_table("cards_card", sa.Column("id", BigId, primary_key=True),
                    sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
                    sa.Column("number", sa.String(), nullable=False), sa.Column("holder", sa.String(), nullable=False),
                    sa.Column("line", sa.String(), nullable=False), sqlite_autoincrement=True)

def downgrade():
    op.drop_table("cards_card")
"""


def test_hook_search_terms(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin(
        "cards",
        """
from crmcore.api import SearchTerms, TableSpec, hookimpl

@hookimpl
def models():
    from crmcore_cards.tables import Card
    return [TableSpec(Card, customer_references=("customer_id",))]

@hookimpl
def search_terms():
    from crmcore_cards.tables import Card
    return [SearchTerms(Card, "Club card", names=("holder",), keys=("number",), phones=("line",))]
""",
        {"table_prefix": "cards", "migrations": "migrations"},
        files={"tables.py": CARDS, "migrations/0001_cards.py": CARDS_MIGRATION},
    )
    app = make_app(["cards"], database)
    one, other = add(app, "A", "B")
    card = importlib.import_module("crmcore_cards.tables").Card
    row = {"customer_id": one, "number": "VIP-0007", "holder": "仇示", "line": "021-55550101转7"}
    with app.write(ACTOR) as tx:
        (number,) = tx.insert(card, [row])
    asked = {"vip0007": "number exact", "仇示": "holder whole", "qiushi": "holder pinyin whole"}
    for text, why in asked.items():
        assert [(h["code"], h["why"]) for h in crm.lines("find", text)] == [("A", f"cards_card {why}")]
    assert [hit["code"] for hit in crm.lines("find", "+86 21 5555 0101", "--phone")] == ["A"]
    assert "Club card, number: exactly" in crm.ok("find", "VIP-0007").stdout
    with app.write(ACTOR) as tx:
        tx.update(card, [(number, {"customer_id": other, "number": "VIP-0008"})])
    assert crm.lines("find", "VIP-0007") == []
    assert [hit["code"] for hit in crm.lines("find", "VIP-0008")] == ["B"]
    assert crm.json("search", "rebuild")["tables"] == ["cards_card", "contact", "customer", "customer_merge"]
    assert [hit["code"] for hit in crm.lines("find", "VIP-0008")] == ["B"]
    with app.write(ACTOR) as tx:
        tx.delete(card, [number])
    assert crm.lines("find", "VIP-0008") == []
    assert crm.json("plugins", "plan", "disable", "cards")["search_terms"] == ["cards_card"]
    crm.ok("plugins", "disable", "cards")
    assert [hit["code"] for hit in crm.lines("find", "B")] == ["B"]


def test_hook_reports(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin(
        "counting",
        """
from crmcore.api import Column, Parameter, Report, ReportSpec, Table, hookimpl

def count(ctx, parameters):
    number = ctx.connection.exec_driver_sql("SELECT count(*) FROM customer").scalar()
    rows = [(parameters["greeting"], number)]
    return Report("Counting", (Table("all", "All", (Column("word", "Word"), Column("number", "Number", "integer")), rows),))

@hookimpl
def reports():
    return [ReportSpec("counting", "Counting customers", count, (Parameter("greeting", "Greeting", default="hello"),))]
""",
    )
    app = make_app(["counting"], database)
    add(app, "A", "B")
    assert "counting" in {row["name"] for row in crm.lines("report", "list")}
    shown = crm.ok("report", "run", "counting", "--param", "greeting=goodbye").stdout
    assert "goodbye" in shown
    assert "2" in shown


def test_hook_jobs(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin(
        "tidying",
        """
from crmcore.api import Customer, JobSpec, hookimpl

def tidy(app, actor):
    with app.write(actor, "tidy up", "job:tidy") as tx:
        return {"added": len(tx.insert(Customer, [{"code": "J", "name": "made by a job"}]))}

@hookimpl
def jobs():
    return [JobSpec("tidy", "Tidy up", tidy)]
""",
    )
    app = make_app(["tidying"], database)
    assert "tidy" in {row["name"] for row in crm.lines("jobs", "list")}
    assert crm.json("jobs", "run", "tidy")["summary"] == {"added": 1}
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT source FROM change_tx ORDER BY id DESC")) == "job:tidy"


def test_hook_demo_data(make_app: Callable[..., App], install_plugin: Any, tmp_path: Path) -> None:
    import random

    install_plugin(
        "trees",
        """
from crmcore.api import DemoFile, hookimpl

def write(path, rng, shared):
    path.write_text(f"{rng.randint(1, 6)} {shared['customers']}", encoding="utf-8")

@hookimpl
def demo_data():
    return [DemoFile(40, "trees", "trees.csv", write)]
""",
    )
    app = make_app(["trees"])
    files = app.host.registered("demo_data")
    (mine,) = [f for f in files if f.plugin == "trees"]
    mine.write(tmp_path / mine.file_name, random.Random("1"), {"customers": 3})
    assert (tmp_path / "trees.csv").read_text(encoding="utf-8").endswith(" 3")
    assert {f.plugin for f in files} >= {"demo", "trees"}, "built-in ones come by the same hook"


# -- all of them -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def test_sources() -> str:
    folders = [ROOT / "tests", *ROOT.glob("plugins/*/tests")]
    return "\n".join(
        p.read_text(encoding="utf-8") for folder in folders for p in sorted(folder.rglob("test_*.py"))
    )


@pytest.mark.parametrize("hook", PLUGINS)
def test_every_hook_has_its_test_and_its_page(hook: str, test_sources: str) -> None:
    assert re.search(rf"^def test_hook_{hook}\(", test_sources, re.MULTILINE), (
        f"write def test_hook_{hook}(…)"
    )
    page = (ROOT / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
    assert f"\n### {hook}\n" in page, f"docs/reference/hooks.md does not describe {hook}"


@pytest.mark.parametrize("hook", PLUGINS)
def test_the_page_tells_all_that_an_author_asks_of_a_hook(hook: str) -> None:
    section = hook_docs.hooks_page().partition(f"### {hook}\n")[2].partition("\n### ")[0]
    spec = inspect.signature(getattr(hookspecs, hook))
    assert f"```python\ndef {hook}(" in section
    for told in (
        f"**Family**: {FAMILIES[hook]}",
        "**Since** 0.",
        "**Called** ",
        "**Transaction**: ",
        "**Returns** ",
    ):
        assert told in section, told
    for argument in spec.parameters:
        assert re.search(rf"^\* `{argument}`: \S", section, re.MULTILINE), argument
    assert section.count("```python\n") == 2, "its signature and an example"


@pytest.mark.parametrize("hook", PLUGINS)
def test_every_hook_is_used_by_a_built_in_a_bundled_plugin_or_an_example(hook: str) -> None:
    assert hook_docs.users(hook), f"{hook} is used by no plugin of ours; add it to one under docs/examples"


def test_hookspecs_families_and_protocol_name_the_same_hooks() -> None:
    specs = {
        name: value
        for name, value in vars(hookspecs).items()
        if inspect.isfunction(value) and hasattr(value, f"{hookspecs.PROJECT}_spec")
    }
    assert set(specs) == set(FAMILIES)
    typed = {
        name: f
        for name, f in vars(hookspecs.Hooks).items()
        if inspect.isfunction(f) and not name.startswith("_")
    }
    assert set(typed) >= set(FAMILIES)
    for name, spec in specs.items():
        own = inspect.signature(typed[name])
        wanted = ["self", *inspect.signature(spec).parameters]
        assert list(own.parameters) == wanted, name
        assert own.return_annotation == inspect.signature(spec).return_annotation, name


@pytest.mark.parametrize("hook", PLUGINS)
def test_every_hookspec_says_what_it_must(hook: str) -> None:
    spec = getattr(hookspecs, hook)
    text = inspect.getdoc(spec) or ""
    assert text.split("\n")[0].endswith("."), "one sentence first"
    assert "Since 0." in text
    assert "Example: " in text
    assert "Returns" in text
    for argument in set(inspect.signature(spec).parameters) - {"ctx"}:  # ctx is the same everywhere
        assert f"{argument}:" in text, argument


def test_every_family_is_documented() -> None:
    page = ROOT / "docs" / "explanation" / "hooks.md"
    text = page.read_text(encoding="utf-8").lower()
    for family in set(FAMILIES.values()):
        assert family in text


def test_built_ins_use_the_very_same_hooks(make_app: Callable[..., App]) -> None:
    app = make_app()
    builtin = {hook for hosted in app.host.plugins if hosted.builtin for hook in hosted.functions}
    assert {"analytics_engine", "code_generator", "currency_rates", "importables", "demo_data"} <= builtin
    for hosted in app.host.plugins:
        for function, names in hosted.functions.values():
            assert hasattr(function, f"{hookspecs.PROJECT}_impl")
            assert set(names) <= set(inspect.signature(function).parameters)


def test_what_a_plugin_may_import_is_there() -> None:
    from crmcore import api

    for name in api.__all__:
        assert getattr(api, name) is not None
    assert sorted(api.__all__, key=str) == sorted(set(api.__all__))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = api.nothing


def test_the_specs_records_are_all_in_the_api() -> None:
    from crmcore import api
    from crmcore.plugins import types

    records = {
        name
        for name, value in vars(types).items()
        if inspect.isclass(value) and value.__module__ == types.__name__
    }
    assert records <= set(api.__all__)


def test_refusals_reach_the_user_by_name(make_app: Callable[..., App], install_plugin: Any) -> None:
    code = """
from crmcore.api import Refusal, hookimpl

@hookimpl
def validate_changes(changes):
    return [Refusal(i, f"no {i}") for i in range(len(changes))]
"""
    install_plugin("never", code)
    app = make_app(["never"])
    with pytest.raises(Refused, match=r"no 0 \[never\]; no 1 \[never\]; no 2 \[never\] and 2 more"):
        add(app, *"ABCDE")


def test_hooks_json_of_the_list_is_what_was_recorded(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin("points", POINTS, POINTS_MANIFEST, files=POINTS_FILES)
    make_app(["points"])
    row = next(r for r in crm.lines("plugins", "list") if r["name"] == "points")
    assert set(row) == {
        "name",
        "version",
        "distribution",
        "state",
        "error",
        "hooks",
        "provides",
        "deprecations",
    }
    assert (row["hooks"], row["state"], row["error"]) == (["models"], "enabled", None)
    assert json.dumps(row)


APPROVALS = """
from crmcore.api import ApprovalKind, Customer, Verdict, hookimpl

def rename(tx, request):
    tx.update(Customer, [(request.customer_id, {"name": request.payload["name"]})])

@hookimpl
def approval_kinds():
    return [ApprovalKind("naming_name", "New name", "records.export", rename, expires_days=3)]

@hookimpl
def approve_requests(requests, ctx):
    known = ctx.connection.exec_driver_sql("SELECT count(*) FROM customer").scalar()
    rules = {"silly": "reject", "plain": "approve"}
    return [
        Verdict(i, rules[r.subject], f"a {r.subject} name; {known} customers, {ctx.actor} asks")
        for i, r in enumerate(requests)
        if r.subject in rules
    ]
"""


def ask_for_name(app: App, subject: str) -> int:
    from crmcore.api import ApprovalRequest, request_approvals

    payload = {"name": f"named {subject}"}
    with app.write(ACTOR, plugin="naming") as tx:
        return request_approvals(
            tx, [ApprovalRequest("naming_name", subject, customer_id=1, payload=payload)]
        )[0]


def test_hook_approval_kinds(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin("naming", APPROVALS)
    app = make_app(["naming"], database)
    add(app, "A")
    crm.ok("actor", "add", "boss", "--role", "general_manager")
    kind = next(k for k in crm.lines("approvals", "kinds") if k["plugin"] == "naming")
    assert (kind["name"], kind["title"], kind["permission"]) == ("naming_name", "New name", "records.export")
    number = ask_for_name(app, "odd")
    asked = crm.json("approvals", "show", number)
    assert (asked["state"], asked["plugin"], asked["deciders"]) == ("requested", "naming", ["boss"])
    assert asked["expires_on"] == "2026-03-05"
    crm.ok("approvals", "approve", number, "--actor", "boss")
    assert crm.json("customer", "show", "A")["name"] == "named odd"


def test_hook_approve_requests(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin("naming", APPROVALS)
    app = make_app(["naming"], database)
    add(app, "A")
    for subject, state in (("plain", "approved"), ("silly", "rejected"), ("odd", "requested")):
        found = crm.json("approvals", "show", ask_for_name(app, subject))
        assert found["state"] == state
        if state != "requested":
            assert found["decided_by"] == "plugin:naming"
            assert found["decision_reason"] == f"a {subject} name; 1 customers, {ACTOR} asks"
    assert crm.json("customer", "show", "A")["name"] == "named plain"


CAUTIOUS = """
from crmcore.api import Hold, hookimpl

@hookimpl
def release_orders(orders, ctx):
    known = ctx.connection.exec_driver_sql("SELECT count(*) FROM customer").scalar()
    if any(o.order == "broken" for o in orders):
        raise LookupError("no such order")
    if any(o.order == "stray" for o in orders):
        return [Hold(7, "limit", "none of these", None)]
    if any(o.order == "garbage" for o in orders):
        return [Hold(0, "limit", None, None)]
    return [
        Hold(i, "limit", f"{o.order} is more than 100; {known} customers, {ctx.actor} asks", "records.write")
        for i, o in enumerate(orders)
        if o.amount_minor > 100
    ]
"""


def held(app: App, **amounts: int) -> list[tuple[int, str, str, str | None, str]]:
    """Ask whether orders of these amounts may be released; what is written before is written or not with them."""
    from crmcore.api import OrderRelease, ask_holds

    day = date(2026, 3, 1)
    orders = [OrderRelease(1, 1, name, amount, "CNY", day, None) for name, amount in amounts.items()]
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"name": "written", "code": f"W{tx.id}"}])
        return [(h.index, h.rule, h.reason, h.permission, h.plugin) for h in ask_holds(tx, orders)]


def test_hook_release_orders(make_app: Callable[..., App], database: str, install_plugin: Any) -> None:
    install_plugin("cautious", CAUTIOUS)
    app = make_app(["cautious"], database)
    add(app, "A")
    assert held(app) == held(app, small=100) == []
    reason = f"large is more than 100; 4 customers, {ACTOR} asks"
    assert held(app, small=100, large=101) == [(1, "limit", reason, "records.write", "cautious")]
    for name, problem in (("broken", "LookupError"), ("stray", "IndexError"), ("garbage", "TypeError")):
        with pytest.raises(Refused, match=rf"plugin 'cautious' failed in release_orders \({problem}"):
            held(app, **{name: 1})
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM customer")) == 4, (
            "what was refused left nothing"
        )


def test_a_plugin_that_holds_orders_and_cannot_run_refuses_every_release_by_name(
    make_app: Callable[..., App], install_plugin: Any, reopen: Callable[..., App]
) -> None:
    plugin = install_plugin("cautious", CAUTIOUS)
    app = make_app(["cautious"])
    add(app, "A")
    record = plugin.info.joinpath("RECORD").read_text(encoding="utf-8")
    plugin.write({"plugin.py": "raise RuntimeError('half written')"})
    plugin.info.joinpath("RECORD").write_text(record, encoding="utf-8")  # as in an editable installation
    plugin.forget()
    app = reopen(app)
    with pytest.raises(Refused, match=r"plugin 'cautious' decides on this and cannot run \(.*half written"):
        held(app, small=1)
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM customer")) == 1


COURT = """
from decimal import Decimal
from crmcore.api import Evidence, hookimpl

@hookimpl
def evidence(customer_ids, indicator, ctx):
    if indicator == "lawsuits":
        return [Evidence(i, indicator, i - 1, "court register", ctx.today) for i in reversed(customer_ids)]
    if indicator == "stray":
        return [Evidence(99, indicator, 1, "court register", ctx.today)]
    if indicator == "nothing_finite":
        return [Evidence(1, indicator, Decimal("NaN"), "court register", ctx.today)]
"""


def test_hook_evidence(make_app: Callable[..., App], database: str, install_plugin: Any) -> None:
    from crmcore.api import collect_evidence

    install_plugin("court", COURT)
    install_plugin("register", COURT.replace("court register", "tax office"))
    app = make_app(["court", "register"], database)
    ids = add(app, "A", "B")
    with app.read(actor=ACTOR) as ctx:
        found = collect_evidence(ctx, ids, ["lawsuits", "age", "lawsuits"])
        told = [(e.customer_id, e.indicator, e.value, e.source, e.at, e.plugin) for e in found]
        assert told == [
            (number, "lawsuits", number - 1, source, ctx.today, plugin)
            for number in ids
            for source, plugin in (("court register", "court"), ("tax office", "register"))
        ]
        assert collect_evidence(ctx, [], ["lawsuits"]) == collect_evidence(ctx, ids, []) == []
        for indicator, problem in (
            ("stray", "stray' of customer 99, which it was not"),
            ("nothing_finite", "NaN"),
        ):
            assert collect_evidence(ctx, ids, [indicator]) == []
            assert any("'court' failed in evidence" in w and problem in w for w in app.warnings), app.warnings
