"""Enabling and disabling: crm.toml and the database change together or not at all."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer, Guarded, PluginError, Refused
from crmcore.app import App, create_app
from crmcore.builtin.lifecycle.enabling import accept, disable, enable, trust
from crmcore.testing import ACTOR, CommandLine, Result

EMPTY = "from crmcore.api import hookimpl\n"
REFUSER = """
from crmcore.api import Refusal, hookimpl

@hookimpl
def validate_changes(changes, ctx):
    return [Refusal(0, "never")]
"""
MARKER = "import sys\nsys.modules['crmcore_test_was_imported_' + __name__.split('.')[0]] = sys\n"


@pytest.fixture(autouse=True)
def _no_markers() -> Any:
    yield
    for name in [n for n in sys.modules if n.startswith("crmcore_test_was_imported_")]:
        del sys.modules[name]


def imported(name: str) -> bool:
    return f"crmcore_test_was_imported_crmcore_{name}" in sys.modules


def state(app: App) -> dict[str, Any]:
    """All that enabling may change: crm.toml, the tables, their rows, the files of the workspace."""
    with app.engine.connect() as connection:
        tables = sorted(sa.inspect(connection).get_table_names())
        plugins = connection.exec_driver_sql("SELECT * FROM plugin ORDER BY name").all()
        log = connection.exec_driver_sql("SELECT count(*) FROM change_log").scalar()
    known = (".crm-", ".crm.toml.", "crm.db-")
    files = sorted(p.name for p in app.config.folder.iterdir() if not p.name.startswith(known))
    return {
        "toml": app.config.path.read_bytes(),
        "tables": tables,
        "plugins": plugins,
        "log": log,
        "files": files,
    }


def customers(app: App) -> int:
    with app.read() as ctx:
        return int(ctx.connection.scalar(sa.text("SELECT count(*) FROM customer")) or 0)


def add(app: App, code: str = "A") -> None:
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": code, "name": code}])


def one_sentence(result: Result) -> str:
    assert result.exit_code == 1, result
    assert result.stdout == ""
    assert result.stderr.startswith("crm: ")
    assert result.stderr.count("\n") == 1, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


# -- what keeps a plugin from being enabled ----------------------------------------------------------------------

TABLE = """
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from crmcore.api import BigId, metadata

class {name}Model(SQLModel, registry=registry(metadata=metadata)):
    pass

class Thing({name}Model, table=True):
    __tablename__ = "{table}"
    __table_args__ = {{"sqlite_autoincrement": True}}
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int | None = Field(default=None, sa_type=BigId)
    text: str = ""
"""
MODELS = """
from crmcore.api import TableSpec, hookimpl

@hookimpl
def models():
    from .tables import Thing
    return [TableSpec(Thing{more})]
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op
revision = "{name}_0001"
down_revision = None

def upgrade():
    op.create_table("{name}_thing", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("customer_id", sa.Integer()),
                    sa.Column("text", sa.String()), sqlite_autoincrement=True)
    {more}

def downgrade():
    op.drop_table("{name}_thing")
"""

BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "import error": (
        "plugin 'bad' cannot be enabled: import failed (ModuleNotFoundError: No module named 'nowhere')",
        {"code": "import nowhere"},
    ),
    "syntax error": ("import failed (SyntaxError", {"code": "def"}),
    "exit at import": ("import failed (SystemExit", {"code": "raise SystemExit(0)"}),
    "recursion at import": ("import failed (RecursionError", {"code": "def f(): f()\nf()"}),
    "misspelt hook": (
        "crmcore 0.1.0 has no hook 'card_section' (did you mean 'card_sections'?)",
        {"code": EMPTY + "@hookimpl\ndef card_section(customer_ids, ctx): return []"},
    ),
    "unknown hook": (
        "has no hook 'brew_coffee';",
        {"code": EMPTY + "@hookimpl\ndef brew_coffee(): return []"},
    ),
    "wrong argument": (
        "Argument(s) {'customers'}",
        {"code": EMPTY + "@hookimpl\ndef card_sections(customers, ctx): return []"},
    ),
    "wrapper": (
        "card_sections may not be a wrapper",
        {"code": EMPTY + "@hookimpl(wrapper=True)\ndef card_sections(customer_ids):\n    yield"},
    ),
    "first": (
        "work_items may not ask to be first or last",
        {"code": EMPTY + "@hookimpl(tryfirst=True)\ndef work_items(actor): return []"},
    ),
    "last": (
        "alerts may not ask to be first or last",
        {"code": EMPTY + "@hookimpl(trylast=True)\ndef alerts(run): return []"},
    ),
    "manifest no JSON": ("plugin.json cannot be read", {"manifest": "{"}),
    "manifest no object": ("plugin.json", {"manifest": "[]"}),
    "manifest unknown key": ("unknown key 'tile'; did you mean 'title'?", {"manifest": {"tile": "x"}}),
    "manifest wrong type": ("commands = 5 is not allowed", {"manifest": {"commands": 5}}),
    "manifest wrong command": (
        "lacks the key 'target'",
        {"manifest": {"commands": [{"name": "bad", "help": "h"}]}},
    ),
    "newer core wanted": ("needs crmcore >=7, this is 0.1.0", {"manifest": {"api": ">=7"}}),
    "older core wanted": ("needs crmcore <0.1, this is 0.1.0", {"manifest": {"api": "<0.1"}}),
    "no version range": ("is not a version range", {"manifest": {"api": "latest"}}),
    "missing requirement": (
        "plugin 'bad' requires 'absent'; run: crm plugins enable absent bad",
        {"manifest": {"requires": ["absent"]}},
    ),
    "requires itself": (
        "plugins require each other in a circle: bad → bad",
        {"manifest": {"requires": ["bad"]}},
    ),
    "command of the core": (
        "plugins 'crmcore' and 'bad' both claim the command 'customer'",
        {
            "manifest": {
                "commands": [
                    {
                        "name": "customer",
                        "help": "h",
                        "target": "crmcore.builtin.administration.doctor:doctor",
                    }
                ]
            }
        },
    ),
    "command target missing": (
        "crmcore_bad.cli:nothing failed (AttributeError",
        {
            "manifest": {"commands": [{"name": "bad", "help": "h", "target": "crmcore_bad.cli:nothing"}]},
            "files": {"cli.py": ""},
        },
    ),
    "command target no command": (
        "crmcore_bad.cli:c",
        {
            "manifest": {"commands": [{"name": "bad", "help": "h", "target": "crmcore_bad.cli:c"}]},
            "files": {"cli.py": "c = 1"},
        },
    ),
    "registration raises": (
        "reports failed (ValueError: no)",
        {"code": EMPTY + "@hookimpl\ndef reports(): raise ValueError('no')"},
    ),
    "registration exits": (
        "jobs failed (SystemExit",
        {"code": EMPTY + "@hookimpl\ndef jobs(): raise SystemExit"},
    ),
    "registration returns garbage": (
        "facts returned a str, expected FactProvider",
        {"code": EMPTY + "@hookimpl\ndef facts(): return 'purchases'"},
    ),
    "registration raises late": (
        "jobs failed (ZeroDivisionError",
        {"code": EMPTY + "@hookimpl\ndef jobs():\n    yield from ()\n    1 / 0"},
    ),
    "strategy returns garbage": (
        "code_generator failed",
        {"code": EMPTY + "@hookimpl\ndef code_generator(): return ['pattern']"},
    ),
    "strategy raises": (
        "currency_rates failed (KeyError",
        {"code": EMPTY + "@hookimpl\ndef currency_rates(): return {}['x']"},
    ),
    "unknown fact": (
        "there is no fact 'purchase'",
        {
            "code": "from crmcore.api import FactProvider, hookimpl\n"
            "@hookimpl\ndef facts(): return [FactProvider('purchase', lambda settings: None)]"
        },
    ),
    "settings schema absent": ("nowhere.json", {"manifest": {"settings": "nowhere.json"}}),
    "settings schema no JSON": (
        "settings.schema.json",
        {"manifest": {"settings": "settings.schema.json"}, "files": {"settings.schema.json": "{"}},
    ),
    "settings schema outside the package": (
        "secret.json cannot be read: it lies outside the package",
        {"manifest": {"settings": "../../secret.json"}},
    ),
    "table without prefix": (
        "table 'stray_thing' must begin with 'bad_'",
        {
            "code": MODELS.format(more=""),
            "manifest": {"table_prefix": "bad"},
            "files": {"tables.py": TABLE.format(name="Bad", table="stray_thing")},
        },
    ),
    "personal values of nobody": (
        "personal",
        {
            "code": MODELS.format(more=", personal=('text',)"),
            "manifest": {"table_prefix": "bad"},
            "files": {"tables.py": TABLE.format(name="Bad", table="bad_thing")},
        },
    ),
    "personal column that is not there": (
        "no column 'texd'",
        {
            "code": MODELS.format(more=", personal=('texd',), person='customer_id'"),
            "manifest": {"table_prefix": "bad"},
            "files": {"tables.py": TABLE.format(name="Bad", table="bad_thing")},
        },
    ),
    "ids that could be used again": (
        "sqlite_autoincrement",
        {
            "code": MODELS.format(more=""),
            "manifest": {"table_prefix": "bad"},
            "files": {"tables.py": TABLE.format(name="Bad", table="bad_thing").replace("True}", "False}")},
        },
    ),
    "table that no migration makes": (
        "no migration makes table 'bad_thing'; nothing was changed",
        {
            "code": MODELS.format(more=""),
            "manifest": {"table_prefix": "bad"},
            "files": {"tables.py": TABLE.format(name="Bad", table="bad_thing")},
        },
    ),
    "migration that makes another table": (
        "no migration makes table 'bad_thing'; nothing was changed",
        {
            "code": MODELS.format(more=""),
            "files": {
                "tables.py": TABLE.format(name="Bad", table="bad_thing"),
                "migrations/0001_x.py": MIGRATION.format(name="bad", more="pass").replace(
                    "bad_thing", "bad_other"
                ),
            },
        },
    ),
    "migration that fails half way": (
        "the migration of bad failed and was rolled back",
        {
            "code": EMPTY,
            "manifest": {"migrations": "migrations"},
            "files": {
                "migrations/0001_x.py": MIGRATION.format(
                    name="bad", more="op.execute('INSERT INTO nowhere VALUES (1)')"
                )
            },
        },
    ),
    "migration that exits": (
        "the migration of bad failed and was rolled back",
        {
            "code": EMPTY,
            "manifest": {"migrations": "migrations"},
            "files": {"migrations/0001_x.py": MIGRATION.format(name="bad", more="raise SystemExit(0)")},
        },
    ),
    "migration with a syntax error": (
        "the migration of bad failed and was rolled back (SyntaxError",
        {"code": EMPTY, "manifest": {"migrations": "migrations"}, "files": {"migrations/0001_x.py": "def"}},
    ),
    "migration of another revision": (
        "must have revision = 'bad_0001', not 'other_0001'",
        {
            "code": EMPTY,
            "manifest": {"migrations": "migrations"},
            "files": {"migrations/0001_x.py": MIGRATION.format(name="other", more="")},
        },
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_plugin_that_cannot_run_is_refused_and_nothing_changes(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, what: str
) -> None:
    app = make_app()
    sentence, plugin = BAD[what]
    install_plugin("good", EMPTY)
    install_plugin("bad", **{"code": EMPTY, **plugin})
    before = state(app)
    message = one_sentence(crm("plugins", "enable", "good", "bad"))
    assert sentence in message
    assert "bad" in message
    assert state(app) == before
    add(app)


def test_half_a_migration_is_rolled_back_on_both_databases(
    make_app: Callable[..., App], database: str, install_plugin: Any
) -> None:
    app = make_app(database=database)
    _sentence, plugin = BAD["migration that fails half way"]
    install_plugin("bad", **plugin)
    before = state(app)
    with pytest.raises(PluginError, match="rolled back"):
        enable(app, ["bad"], ACTOR)
    assert state(app) == before


def test_bad_settings_keep_a_plugin_from_being_enabled(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"days": {"type": "integer", "default": 3}},
    }
    install_plugin("tidy", EMPTY, {"settings": "s.json"}, files={"s.json": json.dumps(schema)})
    app = make_app(settings="\n[plugins.tidy]\ndyas = 4\n")
    before = state(app)
    assert "crm.toml: unknown key 'plugins.tidy.dyas'; did you mean 'days'?" in one_sentence(
        crm("plugins", "enable", "tidy")
    )
    assert state(app) == before


def test_a_misspelt_plugin_is_asked_back(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    make_app()
    install_plugin("greetings", EMPTY)
    assert "there is no plugin 'greeting'; did you mean 'greetings'?" in one_sentence(
        crm("plugins", "enable", "greeting")
    )
    assert "there is no plugin 'zzz'; install its package first" in one_sentence(
        crm("plugins", "enable", "zzz")
    )


@pytest.mark.parametrize(
    "name", ["my-plugin", "Upper", "1st", "enabled", "budget_seconds", "records", "crmcore"]
)
def test_a_name_that_crm_toml_or_the_kernel_needs_is_refused(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, name: str
) -> None:
    app = make_app()
    install_plugin(name, EMPTY)
    before = state(app)
    assert f"the plugin name {name!r} is not allowed" in one_sentence(crm("plugins", "enable", name))
    assert state(app) == before


def test_a_name_claimed_by_two_distributions_is_refused_and_both_are_named(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    make_app()
    install_plugin("twin", EMPTY, distribution="crmcore-twin-ours")
    install_plugin("twin", EMPTY, distribution="crmcore-twin-theirs")
    message = one_sentence(crm("plugins", "enable", "twin"))
    assert all(part in message for part in ("'twin'", "crmcore-twin-ours", "crmcore-twin-theirs"))


@pytest.mark.parametrize(
    ("kind", "what", "manifest"),
    [
        ("prefix", "loyal", {"table_prefix": "loyal"}),
        ("command", "loyal", {"commands": [{"name": "loyal", "help": "h", "target": "click:echo"}]}),
        ("permission", "loyal.give", {"permissions": [{"name": "loyal.give", "title": "t"}]}),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_what_another_plugin_has_claimed_is_refused_and_both_are_named(
    make_app: Callable[..., App],
    crm: CommandLine,
    install_plugin: Any,
    kind: str,
    what: str,
    manifest: dict[str, Any],
    *,
    together: bool,
) -> None:
    app = make_app()
    if kind == "command":
        target = {
            "commands": [
                {"name": "loyal", "help": "h", "target": "crmcore.builtin.administration.doctor:doctor"}
            ]
        }
        manifest = target
    install_plugin("one", EMPTY, manifest)
    install_plugin("two", EMPTY, manifest)
    if not together:
        crm.ok("plugins", "enable", "one")
    before = state(app)
    message = one_sentence(crm("plugins", "enable", *(["one", "two"] if together else ["two"])))
    assert f"plugins 'one' and 'two' both claim the {kind} {what!r}" in message
    assert state(app) == before


def test_requirements_in_a_circle_are_refused(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    app = make_app()
    install_plugin("one", EMPTY, {"requires": ["two"]})
    install_plugin("two", EMPTY, {"requires": ["three"]})
    install_plugin("three", EMPTY, {"requires": ["one"]})
    before = state(app)
    message = one_sentence(crm("plugins", "enable", "one", "two", "three"))
    assert "in a circle: one → two → three → one" in message
    assert state(app) == before


def test_enabling_needs_the_permission_before_anything_is_imported_or_migrated(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    from crmcore.api import Actor

    app = make_app()
    with app.write(ACTOR, permission="actors.manage") as tx:
        tx.insert(Actor, [{"code": "rep", "name": "r", "roles": ["sales_representative"]}])
    files = {"migrations/0001_x.py": MIGRATION.format(name="thing", more="pass")}
    install_plugin("thing", MARKER, {"migrations": "migrations", "table_prefix": "thing"}, files=files)
    before = state(app)
    for command in ("enable", "disable"):
        assert "actor 'rep' may not" in one_sentence(crm("plugins", command, "thing", "--actor", "rep"))
    assert state(app) == before
    assert not imported("thing")


# -- enabling and disabling --------------------------------------------------------------------------------------


def test_enabling_and_disabling_is_idempotent_and_keeps_comments(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    app = make_app()
    text = app.config.path.read_text(encoding="utf-8").replace(
        "enabled = []", "# before\nenabled = [ # which\n]  # why\n# after"
    )
    app.config.path.write_text(text + "\n# 结尾\n", encoding="utf-8")
    install_plugin("one", EMPTY)
    install_plugin("two", EMPTY)
    assert crm.json("plugins", "enable", "one", "two", "one") == {"enabled": ["one", "two"]}
    first = state(app)
    assert crm.json("plugins", "enable", "two", "one") == {"enabled": []}
    assert state(app) == first
    shown = app.config.path.read_text(encoding="utf-8")
    for comment in ("# before", "# which", "# why", "# after", "# 结尾", "# Change it with"):
        assert comment in shown
    assert create_app(app.config.folder).config.enabled == ("one", "two")
    assert crm.json("plugins", "disable", "one", "one") == {"disabled": ["one"]}
    second = state(app)
    assert crm.json("plugins", "disable", "one") == {"disabled": []}
    assert state(app) == second
    assert create_app(app.config.folder).config.enabled == ("two",)
    assert "# 结尾" in app.config.path.read_text(encoding="utf-8")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_a_file_saved_by_notepad_is_read_and_keeps_its_line_ends(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, ending: str, bom: str
) -> None:
    app = make_app()
    text = bom + app.config.path.read_text(encoding="utf-8").replace("\n", ending)
    app.config.path.write_bytes(text.encode())
    install_plugin("one", EMPTY)
    crm.ok("plugins", "enable", "one")
    written = app.config.path.read_bytes().decode()
    assert written.replace('enabled = ["one"]', "enabled = []") == text
    assert create_app(app.config.folder).config.enabled == ("one",)


def test_the_file_keeps_its_rights_and_a_link_stays_a_link(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, tmp_path: Path
) -> None:
    app = make_app()
    kept = tmp_path / "kept.toml"
    app.config.path.rename(kept)
    kept.chmod(0o640)
    app.config.path.symlink_to(kept)
    install_plugin("one", EMPTY)
    crm.ok("plugins", "enable", "one")
    assert app.config.path.is_symlink()
    assert kept.stat().st_mode & 0o777 == 0o640
    assert 'enabled = ["one"]' in kept.read_text(encoding="utf-8")


def test_a_write_protected_file_refuses_to_enable(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    app = make_app()
    install_plugin("one", EMPTY)
    app.config.path.chmod(0o444)
    refused = crm("plugins", "enable", "one")
    assert (refused.exit_code, "write-protected" in refused.stderr) == (1, True)
    assert create_app(app.config.folder).config.enabled == ()


@pytest.mark.parametrize("form", ["", "plugins.enabled = []\n", "plugins = {enabled = []}\n", "[plugins]\n"])
def test_every_way_to_write_the_enabled_list_can_be_changed(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, form: str
) -> None:
    app = make_app()
    app.config.path.write_text(form + '[company]\nname = "x"\n', encoding="utf-8")
    install_plugin("one", EMPTY)
    crm.ok("plugins", "enable", "one")
    config = create_app(app.config.folder).config
    assert (config.enabled, config.data["company"]["name"]) == (("one",), "x")
    crm.ok("plugins", "disable", "one")
    assert create_app(app.config.folder).config.enabled == ()


def test_both_databases_record_what_is_enabled(
    make_app: Callable[..., App], database: str, install_plugin: Any
) -> None:
    plugin = install_plugin("refuser", REFUSER, version="2.3")
    app = make_app(["refuser"], database)
    with app.read() as ctx:
        row = ctx.connection.execute(sa.text("SELECT * FROM plugin")).mappings().one()
        hooks = row["hooks"] if isinstance(row["hooks"], list) else json.loads(row["hooks"])
        logged = ctx.connection.scalar(sa.text("SELECT count(*) FROM change_log WHERE entity = 'plugin'"))
    assert (row["name"], row["distribution"], row["version"]) == ("refuser", plugin.distribution, "2.3")
    assert (bool(row["enabled"]), len(row["record_hash"]), hooks, logged) == (
        True,
        64,
        ["validate_changes"],
        1,
    )
    disable(app, ["refuser"], ACTOR)
    enable(app, ["refuser"], ACTOR)
    with pytest.raises(Refused, match="never"):
        add(app)
    disable(app, ["refuser"], ACTOR)
    add(app)
    assert customers(app) == 1


def test_requirements_come_first_whatever_the_order_asked_for(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    app = make_app()
    install_plugin("base", EMPTY)
    install_plugin("middle", EMPTY, {"requires": ["base"]})
    install_plugin("top", EMPTY, {"requires": ["middle", "base"]})
    assert crm.json("plugins", "enable", "top", "middle", "base") == {"enabled": ["base", "middle", "top"]}
    refused = crm("plugins", "disable", "base")
    assert refused.exit_code == 3
    assert "requires 'base'; run: crm plugins disable" in refused.stderr
    app.refresh()
    with pytest.raises(Guarded, match="'top' requires 'middle'"):
        disable(app, ["middle"], ACTOR)
    crm.ok("plugins", "disable", "top", "middle", "base")


def test_disabling_never_imports_and_so_gets_rid_of_anything(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    app = make_app()
    plugin = install_plugin("bad", REFUSER)
    other = install_plugin("other", EMPTY)
    crm.ok("plugins", "enable", "bad", "other")
    plugin.code(MARKER + "raise SystemExit(3)")
    other.code(MARKER)
    plugin.forget()
    other.forget()
    crm.ok("plugins", "disable", "bad")
    assert not imported("bad")
    assert not imported("other"), "nor anything else"
    assert create_app(app.config.folder).config.enabled == ("other",)


def test_disabling_works_where_plugins_are_broken_or_gone(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    app = make_app()
    gone, broken, fine = (install_plugin(name, REFUSER) for name in ("gone", "broken", "fine"))
    crm.ok("plugins", "enable", "gone", "broken", "fine")
    gone.uninstall()
    broken.write({"plugin.json": "{ not JSON"})
    broken.forget()
    fine.forget()
    crm.ok("plugins", "disable", "fine")
    crm.ok("plugins", "disable", "gone")
    crm.ok("plugins", "disable", "broken")
    assert create_app(app.config.folder).config.enabled == ()
    app.refresh()
    add(app)


def test_a_disabled_plugins_tables_and_rows_stay(
    make_app: Callable[..., App], database: str, install_plugin: Any
) -> None:
    files = {
        "tables.py": TABLE.format(name="Keep", table="keep_thing"),
        "migrations/0001_keep.py": MIGRATION.format(name="keep", more="pass"),
    }
    plugin = install_plugin(
        "keep", MODELS.format(more=""), {"table_prefix": "keep", "migrations": "migrations"}, files=files
    )
    app = make_app(["keep"], database)
    thing = importlib.import_module(f"{plugin.package}.tables").Thing
    with app.write(ACTOR, plugin="keep") as tx:
        tx.insert(thing, [{"text": "stays"}])
    disable(app, ["keep"], ACTOR)
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT text FROM keep_thing")) == "stays"
    enable(app, ["keep"], ACTOR)
    with app.write(ACTOR, plugin="keep") as tx:
        assert tx.insert(thing, [{"text": "more"}]) == [2]


def test_migrations_go_on_from_where_they_stand(
    make_app: Callable[..., App], database: str, install_plugin: Any
) -> None:
    first = MIGRATION.format(name="grow", more="pass")
    manifest = {"table_prefix": "grow", "migrations": "migrations"}
    plugin = install_plugin("grow", EMPTY, manifest, files={"migrations/0001_grow.py": first})
    app = make_app(["grow"], database)
    plugin.write(
        {
            "migrations/0002_more.py": """
import sqlalchemy as sa
from alembic import op
revision = "grow_0002"
down_revision = "grow_0001"

def upgrade():
    with op.batch_alter_table("grow_thing") as batch:
        batch.add_column(sa.Column("weight", sa.Integer(), nullable=False, server_default="7"))

def downgrade():
    with op.batch_alter_table("grow_thing") as batch:
        batch.drop_column("weight")
"""
        }
    )
    app.refresh()
    with pytest.raises(Refused, match="run: crm plugins upgrade grow"):
        add(app)
    accept(app, ["grow"], ACTOR, "upgrade")
    add(app)
    with app.read() as ctx:
        assert ctx.connection.execute(sa.text("SELECT weight FROM grow_thing")).all() == []
        assert ctx.connection.scalar(sa.text("SELECT version_num FROM alembic_version_grow")) == "grow_0002"


# -- the enabled set agrees, or nothing is written ---------------------------------------------------------------


def test_crm_toml_naming_a_plugin_that_is_not_installed_refuses_writes_only(
    make_app: Callable[..., App], crm: CommandLine, reopen: Callable[..., App]
) -> None:
    app = make_app()
    text = app.config.path.read_text(encoding="utf-8").replace("enabled = []", 'enabled = ["ghost"]')
    app.config.path.write_text(text, encoding="utf-8")
    app = reopen(app)
    with pytest.raises(Refused, match=r"crm.toml enables plugin 'ghost' but the database does not know it"):
        add(app)
    assert customers(app) == 0
    listed = {r["name"]: r for r in crm.lines("plugins", "list")}
    assert listed["ghost"]["state"] == "missing"
    assert "ghost" in str(listed["ghost"]["error"]["message"])
    crm.ok("plugins", "disable", "ghost")
    add(reopen(app))


@pytest.mark.parametrize("edit", ["added", "removed"])
def test_a_hand_edited_enabled_list_refuses_writes_and_says_how_to_go_on(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, reopen: Callable[..., App], edit: str
) -> None:
    install_plugin("one", EMPTY)
    app = make_app(["one"] if edit == "removed" else [])
    now, then = ('"one"', "") if edit == "removed" else ("", '"one"')
    text = app.config.path.read_text(encoding="utf-8").replace(f"enabled = [{now}]", f"enabled = [{then}]")
    app.config.path.write_text(text, encoding="utf-8")
    for way in ("enable", "disable"):
        app.config.path.write_text(text, encoding="utf-8")
        again = reopen(app)
        with pytest.raises(Refused, match=f"run: .*crm plugins {way} one"):
            add(again)
        crm.ok("plugins", way, "one")
        repaired = reopen(app)
        add(repaired, way)
        assert repaired.config.enabled == (("one",) if way == "enable" else ())
        break_again = 'enabled = ["one"]' if edit == "removed" else "enabled = []"
        crm.ok("plugins", "enable" if "one" in break_again else "disable", "one")


def test_reordering_the_enabled_list_by_hand_is_allowed(
    make_app: Callable[..., App], install_plugin: Any, reopen: Callable[..., App]
) -> None:
    code = "from crmcore.api import CardSection, hookimpl\n@hookimpl\ndef card_sections(customer_ids):\n    return [CardSection(1, 's', 't', {})]\n"
    for name in ("zeta", "alpha", "mid"):
        install_plugin(name, code)
    app = make_app(["zeta", "mid", "alpha"])

    def order(app: App) -> list[str]:
        with app.read() as ctx:
            sections = app.host.contribute(
                "card_sections", ctx.connection, ACTOR, customer_ids=[1], as_of=None
            )
        return [s.plugin for s in sections if not s.plugin.startswith("rec")]

    assert order(app) == ["zeta", "mid", "alpha"], "the company's order, not that of the installation"
    text = app.config.path.read_text(encoding="utf-8")
    app.config.path.write_text(
        text.replace('"zeta", "mid", "alpha"', '"alpha", "zeta", "mid"'), encoding="utf-8"
    )
    again = reopen(app)
    assert order(again) == ["alpha", "zeta", "mid"]
    add(again)


def test_changed_files_refuse_writes_until_they_are_trusted(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, reopen: Callable[..., App]
) -> None:
    plugin = install_plugin("one", EMPTY)
    app = make_app(["one"])
    add(app, "A")
    plugin.code(REFUSER)
    plugin.forget()
    again = reopen(app)
    with pytest.raises(
        Refused, match=r"the files of plugin 'one' changed since it was enabled .* crm plugins trust one"
    ):
        add(again, "B")
    assert customers(again) == 1, "reading goes on"
    crm.ok("plugins", "trust", "one")
    with pytest.raises(Refused, match="never"):
        add(reopen(app), "B")
    with pytest.raises(PluginError, match="plugin 'two' is not enabled"):
        trust(reopen(app), "two", ACTOR)


def test_trusting_files_that_cannot_run_is_refused(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    plugin = install_plugin("one", EMPTY)
    app = make_app(["one"])
    plugin.code("import nowhere")
    plugin.forget()
    before = state(app)
    assert "import failed" in one_sentence(crm("plugins", "trust", "one"))
    assert state(app) == before


KILLED = """
import os, sys
from pathlib import Path
from crmcore.app import create_app
from crmcore.builtin.lifecycle import enabling as lifecycle
original = Path.replace
def killed(self, target):
    if Path(target).name == "crm.toml":
        os._exit(9)
    return original(self, target)
Path.replace = killed
getattr(lifecycle, sys.argv[2])(create_app(sys.argv[1]), ["one"], "tester")
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", ["enable", "disable"])
@pytest.mark.parametrize("way", ["enable", "disable"])
def test_a_kill_between_database_and_crm_toml_can_be_repaired_as_the_sentence_says(
    make_app: Callable[..., App],
    crm: CommandLine,
    install_plugin: Any,
    reopen: Callable[..., App],
    python: Callable[..., Result],
    command: str,
    way: str,
) -> None:
    install_plugin("one", EMPTY)
    app = make_app([] if command == "enable" else ["one"])
    text = app.config.path.read_bytes()
    assert python(KILLED, app.config.folder, command).exit_code == 9
    assert app.config.path.read_bytes() == text, "killed before the file was replaced"
    with pytest.raises(Refused, match=rf"run: .*crm plugins {way} one"):
        add(reopen(app))
    crm.ok("plugins", way, "one")
    repaired = reopen(app)
    add(repaired)
    assert repaired.config.enabled == (("one",) if way == "enable" else ())
    assert [p.name for p in app.config.folder.glob("crm.toml*")] == ["crm.toml"]


def test_two_administrators_who_enable_at_once_lose_nothing(
    make_app: Callable[..., App], install_plugin: Any, reopen: Callable[..., App]
) -> None:
    install_plugin("one", EMPTY)
    install_plugin("two", EMPTY)
    app = make_app()
    first, second = reopen(app), reopen(app)
    assert first.config.enabled == second.config.enabled == ()
    enable(first, ["one"], ACTOR)
    enable(second, ["two"], ACTOR)
    last = reopen(app)
    assert last.config.enabled == ("one", "two")
    add(last)


# -- settings of no plugin ---------------------------------------------------------------------------------------


def test_a_table_of_settings_that_belongs_to_no_plugin_is_told(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    install_plugin("ledger", EMPTY)
    install_plugin("waiting", EMPTY)
    tables = "\n[plugins.legder]\ndays = 3\n[plugins.waiting]\ndays = 3\n[plugins.records]\n[plugins.zzz]\n"
    make_app(["ledger"], settings=tables)
    sentences = (
        "crm: warning: crm.toml: [plugins.legder] is of no plugin (did you mean 'ledger'?); correct its name or remove it\n"
        "crm: warning: crm.toml: [plugins.zzz] is of no plugin; correct its name or remove it\n"
    )
    assert crm.ok("customer", "add", "--name", "x").stderr == sentences, "and the work goes on"
    assert crm.ok("work").stderr == sentences
    assert crm.ok("plugins", "disable", "ledger").stderr.count("legder") <= 1
    assert crm.ok("--no-plugins", "customer", "list").stderr == ""
    doctor = crm("doctor", "--json")
    assert doctor.exit_code == 1
    (bad,) = [check for check in doctor.json()["checks"] if not check["ok"]]
    assert bad["name"] == "settings"
    assert "[plugins.legder] is of no plugin" in bad["detail"]
    assert "[plugins.zzz] is of no plugin" in bad["detail"]


# -- --no-plugins ------------------------------------------------------------------------------------------------


def test_without_plugins_everything_starts_and_nothing_is_written(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, reopen: Callable[..., App]
) -> None:
    plugin = install_plugin("bad", REFUSER)
    app = make_app(["bad"])
    plugin.write({"plugin.json": "{", "plugin.py": MARKER + "raise SystemExit(3)"})
    plugin.forget()
    quiet = reopen(app, no_plugins=True)
    assert customers(quiet) == 0
    with pytest.raises(Refused, match="with --no-plugins nothing is written"):
        add(quiet)
    listed = {
        r["name"]: r
        for r in map(json.loads, crm.ok("--no-plugins", "plugins", "list", "--json").stdout.splitlines())
    }
    assert listed["bad"]["state"] == "enabled"
    assert crm("--no-plugins", "doctor").exit_code in {0, 1}
    assert "plugin 'bad'" in one_sentence(crm("--no-plugins", "db", "migrate"))
    crm.ok("--no-plugins", "plugins", "disable", "bad")
    crm.ok("--no-plugins", "db", "migrate")
    assert not imported("bad")
    add(reopen(app))


# -- installed is not enabled ------------------------------------------------------------------------------------

COMMANDS = [
    ["--help"],
    ["customer", "list"],
    ["customer", "add", "--name", "x"],
    ["plugins", "list", "--json"],
    ["plugins", "release", "sleeper"],
    ["plugins", "settings", "sleeper"],
    ["plugins", "disable", "sleeper"],
    ["plugins", "upgrade", "sleeper"],
    ["plugins", "uninstall", "sleeper"],
    ["plugins", "uninstall", "sleeper", "--keep"],
    ["plugins", "uninstall", "sleeper", "--drop"],
    ["plugins", "restore", "sleeper", "nowhere"],
    ["doctor"],
    ["db", "migrate"],
    ["schemas", "list"],
    ["sleeper"],
    ["work"],
    ["report", "list"],
    ["jobs", "list"],
]


@pytest.mark.slow
def test_no_command_imports_a_plugin_that_is_not_enabled(
    make_app: Callable[..., App], install_plugin: Any, python: Callable[..., Result]
) -> None:
    app = make_app()
    commands = [{"name": "sleeper", "help": "h", "target": "crmcore_sleeper.cli:sleeper"}]
    install_plugin("sleeper", MARKER, {"commands": commands}, files={"cli.py": MARKER})
    watch = f"""
import contextlib, io, json, sys
from crmcore.cli.main import main
for words in json.loads({json.dumps(json.dumps(COMMANDS))}):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            main(["-C", {str(app.config.folder)!r}, *words], exit_process=False)
        except SystemExit:
            pass
    loaded = [name for name in sys.modules if "crmcore_sleeper" in name]
    assert not loaded, (words, loaded)
"""
    done = python(watch)
    assert (done.exit_code, done.stderr) == (0, "")


def test_enabling_imports_it_once_it_is_wanted(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    make_app()
    install_plugin("sleeper", MARKER)
    crm.ok("plugins", "list")
    assert not imported("sleeper")
    crm.ok("plugins", "enable", "sleeper")
    assert imported("sleeper")


@pytest.mark.parametrize("reverse", [False, True])
def test_the_order_of_installation_does_not_matter(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, *, reverse: bool
) -> None:
    section = "from crmcore.api import CardSection, hookimpl\n@hookimpl\ndef card_sections(customer_ids):\n    return [CardSection(1, 's', 't', {})]\n"
    names = ["aa", "bb", "cc"]
    for name in reversed(names) if reverse else names:
        install_plugin(name, section)
    app = make_app(["bb", "cc", "aa"])
    with app.read() as ctx:
        found = app.host.contribute("card_sections", ctx.connection, ACTOR, customer_ids=[1], as_of=None)
    assert [s.plugin for s in found if s.plugin in names] == ["bb", "cc", "aa"]
    listed = [r["name"] for r in crm.lines("plugins", "list") if r["name"] in names]
    assert listed == names


def test_without_a_manifest_migrations_and_settings_are_found_under_their_usual_names(
    make_app: Callable[..., App], install_plugin: Any, database: str
) -> None:
    files = {
        "tables.py": TABLE.format(name="Usual", table="usual_thing"),
        "migrations/0001_usual.py": MIGRATION.format(name="usual", more="pass"),
        "settings.schema.json": '{"type": "object", "properties": {"days": {"type": "integer", "default": 3}}}',
    }
    install_plugin("usual", MODELS.format(more=""), files=files)
    app = make_app(["usual"], database)
    assert app.settings("usual") == {"days": 3}
    thing = importlib.import_module("crmcore_usual.tables").Thing
    with app.write(ACTOR, plugin="usual") as tx:
        assert tx.insert(thing, [{"text": "x"}]) == [1]


def test_a_plain_module_with_an_entry_point_and_one_hook_is_a_plugin(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine
) -> None:
    install_plugin("plain", REFUSER, module=None)
    app = make_app(["plain"])
    with pytest.raises(Refused, match=r"never \[plain\]"):
        add(app)
    listed = {r["name"]: r for r in crm.lines("plugins", "list")}
    assert listed["plain"]["hooks"] == ["validate_changes"]
    assert listed["plain"]["state"] == "enabled"


# -- its commands ------------------------------------------------------------------------------------------------

CLI = """
import click
from crmcore.api import Command, N_, echo

@click.command(cls=Command, help=N_("Greet."))
def greet():
    echo("good morning")
"""
GREET = {"commands": [{"name": "greet", "help": "Greet", "target": "crmcore_hello.cli:greet"}]}


def test_an_enabled_plugins_command_comes_and_goes_with_it(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine
) -> None:
    make_app()
    install_plugin("hello", EMPTY, GREET, files={"cli.py": CLI})
    assert crm("greet").exit_code == 2
    crm.ok("plugins", "enable", "hello")
    assert crm.ok("greet").stdout == "good morning\n"
    assert "greet" in crm.ok("--help").stdout
    assert crm("--no-plugins", "greet").exit_code == 2
    crm.ok("plugins", "disable", "hello")
    assert crm("greet").exit_code == 2
    assert "greet" not in crm.ok("--help").stdout


def test_a_command_is_back_once_its_plugin_is_installed_again(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine
) -> None:
    make_app()
    plugin = install_plugin("hello", EMPTY, GREET, files={"cli.py": CLI})
    crm.ok("plugins", "enable", "hello")
    assert crm.ok("greet").stdout == "good morning\n"
    site = plugin.site
    hidden = site.with_name("hidden")
    plugin.forget()
    site.rename(hidden)
    assert crm("greet").exit_code == 2
    assert "customer" in crm.ok("--help").stdout
    hidden.rename(site)
    plugin.forget()
    assert crm.ok("greet").stdout == "good morning\n"


@pytest.mark.parametrize(
    "manifest",
    ["{", "[]", '{"commands": 5}', '{"commands": [1]}', '{"commands": [{"name": "x"}]}', "null", '"x"'],
)
def test_a_manifest_broken_later_hides_the_command_and_nothing_else(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, manifest: str
) -> None:
    app = make_app()
    plugin = install_plugin("hello", EMPTY, GREET, files={"cli.py": CLI})
    crm.ok("plugins", "enable", "hello")
    plugin.write({"plugin.json": manifest})
    plugin.forget()
    app.refresh()
    assert "customer" in crm.ok("--help").stdout
    listed = {r["name"]: r for r in crm.lines("plugins", "list")}
    assert listed["hello"]["state"] == "broken"
    assert "plugin.json" in listed["hello"]["error"]["message"]
    assert customers(app) == 0
    assert crm("doctor").exit_code == 1
    crm.ok("plugins", "disable", "hello")
    app.refresh()
    add(app)


def test_a_garbled_distribution_of_somebody_else_does_not_matter(
    make_app: Callable[..., App],
    install_plugin: Any,
    crm: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app()
    junk = tmp_path / "junk"
    for number, text in enumerate(
        ("[crmcore.plugins]\nno equals sign\n", "\x00\x01", "[crmcore.plugins]\nx = y\n")
    ):
        info = junk / f"junk{number}-1.dist-info"
        info.mkdir(parents=True)
        info.joinpath("entry_points.txt").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(junk))
    install_plugin("one", EMPTY)
    crm.ok("plugins", "enable", "one")
    crm.ok("plugins", "list")
    app.refresh()
    add(app)


@pytest.mark.parametrize("text", ["{", "[]", '{"dir_info": null}', '{"dir_info": []}', "7"])
def test_a_damaged_note_of_where_a_plugin_came_from_does_not_matter(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, text: str
) -> None:
    plugin = install_plugin("one", EMPTY)
    plugin.info.joinpath("direct_url.json").write_text(text, encoding="utf-8")
    make_app(["one"])
    assert [p["state"] for p in crm.lines("plugins", "list") if p["name"] == "one"] == ["enabled"]
    crm.ok("--no-plugins", "doctor")
    crm.ok("plugins", "disable", "one")


BROKEN_TABLES = """
from crmcore.api import Importable, hookimpl

@hookimpl
def models():
    return []

@hookimpl
def importables():
    return [Importable("things", "Things", lambda ctx: (), lambda tx, rows, ctx: None, lambda ctx: ())]
"""


def test_what_a_plugin_that_cannot_run_brings_is_missed_by_its_name(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, tmp_path: Path
) -> None:
    plugin = install_plugin("one", BROKEN_TABLES)
    app = make_app(["one"])
    plugin.write({"plugin.py": "raise RuntimeError('boom')"})
    plugin.forget()
    app.refresh()
    file = tmp_path / "things.csv"
    file.write_text("name\nx\n", encoding="utf-8")
    refused = crm("import", "things", file)
    assert refused.exit_code == 1
    assert "plugin 'one' cannot run (boom); repair it or run: crm plugins disable one" in refused.stderr


def test_a_table_that_is_missing_names_the_plugin_that_cannot_run(
    make_app: Callable[..., App], install_plugin: Any
) -> None:
    class Thing:
        __tablename__ = "one_thing"

    plugin = install_plugin("one", BROKEN_TABLES)
    app = make_app(["one"])
    plugin.write({"plugin.py": "raise RuntimeError('boom')"})
    plugin.forget()
    app.refresh()
    with pytest.raises(PluginError, match=r"plugin 'one' cannot run \(boom\)"):
        app.table(Thing)  # type: ignore[arg-type]
