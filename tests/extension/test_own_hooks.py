"""Hooks that a plugin declares and plugins which require it implement."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from crmcore.app import App
from crmcore.testing import CommandLine

API = """
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from crmcore.api import Context, hookspec

@dataclass(frozen=True)
class Rule:
    customer_id: int
    factor: int
    plugin: str = ""

@hookspec
def point_rules(customer_ids: Sequence[int], ctx: Context) -> Iterable[Rule]:
    '''Say how many points customers get.'''

@hookspec
def points_closed(day: str) -> None:
    '''Hear that a day is closed.'''
"""
DECLARING = """
import json
from crmcore.api import CardSection, call_hook, hookimpl
from .api import Rule

@hookimpl
def point_rules(customer_ids):
    return [Rule(i, 1) for i in customer_ids[:1]]

@hookimpl
def card_sections(customer_ids, ctx):
    call_hook(ctx, "points_closed", day="monday")
    rules = call_hook(ctx, "point_rules", customer_ids=customer_ids)
    return [CardSection(i, "rules", "Rules", {r.plugin: r.factor for r in rules if r.customer_id == i}) for i in customer_ids]
"""
MANIFEST = {"hookspecs": "crmcore_loyal.api", "title": "Loyal"}
IMPLEMENTING = """
from crmcore.api import hookimpl
from crmcore_loyal.api import Rule
CLOSED = []

@hookimpl
def points_closed(day):
    CLOSED.append(day)

@hookimpl
def point_rules(customer_ids, ctx):
    print("thinking")
    return (Rule(i, 10 * len(ctx.plugin)) for i in customer_ids)
"""

Pair = Callable[..., App]


@pytest.fixture
def pair(make_app: Any, install_plugin: Any, crm: CommandLine) -> Pair:
    """Enable `loyal`, which declares hooks, and `gifts`, which implements them by the code given."""

    def make(code: str = IMPLEMENTING, database: str = "sqlite", api: str = API) -> App:
        install_plugin("loyal", DECLARING, MANIFEST, files={"api.py": api})
        install_plugin("gifts", code, {"requires": ["loyal"]})
        app: App = make_app(["loyal", "gifts"], database)
        crm.ok("customer", "add", "--code", "C1", "--name", "x")
        return app

    return make


def rules(crm: CommandLine) -> Any:
    result = crm.ok("customer", "show", "C1", "--json")
    return result.json()["sections"][0]["data"], result.stderr


def test_a_plugin_hears_what_those_who_require_it_say(pair: Pair, database: str, crm: CommandLine) -> None:
    pair(database=database)
    data, warnings = rules(crm)
    assert data == {"loyal": 1, "gifts": 50}, "its own implementation counts too, each with its plugin's name"
    assert "thinking" in warnings, "what it prints is no part of the JSON"
    assert importlib.import_module("crmcore_gifts.plugin").CLOSED[-1] == "monday"
    hooks = {p["name"]: p["hooks"] for p in crm.lines("plugins", "list")}
    assert hooks["gifts"] == ["loyal.point_rules", "loyal.points_closed"]


@pytest.mark.parametrize(
    "body",
    [
        "raise RuntimeError('broken')",
        "raise SystemExit(3)",
        "return [1]",
        "return 7",
        "return [Rule('x', 1)]",
        "return ctx.connection.exec_driver_sql('SELECT * FROM nowhere').all()",
    ],
)
def test_a_failing_implementation_is_left_out_and_named(
    pair: Pair, database: str, crm: CommandLine, body: str
) -> None:
    pair(IMPLEMENTING.replace('    print("thinking")\n', f"    {body}\n"), database)
    data, warnings = rules(crm)
    assert data == {"loyal": 1}
    assert "plugin 'gifts' failed in loyal.point_rules" in warnings
    (line,) = [p for p in crm.lines("plugins", "list") if p["name"] == "gifts"]
    assert line["error"]["hook"] == "loyal.point_rules"
    rules(crm)
    rules(crm)
    assert "quarantined" in rules(crm)[1]
    crm.ok("plugins", "release", "gifts")
    assert rules(crm)[0] == {"loyal": 1}


def test_what_an_implementation_does_to_its_arguments_nobody_sees(
    make_app: Any, install_plugin: Any, crm: CommandLine
) -> None:
    twice = 'told = {"days": ["monday"]}' + 2 * '; call_hook(ctx, "points_closed", day=told)'
    calling = DECLARING.replace('call_hook(ctx, "points_closed", day="monday")', twice)
    emptying = IMPLEMENTING.replace(
        "CLOSED.append(day)", "CLOSED.append([*day['days']]); day['days'].clear()"
    )
    install_plugin("loyal", calling, MANIFEST, files={"api.py": API})
    install_plugin("gifts", emptying, {"requires": ["loyal"]})
    make_app(["loyal", "gifts"])
    crm.ok("customer", "add", "--code", "C1", "--name", "x")
    rules(crm)
    assert importlib.import_module("crmcore_gifts.plugin").CLOSED == [["monday"], ["monday"]]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (IMPLEMENTING.replace("def point_rules(", "def point_rule("), "did you mean 'point_rules'"),
        (IMPLEMENTING.replace("customer_ids, ctx", "customers, ctx"), "customers"),
        (
            IMPLEMENTING.replace("@hookimpl\ndef point_rules", "@hookimpl(tryfirst=True)\ndef point_rules"),
            "first",
        ),
        (
            IMPLEMENTING.replace("@hookimpl\ndef point_rules", "@hookimpl(wrapper=True)\ndef point_rules"),
            "wrapper",
        ),
    ],
)
def test_a_wrong_implementation_is_refused(
    make_app: Any, install_plugin: Any, crm: CommandLine, code: str, said: str
) -> None:
    install_plugin("loyal", DECLARING, MANIFEST, files={"api.py": API})
    install_plugin("gifts", code, {"requires": ["loyal"]})
    make_app(["loyal"])
    result = crm("plugins", "enable", "gifts")
    assert result.exit_code == 1
    assert said in result.stderr
    assert "'gifts'" in result.stderr


def test_only_who_requires_a_plugin_may_implement_its_hooks(
    make_app: Any, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin("loyal", DECLARING, MANIFEST, files={"api.py": API})
    install_plugin("gifts", "from crmcore.api import hookimpl\n@hookimpl\ndef points_closed(day): pass\n")
    make_app(["loyal"])
    assert "has no hook 'points_closed'" in crm("plugins", "enable", "gifts").stderr


@pytest.mark.parametrize(
    ("api", "said"),
    [
        ("x = 1\n", "declares no hook"),
        (
            API.replace("def points_closed", "def work_items"),
            "declares work_items, which is a hook of crmcore",
        ),
        (API.replace("Iterable[Rule]", "Iterable[int]"), "must return an Iterable of a dataclass"),
        (API.replace(" -> Iterable[Rule]", ""), "must return an Iterable of a dataclass"),
        (API.replace('    plugin: str = ""', ""), "must return an Iterable of a dataclass"),
        (API.replace("Iterable[Rule]", "Iterable[Rul]"), "Rul"),
    ],
)
def test_wrong_hookspecs_keep_a_plugin_from_being_enabled(
    make_app: Any, install_plugin: Any, crm: CommandLine, api: str, said: str
) -> None:
    install_plugin("loyal", "", MANIFEST, files={"api.py": api})
    make_app()
    result = crm("plugins", "enable", "loyal")
    assert result.exit_code == 1
    assert said in result.stderr
    assert "'loyal'" in result.stderr


def test_hookspecs_of_another_package_are_refused(
    make_app: Any, install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin("loyal", "", {"hookspecs": "json"})
    make_app()
    assert "is no module of the package crmcore_loyal" in crm("plugins", "enable", "loyal").stderr


def test_a_hook_is_called_as_it_is_declared(pair: Pair, crm: CommandLine) -> None:
    from crmcore.api import call_hook

    app = pair()
    with app.read("loyal") as ctx:
        with pytest.raises(TypeError, match=r"point_rules\(customer_ids\)"):
            call_hook(ctx, "point_rules", customers=[])
        with pytest.raises(TypeError, match=r"not point_rule\(\)"):
            call_hook(ctx, "point_rule")
    with app.read("gifts") as ctx, pytest.raises(TypeError, match="gifts declares no hook"):
        call_hook(ctx, "point_rules", customer_ids=[])


def test_nothing_of_a_disabled_plugin_is_imported(
    pair: Pair, crm: CommandLine, python: Any, reopen: Any
) -> None:
    app = pair()
    crm.ok("plugins", "disable", "gifts", "loyal")
    code = """
import sys
from crmcore.app import create_app
app = create_app(sys.argv[1])
app.host.plugins, app.catalogue
print([name for name in sys.modules if name.startswith("crmcore_loyal") or name.startswith("crmcore_gifts")])
"""
    assert python(code, app.config.folder).stdout.strip() == "[]"


def test_the_list_of_hooks_is_recorded_with_the_plugin(pair: Pair, crm: CommandLine) -> None:
    import sqlalchemy as sa

    with pair().read() as ctx:
        hooks = ctx.connection.scalar(sa.text("SELECT hooks FROM plugin WHERE name = 'gifts'"))
    assert json.loads(hooks) == ["loyal.point_rules", "loyal.points_closed"]
    assert "crmcore_gifts" in sys.modules
