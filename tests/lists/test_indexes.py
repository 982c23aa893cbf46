"""A field that says `x-index` has an index that its filter and its sort use, on both databases, wherever the rows go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App, create_app
from crmcore.builtin.records.services.customer_list import Condition, CustomerList, Order
from crmcore.builtin.records.services.list_columns import PluginColumns
from crmcore.testing import ACTOR, CommandLine

from .conftest import FIELDS

INDEXES = {
    "size": "ix_customer_attr_number_size",
    "route": "ix_customer_attr_text_route",
    "visited_on": "ix_customer_attr_text_visited_on",
    "vip": "ix_customer_attr_boolean_vip",
}
VALUES = {"size": 5, "route": "b", "visited_on": "2026-01-01", "vip": True}
COLUMNS = {"owner": "rep1", "lifecycle": "former", "tax_id": "9", "name": "x"}


def indexes(app: App) -> set[str]:
    with app.engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        query = "SELECT name FROM sqlite_master" if sqlite else "SELECT indexname FROM pg_indexes"
        return {name for (name,) in connection.exec_driver_sql(query) if name.startswith("ix_customer_attr_")}


def plans(app: App, conditions: list[Condition], order: Order, after: str | None = None) -> list[str]:
    """Return the plans of the statements that a first page really sends."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if "FROM customer" in statement and "SELECT" in statement[:10]:
            sent.append((statement, parameters))

    with app.read("records") as ctx:
        if ctx.connection.dialect.name == "postgresql":
            ctx.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            ctx.connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        sa.event.listen(app.engine, "before_cursor_execute", note)
        try:
            found = CustomerList(app, ctx, PluginColumns(app, ctx), conditions, order, after).find(2)
            list(found.pages())
        finally:
            sa.event.remove(app.engine, "before_cursor_execute", note)
        explain = "EXPLAIN QUERY PLAN" if ctx.connection.dialect.name == "sqlite" else "EXPLAIN"
        listed = [s for s in sent if after is None or "customer.code = " not in s[0]]
        assert listed
        return [
            "\n".join(str(tuple(row)) for row in ctx.connection.exec_driver_sql(f"{explain} {text}", values))
            for text, values in listed
        ]


@pytest.mark.parametrize("name", sorted(INDEXES))
def test_filter_and_sort_by_an_attribute_use_its_index(listed: App, name: str) -> None:
    index = INDEXES[name]
    assert indexes(listed) == set(INDEXES.values())
    for plan in plans(listed, [Condition(name, "=", VALUES[name])], Order()):
        assert index in plan
        assert "TEMP B-TREE" not in plan, "the index gives those with the value by code"
    for descending in (False, True):
        for plan in plans(listed, [], Order(name, descending)):
            assert index in plan
            assert "TEMP B-TREE FOR ORDER BY" not in plan, "what is greatest is read off the index"
    if name != "vip":
        assert all(
            index in plan for plan in plans(listed, [Condition(name, ">=", VALUES[name])], Order(name))
        )


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_filter_and_sort_by_an_indexed_column_use_its_index(listed: App, name: str) -> None:
    for plan in plans(listed, [Condition(name, "=", COLUMNS[name])], Order()):
        assert f"ix_customer_{name}" in plan
    assert any(f"ix_customer_{name}" in plan for plan in plans(listed, [], Order(name)))


def test_a_sort_begins_where_there_are_values_and_not_with_the_empty_ones(listed: App) -> None:
    """A card that few customers have a value of is listed by it at once: the others are not walked through."""
    if listed.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps empty ones at the end of an index")
    (first, *_rest) = plans(listed, [], Order("size"))
    assert "SEARCH customer USING INDEX ix_customer_attr_number_size (<expr>>?)" in first


def test_of_two_filters_that_have_an_index_the_one_of_fewer_rows_is_taken(listed: App) -> None:
    if listed.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL counts what there is")
    for pair in (("lifecycle", "owner"), ("owner", "lifecycle")):
        (plan,) = plans(listed, [Condition(name, "=", COLUMNS[name]) for name in pair], Order())
        assert "ix_customer_owner_code" in plan


def test_indexes_follow_the_fields(listed: App, own_fields: Any, crm: CommandLine) -> None:
    own_fields(
        listed,
        {
            "size": {**FIELDS["size"], "type": "string", "maxLength": 10},
            "route": FIELDS["route"],
            "plain": {**FIELDS["plain"], "x-index": True},
        },
    )
    checks = {check["name"]: check for check in crm("doctor", "--json").json()["checks"]}
    assert checks["indexes of lists"]["ok"] is False
    assert (
        checks["indexes of lists"]["detail"] == "fields without their index: size, plain; run: crm db migrate"
    )
    changed = crm.json("db", "migrate")
    assert changed["indexes"] == [
        "ix_customer_attr_boolean_vip",
        "ix_customer_attr_number_plain",
        "ix_customer_attr_number_size",
        "ix_customer_attr_text_size",
        "ix_customer_attr_text_visited_on",
    ]
    assert indexes(listed) == {
        "ix_customer_attr_number_plain",
        "ix_customer_attr_text_route",
        "ix_customer_attr_text_size",
    }
    assert crm.json("db", "migrate") == {"migrated": [], "indexes": []}
    assert all(c["ok"] for c in crm.json("doctor")["checks"])


def test_a_text_that_is_too_long_for_an_index_is_told_and_can_be_written(
    listed: App, own_fields: Any, crm: CommandLine
) -> None:
    own_fields(listed, {"story": {"title": "Story", "type": "string", "x-index": True}})
    crm.ok("db", "migrate")
    story = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(1000))
    crm.ok("customer", "add", "--code", "L1", "--name", "l", "--set", f"story={story}")
    doctor = crm("doctor", "--json")
    assert doctor.exit_code == 1
    assert "story: x-index needs a maxLength of at most 500" in doctor.stdout
    own_fields(listed, {"story": {"title": "Story", "type": "string", "maxLength": 400, "x-index": True}})
    if listed.engine.dialect.name == "postgresql":
        refused = crm("db", "migrate")
        assert refused.exit_code == 1
        assert "the index of the field 'story' cannot be made" in refused.stderr
        crm.ok("customer", "edit", "L1", "--set", "story=")
    assert crm.json("db", "migrate")["indexes"] == ["ix_customer_attr_text_story"]
    crm.ok("customer", "edit", "L1", "--set", f"story={story[:400]}")


CARD = {"club_card": {"title": "Card", "type": "string", "maxLength": 20, "x-index": True}}


def test_a_plugins_fields_have_an_index_while_it_is_enabled(
    make_app: Any, database: str, install_plugin: Any, crm: CommandLine
) -> None:
    text = json.dumps({"type": "object", "properties": CARD})
    install_plugin("club", "", {"card_fields": "card.schema.json"}, files={"card.schema.json": text})
    app = make_app([], database)
    assert indexes(app) == set()
    crm.ok("plugins", "enable", "club")
    assert indexes(app) == {"ix_customer_attr_text_club_card"}
    crm.ok("--no-plugins", "db", "migrate")
    assert indexes(app) == {"ix_customer_attr_text_club_card"}, "it is enabled all the same"
    crm.ok("plugins", "disable", "club")
    assert indexes(app) == set()
    crm.ok("plugins", "enable", "club")
    crm.ok("plugins", "uninstall", "club", "--drop")
    assert indexes(app) == set()


@pytest.mark.postgres
@pytest.mark.parametrize("to", ["sqlite", "postgres"])
def test_a_copy_and_a_restored_backup_have_the_indexes(
    listed: App, to: str, crm: CommandLine, tmp_path: Path, empty_postgres: Callable[[], str]
) -> None:
    there = indexes(listed)
    crm.ok("db", "backup", tmp_path / "backup")
    words = ("--database", empty_postgres()) if to == "postgres" else ()
    crm.ok("db", "restore", tmp_path / "backup", "--to", tmp_path / "restored", *words)
    restored = create_app(tmp_path / "restored")
    assert indexes(restored) == there == set(INDEXES.values())
    restored.close()
    url = empty_postgres() if to == "postgres" else f"sqlite:///{tmp_path / 'copy.db'}"
    crm.ok("db", "copy", "--to", url)
    text = listed.config.path.read_text(encoding="utf-8").replace(listed.config.database_url, url)
    listed.config.path.write_text(text, encoding="utf-8")
    copied = create_app(listed.config.folder)
    assert indexes(copied) == there
    copied.close()


def test_a_value_of_another_type_than_the_field_says_breaks_no_list(listed: App, crm: CommandLine) -> None:
    """A company may change the type of a field; what was written before stays."""
    with listed.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "odd", "name": "odd", "attributes": {"size": "large", "vip": 3}}])
    for words in (["--where", "size>=0"], ["--sort", "size"], ["--sort", "-size"], ["--sort", "vip"]):
        assert crm.lines("customer", "list", *words)
    assert "odd" in {card["code"] for card in crm.lines("customer", "list", "--sort", "-size")}
