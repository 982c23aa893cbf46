"""A process that is killed or a disk that is full leaves nothing that could be taken for a whole backup or database."""

import os
import sqlite3

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def killed_while_summing(folder, command, at, *words):
    """Kill this process at the `at`-th batch of rows that is read."""
    import signal

    from crmcore.builtin.databases import reading, sums
    from crmcore.cli.main import main

    reading.BATCH = 1
    left = [int(at)]
    original = sums.Sum.add

    def add(total, batch):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        original(total, batch)

    setattr(sums.Sum, "add", add)  # noqa: B010
    main(["-C", folder, "db", command, *words], exit_process=False)


def full_disk(folder, command, limit, *words):
    """Let no file grow over `limit` bytes, as a disk does that has no more room."""
    import resource
    import signal
    import sys

    from crmcore.cli.main import main

    sys.dont_write_bytecode = True  # cut off, it would be kept
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    sys.exit(main(["-C", folder, "db", command, *words], exit_process=False))


def sources(function):
    """Give the text of a function with what it needs."""
    import inspect

    return f"import os, sys\n{inspect.getsource(function)}\n{function.__name__}(*sys.argv[1:])\n"


def leftovers(folder):
    return [path.name for path in folder.iterdir() if ".part-" in path.name]


@pytest.mark.parametrize("at", [1, 60])
def test_a_killed_backup_is_not_there_and_the_next_one_clears_up(rich, database, at, python, crm, tmp_path):
    app = rich(database)
    done = python(sources(killed_while_summing), app.config.folder, "backup", at, tmp_path / "x")
    assert done.exit_code == -9, done.stderr
    assert not (tmp_path / "x").exists()
    assert leftovers(tmp_path)
    crm.ok("db", "backup", tmp_path / "x")
    assert leftovers(tmp_path) == []
    crm.ok("db", "restore", tmp_path / "x", "--to", tmp_path / "new")


@pytest.mark.parametrize("to", ["sqlite", "postgres"])
@pytest.mark.parametrize("at", [60, 150])
def test_a_killed_restore_leaves_nothing_half_filled(
    rich, to, at, python, crm, tmp_path, new_place, contents
):
    rich("sqlite")
    crm.ok("db", "backup", tmp_path / "x")
    words = ("--database", new_place("postgres")) if to == "postgres" else ()
    done = python(
        sources(killed_while_summing),
        tmp_path,
        "restore",
        at,
        tmp_path / "x",
        "--to",
        tmp_path / "new",
        *words,
    )
    assert done.exit_code == -9, done.stderr
    assert not (tmp_path / "new").exists()
    if words:
        assert contents(words[1]) == {}
    crm.ok("db", "restore", tmp_path / "x", "--to", tmp_path / "new", *words)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("to", ["sqlite", "postgres"])
@pytest.mark.parametrize("at", [150])
def test_a_killed_copy_leaves_nothing_half_filled(
    rich, database, to, at, python, crm, tmp_path, new_place, contents
):
    app = rich(database)
    url = new_place(to)
    done = python(sources(killed_while_summing), app.config.folder, "copy", at, "--to", url)
    assert done.exit_code == -9, done.stderr
    assert not (tmp_path / "copy.db").exists()
    if to == "postgres":
        assert contents(url) == {}
    crm.ok("db", "copy", "--to", url)


@pytest.mark.parametrize("limit", [100, 200_000])
@pytest.mark.parametrize("command", ["backup", "restore", "copy"])
def test_a_full_disk_leaves_nothing_behind(rich, database, command, limit, python, crm, tmp_path):
    app = rich(database)
    words = [tmp_path / "y"]
    if command == "restore":
        crm.ok("db", "backup", tmp_path / "x")
        words = [tmp_path / "x", "--to", tmp_path / "y"]
    elif command == "copy":
        words = ["--to", f"sqlite:///{tmp_path / 'y'}"]
    done = python(sources(full_disk), app.config.folder, command, limit, *words)
    assert done.exit_code == 1, (done.stdout, done.stderr)
    assert done.stderr.startswith("crm: ")
    assert "unexpected" not in done.stderr
    assert not (tmp_path / "y").exists()
    assert leftovers(tmp_path) == []


def test_sqlite_that_has_no_room_says_so(rich, crm, tmp_path, monkeypatch):
    from crmcore.builtin.databases import destinations

    rich("postgres")
    original = destinations._of_a_new_file

    def small(connection, record):
        original(connection, record)
        connection.execute("PRAGMA max_page_count=20")

    monkeypatch.setattr(destinations, "_of_a_new_file", small)
    done = crm("db", "backup", tmp_path / "x")
    assert "the disk is full" in done.stderr
    assert not (tmp_path / "x").exists()
    assert leftovers(tmp_path) == []


def test_a_copy_that_came_out_otherwise_is_not_kept(rich, crm, tmp_path, monkeypatch, new_place, contents):
    from crmcore.builtin.databases import filling

    rich("postgres")
    original = filling._into_sqlite

    def losing(target, layout, read):
        original(target, layout, (batch[1:] if layout.name == "contact" else batch for batch in read))

    monkeypatch.setattr(filling, "_into_sqlite", losing)
    done = crm("db", "copy", "--to", new_place("sqlite"))
    assert "table contact would not hold the same rows" in done.stderr
    assert not (tmp_path / "copy.db").exists()


def test_the_anchor_of_a_backup_is_the_head_of_its_log(rich, database, crm, tmp_path):
    rich(database)
    told = crm.json("db", "backup", tmp_path / "x")["anchor"]
    file = sqlite3.connect(tmp_path / "x" / "crm.db")
    assert file.execute(
        "SELECT position, seal, tx_id FROM change_seal ORDER BY position DESC"
    ).fetchone() == (
        told["position"],
        told["seal"],
        told["tx"],
    )
    file.close()
