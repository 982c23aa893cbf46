"""What will be gone is said in time: to whoever lists plugins, and to authors in their tests."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from crmcore import api, deprecated
from crmcore.app import App
from crmcore.deprecated import DEPRECATED, Deprecation
from crmcore.testing import CommandLine

ALERTS = Deprecation("hook", "alerts", "0.2", "0.4", "work_items")
RUN = Deprecation("argument", "alerts.run", "0.2", "0.4", "ctx")
REPORT = Deprecation("name", "run_report", "0.3", "0.5", "ctx.report")
SIREN = """
from crmcore.api import hookimpl

@hookimpl
def alerts(run):
    return []
"""
PRINTER = """
from crmcore.api import hookimpl

def write(app):
    from crmcore.api import run_report
"""


@pytest.fixture
def some(monkeypatch: pytest.MonkeyPatch) -> list[Deprecation]:
    """Deprecate three things for the length of a test; nothing else is."""
    monkeypatch.setattr(deprecated, "DEPRECATED", [ALERTS, RUN, REPORT])
    monkeypatch.setattr("crmcore.builtin.administration.deprecations.DEPRECATED", deprecated.DEPRECATED)
    return deprecated.DEPRECATED


def listed(crm: CommandLine) -> dict[str, Any]:
    return {row["name"]: row["deprecations"] for row in crm.lines("plugins", "list")}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_list_of_plugins_says_what_each_uses_enabled_or_not(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, some: list[Deprecation]
) -> None:
    install_plugin("siren", SIREN)
    install_plugin("printer", PRINTER)
    install_plugin("plain", SIREN.replace("alerts(run)", "alerts(ctx)"), module=None)
    install_plugin("modern", "from crmcore import api\nfrom crmcore.api import hookimpl\n")
    install_plugin("unreadable", "def (")
    make_app(["siren"])
    found = listed(crm)
    hook = {
        "kind": "hook",
        "name": "alerts",
        "since": "0.2",
        "removed_in": "0.4",
        "use_instead": "work_items",
    }
    assert found["siren"] == [hook, RUN._asdict()]
    assert [d["name"] for d in found["printer"]] == ["run_report"]
    assert found["plain"] == [hook]
    assert found["modern"] == found["unreadable"] == []
    shown = crm.ok("plugins", "list").stdout
    assert (
        "Plugin siren: the hook alerts is deprecated since crmcore 0.2 and will be gone in 0.4; use work_items"
    ) in shown
    assert "Plugin printer: crmcore.api.run_report is deprecated" in shown
    assert "Plugin modern" not in shown


@pytest.mark.parametrize(
    "use",
    ["import crmcore.api\nf = crmcore.api.run_report\n", "from crmcore import api\nf = api.run_report\n"],
)
def test_a_name_is_found_however_it_is_taken(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, some: list[Deprecation], use: str
) -> None:
    install_plugin("printer", use)
    make_app()
    assert [d["name"] for d in listed(crm)["printer"]] == ["run_report"]


def test_a_list_of_plugins_of_today_holds_none(make_app: Callable[..., App], crm: CommandLine) -> None:
    make_app(["trade_ledger", "abc_analysis"])
    assert set(map(str, listed(crm).values())) == {"[]"}


def test_an_author_is_warned_at_the_line_of_the_hook(
    make_app: Callable[..., App], install_plugin: Any, some: list[Deprecation]
) -> None:
    plugin = install_plugin("siren", SIREN)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_app(["siren"])
    ours = [w for w in caught if "alerts" in str(w.message)]
    assert {(w.category, w.filename, w.lineno) for w in ours} == {
        (DeprecationWarning, str(plugin.folder / "plugin.py"), 4)
    }
    assert "the argument alerts.run is deprecated since crmcore 0.2" in {str(w.message)[:55] for w in ours}


def test_an_author_is_warned_at_the_line_that_takes_the_name(
    install_plugin: Any, some: list[Deprecation]
) -> None:
    plugin = install_plugin("printer", "from crmcore.api import run_report\n")
    with pytest.warns(
        DeprecationWarning, match=r"crmcore\.api\.run_report .* in 0\.5; use ctx\.report"
    ) as caught:
        __import__(plugin.entry)
    assert (caught[0].filename, caught[0].lineno) == (str(plugin.folder / "plugin.py"), 1)


def test_users_are_not_bothered_with_warnings(
    make_app: Callable[..., App], install_plugin: Any, run_in_process: Any, some: list[Deprecation]
) -> None:
    """Python itself leaves DeprecationWarning out but where tests run."""
    install_plugin("siren", SIREN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app = make_app(["siren"])
    code = (
        "import sys, warnings\nwarnings.resetwarnings(); warnings.simplefilter('default')\n"
        "warnings.filterwarnings('ignore', category=DeprecationWarning)\n"
        "from crmcore import deprecated\n"
        f"deprecated.DEPRECATED.append(deprecated.Deprecation{tuple(ALERTS)!r})\n"
        "from crmcore.cli.main import main\nsys.exit(main(['-C', sys.argv[1], 'work'], exit_process=False))\n"
    )
    result = run_in_process(code, app.config.folder)
    assert (result.exit_code, result.stderr) == (0, "")


def test_what_is_deprecated_is_still_there_and_known() -> None:
    from crmcore.hookspecs import FAMILIES

    for entry in DEPRECATED:
        assert entry.since < entry.removed_in
        if entry.kind == "name":
            assert entry.name in api._LAZY, "loaded lazily, so that whoever takes it can be told"
        else:
            assert entry.name.partition(".")[0] in FAMILIES
