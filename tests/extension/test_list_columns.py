"""Columns of plugins in `crm customer list`: shown, filtered, sorted by, paged, and alone when they fail."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from crmcore.api import Customer
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

PLUGIN = """
import datetime
import sqlalchemy as sa
from crmcore.api import Customer, ListColumn, hookimpl

c = Customer.__table__.c
LETTERS = c.name

def select(value, where=sa.true()):
    return lambda settings: sa.select(c.id.label("customer_id"), value.label("value")).where(where)

def letters(settings):
    return sa.select(c.id.label("customer_id"), (sa.func.length(c.name) * settings["times"]).label("value")).where(c.name != "none")

def of_today(settings, today):
    return sa.select(c.id.label("customer_id"), sa.literal(today, sa.Date()).label("value"))

@hookimpl
def list_columns():
    return [
        ListColumn("letters", "Letters", "integer", letters),
        ListColumn("worth", "Worth", "amount", select(sa.func.length(c.name) * 100)),
        ListColumn("first", "First letter", "text", select(sa.func.substr(c.name, 1, 1))),
        ListColumn("part", "Part", "decimal", select(sa.cast(sa.func.length(c.name), sa.Numeric(10, 2)) / 4)),
        ListColumn("some", "Some", "integer", select(sa.func.length(c.name), c.code.in_(sa.bindparam("ids", ["C1", "C2"], expanding=True)))),
        ListColumn("day", "Day", "date", select(sa.literal(datetime.date(2026, 3, 1), sa.Date()), c.name == "bb")),
        ListColumn("today", "Today", "date", of_today),
    ]
"""
SETTINGS = """{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
"properties": {"times": {"type": "integer", "default": 1}}}"""


@pytest.fixture
def listed(make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine) -> App:
    """Four customers whose names are one to four letters, one of them of no use; the plugin measures names."""
    install_plugin("measure", PLUGIN, {"table_prefix": "name"}, files={"settings.schema.json": SETTINGS})
    app = make_app(["measure"], database)
    names = {"C1": "ccc", "C2": "a", "C3": "bb", "C4": "none"}
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": code, "name": name, "region": "N"} for code, name in names.items()])
    return app


def codes(crm: CommandLine, *words: str) -> list[str]:
    return [line["code"] for line in crm.lines("customer", "list", *words)]


def test_a_column_may_have_parameters_of_any_name(listed: App, crm: CommandLine) -> None:
    shown = crm.lines("customer", "list", "--columns", "code,name.some")
    assert [line["name.some"] for line in shown] == [3, 1, None, None]


def test_a_column_may_depend_on_the_day_of_the_company(listed: App, crm: CommandLine, clock: Any) -> None:
    clock.now = clock.now.replace(hour=17)  # 1 o'clock of the next day in Shanghai, where the company is
    shown = crm.lines("customer", "list", "--columns", "code,name.today", "--where", "name.today>=2026-03-03")
    assert [line["name.today"] for line in shown] == ["2026-03-03"] * 4


def test_list_shows_the_columns_asked_for(listed: App, crm: CommandLine) -> None:
    shown = crm.lines("customer", "list", "--columns", "code,name,name.letters,name.worth,name.part,name.day")
    assert shown[2] == {
        "code": "C3",
        "name": "bb",
        "name.letters": 2,
        "name.worth": 200,
        "name.part": shown[2]["name.part"],
        "name.day": "2026-03-01",
    }
    assert Decimal(shown[2]["name.part"]) == Decimal("0.5")
    assert shown[3]["name.letters"] is None, "a customer without a row has no value"
    table = crm.ok("customer", "list", "--columns", "name,name.worth,region", "--limit", "2").stdout
    assert "Worth" in table
    assert "3.00" in table, "an amount stands in the company's currency"
    assert "--after C2" in table


def test_list_filters_by_columns_of_plugins_and_of_the_core(listed: App, crm: CommandLine) -> None:
    wanted = {
        "name.letters>=2": ["C1", "C3"],
        "name.letters>2": ["C1"],
        "name.letters<2": ["C2"],
        "name.letters<=2": ["C2", "C3"],
        "name.letters!=2": ["C1", "C2", "C4"],
        "name.letters=": ["C4"],
        "name.letters!=": ["C1", "C2", "C3"],
        "name.worth>=2.00": ["C1", "C3", "C4"],
        "name.first=a": ["C2"],
        "name.part>0.5": ["C1", "C4"],
        "name.day=2026-03-01": ["C3"],
        "name.day>=2026-03-02": [],
        "name>=c": ["C1", "C4"],
        "code!=C1": ["C2", "C3", "C4"],
        "name=' OR 1=1 --": [],
    }
    assert {where: codes(crm, "--where", where) for where in wanted} == wanted
    assert codes(crm, "--where", "name.letters>=2", "--where", "name.first=b") == ["C3"]


ORDERS = {
    "name.letters": ["C2", "C3", "C1", "C4"],
    "-name.letters": ["C1", "C3", "C2", "C4"],
    "name": ["C2", "C3", "C1", "C4"],
    "-name": ["C4", "C1", "C3", "C2"],
    "-code": ["C4", "C3", "C2", "C1"],
    "region": ["C1", "C2", "C3", "C4"],
    "name.day": ["C3", "C1", "C2", "C4"],
}


def test_list_is_ordered_and_goes_on_behind_each_customer(listed: App, crm: CommandLine) -> None:
    for order, expected in ORDERS.items():
        assert codes(crm, "--sort", order) == expected
        for place, code in enumerate(expected, 1):
            assert codes(crm, "--sort", order, "--after", code) == expected[place:], (order, code)


def test_many_pages_are_one_list(listed: App, crm: CommandLine) -> None:
    with listed.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"K{n:04}", "name": "k" * (n % 7 + 1)} for n in range(1200)])
    found = crm.lines("customer", "list", "--where", "name.letters>=6", "--columns", "code,name.letters")
    assert [line["code"] for line in found] == [f"K{n:04}" for n in range(1200) if n % 7 >= 5]
    longest = codes(crm, "--sort", "-name.letters", "--where", "name.letters>=7")
    assert longest == [f"K{n:04}" for n in range(6, 1200, 7)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--where", "name.leters>=1"], "did you mean 'name.letters'"),
        (["--columns", "code,regoin"], "did you mean 'region'"),
        (["--sort", "-name.worht"], "did you mean 'name.worth'"),
        (["--where", "name.letters>=many"], "name.letters = 'many'"),
        (["--where", "name.worth>=1.001"], "name.worth = '1.001'"),
        (["--where", "name.letters>="], "needs a value"),
        (["--where", "name.letters"], "is not of the form"),
        (["--sort", "name.letters", "--after", "nobody"], "no customer 'nobody'"),
        (["--columns", "uid"], "no column 'uid'"),
    ],
)
def test_what_lists_do_not_know_is_refused(
    make_app: Any, install_plugin: Any, crm: CommandLine, words: list[str], said: str
) -> None:
    install_plugin("measure", PLUGIN, {"table_prefix": "name"}, files={"settings.schema.json": SETTINGS})
    make_app(["measure"])
    result = crm("customer", "list", *words, "--json")
    assert result.exit_code in {1, 2}
    assert result.stdout == ""
    assert said in result.stderr


def test_settings_of_the_plugin_reach_its_columns(listed: App, crm: CommandLine) -> None:
    with listed.config.path.open("a", encoding="utf-8") as file:
        file.write("\n[plugins.measure]\ntimes = 10\n")
    assert codes(crm, "--where", "name.letters>=20") == ["C1", "C3"]


FAILING = """
import sqlalchemy as sa
from crmcore.api import Customer, ListColumn, hookimpl

c = Customer.__table__.c

def raising(settings):
    raise RuntimeError("no select today")

@hookimpl
def list_columns():
    columns = {
        "raises": raising,
        "missing": lambda s: sa.select(sa.literal_column("1").label("customer_id"), sa.literal_column("x").label("value")).select_from(sa.table("nowhere")),
        "wrong": lambda s: sa.select(c.id, c.name),
        "garbage": lambda s: sa.select(c.id.label("customer_id"), c.name.label("value")),
        "good": lambda s: sa.select(c.id.label("customer_id"), c.id.label("value")),
    }
    return [ListColumn(name, name, "integer", select) for name, select in columns.items()]
"""


@pytest.mark.parametrize("name", ["raises", "missing", "wrong", "garbage"])
def test_a_column_that_fails_is_left_out_alone(
    make_app: Any, database: str, install_plugin: Any, crm: CommandLine, name: str
) -> None:
    install_plugin("faulty", FAILING)
    make_app(["faulty"], database)
    crm.ok("customer", "add", "--code", "C1", "--name", "x")
    result = crm("customer", "list", "--columns", f"code,faulty.{name},faulty.good", "--json")
    assert result.exit_code == 0
    assert result.lines() == [{"code": "C1", "faulty.good": 1}]
    assert "plugin 'faulty' failed in list_columns" in result.stderr
    (line,) = [p for p in crm.lines("plugins", "list") if p["name"] == "faulty"]
    assert line["error"]["hook"] == "list_columns"
    assert crm.ok("customer", "list", "--columns", f"code,faulty.{name}").stdout.split() == ["Code", "C1"]


def test_a_list_is_not_chosen_by_a_column_that_fails(
    make_app: Any, database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin("faulty", FAILING)
    make_app(["faulty"], database)
    crm.ok("customer", "add", "--code", "C1", "--name", "x")
    for name, words in {
        "raises": ["--where", "faulty.raises=1"],
        "missing": ["--where", "faulty.missing=1", "--where", "faulty.good=1"],
        "wrong": ["--sort", "faulty.wrong"],
    }.items():
        result = crm("customer", "list", *words, "--json")
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"customers cannot be listed by faulty.{name}" in result.stderr
        crm.ok("plugins", "release", "faulty")


WRONG = """
import datetime
import sqlalchemy as sa
from crmcore.api import Customer, ListColumn, hookimpl

c = Customer.__table__.c
VALUES = {{
    "number": ("text", sa.literal_column("1")),
    "words": ("integer", sa.literal("many")),
    "worth": ("amount", sa.literal("1")),
    "half": ("integer", sa.literal_column("2.5")),
    "digits": ("decimal", sa.literal("0.5")),
    "nothing": ("decimal", sa.literal("NaN")),
    "endless": ("decimal", sa.literal_column({endless})),
    "long_ago": ("date", sa.literal("2026-13-40")),
    "seconds": ("date", sa.literal_column("5")),
    "moment": ("date", sa.literal(datetime.datetime(2026, 3, 1, 8), sa.DateTime())),
    "divided": ("integer", sa.literal_column({divided})),
}}

@hookimpl
def list_columns():
    def select(value):
        return lambda settings: sa.select(c.id.label("customer_id"), value.label("value"))
    return [ListColumn(name, name, kind, select(value)) for name, (kind, value) in VALUES.items()]
"""
WRONG_BY_DATABASE = {
    "sqlite": {"endless": "'9e999'", "divided": "'abs(-9223372036854775807 - 1)'"},
    "postgres": {"endless": "\"'NaN'::float8\"", "divided": "'1/(customer.id - customer.id)'"},
}
SOUGHT = {
    "number": "1",
    "words": "1",
    "worth": "1",
    "half": ">2",
    "digits": "0.5",
    "nothing": "1",
    "endless": ">1",
    "long_ago": "2026-03-01",
    "seconds": "2026-03-01",
    "moment": "2026-03-01",
    "divided": "1",
}


def test_a_column_that_gives_another_type_than_it_says_is_named(
    make_app: Any, database: str, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin("wrong", WRONG.format(**WRONG_BY_DATABASE[database]))
    app = make_app(["wrong"], database)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": code, "name": "x"} for code in ("C1", "C2")])
    for name, value in SOUGHT.items():
        condition = f"wrong.{name}{value if value[0] == '>' else f'={value}'}"
        for words in (
            ["--where", condition, "--where", "name=x"],
            ["--sort", f"-wrong.{name}", "--after", "C1"],
        ):
            result = crm("customer", "list", *words, "--json")
            assert (result.exit_code, result.stdout) == (1, ""), words
            assert f"customers cannot be listed by wrong.{name}: its plugin 'wrong' fails" in result.stderr
        shown = crm("customer", "list", "--columns", f"code,wrong.{name}", "--json")
        assert shown.lines() == [{"code": "C1"}, {"code": "C2"}], name
        assert "plugin 'wrong' failed in list_columns" in shown.stderr
        crm.ok("plugins", "release", "wrong")


def test_columns_of_a_disabled_plugin_are_not_known(listed: App, crm: CommandLine) -> None:
    crm.ok("plugins", "disable", "measure")
    assert "no column 'name.letters'" in crm("customer", "list", "--columns", "name.letters").stderr


def test_sensitive_fields_in_a_column_are_recorded_as_read(
    make_app: Callable[..., App], crm: CommandLine
) -> None:
    import sqlalchemy as sa

    app = make_app()
    crm.ok("customer", "add", "--code", "C1", "--name", "x", "--set", "bank_account=12")
    crm.lines("customer", "list", "--columns", "code,name")
    crm.lines("customer", "list", "--columns", "code,bank_account")
    with app.read() as ctx:
        rows = ctx.connection.execute(sa.text("SELECT what, filter FROM read_log")).all()
    assert [tuple(row) for row in rows] == [("sensitive", "C1: bank_account")]
