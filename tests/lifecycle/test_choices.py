"""What crm.toml chooses of a plugin goes with it; where two offer the same, somebody says that a choice is needed."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from crmcore.app import App
from crmcore.builtin.lifecycle.choices import unmade
from crmcore.config import SCHEMAS
from crmcore.settings.validation import load_schema
from crmcore.testing import CommandLine
from tests.lifecycle.seen import everything

TILL = """
from crmcore.api import hookimpl

@hookimpl
def code_generator():
    return {"till": lambda pattern, numbers, today: [f"T{n:04}" for n in numbers]}
"""
CHOSEN = """
[strategies]
# the till prints them
code_generator = "till"
purchases = "shop"
"""
SELLING = """
from crmcore.api import FactProvider, hookimpl

@hookimpl
def facts():
    return [FactProvider("purchases", lambda settings: None)]
"""
DEPOT = """
from crmcore.api import hookimpl

@hookimpl
def service_policies(customer_ids):
    return []
"""


def plan(crm: CommandLine, action: str, name: str = "shop", *words: str) -> dict[str, Any]:
    made: dict[str, Any] = crm.json("plugins", "plan", action, name, *words)
    Draft202012Validator(load_schema(SCHEMAS / "plugin_plan.schema.json")).validate(made)
    return made


def strategies(app: App) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(app.config.path.read_text(encoding="utf-8"))["strategies"]
    return found


@pytest.fixture
def shop(install_plugin: Any, make_app: Callable[..., App]) -> App:
    """Return a company whose codes a plugin makes."""
    install_plugin("shop", TILL)
    return make_app(["shop"], settings=CHOSEN)


LEAVING = [["disable", "shop"], ["uninstall", "shop", "--keep"], ["uninstall", "shop", "--drop"]]


@pytest.mark.parametrize("words", LEAVING, ids=" ".join)
@pytest.mark.parametrize("state", ["sound", "broken", "gone"])
def test_a_choice_goes_with_its_plugin_and_commands_go_on(
    shop: App, crm: CommandLine, install_plugin: Any, words: list[str], state: str
) -> None:
    assert crm.json("customer", "add", "--name", "P")["code"] == "T0001"
    plugin = install_plugin("shop", TILL)
    if state == "broken":
        plugin.code("raise SystemExit(3)")
    elif state == "gone":
        plugin.uninstall()
    done = crm.ok("plugins", *words)
    assert strategies(shop) == {}
    assert "# the till prints them" in shop.config.path.read_text(encoding="utf-8")
    assert "strategies.code_generator = 'till' was taken out of crm.toml" in done.stderr
    assert "strategies.purchases = 'shop'" in done.stderr
    assert not crm.json("customer", "add", "--name", "Q")["code"].startswith("T")


@pytest.mark.parametrize(
    "words", [["disable", "shop"], ["uninstall", "shop"], ["uninstall", "shop", "--keep"]]
)
def test_a_plan_names_the_choices_that_go(shop: App, crm: CommandLine, words: list[str]) -> None:
    before = everything(shop)
    expected = {"strategies.code_generator": "till", "strategies.purchases": "shop"}
    assert plan(crm, *words)["choices"] == expected
    text = crm.ok("plugins", "plan", *words).stdout
    assert (
        'choices are taken out of crm.toml, their defaults hold: strategies.code_generator = "till", '
        'strategies.purchases = "shop"' in text
    )
    assert everything(shop) == before


def test_a_choice_that_another_plugin_can_answer_stays(
    install_plugin: Any, make_app: Callable[..., App], crm: CommandLine
) -> None:
    install_plugin("shop", TILL.replace('"till"', '"other"'))
    install_plugin("market", TILL)
    app = make_app(["shop", "market"], settings=CHOSEN)
    assert plan(crm, "disable")["choices"] == {"strategies.purchases": "shop"}
    crm.ok("plugins", "disable", "shop")
    assert strategies(app) == {"code_generator": "till"}
    assert crm.json("customer", "add", "--name", "Q")["code"] == "T0001"


def test_a_choice_that_a_broken_plugin_may_offer_stays(
    install_plugin: Any, make_app: Callable[..., App], crm: CommandLine
) -> None:
    install_plugin("shop", TILL.replace('"till"', '"other"'))
    market = install_plugin("market", TILL)
    app = make_app(["shop", "market"], settings=CHOSEN)
    market.code("1 / 0")
    market.forget()
    crm.ok("plugins", "disable", "shop")
    assert strategies(app) == {"code_generator": "till"}


def test_an_engine_goes_with_its_plugin(
    install_plugin: Any, make_app: Callable[..., App], crm: CommandLine
) -> None:
    engine = "from crmcore.api import hookimpl\n\n@hookimpl\ndef analytics_engine():\n    return {'warehouse': object}\n"
    install_plugin("shop", engine)
    app = make_app(["shop"], settings='\n[analytics]\nengine = "warehouse"\n')
    assert plan(crm, "disable")["choices"] == {"analytics.engine": "warehouse"}
    crm.ok("plugins", "disable", "shop")
    assert "warehouse" not in app.config.path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("code", "key"), [(SELLING, "purchases"), (DEPOT, "service_policies")])
def test_where_two_provide_the_same_the_plan_and_enabling_say_that_a_choice_is_needed(
    install_plugin: Any,
    make_app: Callable[..., App],
    crm: CommandLine,
    reopen: Callable[..., App],
    code: str,
    key: str,
) -> None:
    install_plugin("shop", code)
    install_plugin("market", code)
    app = make_app(["market"])
    before = everything(app)
    made = plan(crm, "enable")
    assert (made["to_choose"], made["refusals"]) == ({f"strategies.{key}": ["market", "shop"]}, [])
    sentence = f"a choice is needed in crm.toml: strategies.{key} = one of market, shop"
    assert sentence in crm.ok("plugins", "plan", "enable", "shop").stdout
    assert everything(app) == before
    done = crm.ok("plugins", "enable", "shop")
    assert done.stdout == "Enabled: shop\n"
    assert f"choose one in crm.toml: strategies.{key}" in done.stderr
    doctor = crm("doctor", "--json")
    (settings,) = [one for one in doctor.json()["checks"] if one["name"] == "settings"]
    assert (doctor.exit_code, settings["ok"]) == (1, False)
    assert f"choose one in crm.toml: strategies.{key}" in settings["detail"]
    text = app.config.path.read_text(encoding="utf-8")
    app.config.path.write_text(f'{text}\n[strategies]\n{key} = "shop"\n', encoding="utf-8")
    assert plan(crm, "upgrade")["to_choose"] == {}
    assert unmade(reopen(app)) == []
    crm.ok("doctor")
