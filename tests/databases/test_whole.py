"""A backup holds all files of the company, wherever they lie, or it is refused in one sentence and nothing is kept."""

import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from crmcore.testing import ACTOR

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX")
CLI = "import sys\nfrom crmcore.cli.main import main\nsys.exit(main(sys.argv[1:], exit_process=False))\n"


@pytest.fixture
def company(make_app, crm, tmp_path):
    """Return the folder of a company with a document and the rejected rows of an import."""
    app = make_app()
    (tmp_path / "letter.txt").write_text("document", encoding="utf-8")
    crm.ok("customer", "add", "--code", "A1", "--name", "甲公司")
    crm.ok("document", "add", "A1", tmp_path / "letter.txt", "--drawer", "basic")
    (app.config.folder / "imports").mkdir(exist_ok=True)
    (app.config.folder / "imports" / "7-rejects.csv").write_text("row", encoding="utf-8")
    return app.config.folder


@pytest.fixture
def refused(company, crm, tmp_path):
    """Return the function that backs up and gives the sentence with which that is refused."""

    def back_up(to=tmp_path / "b"):
        result = crm("db", "backup", to)
        assert result.exit_code == 1, result.stdout
        assert result.stderr.count("\n") == 1, result.stderr
        assert "unexpected" not in result.stderr
        assert not to.exists()
        assert list(tmp_path.rglob("*.part-*")) == []
        return result.stderr

    return back_up


def document_of(company):
    (path,) = (path for path in (company / "files").rglob("*") if path.is_file())
    return path


def restored(crm, tmp_path, to="new"):
    crm.ok("db", "backup", tmp_path / "b")
    crm.ok("db", "restore", tmp_path / "b", "--to", tmp_path / to)
    return tmp_path / to


@POSIX
def test_a_folder_that_cannot_be_read_is_named(company, refused, monkeypatch):
    locked, scandir = document_of(company).parent, os.scandir

    def scan(path="."):
        if path == str(locked):
            raise PermissionError(13, "Permission denied", str(locked))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    assert f"{locked} cannot be read or written: Permission denied; nothing was kept" in refused()


@POSIX
@pytest.mark.skipif(not shutil.which("setpriv"), reason="it needs setpriv")
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root may act as another")
def test_a_folder_of_another_user_is_named(company, tmp_path):
    for path in (company, *company.rglob("*")):
        os.chown(path, 65534, 65534)
    locked = document_of(company).parent
    os.chown(locked, 0, 0)
    locked.chmod(0o700)
    places = [
        tmp_path,
        *(p for p in tmp_path.parents if p.stat().st_uid == 0 and p.stat().st_mode & 0o077 == 0),
    ]
    modes = {place: place.stat().st_mode for place in places}
    words = ["-C", str(company), "--actor", ACTOR, "db", "backup", str(tmp_path / "out" / "b")]
    (tmp_path / "out").mkdir()
    os.chown(tmp_path / "out", 65534, 65534)
    try:
        for place, mode in modes.items():
            place.chmod(mode | 0o011)
        done = subprocess.run(
            [
                str(shutil.which("setpriv")),
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                sys.executable,
                "-c",
                CLI,
                *words,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        for place, mode in modes.items():
            place.chmod(mode)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert f"{locked} cannot be read or written" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


@POSIX
@pytest.mark.parametrize("top", ["files", "imports"])
def test_a_folder_on_another_disk_is_followed(company, crm, tmp_path, top):
    (tmp_path / "disk").mkdir()
    (company / top).rename(tmp_path / "disk" / "moved")
    (company / top).symlink_to(tmp_path / "disk" / "moved")
    new = restored(crm, tmp_path)
    assert document_of(new).read_text(encoding="utf-8") == "document"
    assert (new / "imports" / "7-rejects.csv").read_text(encoding="utf-8") == "row"
    assert not (new / top).is_symlink()


@POSIX
def test_a_disk_that_is_not_there_is_told(company, refused, tmp_path):
    shutil.rmtree(company / "files")
    (company / "files").symlink_to(tmp_path / "disk")
    assert f"{tmp_path / 'disk'} cannot be read or written: No such file" in refused()


def test_a_file_in_the_place_of_a_folder_is_told(company, refused):
    shutil.rmtree(company / "files")
    (company / "files").write_text("", encoding="utf-8")
    assert f"{company / 'files'} cannot be read or written: Not a directory" in refused()


@POSIX
@pytest.mark.parametrize("to", ["file", "folder", "nowhere"])
def test_a_link_among_the_files_is_named(company, refused, tmp_path, to):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    link = document_of(company).parent / "link"
    link.symlink_to(tmp_path / to)
    assert f"{link} is a link" in refused()


@POSIX
def test_what_is_no_file_and_odd_names_are_named(company, refused):
    odd = company / "imports" / "pipe"
    os.mkfifo(odd)
    assert f"{odd} is no plain file" in refused()
    odd.unlink()
    (company / "imports" / "a\nb").mkdir()
    assert "is no plain file, or its name has odd characters" in refused()


def test_documents_without_their_file_are_told(company, crm, tmp_path):
    (tmp_path / "other.txt").write_text("other", encoding="utf-8")
    there = document_of(company)
    crm.ok("document", "add", "A1", tmp_path / "other.txt", "--drawer", "basic")
    assert "not in the store" not in crm.ok("db", "backup", tmp_path / "b").stderr
    there.unlink()
    told = crm.ok("db", "backup", tmp_path / "c").stderr
    assert "the files of 1 documents are not in the store, for example that of D000001" in told
    assert told.count("\n") == 1
    crm.ok("db", "restore", tmp_path / "c", "--to", tmp_path / "new")


@POSIX
def test_shared_settings_come_along(company, crm, tmp_path):
    shared = tmp_path / ".shared.toml"
    shared.write_text((company / "crm.toml").read_text(encoding="utf-8") + "\n# shared\n", encoding="utf-8")
    (company / "crm.toml").unlink()
    (company / "crm.toml").symlink_to(shared)
    new = restored(crm, tmp_path)
    assert not (new / "crm.toml").is_symlink()
    assert "# shared" in (new / "crm.toml").read_text(encoding="utf-8")
    assert "# shared" in shared.read_text(encoding="utf-8")
    crm.ok("customer", "show", "A1", folder=new)


def test_settings_that_go_away_meanwhile_are_missed(company, refused, monkeypatch):
    from crmcore.builtin.databases import manifest

    write = manifest.write_files

    def late(folder, target):
        (folder / "crm.toml").rename(folder / "crm.toml.old")
        return write(folder, target)

    monkeypatch.setattr(manifest, "write_files", late)
    assert f"{company / 'crm.toml'} is gone" in refused()


@pytest.mark.parametrize("top", ["files", "imports"])
@pytest.mark.parametrize("inner", ["b", "a/b"])
def test_a_place_among_the_files_is_refused(company, refused, top, inner):
    assert f"lies in {company / top}, which every backup holds" in refused(company / top / inner)


@POSIX
def test_a_place_among_the_files_by_another_way_is_refused(company, refused, tmp_path):
    (company / "files").rename(tmp_path / "disk")
    (company / "files").symlink_to(tmp_path / "disk")
    (tmp_path / "way").symlink_to(tmp_path / "disk")
    for way in ("disk", "way"):
        assert "which every backup holds" in refused(tmp_path / way / "b")


def test_an_empty_folder_of_files_is_no_place(make_app, crm):
    folder = make_app().config.folder
    (folder / "files").mkdir(exist_ok=True)
    assert "which every backup holds" in crm("db", "backup", folder / "files").stderr
    assert list((folder / "files").iterdir()) == []


def test_who_comes_second_is_told_that_the_place_is_taken(company, crm, tmp_path, monkeypatch):
    from crmcore.builtin.databases import manifest

    write = manifest.write_manifest

    def late(folder, content):
        write(folder, content)
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "of another").touch()

    monkeypatch.setattr(manifest, "write_manifest", late)
    result = crm("db", "backup", tmp_path / "b")
    assert result.exit_code == 1
    assert f"{tmp_path / 'b'} is not empty; choose a new folder" in result.stderr
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["of another"]


@pytest.mark.postgres
def test_two_cannot_fill_one_server_at_once(company, crm, tmp_path, empty_postgres):
    import sqlalchemy as sa

    from crmcore.builtin.databases import destinations
    from crmcore.errors import CrmError

    url = empty_postgres()
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    crm.ok("db", "backup", tmp_path / "b")
    with engine.begin() as first:
        destinations._alone(first)
        with engine.begin() as second, pytest.raises(CrmError):
            destinations._alone(second)
        result = crm("db", "restore", tmp_path / "b", "--to", tmp_path / "new", "--database", url)
        assert "another restore or copy is filling this database" in result.stderr
        assert not (tmp_path / "new").exists()
    engine.dispose()
    crm.ok("db", "restore", tmp_path / "b", "--to", tmp_path / "new", "--database", url)


@POSIX
@pytest.mark.parametrize("command", ["backup", "restore"])
def test_the_path_that_cannot_be_written_is_named(company, crm, tmp_path, monkeypatch, command):

    words = [tmp_path / "ro" / "b"]
    if command == "restore":
        crm.ok("db", "backup", tmp_path / "x")
        words = [tmp_path / "x", "--to", tmp_path / "ro" / "b"]
    (tmp_path / "ro").mkdir()
    mkdir = os.mkdir

    def make(path, *args, **more):
        if ".part-" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return mkdir(path, *args, **more)

    monkeypatch.setattr("os.mkdir", make)
    result = crm("db", command, *words)
    assert result.exit_code == 1
    assert f"crm: {tmp_path / 'ro'} cannot be read or written: Permission denied" in result.stderr


def test_a_backup_has_no_index_that_is_computed(make_app, install_plugin, crm, tmp_path):
    from crmcore.builtin.lifecycle.uninstalling import keep

    install_plugin(
        "odd",
        "from crmcore.api import hookimpl\n",
        {"title": "Odd", "table_prefix": "odd"},
        files={"migrations/0001_odd.py": ODD},
    )
    app = make_app(["odd"])
    keep(app, "odd", ACTOR)
    told = crm.ok("db", "backup", tmp_path / "b").stderr
    file = sqlite3.connect(tmp_path / "b" / "crm.db")
    texts = [
        text for (text,) in file.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql > ''")
    ]
    file.close()
    assert [text for text in texts if "lower(" in text or "length(" in text or "instr(" in text] == []
    assert [text for text in texts if " WHERE " in text and " ON odd_" in text] == [
        "CREATE INDEX ix_odd_open ON odd_thing (name) WHERE closed_at IS NULL"
    ]
    assert "index ix_odd_lower of table odd_thing was left out" in told
    assert "index ix_odd_long of table odd_thing was left out" in told
    assert "change_log" not in told
    crm.ok("db", "restore", tmp_path / "b", "--to", tmp_path / "new")
    new = sqlite3.connect(tmp_path / "new" / "crm.db")
    (count,) = new.execute(
        "SELECT count(*) FROM sqlite_master WHERE name LIKE 'ix_change_log_%' AND sql LIKE '% WHERE instr(%'"
    ).fetchone()
    new.close()
    assert count == 4


ODD = """
import sqlalchemy as sa
from alembic import op
revision = "odd_0001"
down_revision = None

def upgrade():
    op.create_table("odd_thing", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text()),
        sa.Column("closed_at", sa.DateTime()))
    op.execute("CREATE INDEX ix_odd_lower ON odd_thing (lower(name))")
    op.execute("CREATE INDEX ix_odd_long ON odd_thing (name) WHERE length(name) > 9")
    op.execute("CREATE INDEX ix_odd_open ON odd_thing (name) WHERE closed_at IS NULL")

def downgrade():
    op.drop_table("odd_thing")
"""


def test_a_folder_may_have_any_name(crm, tmp_path):
    folder = tmp_path / "a%41b ?#"
    crm.ok("init", folder)
    crm.ok("-C", folder, "customer", "add", "--code", "A1", "--name", "甲公司")
    crm.ok("-C", folder, "db", "backup", folder / "b")
    crm.ok("-C", folder, "db", "restore", folder / "b", "--to", tmp_path / "n%42")
    crm.ok("-C", tmp_path / "n%42", "db", "backup", tmp_path / "n%42" / "b")
    assert crm.json("-C", tmp_path / "n%42", "customer", "show", "A1")["name"] == "甲公司"
