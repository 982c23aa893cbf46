"""A bad plugin never takes the house down, and money fails closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Change, Customer, PluginError, Refused
from crmcore.app import App
from crmcore.plugins import observers
from crmcore.plugins.health import release
from crmcore.testing import ACTOR, CommandLine

SECTION = """
from crmcore.api import CardSection, hookimpl

@hookimpl
def card_sections(customer_ids):
    return [CardSection(i, "fine", "Fine", {"ok": True}) for i in customer_ids]
"""
REFUSER = """
from crmcore.api import Refusal, hookimpl

@hookimpl
def validate_changes(changes):
    return [Refusal(i, "no") for i, c in enumerate(changes) if (c.after or {}).get("name") == "bad"]
"""


def add(app: App, code: str = "A", **values: Any) -> int:
    with app.write(ACTOR) as tx:
        return tx.insert(Customer, [{"code": code, "name": code, **values}])[0]


def sections(app: App) -> list[str]:
    with app.read(actor=ACTOR) as ctx:
        found = app.host.contribute("card_sections", ctx.connection, ACTOR, customer_ids=[1, 2], as_of=None)
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM customer")) is not None, (
            "who asked can go on"
        )
    return [f"{s.plugin}:{s.name}:{s.customer_id}" for s in found if s.plugin != "records"]


def listed(crm: CommandLine, name: str) -> dict[str, Any]:
    return next(row for row in crm.lines("plugins", "list") if row["name"] == name)


def health(app: App, name: str) -> tuple[int, bool] | None:
    with app.read() as ctx:
        query = sa.text("SELECT failures, quarantined FROM plugin_health WHERE name = :name")
        row = ctx.connection.execute(query, {"name": name}).first()
    return (row.failures, bool(row.quarantined)) if row else None


# -- contributions -----------------------------------------------------------------------------------------------

FAILING = {
    "raises": "raise ValueError('no')",
    "exits": "raise SystemExit(3)",
    "recurses": "return card_sections(customer_ids, ctx)",
    "generator raises": "yield CardSection(1, 'a', 'A', {})\n    raise ValueError('late')",
    "returns text": "return 'garbage'",
    "returns a number": "return 7",
    "returns others": "return [WorkItem('k', 1, None, 't')]",
    "returns the class": "return [CardSection]",
    "returns no end": "while True:\n        yield CardSection(1, 'a', 'A', {})",
    "data is no JSON": "return [CardSection(1, 'a', 'A', {'x': object()})]",
    "data holds itself": "x = {}\n    x['x'] = x\n    return [CardSection(1, 'a', 'A', x)]",
    "data is not a number": "return [CardSection(1, 'a', 'A', {'x': float('nan')})]",
    "data is a list": "return [CardSection(1, 'a', 'A', [1])]",
    "id is text": "return [CardSection('1', 'a', 'A', {})]",
    "title is missing": "return [CardSection(1, 'a', None, {})]",
    "writes": "ctx.connection.execute(sa.text(\"UPDATE customer SET name = 'x'\"))",
    "writes hidden": "ctx.connection.execute(sa.text(\"WITH x AS (SELECT 1) UPDATE customer SET name = 'x'\"))",
    "writes below": "ctx.connection.connection.driver_connection.execute(\"UPDATE customer SET name = 'x'\")",
    "commits": "ctx.connection.commit()",
    "rolls back": "ctx.connection.rollback()",
    "closes": "ctx.connection.close()",
    "closes by with": "with ctx.connection: pass",
    "ends by text": "ctx.connection.execute(sa.text('COMMIT'))",
    "breaks the statement": "ctx.connection.execute(sa.text('SELECT nowhere'))",
    "breaks a savepoint": "ctx.connection.begin_nested()\n    ctx.connection.execute(sa.text('SELECT nowhere'))",
    "raises what cannot be said": "class E(Exception):\n        def __str__(self): raise ValueError\n    raise E",
    "raises a base exception": "class E(BaseException): pass\n    raise E('base')",
}
BAD_SECTION = """
import sqlalchemy as sa
from crmcore.api import CardSection, WorkItem, hookimpl

@hookimpl
def card_sections(customer_ids, ctx):
    {body}
"""


@pytest.mark.parametrize("what", FAILING)
def test_a_failing_contribution_is_left_out_and_told_and_the_others_go_on(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, what: str
) -> None:
    install_plugin("before", SECTION)
    install_plugin("bad", BAD_SECTION.format(body=FAILING[what]))
    install_plugin("behind", SECTION)
    app = make_app(["before", "bad", "behind"])
    add(app)
    assert sections(app) == ["before:fine:1", "before:fine:2", "behind:fine:1", "behind:fine:2"]
    shown = listed(crm, "bad")
    assert shown["state"] == "enabled"
    assert shown["error"]["hook"] == "card_sections"
    assert shown["error"]["message"]
    assert shown["error"]["type"]
    assert shown["error"]["at"].endswith("Z")
    assert any("'bad'" in warning for warning in app.warnings)
    assert add(app, "B") == 2, "and writing goes on"
    with app.read() as ctx:
        assert ctx.connection.scalars(sa.text("SELECT name FROM customer ORDER BY id")).all() == ["A", "B"]


@pytest.mark.postgres
@pytest.mark.parametrize(
    "what", ["raises", "writes", "breaks the statement", "breaks a savepoint", "ends by text", "commits"]
)
def test_a_failing_contribution_does_not_spoil_the_connection_on_postgresql(
    make_app: Callable[..., App], install_plugin: Any, what: str
) -> None:
    install_plugin("bad", BAD_SECTION.format(body=FAILING[what]))
    install_plugin("behind", SECTION)
    app = make_app(["bad", "behind"], "postgres")
    add(app)
    assert sections(app) == ["behind:fine:1", "behind:fine:2"]
    assert health(app, "bad") == (1, False)
    add(app, "B")


LEAVES_OPEN = {
    "a savepoint": "ctx.connection.begin_nested()",
    "a cursor": "ctx.connection.execution_options(yield_per=1).execute(sa.text('SELECT * FROM actor')).fetchone()",
}


@pytest.mark.parametrize("what", LEAVES_OPEN)
def test_what_a_contribution_leaves_open_does_not_hinder_the_others(
    make_app: Callable[..., App], install_plugin: Any, what: str
) -> None:
    body = LEAVES_OPEN[what] + "\n    return [CardSection(1, 'left', 'L', {})]"
    install_plugin("sloppy", BAD_SECTION.format(body=body))
    install_plugin("behind", SECTION)
    app = make_app(["sloppy", "behind"])
    add(app)
    assert sections(app)[-2:] == ["behind:fine:1", "behind:fine:2"]
    add(app, "B")


def test_the_third_failure_is_quarantine_which_survives_a_restart_until_release(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, reopen: Callable[..., App]
) -> None:
    plugin = install_plugin("flaky", BAD_SECTION.format(body="raise ValueError('flaky today')"))
    app = make_app(["flaky"])
    for failures in (1, 2):
        assert sections(app) == []
        assert health(app, "flaky") == (failures, False)
        assert listed(crm, "flaky")["state"] == "enabled"
    app = reopen(app)
    sections(app)
    assert health(app, "flaky") == (3, True)
    sections(app)
    assert health(app, "flaky") == (3, True), "in quarantine it is not called"
    shown = listed(crm, "flaky")
    assert (shown["state"], shown["error"]["message"]) == ("quarantined", "flaky today")
    doctor = crm("doctor", "--json")
    assert doctor.exit_code == 1
    assert "flaky" in next(c for c in doctor.json()["checks"] if c["name"] == "plugins")["detail"]
    plugin.write({"plugin.py": SECTION})
    plugin.forget()
    assert sections(reopen(app)) == [], "mending it is not enough"
    crm.ok("plugins", "trust", "flaky")
    crm.ok("plugins", "release", "flaky")
    assert sections(reopen(app)) == ["flaky:fine:1", "flaky:fine:2"]
    shown = listed(crm, "flaky")
    assert (shown["state"], shown["error"]) == ("enabled", None)
    assert "had no error" in crm.ok("plugins", "release", "flaky").stdout


def test_a_slow_contribution_counts_but_its_result_is_shown(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    code = SECTION.replace("    return", "    import time\n    time.sleep(0.02)\n    return")
    install_plugin("slow", code)
    text = "\n[plugins.slow]\n"
    app = make_app(["slow"])
    toml = app.config.path.read_text(encoding="utf-8").replace(
        "[plugins]", "[plugins]\nbudget_seconds = 0.001"
    )
    app.config.path.write_text(toml + text, encoding="utf-8")
    app.refresh()
    add(app)
    for _ in range(3):
        assert sections(app) == ["slow:fine:1", "slow:fine:2"]
    assert sections(app) == []
    shown = listed(crm, "slow")
    assert (shown["state"], shown["error"]["type"]) == ("quarantined", "TimeoutError")
    assert "allowed are 0.001 s" in shown["error"]["message"]


def test_ctrl_c_in_a_plugin_is_the_users(make_app: Callable[..., App], install_plugin: Any) -> None:
    install_plugin("bad", BAD_SECTION.format(body="raise KeyboardInterrupt"))
    app = make_app(["bad"])
    with pytest.raises(KeyboardInterrupt):
        sections(app)
    assert health(app, "bad") is None


def test_a_failure_on_a_database_that_cannot_be_written_is_still_told(
    make_app: Callable[..., App], install_plugin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("bad", BAD_SECTION.format(body="raise ValueError('no')"))
    install_plugin("behind", SECTION)
    app = make_app(["bad", "behind"])
    with app.read() as ctx:
        monkeypatch.setattr(app, "operations", _unwritable)
        found = app.host.contribute("card_sections", ctx.connection, ACTOR, customer_ids=[1], as_of=None)
    assert [s.plugin for s in found if s.plugin != "records"] == ["behind"]
    assert "no" in app.warnings[-1]


def _unwritable() -> Any:
    from crmcore.errors import CrmError

    raise CrmError("the database does not answer")


def test_a_failure_inside_a_writing_transaction_waits_for_no_lock(
    make_app: Callable[..., App], install_plugin: Any
) -> None:
    install_plugin("bad", BAD_SECTION.format(body="raise ValueError('no')"))
    app = make_app(["bad"])
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
        app.host.contribute("card_sections", tx.connection, ACTOR, customer_ids=[1], as_of=None)
    assert health(app, "bad") == (1, False)
    with pytest.raises(ZeroDivisionError), app.write(ACTOR) as tx:
        app.host.contribute("card_sections", tx.connection, ACTOR, customer_ids=[1], as_of=None)
        _ = 1 // 0
    assert health(app, "bad") == (2, False), "kept though the transaction was rolled back"


MOODY = """
from pathlib import Path
from crmcore.api import hookimpl

@hookimpl
def {hook}():
    if Path(__file__).with_name("bad").exists():
        raise {error}
    return {result}
"""

# -- registrations that fail later -------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", ["facts", "models", "reports", "jobs", "importables", "demo_data"])
def test_a_registration_that_fails_later_breaks_that_plugin_only(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, reopen: Callable[..., App], hook: str
) -> None:
    code = MOODY.format(hook=hook, error="ValueError('changed my mind')", result="[]")
    plugin = install_plugin("moody", code)
    install_plugin("behind", SECTION)
    app = make_app(["moody", "behind"])
    plugin.folder.joinpath("bad").touch()
    app = reopen(app)
    add(app)
    assert sections(app) == ["behind:fine:1", "behind:fine:2"]
    assert app.host.registered(hook) is not None
    shown = listed(crm, "moody")
    assert (shown["state"], shown["error"]["message"]) == ("broken", "changed my mind")
    assert crm("doctor").exit_code == 1
    plugin.folder.joinpath("bad").unlink()
    crm.ok("plugins", "release", "moody")
    assert listed(crm, "moody")["state"] == "enabled"


# -- decisions: money fails closed -------------------------------------------------------------------------------

DECISION = """
from crmcore.api import Refusal, hookimpl

@hookimpl
def validate_changes(changes, ctx):
    {body}
"""
UNABLE = {
    "raises": ("raise ValueError('broken scale')", "ValueError: broken scale"),
    "exits": ("raise SystemExit(0)", "SystemExit"),
    "recurses": ("return validate_changes(changes, ctx)", "RecursionError"),
    "returns garbage": ("return 'no'", "returned a str, expected Refusal"),
    "returns a number": ("return 3", "TypeError"),
    "refuses nothing that was asked": ("return [Refusal(99, 'x')]", "it refused change 99"),
    "refuses before the first": ("return [Refusal(-1, 'x')]", "it refused change -1"),
    "refuses by name": ("return [Refusal('0', 'x')]", "index = '0'"),
    "writes": ("ctx.connection.exec_driver_sql(\"UPDATE customer SET name = 'x'\")", "GateError"),
    "commits": ("ctx.connection.commit()", "GateError"),
    "rolls back": ("ctx.connection.rollback()", "GateError"),
    "closes": ("ctx.connection.close()", "GateError"),
    "breaks the statement": ("ctx.connection.exec_driver_sql('SELECT nowhere')", "Error"),
    "raises what cannot be said": (
        "class E(Exception):\n        def __str__(self): raise ValueError\n    raise E",
        "(E: E)",
    ),
}


@pytest.mark.parametrize("what", UNABLE)
def test_a_decision_plugin_that_cannot_decide_refuses_by_name(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, what: str
) -> None:
    body, reason = UNABLE[what]
    install_plugin("scale", DECISION.format(body=body))
    app = make_app(["scale"])
    with pytest.raises(Refused) as refusal:
        add(app)
    assert "plugin 'scale' failed in validate_changes" in str(refusal.value)
    assert reason in str(refusal.value)
    assert "crm plugins disable scale" in str(refusal.value)
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM customer")) == 0
    assert listed(crm, "scale")["error"]["hook"] == "validate_changes"
    told: list[int] = []
    with pytest.raises(Refused, match="'scale' failed"), app.write(ACTOR) as tx:
        row = {"code": "A", "name": "a"}
        tx.insert(Customer, [row], refused=lambda index, _refusal: told.append(index))
    assert told == [], "a plugin that cannot decide is no refusal of single rows"
    crm.ok("plugins", "disable", "scale")
    app.refresh()
    add(app)


GONE = {
    "cannot be imported": {"plugin.py": "import nowhere"},
    "exits at import": {"plugin.py": "raise SystemExit(3)"},
    "has a broken manifest": {"plugin.json": "{"},
    "wants another core": {"plugin.json": '{"api": ">=9"}'},
    "lost its hook": {"plugin.py": "from crmcore.api import hookimpl"},
    "misspells its hook": {"plugin.py": REFUSER.replace("validate_changes", "validate_change")},
}


@pytest.mark.parametrize("what", GONE)
def test_a_decision_plugin_that_can_no_longer_run_closes_its_decisions(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, reopen: Callable[..., App], what: str
) -> None:
    plugin = install_plugin("guard", REFUSER)
    app = make_app(["guard"])
    add(app)
    record = plugin.info.joinpath("RECORD").read_text(encoding="utf-8")
    plugin.write(GONE[what])
    plugin.info.joinpath("RECORD").write_text(record, encoding="utf-8")  # as in an editable installation
    plugin.forget()
    app = reopen(app)
    with pytest.raises(
        Refused, match=r"plugin 'guard' decides on this and cannot run .* crm plugins disable guard"
    ):
        add(app, "B")
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM customer")) == 1, "reading goes on"
    assert sections(app) == []
    app.log_read(ACTOR, "export", "customer", 1)
    crm.ok("plugins", "disable", "guard")
    add(reopen(app), "B")


def test_a_decision_plugin_that_is_gone_closes_its_decisions(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, reopen: Callable[..., App]
) -> None:
    plugin = install_plugin("guard", REFUSER)
    app = make_app(["guard"])
    plugin.uninstall()
    app = reopen(app)
    with pytest.raises(Refused, match=r"'guard' decides on this and cannot run .*is not installed"):
        add(app)
    assert listed(crm, "guard")["state"] == "missing"
    assert listed(crm, "guard")["hooks"] == ["validate_changes"]


@pytest.mark.parametrize("what", ["is gone", "cannot be imported"])
def test_a_contribution_plugin_that_can_no_longer_run_refuses_nothing(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, reopen: Callable[..., App], what: str
) -> None:
    plugin = install_plugin("extra", SECTION)
    app = make_app(["extra"])
    if what == "is gone":
        plugin.uninstall()
    else:
        record = plugin.info.joinpath("RECORD").read_text(encoding="utf-8")
        plugin.write(GONE[what])
        plugin.info.joinpath("RECORD").write_text(record, encoding="utf-8")
        plugin.forget()
    app = reopen(app)
    add(app)
    assert sections(app) == []
    shown = listed(crm, "extra")
    assert shown["state"] == ("missing" if what == "is gone" else "broken")
    assert shown["error"]["message"]
    assert crm("doctor").exit_code == 1


@pytest.mark.parametrize("what", ["cannot be imported", "exits at import", "has a broken manifest"])
def test_an_import_that_fails_is_kept_and_release_says_whether_it_fails_on(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, reopen: Callable[..., App], what: str
) -> None:
    plugin = install_plugin("extra", SECTION, {})
    sound = {name: plugin.folder.joinpath(name).read_text(encoding="utf-8") for name in GONE[what]}
    app = make_app(["extra"])
    break_and_keep_record(plugin, GONE[what])
    assert sections(reopen(app)) == []
    assert health(app, "extra") == (1, False)
    shown = listed(crm, "extra")
    assert (shown["state"], health(app, "extra")) == ("broken", (2, False))
    aside = next(row for row in crm.lines("--no-plugins", "plugins", "list") if row["name"] == "extra")
    assert aside["error"]["message"] == shown["error"]["message"], "and where nothing of it is imported"
    refused = crm("plugins", "release", "extra")
    assert refused.exit_code == 1
    assert f"plugin 'extra' cannot run ({shown['error']['message']})" in refused.stderr
    for _ in range(4):
        sections(reopen(app))
    assert health(app, "extra") == (3, True), "from then on it is not counted"
    assert listed(crm, "extra")["state"] == "broken"
    break_and_keep_record(plugin, sound)
    assert listed(crm, "extra")["state"] == "quarantined"
    assert crm.ok("plugins", "release", "extra").stdout == "Released: extra\n"
    assert sections(reopen(app)) == ["extra:fine:1", "extra:fine:2"]
    assert "had no error" in crm.ok("plugins", "release", "extra").stdout


def break_and_keep_record(plugin: Any, files: dict[str, str]) -> None:
    """Change files as in an editable installation: nobody has to trust them anew."""
    record = plugin.info.joinpath("RECORD").read_text(encoding="utf-8")
    plugin.write(files)
    plugin.info.joinpath("RECORD").write_text(record, encoding="utf-8")
    plugin.forget()


def test_a_plugin_that_is_gone_is_not_released(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    plugin = install_plugin("extra", SECTION)
    make_app(["extra"])
    plugin.uninstall()
    refused = crm("plugins", "release", "extra")
    assert refused.exit_code == 1
    assert "plugin 'extra' cannot run (plugin 'extra' is enabled but" in refused.stderr


def test_a_quarantined_plugin_still_decides(make_app: Callable[..., App], install_plugin: Any) -> None:
    install_plugin("both", BAD_SECTION.format(body="raise ValueError('no')") + REFUSER)
    app = make_app(["both"])
    for _ in range(4):
        sections(app)
    assert health(app, "both") == (3, True)
    app.refresh()
    with pytest.raises(Refused, match=r"no \[both\]"):
        add(app, name="bad")
    add(app)


def test_enabling_and_disabling_is_no_plugins_decision(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    install_plugin("never", DECISION.format(body="return [Refusal(i, 'never') for i in range(len(changes))]"))
    install_plugin("other", SECTION)
    make_app(["never"])
    crm.ok("plugins", "enable", "other")
    crm.ok("plugins", "disable", "never")


def test_wrong_settings_are_told_and_never_quarantine_a_plugin(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, reopen: Callable[..., App]
) -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"days": {"type": "integer", "default": 3}},
    }
    code = SECTION.replace("(customer_ids)", "(customer_ids, ctx)")
    install_plugin("tidy", code, {"settings": "s.json"}, files={"s.json": json.dumps(schema)})
    install_plugin("behind", SECTION)
    app = make_app(["tidy", "behind"])
    app.config.path.write_text(
        app.config.path.read_text(encoding="utf-8") + "\n[plugins.tidy]\ndays = 'x'\n", encoding="utf-8"
    )
    app = reopen(app)
    for _ in range(4):
        assert sections(app) == ["behind:fine:1", "behind:fine:2"]
    assert any("plugins.tidy.days" in warning for warning in app.warnings)
    assert health(app, "tidy") is None


# -- observers ---------------------------------------------------------------------------------------------------

OBSERVER = """
import json
from crmcore.api import hookimpl

@hookimpl
def observe_changes(changes, ctx):
    path = ctx.workspace / "seen.jsonl"
    with path.open("a", encoding="utf-8") as file:
        for change in changes:
            after = change.after or {}
            if after.get("name") == "poison":
                raise ValueError("cannot take it")
            file.write(json.dumps([change.seq, change.entity, change.id, change.operation, after.get("name")]) + chr(10))
"""


def seen(app: App) -> list[list[Any]]:
    path = app.config.folder / "seen.jsonl"
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    )


def test_observers_see_every_change_in_order(
    make_app: Callable[..., App], database: str, install_plugin: Any
) -> None:
    install_plugin("mirror", OBSERVER)
    app = make_app(["mirror"], database)
    first = add(app, "A", kind="person")
    with app.write(ACTOR) as tx:
        tx.update(Customer, [(first, {"name": "new"})])
        tx.insert(Customer, [{"code": f"C{i}", "name": f"n{i}"} for i in range(3)])
    mine = [row for row in seen(app) if row[1] == "customer"]
    assert [(op, name) for _seq, _entity, _id, op, name in mine] == [
        ("create", "A"),
        ("update", "new"),
        ("create", "n0"),
        ("create", "n1"),
        ("create", "n2"),
    ], "personal values are readable for them"
    assert [row[0] for row in seen(app)] == sorted({row[0] for row in seen(app)})
    add(app, "Z")
    assert [row[4] for row in seen(app)][-1] == "Z"
    assert len(seen(app)) == len({row[0] for row in seen(app)}), "nothing twice while nothing fails"


def test_a_poison_change_parks_its_row_alone_until_release(
    make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine
) -> None:
    plugin = install_plugin("mirror", OBSERVER)
    app = make_app(["mirror"], database)
    with app.write(ACTOR) as tx:
        ids = tx.insert(
            Customer, [{"code": c, "name": n} for c, n in (("A", "a"), ("P", "poison"), ("C", "c"))]
        )
    names = [row[4] for row in seen(app) if row[1] == "customer"]
    assert {"a", "c"} <= set(names)
    assert "poison" not in names
    with app.write(ACTOR) as tx:
        tx.update(Customer, [(ids[1], {"name": "healed"}), (ids[2], {"name": "c2"})])
    names = [row[4] for row in seen(app) if row[1] == "customer"]
    assert "c2" in names
    assert "healed" not in names, "later changes of a parked row wait behind it"
    with app.read() as ctx:
        parked = ctx.connection.execute(sa.text("SELECT entity, entity_id, error FROM observer_parked")).all()
    assert [tuple(row) for row in parked] == [("customer", ids[1], "cannot take it")]
    record = plugin.info.joinpath("RECORD").read_text(encoding="utf-8")
    plugin.code(OBSERVER.replace('"poison"', '"no longer"'))
    plugin.info.joinpath("RECORD").write_text(record, encoding="utf-8")
    plugin.forget()
    assert release(app, "mirror")
    app.refresh()
    add(app, "Z")
    names = [row[4] for row in seen(app) if row[1] == "customer"]
    assert [n for n in names if n in {"poison", "healed"}] == ["poison", "healed"]
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM observer_parked")) == 0


def test_what_is_released_while_an_observer_is_being_told_is_delivered_again(
    make_app: Callable[..., App],
    reopen: Callable[..., App],
    database: str,
    install_plugin: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plugin = install_plugin("mirror", OBSERVER)
    app = make_app(["mirror"], database)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": c, "name": n} for c, n in (("A", "a"), ("P", "poison"))])
    assert "poison" not in [row[4] for row in seen(app)]
    record = plugin.info.joinpath("RECORD").read_text(encoding="utf-8")
    plugin.code(OBSERVER.replace('"poison"', '"no longer"'))
    plugin.info.joinpath("RECORD").write_text(record, encoding="utf-8")
    plugin.forget()
    app.refresh()
    other, advance = reopen(app), observers._advance
    released: list[bool] = []

    def released_before(*arguments: Any) -> None:
        if not released:
            released.append(release(other, "mirror"))
        advance(*arguments)

    monkeypatch.setattr(observers, "_advance", released_before)
    add(app, "Z")
    assert released == [True]
    assert "poison" in [row[4] for row in seen(app)]
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM observer_parked")) == 0


def test_an_observer_that_always_fails_is_quarantined_and_writes_go_on(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin("mirror", OBSERVER.replace('if after.get("name") == "poison"', "if True"))
    app = make_app(["mirror"])
    for code in "ABCDE":
        add(app, code)
    assert health(app, "mirror") == (3, True)
    assert listed(crm, "mirror")["state"] == "quarantined"


@pytest.mark.parametrize(
    "body",
    [
        "ctx.connection.close()",
        "ctx.connection.commit()",
        "ctx.connection.exec_driver_sql('SELECT nowhere')",
        "ctx.connection.exec_driver_sql(\"UPDATE customer SET name = 'x'\")",
        "raise SystemExit(3)",
    ],
)
def test_an_observer_that_misbehaves_fails_alone(
    make_app: Callable[..., App], database: str, install_plugin: Any, body: str
) -> None:
    bad = f"from crmcore.api import hookimpl\n\n@hookimpl\ndef observe_changes(changes, ctx):\n    {body}\n"
    install_plugin("bad", bad)
    install_plugin("mirror", OBSERVER)
    app = make_app(["bad", "mirror"], database)
    add(app, "A")
    assert [row[4] for row in seen(app) if row[1] == "customer"] == ["A"]
    failed = health(app, "bad")
    assert failed is not None
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT name FROM customer")) == "A"


def test_a_change_that_cannot_be_delivered_does_not_make_the_write_fail(
    make_app: Callable[..., App], install_plugin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmcore.plugins import observers

    install_plugin("mirror", OBSERVER)
    app = make_app(["mirror"])

    def busy(*_arguments: Any, **_options: Any) -> None:
        raise sa.exc.OperationalError("UPDATE", {}, Exception("database is locked"))

    with monkeypatch.context() as patch:
        patch.setattr(observers, "_advance", busy)
        add(app, "A")
    assert "they will be delivered later" in app.warnings[-1]
    add(app, "B")
    assert [row[4] for row in seen(app) if row[1] == "customer"] == ["A", "A", "B"], "at least once"


def test_two_processes_that_deliver_at_once_do_not_disturb_each_other(
    make_app: Callable[..., App], database: str, install_plugin: Any, reopen: Callable[..., App]
) -> None:
    install_plugin("mirror", OBSERVER)
    app = make_app(["mirror"], database)
    other = reopen(app)
    add(app, "A")
    change = next(c for c in _changes(app) if c.entity == "customer")
    poison: list[tuple[Change, BaseException]] = [(change, ValueError("x"))]
    cursor = sa.text("SELECT xid, seq FROM observer_cursor")
    with app.read() as ctx:
        xid, seq = ctx.connection.execute(cursor).one()
    observers._advance(app, "mirror", (xid, seq), (xid + 1, 1_000), poison)
    observers._advance(other, "mirror", (xid, seq), (xid + 1, 900), poison)
    with app.read() as ctx:
        assert ctx.connection.execute(cursor).one() == (xid + 1, 1_000), "the cursor never goes back"
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM observer_parked")) == 1


def _changes(app: App) -> list[Any]:
    from crmcore.changes import read_after

    with app.read() as ctx:
        return [c for _xid, c in read_after(ctx.connection, 0, 0, 100)]


def test_bulk_writes_deliver_when_they_are_told_to(make_app: Callable[..., App], install_plugin: Any) -> None:
    from crmcore.plugins.observers import deliver

    install_plugin("mirror", OBSERVER)
    app = make_app(["mirror"])
    with app.write(ACTOR, bulk=True) as tx:
        tx.insert(Customer, [{"code": "A", "name": "A"}])
    assert seen(app) == []
    deliver(app)
    assert [row[4] for row in seen(app) if row[1] == "customer"] == ["A"]


# -- strategies --------------------------------------------------------------------------------------------------


def test_a_bad_offer_that_nobody_chose_hinders_nobody(
    make_app: Callable[..., App], install_plugin: Any
) -> None:
    code = MOODY.format(hook="code_generator", error="SystemExit(3)", result="{}")
    plugin = install_plugin("codes", code)
    app = make_app(["codes"])
    plugin.folder.joinpath("bad").touch()
    with app.write(ACTOR) as tx:
        assert tx.new_codes("customer", 2) == ["C000001", "C000002"]
    assert health(app, "codes") == (1, False)


GENERATOR = """
from crmcore.api import hookimpl

def make(pattern, numbers, today):
    {body}

@hookimpl
def code_generator():
    return {{"mine": make}}
"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ValueError('no codes today')", "no codes today"),
        ("raise SystemExit(3)", "SystemExit"),
        ("return []", "codes"),
        ("return ['same' for _ in numbers]", "codes"),
        ("return ['A'] * 5", "codes"),
        ("return list(numbers)", "codes"),
        ("return ['x' * 65 for _ in numbers]", "codes"),
        ("return ['' for _ in numbers]", "codes"),
        ("return None", "codes"),
    ],
)
def test_a_code_generator_that_fails_refuses_by_name(
    make_app: Callable[..., App], install_plugin: Any, body: str, reason: str
) -> None:
    install_plugin("codes", GENERATOR.format(body=body))
    app = make_app(["codes"], settings='\n[strategies]\ncode_generator = "mine"\n')
    with pytest.raises(PluginError, match="codes") as error, app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": code, "name": "x"} for code in tx.new_codes("customer", 2)])
        tx.new_codes("customer", 1)
    assert reason in str(error.value)
