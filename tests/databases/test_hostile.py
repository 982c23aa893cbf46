"""A backup from outside is looked at before it is used: what is not as we write it is refused, and nothing is left behind."""

import json
import os
import sqlite3
from hashlib import sha256

import pytest

TABLE = "CREATE TABLE club_extra (id INTEGER PRIMARY KEY"


@pytest.fixture
def backup(make_app, club, crm, tmp_path):
    """Return a backup of a company that has the plugin `club` disabled."""
    from crmcore.builtin.lifecycle.uninstalling import keep
    from crmcore.testing import ACTOR

    app = make_app(["club"])
    crm.ok("customer", "add", "--code", "A1", "--name", "甲公司")
    keep(app, "club", ACTOR)
    club.forget()
    (app.config.folder / "files" / "ab").mkdir(parents=True)
    (app.config.folder / "files" / "ab" / "cd").write_text("document", encoding="utf-8")
    folder = tmp_path / "backup"
    crm.ok("db", "backup", folder)
    return folder


@pytest.fixture
def refused(backup, crm, tmp_path):
    """Return the function that restores the backup and gives the sentence with which that is refused."""

    def restore():
        result = crm("db", "restore", backup, "--to", tmp_path / "new")
        assert result.exit_code == 1, result.stdout
        assert result.stderr.count("\n") == 1, result.stderr
        assert "unexpected" not in result.stderr
        assert not (tmp_path / "new").exists()
        assert [p.name for p in tmp_path.iterdir() if ".part-" in p.name] == []
        return result.stderr

    return restore


def edit(backup, change):
    """Change the manifest."""
    path = backup / "manifest.json"
    content = json.loads(path.read_bytes())
    path.write_text(json.dumps(change(content) or content), encoding="utf-8")


def resealed(backup):
    """Make the checksum of the database file right again, as whoever tampers with it would."""
    data = (backup / "crm.db").read_bytes()

    def change(content):
        content["database"] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}

    edit(backup, change)


def relisted(backup, lines):
    """Replace the list of files, its checksum right."""
    data = "".join(f"{line}\n" for line in lines).encode()
    (backup / "files.jsonl").write_bytes(data)
    edit(backup, lambda content: content["files"].update(sha256=sha256(data).hexdigest()))


def run(backup, *statements):
    """Change the database with a tool."""
    database = sqlite3.connect(backup / "crm.db", isolation_level=None)
    for statement in statements:
        database.execute(statement).close()
    database.close()


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["UPDATE customer SET name = '乙公司'"], "the rows of table customer are not those"),
        (["DELETE FROM customer"], "the rows of table customer are not those"),
        (["UPDATE change_log SET after = '{}'"], "the rows of table change_log are not those"),
        (["CREATE TRIGGER t AFTER INSERT ON customer BEGIN SELECT 1; END"], "the trigger 't'"),
        (["CREATE VIEW v AS SELECT * FROM customer"], "the view 'v'"),
        (["CREATE VIRTUAL TABLE vt USING fts5(x)"], "'vt'"),
        (["CREATE TABLE other (x)"], "the table 'other'"),
        (["CREATE TABLE clubs (x)"], "the table 'clubs'"),
        ([f"{TABLE}, x GENERATED ALWAYS AS (id * 2))"], "'club_extra.x'"),
        ([f"{TABLE})"], "the rows of table club_extra are not those"),
        ([f'{TABLE}, "x"" y" INT)'], "the rows of table club_extra are not those"),
        (["ALTER TABLE customer ADD COLUMN evil TEXT"], "table customer has other columns than ours (evil)"),
        (["ALTER TABLE customer DROP COLUMN source"], "table customer has other columns than ours (source)"),
        (["DROP TABLE contact_firm"], "lacks the table contact_firm"),
        (["DROP TABLE alembic_version_crmcore"], "holds no crmcore tables"),
        (
            ["UPDATE alembic_version_crmcore SET version_num = 'crmcore_9999'"],
            "newer than its files (crmcore_",
        ),
        (["UPDATE alembic_version_crmcore SET version_num = 'x; DROP'"], "holds no crmcore tables"),
        (
            ["UPDATE customer SET version = 'much'"],
            "column version of table customer holds a value that is no integer",
        ),
        (["UPDATE customer SET since = 'yesterday'"], "no date"),
        (["UPDATE customer SET archived_at = '2026'"], "no datetime"),
        (["UPDATE customer SET attributes = '{'"], "nothing was kept"),
        (["UPDATE customer SET name = CAST(x'ff' AS TEXT)"], "nothing was kept"),
        (
            ["UPDATE plugin SET table_prefix = 'customer'", "CREATE TABLE customer_x (y)"],
            "the table 'club_level', which is none of ours",
        ),
        (
            [
                "PRAGMA writable_schema=ON",
                "UPDATE sqlite_master SET sql = 'nonsense' WHERE name = 'customer'",
            ],
            "malformed",
        ),
        (["PRAGMA foreign_keys=OFF", "UPDATE customer SET parent_id = 999"], "point nowhere"),
        (["UPDATE alembic_version_crmcore SET version_num = 'abc'"], "which its files do not know"),
        (["UPDATE customer SET since = '2026-02-30'"], "no date"),
        (["UPDATE customer SET archived_at = '2026-01-05 25:00:00'"], "no datetime"),
    ],
)
def test_a_database_that_is_not_as_we_write_it_is_refused(backup, refused, statements, told):
    run(backup, *statements)
    assert "was changed since it was written" in refused()
    resealed(backup)
    assert told in refused()


def test_damaged_pages_are_told(backup, refused):
    path = backup / "crm.db"
    data = bytearray(path.read_bytes())
    database = sqlite3.connect(path)
    (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'customer'").fetchone()
    (size,) = database.execute("PRAGMA page_size").fetchone()
    database.close()
    data[(page - 1) * size : page * size] = os.urandom(size)
    path.write_bytes(data)
    assert "was changed since it was written" in refused()
    resealed(backup)
    assert "customer" in refused() or "malformed" in refused()


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00", os.urandom(4096)])
def test_what_is_no_database_is_told(backup, refused, content):
    (backup / "crm.db").write_bytes(content)
    resealed(backup)
    assert "crm.db" in refused() or "no crmcore tables" in refused()


@pytest.mark.parametrize("name", ["crm.db", "crm.toml", "manifest.json", "files.jsonl", "files/ab/cd"])
def test_a_file_that_is_a_link_is_refused(backup, refused, tmp_path, name):
    (backup / name).rename(tmp_path / "elsewhere")
    (backup / name).symlink_to(tmp_path / "elsewhere")
    assert "symbolic link" in refused() or "cannot be read" in refused()


def test_a_folder_that_is_a_link_is_refused(backup, refused, tmp_path):
    (backup / "files").rename(tmp_path / "elsewhere")
    (backup / "files").symlink_to(tmp_path / "elsewhere")
    assert "files/ab/cd" in refused()


@pytest.mark.skipif(os.name != "posix", reason="pipes are POSIX")
@pytest.mark.parametrize("name", ["crm.db", "manifest.json", "files/ab/cd"])
def test_a_pipe_does_not_make_it_wait(backup, refused, name):
    (backup / name).unlink()
    os.mkfifo(backup / name)
    assert "no plain file" in refused()


@pytest.mark.parametrize(
    "path",
    [
        "../evil",
        "files/../../evil",
        "/etc/passwd",
        "files//x",
        "files/./x",
        ".bashrc",
        "files/.x",
        "evil",
        "files",
        "",
    ],
)
def test_names_that_lead_out_of_the_folder_are_refused(backup, refused, tmp_path, path):
    (tmp_path / "evil").write_text("evil", encoding="utf-8")
    line = {"path": path, "bytes": 4, "sha256": sha256(b"evil").hexdigest()}
    relisted(backup, [json.dumps(line)])
    assert "is no file of a company" in refused()


@pytest.mark.parametrize(
    "line", ["{", "[]", "{}", '{"path":1}', '{"path":"files/x","bytes":"4","sha256":"x"}', "[" * 9000]
)
def test_a_list_of_files_that_cannot_be_read_is_refused(backup, refused, line):
    relisted(backup, [line])
    assert "files.jsonl cannot be restored" in refused()


def test_a_file_that_was_changed_or_is_gone_is_told(backup, refused):
    (backup / "files" / "ab" / "cd").write_text("documents", encoding="utf-8")
    assert "files/ab/cd cannot be restored: it was changed" in refused()
    (backup / "files" / "ab" / "cd").unlink()
    assert "files/ab/cd cannot be restored: No such file" in refused()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "manifest.json cannot be restored"),
        (b"{}", "manifest.json cannot be restored"),
        (b"[" * 100_000, "manifest.json cannot be restored"),
        (b'{"format": 2}', "install the newer crmcore"),
        (b" " * 5_000_000, "it is too long"),
        (b"\xff\xfe", "manifest.json cannot be restored"),
    ],
    ids=["empty", "nothing", "deep", "newer", "huge", "binary"],
)
def test_a_manifest_that_is_none_is_refused(backup, refused, content, told):
    (backup / "manifest.json").write_bytes(content)
    assert told in refused()


def test_a_folder_without_a_manifest_is_no_backup(backup, refused, crm, tmp_path):
    (backup / "manifest.json").unlink()
    assert "this is no whole backup" in refused()
    assert "there is no backup" in crm("db", "restore", tmp_path / "no", "--to", tmp_path / "new").stderr


def test_settings_with_a_password_are_refused(backup, refused):
    path = backup / "crm.toml"
    path.write_text(path.read_text(encoding="utf-8") + '\n[roles]\nx = "not a list"\n', encoding="utf-8")
    data = path.read_bytes()
    lines = [json.loads(line) for line in (backup / "files.jsonl").read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line["path"] == "crm.toml":
            line.update(bytes=len(data), sha256=sha256(data).hexdigest())
    relisted(backup, map(json.dumps, lines))
    assert "crm.toml" in refused()


def test_nothing_of_the_file_runs_and_it_is_not_written(backup, crm, tmp_path):
    before = {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in backup.iterdir()}
    crm.ok("db", "restore", backup, "--to", tmp_path / "new")
    assert {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in backup.iterdir()} == before


def test_conditions_and_defaults_that_call_something_do_not_come_along(backup, crm, tmp_path):
    run(backup, "CREATE TABLE club_odd (id INTEGER PRIMARY KEY, x INT DEFAULT (abs(-1)) CHECK (abs(x) < 9))")
    resealed(backup)
    empty = sha256(b"[]").hexdigest()
    edit(backup, lambda content: content["tables"].append({"name": "club_odd", "rows": 0, "sha256": empty}))
    crm.ok("db", "restore", backup, "--to", tmp_path / "new")
    made = sqlite3.connect(tmp_path / "new" / "crm.db")
    (text,) = made.execute("SELECT sql FROM sqlite_master WHERE name = 'club_odd'").fetchone()
    assert "abs" not in text
    assert "CHECK" not in text
    made.close()


REDECLARED = [
    ("since DATE", "since TEXT", "column since of table customer is made for text, not for date as ours"),
    (
        "archived_at DATETIME",
        "archived_at TEXT",
        "archived_at of table customer is made for text, not for datetime",
    ),
    ("attributes JSON", "attributes TEXT", "attributes of table customer is made for text, not for json"),
    ("version INTEGER", "version BLOB", "version of table customer is made for bytes, not for integer"),
]


@pytest.mark.parametrize(("ours", "theirs", "told"), REDECLARED)
def test_values_are_held_against_our_kinds_of_columns(backup, refused, ours, theirs, told):
    redefine(backup, "customer", ours, theirs)
    column = ours.split()[0]
    run(backup, f"UPDATE customer SET {column} = 'garbage'")  # noqa: S608  (a test's own words)
    resealed(backup)
    assert told in refused()


def redefine(backup, name, old, new):
    """Write another text of a table or index into the file, which SQLite takes as it is."""
    database = sqlite3.connect(backup / "crm.db", isolation_level=None)
    database.execute("PRAGMA writable_schema=ON")
    (before,) = database.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    assert old in before
    text = before.replace(old, new, 1)
    assert database.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (text, name)).rowcount == 1
    database.close()


SLOW = "length(hex(zeroblob(50000000 + id))) > 0"


@pytest.mark.parametrize(
    "index",
    [
        f"evil ON customer ({SLOW})",
        f"evil ON customer (name) WHERE {SLOW}",
        f'evil ON customer (name) WHERE id > 0 AND "id" < 5 OR {SLOW}',
        f"evil ON customer (name) WHERE /* (name) WHERE id > 0 */ {SLOW}",
        f'"evil (name) WHERE id > 0 --" ON customer (name) WHERE {SLOW}',
        "evil ON customer (name) WHERE name LIKE '%a%b%c%d%'",
        "evil ON customer (name) WHERE name GLOB '*a*b*c*d*'",
        f"evil ON plugin (name) WHERE {SLOW.replace('id', 'enabled')}",
        "evil ON club_level (abs(weight))",
        "evil ON club_level (code) WHERE abs(weight) > 1",
    ],
)
def test_indexes_that_compute_are_refused_and_not_computed(backup, refused, index):
    columns = index[: index.index(" ON ")]
    table = index.split(" ON ")[1].split(" ")[0]
    run(backup, f"CREATE INDEX {columns} ON {table} ({'code' if table == 'club_level' else 'name'})")
    name = columns.strip('"')
    database = sqlite3.connect(backup / "crm.db", isolation_level=None)
    database.execute("PRAGMA writable_schema=ON")
    database.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (f"CREATE INDEX {index}", name))
    database.close()
    resealed(backup)
    assert f"the computed index {name!r}, which is none of ours" in refused()


def test_a_plain_condition_of_an_index_is_taken(backup, crm, tmp_path):
    run(backup, "CREATE INDEX good ON club_level (code) WHERE weight IS NOT NULL AND code <> 'a(b'")
    resealed(backup)
    crm.ok("db", "restore", backup, "--to", tmp_path / "new")


def test_indexes_of_our_own_migrations_are_taken(backup, crm, tmp_path):
    """Backups of before hold them."""
    crm.ok("db", "restore", backup, "--to", tmp_path / "old")
    new = sqlite3.connect(tmp_path / "old" / "crm.db")
    query = "SELECT sql FROM sqlite_master WHERE tbl_name = 'change_log' AND sql LIKE '% WHERE instr(%'"
    texts = [text for (text,) in new.execute(query)]
    new.close()
    assert len(texts) == 4
    run(backup, *texts)
    resealed(backup)
    crm.ok("db", "restore", backup, "--to", tmp_path / "new")


def test_conditions_of_tables_are_not_computed(backup, crm, tmp_path):
    """One that no row meets would have the table called damaged."""
    redefine(backup, "customer", "id INTEGER", "id INTEGER CHECK (abs(id) < 0)")
    checked = sqlite3.connect(backup / "crm.db")
    assert "CHECK constraint failed" in str(checked.execute("PRAGMA integrity_check").fetchall())
    checked.close()
    resealed(backup)
    crm.ok("db", "restore", backup, "--to", tmp_path / "new")
    crm.ok("customer", "show", "A1", folder=tmp_path / "new")


@pytest.mark.parametrize("table", ["alembic_version_crmcore", "plugin", "customer"])
def test_a_computed_column_is_refused_before_anything_is_read(backup, refused, table):
    run(backup, f"ALTER TABLE {table} ADD COLUMN evil TEXT AS (hex(zeroblob(500000000)))")
    resealed(backup)
    assert f"'{table}.evil'" in refused()


@pytest.mark.parametrize("kind", ["trigger", "view", "index"])
def test_names_of_sqlite_hide_nothing(backup, refused, kind):
    made = {
        "trigger": "CREATE TRIGGER evil AFTER INSERT ON customer BEGIN SELECT 1; END",
        "view": "CREATE VIEW evil AS SELECT 1",
        "index": "CREATE INDEX evil ON customer (abs(id))",
    }[kind]
    run(
        backup,
        made,
        "PRAGMA writable_schema=ON",
        "UPDATE sqlite_master SET tbl_name = 'sqlite_evil' WHERE type = 'view'",
        "UPDATE sqlite_master SET name = 'sqlite_evil', sql = replace(sql, ' evil ', ' sqlite_evil ') WHERE name = 'evil'",
    )
    resealed(backup)
    assert f"the {kind} 'sqlite_evil', which is none of ours" in refused()
