"""What uninstalling exports comes back as it was, or not at all."""

from __future__ import annotations

import json
import stat
import tomllib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from jsonschema import Draft202012Validator

import crmcore
from crmcore.api import Customer
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine, Result
from tests.lifecycle.conftest import SECOND, SETTINGS, fill
from tests.lifecycle.seen import lasting, rows, tables
from tests.oracles.change_log import problems

DATA = ["loyal_account", "loyal_entry", "loyal_level"]
SCHEMA = Path(crmcore.__file__).parent / "schemas" / "plugin_export.schema.json"


@pytest.fixture
def out(company: App, crm: CommandLine, tmp_path: Path) -> Path:
    """Export the plugin and drop it."""
    crm.ok("plugins", "uninstall", "loyal", "--export", tmp_path / "out")
    return tmp_path / "out"


def refused(crm: CommandLine, folder: Path, code: int = 1) -> str:
    done: Result = crm("plugins", "restore", "loyal", folder)
    assert (done.exit_code, done.stdout) == (code, ""), done
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_export_and_restore_are_the_identity(
    company: App, crm: CommandLine, tmp_path: Path, reopen: Callable[..., App]
) -> None:
    before = rows(company, DATA)
    given = tomllib.loads(company.config.path.read_text(encoding="utf-8"))["plugins"]["loyal"]
    crm.ok("plugins", "uninstall", "loyal", "--export", tmp_path / "out")
    assert not tables(reopen(company)) & set(DATA)
    made = crm.json("plugins", "restore", "loyal", tmp_path / "out")
    assert {t["name"]: t["rows"] for t in made["tables"]} == {n: len(before[n]) for n in DATA}
    again = reopen(company)
    assert rows(again, DATA) == before
    assert tomllib.loads(again.config.path.read_text(encoding="utf-8"))["plugins"]["loyal"] == given
    crm.ok("plugins", "uninstall", "loyal", "--export", tmp_path / "again")
    for name in (*(f"{table}.jsonl" for table in DATA), "references.jsonl"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes(), name


def test_an_id_that_was_given_is_never_given_again(
    out: Path, company: App, crm: CommandLine, reopen: Callable[..., App]
) -> None:
    import importlib

    crm.ok("plugins", "restore", "loyal", out)
    account = importlib.import_module("crmcore_loyal.tables").Account
    with reopen(company).write(ACTOR, plugin="loyal") as tx:
        assert tx.insert(account, [{"customer_id": 1}]) == [5], "4 was deleted before the export"


def test_restored_rows_are_in_the_change_log_and_personal_values_are_encrypted_there(
    out: Path, company: App, crm: CommandLine, reopen: Callable[..., App]
) -> None:
    crm.ok("plugins", "restore", "loyal", out)
    crm.ok("jobs", "run", "seal_log")
    again = reopen(company)
    assert problems(again) == []
    with again.read() as ctx:
        query = (
            "SELECT entity, operation, after FROM change_log WHERE tx_id = (SELECT max(id) FROM change_tx)"
        )
        made = ctx.connection.execute(sa.text(query)).all()
    assert sorted((row.entity, row.operation) for row in made) == [
        ("loyal_account", "create"),
        ("loyal_account", "create"),
        ("loyal_account", "create"),
        ("loyal_entry", "append"),
        ("plugin", "create"),
    ]
    assert not any("小王" in (row.after or "") for row in made)


def test_the_export_is_described_readable_by_its_owner_alone_and_logged(
    out: Path, company: App, reopen: Callable[..., App]
) -> None:
    content = json.loads((out / "export.json").read_text(encoding="utf-8"))
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(content)
    assert (content["plugin"], content["version"], content["revision"]) == ("loyal", "1.0", "loyal_0001")
    assert content["roles"] == {"clerk": ["loyal.give"]}
    for table in content["tables"]:
        text = (out / table["file"]).read_bytes()
        assert (text.count(b"\n"), sha256(text).hexdigest()) == (table["rows"], table["sha256"])
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    with reopen(company).read() as ctx:
        (logged,) = ctx.connection.execute(sa.text("SELECT * FROM read_log WHERE what = 'export'")).mappings()
    assert (logged["actor"], logged["entity"], logged["count"]) == (ACTOR, "plugin:loyal", 15)


@pytest.mark.parametrize("kind", ["file", "folder with something in it"])
def test_an_export_never_goes_into_a_folder_that_holds_anything(
    company: App, crm: CommandLine, tmp_path: Path, kind: str
) -> None:
    target = tmp_path / "out"
    if kind == "file":
        target.write_text("x", encoding="utf-8")
    else:
        target.mkdir()
        (target / "x").touch()
    before = lasting(company)
    done = crm("plugins", "uninstall", "loyal", "--export", target)
    assert (done.exit_code, "is not empty" in done.stderr) == (1, True)
    assert lasting(company) == before


def test_an_export_works_where_the_package_is_gone_and_comes_back_with_it(
    company: App, crm: CommandLine, loyal: Any, tmp_path: Path, reopen: Callable[..., App]
) -> None:
    before = rows(company, DATA)
    hidden = loyal.site.with_name("hidden")
    loyal.forget()
    loyal.site.rename(hidden)
    crm.ok("plugins", "uninstall", "loyal", "--export", tmp_path / "out")
    assert "there is no plugin 'loyal'" in refused(crm, tmp_path / "out")
    hidden.rename(loyal.site)
    loyal.forget()
    crm.ok("plugins", "restore", "loyal", tmp_path / "out")
    assert rows(reopen(company), DATA) == before


def test_roles_are_told_and_not_granted_again(out: Path, company: App, crm: CommandLine) -> None:
    done = crm.ok("plugins", "restore", "loyal", out)
    assert "clerk: loyal.give" in done.stderr
    assert "loyal.give" not in company.config.path.read_text(encoding="utf-8")


# -- where it does not fit ---------------------------------------------------------------------------------------


def test_a_company_without_the_customers_refuses_it(
    out: Path, crm: CommandLine, make_app: Callable[..., App]
) -> None:
    app = make_app()
    before = lasting(app)
    said = "points to customer 1, which is not in this company; restore it in the company that it is of"
    assert said in refused(crm, out)
    assert lasting(app) == before


def test_a_company_with_other_customers_under_these_ids_refuses_it(
    out: Path, crm: CommandLine, make_app: Callable[..., App]
) -> None:
    app = make_app()
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": c, "name": c} for c in "XYZ"])
    before = lasting(app)
    assert "points to customer 1 (X), which is another one" in refused(crm, out)
    assert lasting(app) == before


def test_a_customer_that_is_gone_refuses_it(
    out: Path, company: App, crm: CommandLine, reopen: Callable[..., App]
) -> None:
    again = reopen(company)
    with again.write(ACTOR) as tx:
        tx.delete(Customer, [2])
    before = lasting(again)
    assert "points to customer 2 (B), which is not in this company; restore" in refused(crm, out)
    assert lasting(again) == before


def test_a_company_that_has_the_plugin_s_data_refuses_it(out: Path, company: App, crm: CommandLine) -> None:
    crm.ok("plugins", "restore", "loyal", out)
    before = lasting(company)
    assert "has data here already" in refused(crm, out)
    crm.ok("plugins", "uninstall", "loyal", "--keep")
    assert "has data here already" in refused(crm, out)
    assert rows(company, DATA) == {name: before[1][name] for name in DATA}


def test_another_version_of_the_tables_refuses_it_and_says_which_is_wanted(
    out: Path, company: App, crm: CommandLine, loyal: Any
) -> None:
    loyal.write({"migrations/0002_why.py": SECOND})
    before = lasting(company)
    message = refused(crm, out)
    assert "loyal 1.0 with tables at loyal_0001, the installed one has loyal_0002" in message
    assert lasting(company) == before


def test_values_of_a_person_erased_meanwhile_do_not_come_back(
    out: Path, company: App, crm: CommandLine, reopen: Callable[..., App]
) -> None:
    again = reopen(company)
    with again.operations() as connection, again.unguarded(connection):
        connection.exec_driver_sql(
            "UPDATE person_key SET key = NULL WHERE entity = 'customer' AND entity_id = 2"
        )
    crm.ok("plugins", "restore", "loyal", out)
    with reopen(company).read() as ctx:
        names = ctx.connection.scalars(sa.text("SELECT nickname FROM loyal_account ORDER BY id")).all()
    assert list(names) == [None, None, None]


def test_settings_that_the_company_wrote_meanwhile_stay(
    out: Path, company: App, crm: CommandLine, reopen: Callable[..., App]
) -> None:
    text = company.config.path.read_text(encoding="utf-8") + "\n[plugins.loyal]\ndays = 1\n"
    company.config.path.write_text(text, encoding="utf-8")
    crm.ok("plugins", "restore", "loyal", out)
    assert reopen(company).settings("loyal")["days"] == 1


# -- hostile exports ---------------------------------------------------------------------------------------------


@pytest.fixture
def small(loyal: Any, make_app: Callable[..., App], crm: CommandLine, tmp_path: Path) -> tuple[App, Path]:
    """Export from a company on SQLite."""
    app = make_app(["loyal"], settings=SETTINGS)
    fill(app)
    crm.ok("plugins", "uninstall", "loyal", "--export", tmp_path / "out")
    return app, tmp_path / "out"


def forge(folder: Path, name: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the rows of a table and make the checksums right again."""
    path = folder / f"{name}.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    change(lines)
    write(folder, name, "".join(f"{json.dumps(line)}\n" for line in lines).encode())


def write(folder: Path, name: str, content: bytes) -> None:
    (folder / f"{name}.jsonl").write_bytes(content)
    described = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    for table in [*described["tables"], described["references"], described["card_values"]]:
        if table["file"] == f"{name}.jsonl":
            table |= {"rows": content.count(b"\n"), "sha256": sha256(content).hexdigest()}
    (folder / "export.json").write_text(json.dumps(described), encoding="utf-8")


def describe(folder: Path, **changes: Any) -> None:
    path = folder / "export.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def link(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to("real")


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def listed(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "export.json").read_text(encoding="utf-8"))["tables"]
    return found


HOSTILE: dict[str, Callable[[Path], object]] = {
    "no description": lambda f: (f / "export.json").unlink(),
    "description no JSON": lambda f: (f / "export.json").write_text("{", encoding="utf-8"),
    "description too deep": lambda f: (f / "export.json").write_text("[" * 100_000, encoding="utf-8"),
    "description too long": lambda f: (f / "export.json").write_bytes(b" " * (5 << 20)),
    "description no object": lambda f: (f / "export.json").write_text("[]", encoding="utf-8"),
    "description without tables": lambda f: (f / "export.json").write_text("{}", encoding="utf-8"),
    "description is a link": lambda f: link(f / "export.json"),
    "other plugin": lambda f: describe(f, plugin="other"),
    "other format": lambda f: describe(f, format=2),
    "other revision": lambda f: describe(f, revision="loyal_0009"),
    "a table of the core": lambda f: describe(f, tables=[*listed(f), {**listed(f)[-1], "name": "customer"}]),
    "a path for a table": lambda f: describe(
        f,
        tables=[{**t, "name": "../../etc/passwd"} for t in listed(f)],
    ),
    "a table twice": lambda f: describe(f, tables=listed(f) * 2),
    "no tables": lambda f: describe(f, tables=[]),
    "a table less": lambda f: describe(f, tables=listed(f)[:-1]),
    "a file missing": lambda f: (f / "loyal_entry.jsonl").unlink(),
    "a file that is a link": lambda f: link(f / "loyal_entry.jsonl"),
    "a file that is a folder": lambda f: folder_instead(f / "loyal_entry.jsonl"),
    "a changed byte": lambda f: (f / "loyal_entry.jsonl").write_bytes(
        (f / "loyal_entry.jsonl").read_bytes().replace(b'"points":3', b'"points":4')
    ),
    "a line more": lambda f: (f / "loyal_entry.jsonl").write_bytes(
        (f / "loyal_entry.jsonl").read_bytes() + b"{}\n"
    ),
    "no JSON": lambda f: write(f, "loyal_entry", b"{\n"),
    "nested too deep": lambda f: write(f, "loyal_entry", b"[" * 100_000 + b"\n"),
    "no object": lambda f: write(f, "loyal_entry", b"5\n"),
    "no text": lambda f: write(f, "loyal_entry", b"\xff\xfe\n"),
    "a column more": lambda f: forge(f, "loyal_entry", lambda r: r[0].update(extra=1)),
    "a column less": lambda f: forge(f, "loyal_entry", lambda r: r[0].pop("points")),
    "text for a number": lambda f: forge(
        f, "loyal_entry", lambda r: r[0].update(points="1; DROP TABLE customer")
    ),
    "a number too large": lambda f: forge(f, "loyal_entry", lambda r: r[0].update(points=2**70)),
    "a list for a text": lambda f: forge(f, "loyal_account", lambda r: r[0].update(nickname=["x"])),
    "half a character": lambda f: forge(f, "loyal_account", lambda r: r[0].update(nickname="\ud800")),
    "no day": lambda f: forge(f, "loyal_account", lambda r: r[0].update(opened_on="2026-02-30")),
    "a time without a zone": lambda f: forge(
        f, "loyal_account", lambda r: r[1].update(seen_at="2026-01-01T00:00:00")
    ),
    "no truth": lambda f: forge(f, "loyal_account", lambda r: r[0].update(happy=1)),
    "id zero": lambda f: forge(f, "loyal_entry", lambda r: r[0].update(id=0)),
    "id of text": lambda f: forge(f, "loyal_entry", lambda r: r[0].update(id="1")),
    "no id": lambda f: forge(f, "loyal_entry", lambda r: r[0].update(id=None)),
    "an id twice": lambda f: forge(f, "loyal_entry", lambda r: r[1].update(id=r[0]["id"])),
    "an account of nowhere": lambda f: forge(f, "loyal_entry", lambda r: r[0].update(account_id=77)),
    "invited by nobody": lambda f: forge(f, "loyal_account", lambda r: r[0].update(invited_by=77)),
    "a customer of nowhere": lambda f: forge(f, "loyal_account", lambda r: r[0].update(customer_id=77)),
    "rows in another order": lambda f: forge(f, "loyal_entry", lambda r: r.reverse()),
    "a reference to another table": lambda f: write(
        f, "references", b'{"table":"plugin","id":1,"uid":"x"}\n'
    ),
    "a reference that is none": lambda f: write(
        f, "references", b'{"table":"customer","id":"1","uid":"x"}\n'
    ),
    "no references": lambda f: write(f, "references", b""),
    "a reference less": lambda f: forge(f, "references", lambda r: r.pop()),
    "a reference to an id too large": lambda f: forge(
        f, "references", lambda r: r.append({**r[0], "id": 2**70})
    ),
    "an id too large": lambda f: forge(f, "loyal_account", lambda r: r[0].update(id=2**70)),
    "values of a customer with an id too large": lambda f: write(
        f, "card_values", b'{"id":%d,"uid":"x","values":{"loyal_x":1}}\n' % 2**70
    ),
    "no number": lambda f: forge(f, "loyal_level", lambda r: r[0].update(rate="NaN")),
    "a number without end": lambda f: write(
        f, "loyal_level", b'{"code":"gold","picture":null,"rate":1e999}\n'
    ),
    "a number with too many digits": lambda f: forge(
        f, "loyal_level", lambda r: r[0].update(rate="1e999999")
    ),
    "settings that are not allowed": lambda f: describe(f, settings={"days": "many"}),
    "settings of somebody else": lambda f: describe(f, settings={"nights": 3}),
    "a place in the log that never was": lambda f: describe(f, cursor={"xid": 0, "seq": 10**9}),
    "a last id beyond all": lambda f: describe(f, tables=[{**t, "last_id": 2**63 - 1} for t in listed(f)]),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_export_is_refused_and_nothing_changes(
    small: tuple[App, Path], crm: CommandLine, what: str
) -> None:
    app, folder = small
    HOSTILE[what](folder)
    before = lasting(app)
    message = refused(crm, folder)
    assert message.startswith("crm: ")
    assert "Traceback" not in message
    assert "unexpected error" not in message
    assert lasting(app) == before


@pytest.mark.parametrize(
    "what",
    [
        "no references",
        "a reference to an id too large",
        "an id too large",
        "values of a customer with an id too large",
        "no number",
        "a number with too many digits",
    ],
)
def test_what_one_database_would_stumble_over_both_refuse(
    out: Path, company: App, crm: CommandLine, what: str
) -> None:
    HOSTILE[what](out)
    before = lasting(company)
    assert "unexpected error" not in refused(crm, out)
    assert lasting(company) == before


def test_rows_that_point_to_another_customer_than_before_are_refused(
    out: Path, company: App, crm: CommandLine
) -> None:
    with company.write(ACTOR) as tx:
        (other,) = tx.insert(Customer, [{"code": "D", "name": "D"}])
    forge(out, "loyal_entry", lambda r: r[0].update(customer_id=other))
    before = lasting(company)
    told = refused(crm, out)
    assert "references.jsonl cannot be restored: the rows of the export point elsewhere" in told
    assert lasting(company) == before


@pytest.mark.parametrize("name", ["export.json", "loyal_entry.jsonl"])
def test_a_pipe_in_place_of_a_file_does_not_hang(
    small: tuple[App, Path], crm: CommandLine, name: str
) -> None:
    import os

    _app, folder = small
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert "it is no plain file" in refused(crm, folder)


def test_restoring_needs_the_permission(small: tuple[App, Path], crm: CommandLine) -> None:
    crm.ok("actor", "add", "rep", "--role", "sales_representative")
    done = crm("plugins", "restore", "loyal", small[1], "--actor", "rep")
    assert (done.exit_code, "may not" in done.stderr) == (1, True)


def test_a_decision_of_another_plugin_counts_here_too(
    small: tuple[App, Path], crm: CommandLine, install_plugin: Any
) -> None:
    code = """
from crmcore.api import Refusal, hookimpl
@hookimpl
def validate_changes(changes, ctx):
    return [Refusal(0, "no loyalty")] if changes[0].entity == "loyal_account" else []
"""
    install_plugin("strict", code)
    crm.ok("plugins", "enable", "strict")
    before = lasting(small[0])
    assert "no loyalty [strict]" in refused(crm, small[1])
    assert lasting(small[0]) == before


@pytest.mark.postgres
def test_what_sqlite_exports_postgresql_takes_and_gives_back(
    loyal: Any, make_app: Callable[..., App], crm: CommandLine, tmp_path: Path
) -> None:
    first = make_app(["loyal"], settings=SETTINGS)
    fill(first)
    with first.operations() as connection, first.unguarded(connection):
        connection.exec_driver_sql("DELETE FROM loyal_level")  # exact numbers are floats on SQLite
    uids = rows_of_customers(first)
    crm.ok("plugins", "uninstall", "loyal", "--export", tmp_path / "out")
    second = make_app([], "postgres")
    with second.write(ACTOR) as tx:
        tx.insert(Customer, uids)
    crm.ok("plugins", "restore", "loyal", tmp_path / "out")
    crm.ok("plugins", "uninstall", "loyal", "--export", tmp_path / "again")
    for name in DATA:
        one, other = ((tmp_path / d / f"{name}.jsonl").read_text("utf-8") for d in ("out", "again"))
        assert [json.loads(line) for line in other.splitlines()] == [
            json.loads(line) for line in one.splitlines()
        ]


def rows_of_customers(app: App) -> list[dict[str, Any]]:
    with app.read() as ctx:
        query = sa.text("SELECT uid, code, name, kind FROM customer ORDER BY id")
        return [dict(row) for row in ctx.connection.execute(query).mappings()]


@pytest.mark.postgres
def test_a_number_that_is_none_cannot_be_exported_either(
    loyal: Any, make_app: Callable[..., App], crm: CommandLine, tmp_path: Path
) -> None:
    app = make_app(["loyal"], "postgres")
    with app.operations() as connection, app.unguarded(connection):
        connection.exec_driver_sql("UPDATE loyal_level SET rate = 'NaN'")
    done = crm("plugins", "uninstall", "loyal", "--export", tmp_path / "out")
    assert (done.exit_code, (tmp_path / "out").exists()) == (1, False)
    assert "table loyal_level holds a value that cannot be exported (NaN)" in done.stderr
