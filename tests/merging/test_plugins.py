"""Plugins' rows: every plugin must answer, and one that cannot refuses the merge by its name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App, Customer, Refused
from crmcore.builtin.lifecycle.enabling import disable, enable
from crmcore.testing import ACTOR, CommandLine
from tests.merging.conftest import contents_of, merged, unmerged

TABLES = """
import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from crmcore.api import BigId, metadata

class CardModel(SQLModel, registry=registry(metadata=metadata)):
    pass

class Card(CardModel, table=True):
    __tablename__ = "cards_card"
    __table_args__ = (sa.UniqueConstraint("customer_id", "colour"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    colour: str
    total: int = 0
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op
from crmcore.api import BigId
revision = "cards_0001"
down_revision = None

def upgrade():
    op.create_table("cards_card", sa.Column("id", BigId, primary_key=True),
                    sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
                    sa.Column("colour", sa.String(), nullable=False), sa.Column("total", sa.Integer(), nullable=False),
                    sa.UniqueConstraint("customer_id", "colour", name="uq_cards_card_customer_id"),
                    sqlite_autoincrement=True)

def downgrade():
    op.drop_table("cards_card")
"""
PLUGIN = """
import sqlalchemy as sa
from crmcore.api import Moved, TableSpec, hookimpl, keep_rows, move_rows
SEEN = []

@hookimpl
def models():
    from .tables import Card
    return [TableSpec(Card, customer_references=("customer_id",))]
"""
ANSWER = """
@hookimpl
def move_references(moves, tx, ctx):
    from .tables import Card
    SEEN.append((ctx.plugin, [(m.from_id, m.into_id, m.undo, dict(m.rows)) for m in moves]))
    {body}
"""
FILES = {"tables.py": TABLES, "migrations/0001_cards.py": MIGRATION}
MANIFEST = {"table_prefix": "cards", "migrations": "migrations", "references_customers": True}
ORDINARY = 'return [move_rows(tx, Card, "customer_id", moves)]'
Company = Callable[..., App]


@pytest.fixture
def cards(make_app: Callable[..., App], install_plugin: Any, database: str) -> Company:
    """Return what makes a company with a plugin whose hook has this body: A has red and blue cards, B has a red one."""

    def make(body: str | None, rows: str = "A red,A blue,B green") -> App:
        answer = ANSWER.format(body=body) if body is not None else ""
        install_plugin("cards", PLUGIN + answer, MANIFEST, files=FILES)
        app = make_app(["cards"], database)
        with app.write(ACTOR, plugin="cards") as tx:
            ids = dict(zip("AB", tx.insert(Customer, [{"code": c, "name": c} for c in "AB"]), strict=True))
            model = importlib.import_module("crmcore_cards.tables").Card
            owned = [row.split() for row in rows.split(",") if row]
            tx.insert(model, [{"customer_id": ids[code], "colour": colour} for code, colour in owned])
        return app

    return make


def owned(app: App) -> list[tuple[str, str]]:
    query = "SELECT c.code, k.colour FROM cards_card k JOIN customer c ON c.id = k.customer_id ORDER BY k.id"
    with app.read() as ctx:
        return [tuple(row) for row in ctx.connection.execute(sa.text(query))]


def test_the_ordinary_answer_is_one_line_and_comes_back_by_itself(cards: Company):
    app = cards(ORDINARY)
    before = contents_of(app)
    (moved,) = [m for m in merged(app, "A", "B").moved if m.plugin == "cards"]
    assert (moved.table, moved.column, moved.rows, moved.kept, moved.removed) == (
        "cards_card",
        "customer_id",
        2,
        0,
        0,
    )
    assert owned(app) == [("B", "red"), ("B", "blue"), ("B", "green")]
    assert unmerged(app, "A")["conflicts"] == []
    assert contents_of(app) == before


def test_at_the_undo_a_plugin_is_told_which_rows_are_as_before(cards: Company):
    app = cards(ORDINARY)
    seen = importlib.import_module("crmcore_cards.plugin").SEEN
    merged(app, "A", "B")
    unmerged(app, "A")
    assert seen[0] == ("cards", [(1, 2, False, {})])
    ((plugin, ((gone, remaining, undo, rows),)),) = seen[1:]
    assert (plugin, gone, remaining, undo, rows["cards_card"]) == ("cards", 2, 1, True, (1, 2))


def test_what_both_have_only_once_refuses_unless_the_plugin_says_what_becomes_of_it(cards: Company):
    app = cards(ORDINARY, "A red,A blue,B red")
    before = contents_of(app)
    with pytest.raises(Refused, match=r"both customers have the same in cards_card \(1 rows\).* \[cards\]"):
        merged(app, "A", "B")
    assert contents_of(app) == before


def test_twins_are_removed_and_come_back(cards: Company):
    app = cards('return [move_rows(tx, Card, "customer_id", moves, twice="remove")]', "A red,A blue,B red")
    before = contents_of(app)
    (moved,) = [m for m in merged(app, "A", "B").moved if m.plugin == "cards"]
    assert (moved.rows, moved.removed) == (1, 1)
    assert owned(app) == [("B", "blue"), ("B", "red")]
    assert unmerged(app, "A")["conflicts"] == []
    assert contents_of(app) == before


def test_rows_that_tell_what_was_may_stay_where_they_are(cards: Company):
    app = cards('return [keep_rows(tx, Card, "customer_id", moves)]')
    (moved,) = [m for m in merged(app, "A", "B").moved if m.plugin == "cards"]
    assert (moved.rows, moved.kept) == (0, 2)
    assert owned(app)[:2] == [("A", "red"), ("A", "blue")]


def test_what_a_plugin_worked_out_is_brought_up_to_date_both_ways(cards: Company):
    app = cards(
        """
    from crmcore.api import Customer
    if moves[0].undo:
        ids = moves[0].rows["cards_card"]
        tx.update(Card, [(i, {"total": -1}) for i in ids])
        return []
    with_them = move_rows(tx, Card, "customer_id", moves)
    tx.insert(Card, [{"customer_id": moves[0].into_id, "colour": "gold"}])
    return [with_them]
"""
    )
    merged(app, "A", "B")
    assert owned(app)[-1] == ("B", "gold")
    result = unmerged(app, "A")
    assert (result["removed"], result["conflicts"]) == (1, [])
    assert owned(app) == [("A", "red"), ("A", "blue"), ("B", "green")]
    with app.read() as ctx:
        totals = ctx.connection.scalars(sa.text("SELECT total FROM cards_card ORDER BY id")).all()
    assert totals == [-1, -1, 0]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            None,
            "plugin 'cards' names customers in cards_card.customer_id and does not answer move_references; ask",
        ),
        (
            "return None",
            "plugin 'cards' did not say in move_references what becomes of cards_card.customer_id; ask",
        ),
        (
            "return []",
            "plugin 'cards' did not say in move_references what becomes of cards_card.customer_id; ask",
        ),
        (
            'return [Moved("cards_card", "customer_id", 2)]',
            "plugin 'cards' left 2 rows of cards_card.customer_id behind and said 0; ask",
        ),
        (
            'return [Moved("cards_card", "customer_id", 0, kept=1)]',
            "plugin 'cards' left 2 rows of cards_card.customer_id behind and said 1; ask",
        ),
        (
            "raise KeyError('x')",
            "plugin 'cards' failed in move_references (KeyError: 'x'), so nothing was written",
        ),
        (
            "raise SystemExit(3)",
            "plugin 'cards' failed in move_references (SystemExit: 3), so nothing was written",
        ),
        ("return [7]", "plugin 'cards' failed in move_references (TypeError: "),
        (
            'tx.connection.exec_driver_sql("UPDATE cards_card SET customer_id = 2")',
            "plugin 'cards' failed in move_references (GateError: ",
        ),
        (
            'tx.insert(Card, [{"customer_id": 4711, "colour": "x"}])\n    return []',
            "plugin 'cards' failed in move_references (IntegrityError: ",
        ),
    ],
)
def test_a_plugin_that_does_not_do_its_part_is_named_and_nothing_is_changed(cards: Company, body, told):
    app = cards(body)
    before = contents_of(app)
    with pytest.raises(Refused) as refused:
        merged(app, "A", "B")
    assert told in str(refused.value)
    assert contents_of(app) == before


def test_a_plugin_that_answers_for_the_rows_of_another_is_refused(cards: Company):
    app = cards('return [move_rows(tx, Card, "customer_id", moves), Moved("interaction", "customer_id", 0)]')
    with pytest.raises(
        Refused, match=r"plugin 'cards' answered in move_references for interaction\.customer_id, where"
    ):
        merged(app, "A", "B")


def test_a_quarantined_plugin_refuses_by_name(cards: Company):
    from crmcore.plugins import health

    app = cards(ORDINARY)
    for _turn in range(3):
        health.record(app, "cards", ValueError("bad"), "work_items")
    app.refresh()
    with pytest.raises(
        Refused, match=r"plugin 'cards' keeps rows of customers and cannot run \(bad\), so nothing is"
    ):
        merged(app, "A", "B")


def test_rows_of_a_disabled_plugin_refuse_by_name_and_none_do_not(cards: Company):
    app = cards(ORDINARY)
    disable(app, ["cards"], ACTOR)
    with pytest.raises(
        Refused, match="the disabled plugin 'cards' keeps 2 rows of A in cards_card, which nobody would"
    ):
        merged(app, "A", "B")
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "C", "name": "C"}])
    merged(app, "C", "B")
    unmerged(app, "C")
    enable(app, ["cards"], ACTOR)
    merged(app, "A", "B")


def test_a_merge_is_not_taken_back_without_the_plugin_whose_rows_moved(cards: Company):
    from crmcore.errors import CrmError

    app = cards(ORDINARY)
    merged(app, "A", "B")
    disable(app, ["cards"], ACTOR)
    with pytest.raises(
        CrmError, match="rows of table cards_card are to be taken back, whose plugin is not enabled"
    ):
        unmerged(app, "A")
    enable(app, ["cards"], ACTOR)
    assert unmerged(app, "A")["conflicts"] == []


def test_all_built_in_plugins_answer_for_their_tables(make_app: Any):
    from crmcore.builtin.duplicates.asking import columns_of, require_able, require_answers

    app = make_app()
    columns = columns_of(app)
    require_able(app)
    require_answers(app, columns)
    assert {
        ("interaction", "customer_id"),
        ("approval_request", "customer_id"),
        ("customer", "parent_id"),
    } <= set(columns)


def test_rows_of_a_plugin_that_is_gone_for_good_hold_nothing_up(cards: Company, crm: CommandLine):
    app = cards(ORDINARY)
    merged(app, "A", "B")
    crm.ok("plugins", "uninstall", "cards", "--drop")
    app.refresh()
    assert unmerged(app, "A")["conflicts"] == []
    assert crm.json("customer", "show", "A")["code"] == "A"
