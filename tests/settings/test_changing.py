"""`crm plugins settings NAME set` and `unset`: crm.toml changes as asked, or not at all, and the log says who did it."""

import errno
import json
import os
import threading
import tomllib
from pathlib import Path

import jsonschema
import pytest
import sqlalchemy as sa

from crmcore.builtin.administration.settings import change, file
from crmcore.db.system import change_log, change_tx
from crmcore.errors import CrmError, Refused

SCHEMAS = Path(__file__).parents[2] / "schemas"
SET = ("plugins", "settings", "post", "set")
UNSET = ("plugins", "settings", "post", "unset")


def given(app):
    return tomllib.loads(app.config.path.read_text(encoding="utf-8"))["plugins"].get("post", {})


def logged(app):
    """Return the changes of settings in the log: who, why, before, after."""
    query = sa.select(change_tx.c.actor, change_tx.c.reason, change_log.c.before, change_log.c.after).join(
        change_tx, change_tx.c.id == change_log.c.tx_id
    )
    with app.read() as ctx:
        found = ctx.connection.execute(query.where(change_log.c.entity == "plugin_setting")).all()
    return [(row.actor, row.reason, json.loads(row.before), json.loads(row.after)) for row in found]


TYPED = [
    ("sender", "Example Trading", "Example Trading"),
    ("sender", "'quoted'", "quoted"),
    ("sender", "12", "12"),
    ("sender", "true", "true"),
    ("sender", "", ""),
    ("sender", '客户 "甲"\\ \x7f\x1b \u202e', '客户 "甲"\\ \x7f\x1b \u202e'),
    ("per_day", "7", 7),
    ("per_day", "1_000", 1000),
    ("weight", "1.25", 1.25),
    ("weight", "2", 2),
    ("weight", "-0.5", -0.5),
    ("by_air", "true", True),
    ("class", "first", "first"),
    ("from", "2026-03-02", "2026-03-02"),
    ("stamp", "red", "red"),
    ("stamp", "12", 12),
    ("stamp", "'12'", "12"),
    ("towns", '["Bonn", "甲"]', ["Bonn", "甲"]),
    ("towns", "['Bonn']", ["Bonn"]),
    ("rates", '{"Bonn": 3}', {"Bonn": 3}),
    ("rates", "{Bonn = 3}", {"Bonn": 3}),
    ("rates.Bonn", "3", {"Bonn": 3}),
    ('rates."St. Gallen"', "3", {"St. Gallen": 3}),
    ("rates.昆明", "3", {"昆明": 3}),
    ("box.number", "7", {"number": 7}),
]


@pytest.mark.slow
def test_what_is_typed_becomes_the_value_and_goes_again(post, crm, rows):
    app = post()
    before = app.config.path.read_bytes()
    for key, typed, value in TYPED:
        crm.ok(*SET, key, typed)
        top = "rates" if key.startswith("rates") else key.split(".")[0]
        assert given(app)[top] == value, (key, typed)
        assert rows()[top]["origin"] == "file"
        crm.ok(*UNSET, key)
        assert app.config.path.read_bytes() == before
    assert {row["origin"] for row in rows().values()} == {"default"}


REFUSED = [
    (("snder", "x"), "crm.toml: unknown key 'plugins.post.snder'; did you mean 'sender'?"),
    (("box.nmber", "1"), "crm.toml: unknown key 'plugins.post.box.nmber'; did you mean 'number'?"),
    (("bxo.number", "1"), "crm.toml: unknown key 'plugins.post.bxo'; did you mean 'box'?"),
    (("", "1"), "crm.toml: unknown key 'plugins.post.'; known are"),
    (("sender.name", "1"), "plugins.post.sender = {"),
    (("per_day", "many"), 'plugins.post.per_day = "many" is not allowed; allowed is a value of type integer'),
    (("per_day", "1e1"), "plugins.post.per_day = 10.0 is not allowed; allowed is a value of type integer"),
    (("per_day", "-5"), "plugins.post.per_day = -5 is not allowed; allowed is a number of at least 1"),
    (("per_day", "1\ny = 2"), "is not allowed; allowed is a value of type integer"),
    (("weight", "nan"), "crm.toml: plugins.post.weight = nan is not a finite number; write another one"),
    (("weight", "1e999"), "crm.toml: plugins.post.weight = inf is not a finite number"),
    (("by_air", "yes"), 'plugins.post.by_air = "yes" is not allowed; allowed is a value of type boolean'),
    (("class", "frist"), "(did you mean 'first'?)"),
    (("from", "tomorrow"), "allowed is text in the format date"),
    (("towns", "Bonn"), 'plugins.post.towns = "Bonn" is not allowed; allowed is a value of type array'),
    (("towns", "[null]"), "plugins.post.towns.0 = null is not allowed"),
    (("towns", "[" * 60_000), "is not allowed; allowed is a value of type array"),
    (("rates", '{"Bonn": -1}'), "plugins.post.rates.Bonn = -1 is not allowed"),
    (("sender", "x" * 70_000), "is not readable text of at most 65536 characters"),
    (("sender", "\0"), "is not readable text"),
    (("sender", "\udcff"), "is not readable text"),
    (("sender", "https://me:hunter22@carrier.example/"), "plugins.post.sender holds a password; remove it"),
    (("rates", "{x = 'x://me:hunter22@y'}"), "holds a password"),
]


@pytest.mark.slow
def test_what_is_wrong_is_said_and_nothing_changes(post, crm):
    app = post("sender = 'we' # as agreed")
    before = app.config.path.read_bytes()
    for words, sentence in REFUSED:
        result = crm(*SET, *words)
        assert (result.exit_code, sentence in result.stderr) == (1, True), result.stderr
        assert result.stderr.count("\n") == 1
        assert len(result.stderr) < 500
        assert "hunter22" not in result.stderr
    assert app.config.path.read_bytes() == before
    assert logged(app) == []


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("set", "sender"), 2, "set KEY VALUE, or unset KEY"),
        (("sett", "sender", "x"), 2, "set KEY VALUE, or unset KEY"),
        (("--jsn",), 2, "set KEY VALUE, or unset KEY"),
        (("unset",), 2, "set KEY VALUE, or unset KEY"),
        (("set", "sender", "two", "words"), 2, "put quotation marks around a value with blanks"),
        (("unset", "snder"), 1, "unknown key 'plugins.post.snder'; did you mean 'sender'?"),
    ],
)
def test_wrong_words_are_told(post, crm, words, code, sentence):
    post()
    result = crm("plugins", "settings", "post", *words)
    assert (result.exit_code, sentence in result.stderr) == (code, True)


@pytest.mark.parametrize(("name", "near"), [("psot", "post"), ("record", "records")])
def test_a_plugin_that_is_not_there_is_told_with_the_one_that_may_be_meant(post, crm, name, near):
    post()
    for words in ((), ("set", "x", "1")):
        result = crm("plugins", "settings", name, *words)
        assert result.stderr == f"crm: there is no plugin '{name}'; did you mean '{near}'?\n"


def test_the_log_says_who_changed_what_from_what_to_what(post, crm, database):
    app = post(database=database)
    crm.ok(*SET, "per_day", 7)
    crm.ok(*SET, "per_day", 8)
    crm.ok(*SET, "per_day", 8)
    crm.ok(*UNSET, "per_day")
    assert crm.ok(*UNSET, "per_day").stdout == "Nothing to change.\n"
    key = {"plugin": "post", "key": "per_day"}
    assert logged(app) == [
        ("tester", "set plugins.post.per_day", key, {**key, "value": 7}),
        ("tester", "set plugins.post.per_day", {**key, "value": 7}, {**key, "value": 8}),
        ("tester", "unset plugins.post.per_day", {**key, "value": 8}, key),
    ]
    checks = {check["name"]: check["ok"] for check in crm.json("doctor")["checks"]}
    assert checks["change log"]
    assert checks["settings"]


def test_who_may_not_manage_plugins_changes_nothing(post, crm):
    app = post()
    crm.ok("actor", "add", "rep", "--role", "sales_representative")
    before = app.config.path.read_bytes()
    for words in ((*SET, "per_day", "7"), (*UNSET, "sender")):
        result = crm(*words, "--actor", "rep")
        assert "actor 'rep' may not enable and disable plugins" in result.stderr
    assert app.config.path.read_bytes() == before


def test_json_gives_the_row_as_it_is_now(post, crm):
    post()
    schema = json.loads((SCHEMAS / "plugin_setting.schema.json").read_text(encoding="utf-8"))
    for words in ((*SET, "rates.Bonn", "3"), (*UNSET, "rates.Bonn"), (*SET, "api_key", "env:POST_KEY")):
        row = crm.json(*words)
        jsonschema.Draft202012Validator(schema).validate(row)
        assert row["key"] == words[4]
        if row["key"] == "api_key":
            assert (row["value"], row["resolves"]) == ({"env": "POST_KEY"}, False)


def test_a_built_in_plugin_has_settings_too(make_app, crm):
    app = make_app()
    crm.ok("plugins", "settings", "records", "set", "document_limit_mb", 20)
    (row,) = crm.lines("plugins", "settings", "records")
    assert (row["value"], row["origin"]) == (20, "file")
    app.refresh()
    assert app.settings("records")["document_limit_mb"] == 20


def test_settings_of_a_plugin_that_is_not_yet_enabled_can_be_prepared(post, crm, make_app):
    app = make_app()
    crm.ok(*SET, "per_day", 7)
    crm.ok("plugins", "enable", "post")
    app.refresh()
    assert app.settings("post")["per_day"] == 7


def test_without_plugins_settings_can_be_repaired(post, crm):
    app = post("sender = 'x'")
    app.config.path.write_text(
        app.config.path.read_text(encoding="utf-8").replace("sender", "snder"), encoding="utf-8"
    )
    assert "unknown key" in crm("plugins", "settings", "post").stderr
    crm.ok("--no-plugins", *UNSET, "snder")
    assert "snder" not in given(app)


def test_the_file_keeps_its_rights_and_a_link_stays_a_link(post, crm, tmp_path):
    app = post()
    kept = tmp_path / "kept.toml"
    app.config.path.rename(kept)
    kept.chmod(0o640)
    app.config.path.symlink_to(kept)
    crm.ok(*SET, "per_day", 7)
    assert app.config.path.is_symlink()
    assert kept.stat().st_mode & 0o777 == 0o640
    assert "per_day = 7" in kept.read_text(encoding="utf-8")


def test_a_write_protected_file_is_left_alone(post, crm):
    app = post()
    app.config.path.chmod(0o444)
    result = crm(*SET, "per_day", 7)
    assert "is write-protected; allow writing first" in result.stderr
    assert logged(app) == []


def test_a_full_disk_leaves_the_old_file_and_the_old_log(post, crm, monkeypatch):
    app = post()
    before = app.config.path.read_bytes()

    def full(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(file, "write_atomically", full)
    result = crm(*SET, "per_day", 7)
    assert (result.exit_code, result.stderr) == (1, "crm: the disk is full; make room and try again\n")
    assert app.config.path.read_bytes() == before
    assert logged(app) == []
    assert not list(app.config.folder.glob(".crm.toml*"))


def test_a_file_that_somebody_saves_at_that_moment_is_not_overwritten(post, monkeypatch):
    app = post()

    def save(*_arguments):
        app.config.path.write_text("# theirs\n", encoding="utf-8")

    monkeypatch.setattr(file.TomlFile, "prepare", save)
    with pytest.raises(Refused, match=r"somebody changed .* at this very moment; nothing was written"):
        change.change_setting(app, "post", "per_day", "7", "tester")
    assert app.config.path.read_text(encoding="utf-8") == "# theirs\n"
    assert logged(app) == []


def test_two_administrators_at_once_lose_nothing(post, reopen, database):
    app = post(database=database)
    failed = []

    def work(key, values):
        own = reopen(app)
        try:
            for value in values:
                change.change_setting(own, "post", key, str(value), "tester")
        except CrmError as error:
            failed.append(error)

    several = [
        threading.Thread(target=work, args=(key, range(1, 7))) for key in ("per_day", "box.number", "rates.a")
    ]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()
    assert failed == []
    assert given(app) == {"per_day": 6, "box": {"number": 6}, "rates": {"a": 6}}
    assert len(logged(app)) == 18


KILL = """
import os, signal, sys
from pathlib import Path
from crmcore.builtin.administration.settings.file import TomlFile
from crmcore.cli.main import main

prepare = TomlFile.prepare

def killed(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "ready":
    TomlFile.prepare = lambda *arguments: (prepare(*arguments), killed())
else:
    replace = Path.replace
    Path.replace = lambda self, target: killed() if target.name == "crm.toml" else replace(self, target)
main(["-C", sys.argv[1], "plugins", "settings", "records", "set", "document_limit_mb", "7"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["ready", "committed"])
def test_a_kill_leaves_a_whole_file_and_the_next_one_can_work(make_app, crm, python, moment):
    app = make_app()
    before = app.config.path.read_bytes()
    assert python(KILL, app.config.folder, moment).exit_code == -9
    assert app.config.path.read_bytes() == before
    told = crm("doctor").stdout
    assert "holds a change that did not reach crm.toml; run the command again that made it" in told
    crm.ok("plugins", "settings", "records", "set", "document_limit_mb", 8)
    assert not list(app.config.folder.glob("*.crm.toml.*"))
    assert tomllib.loads(app.config.path.read_text(encoding="utf-8"))["plugins"]["records"] == {
        "document_limit_mb": 8
    }


@pytest.mark.slow
@pytest.mark.parametrize("edited", [False, True])
def test_a_change_that_was_logged_reaches_the_file_unless_somebody_edited_it_since(
    make_app, install_plugin, crm, python, edited
):
    install_plugin("other", "from crmcore.api import hookimpl\n")
    app = make_app(["other"])
    assert python(KILL, app.config.folder, "committed").exit_code == -9
    if edited:
        with app.config.path.open("a", encoding="utf-8") as toml:
            toml.write("# ours\n")
    crm.ok("plugins", "disable", "other")
    found = tomllib.loads(app.config.path.read_text(encoding="utf-8"))["plugins"]
    assert found["enabled"] == []
    assert found.get("records") == (None if edited else {"document_limit_mb": 7})


def test_what_is_done_is_said_in_chinese(post, crm):
    post()
    said = crm.ok("--lang", "zh_CN", *SET, "per_day", 7).stdout
    assert "plugins.post.per_day" in said
    assert "Set:" not in said
    for words in ((*SET, "snder", "x"), (*SET, "api_key", "hunter22"), ("plugins", "settings", "post", "x")):
        assert any("\u4e00" <= c <= "\u9fff" for c in crm("--lang", "zh_CN", *words).stderr), words


def test_help_is_there_before_and_after_the_name_and_a_missing_name_is_named(crm):
    for words in (["-h"], ["--help"], ["post", "-h"], ["post", "set", "-h"], ["post", "unset", "-h"]):
        shown = crm.ok("plugins", "settings", *words).stdout
        assert shown.startswith("Usage: crm plugins settings [OPTIONS] NAME [set KEY VALUE | unset KEY]"), (
            words
        )
    missing = crm("plugins", "settings")
    assert (missing.exit_code, missing.stderr) == (2, "crm: Missing argument 'NAME'\n")


def test_a_value_may_look_like_an_option(post, crm):
    app = post()
    crm.ok(*SET, "sender", "-h")
    assert given(app)["sender"] == "-h"
