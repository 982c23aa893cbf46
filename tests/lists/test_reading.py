"""How lists are read: never counted, never by offset, in flat memory, and recorded however the reading ends."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.builtin.records.services.customer_list import Condition, CustomerList, Order
from crmcore.builtin.records.services.list_columns import PluginColumns
from crmcore.testing import ACTOR, CommandLine

MANY = 3000


@contextmanager
def statements() -> Iterator[list[str]]:
    """Note what is really sent to any database."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement.lower())

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)


LISTS: list[tuple[str, ...]] = [
    ("customer", "list"),
    ("customer", "list", "--json"),
    ("customer", "list", "--where", "owner=rep1", "--where", "lifecycle=active", "--limit", "3", "--json"),
    ("customer", "list", "--where", "since>=2020-01-01", "--sort", "-since", "--json"),
    ("customer", "list", "--where", "route=b", "--sort", "-size", "--after", "c000", "--json"),
    ("customer", "list", "--where", "tally.points>=1", "--sort", "-tally.summed", "--json"),
    ("customer", "list", "--sort", "tally.points", "--after", "c000", "--limit", "2", "--json"),
    ("customer", "list", "--columns", "code,tally.points,vip", "--sort", "parent"),
    ("contact", "list", "--json", "--customer", "c000", "--text", "a"),
    ("interaction", "list", "--json", "--since", "2020-01-01"),
    ("document", "list", "--json"),
    ("actor", "list", "--json"),
]


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_no_list_counts_or_passes_over_rows(listed: App, crm: CommandLine, words: tuple[str, ...]) -> None:
    with statements() as sent:
        crm.ok(*words)
    read = [text for text in sent if text.lstrip().startswith("select")]
    assert read
    for text in read:
        assert "offset" not in text
        assert "count(" not in text


def test_a_page_from_the_greatest_down_asks_once_where_its_last_value_ends_with_it(
    listed: App, crm: CommandLine
) -> None:
    with listed.write(ACTOR) as tx:
        tx.insert(
            Customer, [{"code": f"s{n}", "name": "s", "attributes": {"size": 2000 + n}} for n in range(4)]
        )
    with statements() as sent:
        listed_codes = [c["code"] for c in crm.lines("customer", "list", "--sort", "-size", "--limit", "3")]
    assert listed_codes == ["s3", "s2", "s1"]
    assert len([text for text in sent if "customer.name" in text and "order by" in text]) == 1


def test_sqlite_is_asked_once_how_it_looks_up_a_column(listed: App) -> None:
    def page() -> int:
        with listed.read("records") as ctx:
            columns = PluginColumns(listed, ctx)
            wanted = [Condition("tally.points", ">=", 1)]
            found = CustomerList(listed, ctx, columns, wanted, Order(), None).find(5)
            return sum(len(rows) for rows in found.pages())

    with statements() as sent:
        assert [page(), page(), page()] == [5, 5, 5]
    asked = [text for text in sent if text.startswith("explain")]
    assert len(asked) == (listed.engine.dialect.name == "sqlite")


@pytest.fixture
def crowd(listed: App) -> App:
    """Return the company with many customers."""
    with listed.write(ACTOR) as tx:
        rows: list[dict[str, Any]] = [
            {"code": f"k{n:05}", "name": "k", "short_name": "p" * (n % 9), "attributes": {"size": n % 50}}
            for n in range(MANY)
        ]
        tx.insert(Customer, rows)
    return listed


def reads(app: App) -> list[tuple[str, str, int, Any]]:
    with app.read() as ctx:
        query = sa.text("SELECT what, entity, count, filter FROM read_log ORDER BY id")
        return [
            (what, entity, count, json.loads(text))
            for what, entity, count, text in ctx.connection.execute(query)
        ]


@contextmanager
def listing(app: App, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a list in a process whose output nobody takes but the test."""
    command = [sys.executable, "-m", "crmcore", "-C", str(app.config.folder), "--actor", ACTOR, "customer"]
    paths = os.pathsep.join(p for p in sys.path if p)
    process = subprocess.Popen(
        [*command, "list", "--json", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "CRM_LANG": "en"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_a_list_that_its_reader_breaks_off_is_recorded_with_what_was_read(crowd: App) -> None:
    with listing(crowd, "--where", "name=k") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["code"] == "k00000"
        process.stdout.close()
        process.wait(timeout=60)
    ((what, entity, count, filters),) = reads(crowd)
    assert (what, entity, filters["where"]) == ("list", "customer", ["name=k"])
    assert 1 <= count < MANY


def test_a_list_whose_process_is_killed_is_recorded_all_the_same(crowd: App) -> None:
    with listing(crowd, "--where", "name=k") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.kill()
        process.wait(timeout=60)
    ((what, entity, count, _filters),) = reads(crowd)
    assert (what, entity) == ("list", "customer")
    assert count >= 101


def test_a_list_that_is_read_to_its_end_is_recorded_once_with_its_number(
    crowd: App, crm: CommandLine
) -> None:
    assert len(crm.lines("customer", "list", "--where", "name=k", "--sort", "-size")) == MANY
    assert len(crm.ok("customer", "list", "--where", "name=k", "--limit", "150").stdout.splitlines()) > 150
    assert crm.lines("customer", "list", "--limit", "100")
    assert [count for _what, _entity, count, _filters in reads(crowd)] == [MANY, 150]


@pytest.mark.parametrize("name", ["code", "name", "tally.points"])
def test_a_list_of_all_takes_no_more_memory_than_one_of_many(crowd: App, name: str) -> None:
    def peak(limit: int | None) -> int:
        with crowd.read("records") as ctx:
            columns = PluginColumns(crowd, ctx)
            found = CustomerList(crowd, ctx, columns, [Condition("archived", "=", None)], Order(name), None)
            gc.collect()
            tracemalloc.start()
            count = sum(len(page) for page in found.find(limit).pages())
            assert count == (limit or MANY + 60)
            _now, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        return most

    peak(1500)  # what is imported and compiled at the first time
    assert peak(None) < 1.3 * peak(1500)


@pytest.mark.parametrize("order", ["code", "-size", "name"])
@pytest.mark.parametrize("column", ["tally.points", "tally.summed"])
def test_a_long_list_chosen_by_a_plugins_column_is_read_to_its_end(
    crowd: App, crm: CommandLine, column: str, order: str
) -> None:
    """Between its pages plugins are called, each on a connection that refuses writes."""
    words = ("--where", "name=k", "--where", f"{column}>=5", "--sort", order)
    many = sum(n % 9 >= 5 for n in range(MANY))
    assert len(crm.lines("customer", "list", *words)) == many
    assert len(crm.lines("customer", "list", *words, "--limit", "700")) == 700


FAILING = """
from crmcore.api import hookimpl

@hookimpl
def card_sections(customer_ids, as_of, ctx):
    import sqlalchemy as sa
    if len(customer_ids) < 500:
        return []
    ctx.connection.execute(sa.text("SELECT nothing FROM nowhere"))
"""


@pytest.mark.parametrize("order", ["code", "name"])
def test_a_plugin_that_fails_between_two_pages_does_not_end_the_list(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine, order: str
) -> None:
    install_plugin("faulty", FAILING)
    app = make_app(["faulty"], database)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"k{n:05}", "name": f"{n % 3}"} for n in range(1700)])
    result = crm("customer", "list", "--json", "--sort", order)
    assert "plugin 'faulty' failed in card_sections" in result.stderr
    assert len(result.lines()) == 1700
