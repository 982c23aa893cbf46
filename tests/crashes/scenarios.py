"""What is crashed: a command, what it may leave, what doctor says then, and what is typed next."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crmcore.app import App
from crmcore.builtin.administration.settings import editor
from tests.crashes.crashing import Scenario, Words
from tests.crashes.oracle import Look
from tests.crashes.world import Company

# -- import ------------------------------------------------------------------------------------------------------

OLD = "code,name,phone\nC01,old 1,1\nC05,name 5,99\nC09,old 9,9\n"
ROWS = 8
NEW = "code,name,parent,phone\n" + "".join(
    f"C{i:02},{'' if i in (3, 7) else f'name {i}'},{f'C{ROWS:02}' if i == 2 else ''},{i}\n"
    for i in range(1, ROWS + 1)
)


def _file(company: Company, name: str, text: str) -> Path:
    # Of one place for all copies: the file's path is in the row of the import.
    path = company.room.parent / name
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    return path


def _with_customers(company: Company) -> None:
    company.ok("import", "customers", _file(company, "old.csv", OLD))


def _imported(company: Company) -> None:
    _with_customers(company)
    company.ok("import", "customers", _file(company, "new.csv", NEW), "--json")


def _import_stage(_company: Company, look: Look) -> str:
    runs = sorted(look.rows["import_run"], key=lambda run: int(run["id"]))
    return str(runs[-1]["state"]) if len(runs) == 2 else "before"


def _rejects(company: Company) -> dict[str, Any]:
    return {"rejects": sorted(p.read_bytes().decode() for p in company.folder.glob("imports/*.csv"))}


def _go_on(company: Company, stage: str) -> Sequence[Words]:
    number = max(int(run["id"]) for run in company.look().rows["import_run"])
    if stage in ("running", "interrupted"):
        return [("imports", "resume", number)]
    if stage in ("undoing", "undo_stopped"):
        return [("imports", "undo", number)]
    return []


INTERRUPTED = ("imports", r"interrupted: \d+; go on with: crm imports resume ID")
UNDO_STOPPED = ("imports", r"undo stopped: \d+; go on with: crm imports undo ID")

IMPORT: Scenario = Scenario(
    "import",
    _with_customers,
    lambda company: ("import", "customers", _file(company, "new.csv", NEW), "--json"),
    _import_stage,
    lambda company, stage: [IMPORT.words(company)] if stage == "before" else _go_on(company, stage),
    {"running": INTERRUPTED, "interrupted": INTERRUPTED},
    outcome=_rejects,
)
UNDO: Scenario = Scenario(
    "undo",
    _imported,
    lambda _company: ("imports", "undo", 2),
    _import_stage,
    lambda company, stage: [UNDO.words(company)] if stage == "done" else _go_on(company, stage),
    {"undoing": UNDO_STOPPED, "undo_stopped": UNDO_STOPPED},
    outcome=_rejects,
)

# -- a ledger ----------------------------------------------------------------------------------------------------

PURCHASES = "customer,date,amount,document,line,product\n" + "".join(
    f"C0{1 + i % 2 * 4},2026-01-{i:02},{i}0,R{i // 2},{1 + i % 2},{'X' if i % 3 else 'Y'}\n" for i in range(1, 8)
) + "nobody,2026-01-09,5,R9,1,X\n"  # fmt: skip


def _with_ledger(company: Company) -> None:
    company.ok("plugins", "enable", "trade_ledger")
    _with_customers(company)


LEDGER: Scenario = Scenario(
    "ledger",
    _with_ledger,
    lambda company: ("import", "purchases", _file(company, "purchases.csv", PURCHASES), "--json"),
    _import_stage,
    lambda company, stage: [LEDGER.words(company)] if stage == "before" else _go_on(company, stage),
    {"running": INTERRUPTED, "interrupted": INTERRUPTED},
    outcome=_rejects,
)


# -- the gate ----------------------------------------------------------------------------------------------------


def work(folder: str) -> int:
    """Insert, update, archive and delete rows in one transaction; returns 1 where that is refused, with the reason."""
    from crmcore.app import create_app
    from crmcore.errors import CrmError

    app = create_app(folder)
    try:
        _write(app)
    except (CrmError, sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        sys.stderr.write(f"crm: {error}".partition("\n")[0])
        return 1
    finally:
        app.close()
    return 0


def _write(app: App) -> None:
    from crmcore.api import Contact, Customer

    with app.write("tester", "a day's work", "work") as tx:
        (new,) = tx.insert(Customer, [{"code": "N1", "name": "新"}])
        query = sa.text("SELECT id FROM customer WHERE code LIKE 'C%' ORDER BY code")
        one, five, seven = tx.connection.scalars(query)
        (person,) = tx.insert(Contact, [{"code": "P1", "name": "人"}])
        tx.update(Customer, [(one, {"name": "changed", "parent_id": new})])
        tx.archive(Customer, [five])
        tx.delete(Customer, [seven])
        tx.delete(Contact, [person])


GATE: Scenario = Scenario(
    "gate",
    _with_customers,
    lambda _company: (),
    lambda _company, look: "after" if any(row["code"] == "N1" for row in look.rows["customer"]) else "before",
    lambda _company, stage: [("call",)] if stage == "before" else [],
    call="tests.crashes.scenarios:work",
)


# -- merging -----------------------------------------------------------------------------------------------------


def _with_purchases(company: Company) -> None:
    _with_ledger(company)
    company.ok("import", "purchases", _file(company, "purchases.csv", PURCHASES), "--json")


def _merged(company: Company) -> None:
    _with_purchases(company)
    company.ok(*_MERGE)


_MERGE: Words = ("duplicates", "merge", "C01", "C05", "--reason", "one", "--yes")
_UNMERGE: Words = ("duplicates", "unmerge", "C01", "--reason", "two")


def _merge_stage(_company: Company, look: Look) -> str:
    states = [row["state"] for row in look.rows["customer_merge"]]
    return str(states[0]) if states else "before"


MERGE: Scenario = Scenario(
    "merge",
    _with_purchases,
    lambda _company: _MERGE,
    _merge_stage,
    lambda _company, stage: [_MERGE] if stage == "before" else [],
)
UNMERGE: Scenario = Scenario(
    "unmerge",
    _merged,
    lambda _company: _UNMERGE,
    _merge_stage,
    lambda _company, stage: [_UNMERGE] if stage == "merged" else [],
)

# -- crm.toml, plugins, migrations -------------------------------------------------------------------------------


def _waits(company: Company) -> bool:
    return any(company.folder.glob(".*crm.toml.*"))


def _toml(company: Company) -> dict[str, Any]:
    text = (company.folder / "crm.toml").read_text(encoding="utf-8")
    return {"crm.toml": text.replace(company.url or "-", "-")}


def _settings_stage(company: Company, look: Look) -> str:
    logged = any(entry["entity"] == "plugin_setting" for entry in look.rows["change_log"])
    written = "purchase_basis" in _toml(company)["crm.toml"]
    assert logged or not written
    return "after" if written else "half" if logged or _waits(company) else "before"


WAITS = ("settings", "holds a change that did not reach crm.toml; run the command again")
SETTINGS: Scenario = Scenario(
    "settings",
    _with_ledger,
    lambda _company: ("plugins", "settings", "trade_ledger", "set", "purchase_basis", "delivered"),
    _settings_stage,
    lambda company, stage: [] if stage == "after" else [SETTINGS.words(company)],
    {"half": WAITS},
    outcome=_toml,
)


def _enable_stage(company: Company, look: Look) -> str:
    known = any(row["name"] == "trade_ledger" for row in look.rows["plugin"])
    written = '"trade_ledger"' in _toml(company)["crm.toml"]
    assert known or not written
    return "after" if written else "half" if known else "ready" if _waits(company) else "before"


ENABLE: Scenario = Scenario(
    "enable",
    _with_customers,
    lambda _company: ("plugins", "enable", "trade_ledger"),
    _enable_stage,
    lambda company, _stage: [ENABLE.words(company)],
    {"half": ("plugins", "crm plugins enable trade_ledger"), "ready": WAITS},
    outcome=_toml,
)
BOSS = ("--actor", "boss")
_FROZEN = Path(__file__).parents[1] / "upgrade" / "fixtures" / "0.1.0-a"


def _frozen(company: Company) -> None:
    """Put a company of an old version in its place."""
    database = "postgres" if company.url else "sqlite"
    script = gzip.decompress((_FROZEN / f"{database}.sql.gz").read_bytes()).decode()
    shutil.rmtree(company.folder)
    shutil.copytree(_FROZEN / "workspace", company.folder)
    if company.url:
        import psycopg

        with psycopg.connect(company.url) as server:
            server.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            server.execute(script.encode())
        file = company.folder / "crm.toml"
        text = file.read_text(encoding="utf-8").replace("sqlite:///crm.db", company.url)
        file.write_text(text, encoding="utf-8")
        return
    with closing(sqlite3.connect(company.folder / "crm.db")) as database_file:
        database_file.executescript(script)
    (company.folder / "crm.db").chmod(0o600)


def _migrate_stage(_company: Company, look: Look) -> str:
    (found,) = look.rows["alembic_version_crmcore"]
    return "before" if found["version_num"] == "crmcore_0001" else "after"


MIGRATE: Scenario = Scenario(
    "migrate",
    _frozen,
    lambda _company: ("db", "migrate", *BOSS),
    _migrate_stage,
    lambda company, _stage: [MIGRATE.words(company)],
    {"before": ("migrations", "not up to date: crmcore: .*; run: crm db migrate"), "after": ("plugins", "")},
    then=[("plugins", "upgrade", "trade_ledger", "abc_analysis", *BOSS)],
)


# -- backups and copies ------------------------------------------------------------------------------------------


def _of_tables(look: Look) -> dict[str, Any]:
    return {f"copy of {name}": rows for name, rows in look.contents().items()}


def _backup(company: Company) -> dict[str, Any]:
    folder = company.room / "backup"
    if not folder.exists():
        return {}
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return {"files": names, **_of_tables(Look(folder / "crm.db"))}


def _note(company: Company) -> bool:
    return any(company.folder.glob(".crm-unfinished-*"))


STOPPED = ("backups and copies", r"stopped before its end: crm db (backup|copy)")
BACKUP: Scenario = Scenario(
    "backup",
    _imported,
    lambda company: ("db", "backup", company.room / "backup"),
    lambda company, _look: "after" if _backup(company) else "half" if _note(company) else "before",
    lambda company, stage: [] if stage == "after" else [BACKUP.words(company)],
    {"half": STOPPED},
    outcome=_backup,
)


def _backed_up(company: Company) -> None:
    _with_ledger(company)
    company.ok("db", "backup", company.room / "backup")


def _restored(company: Company) -> dict[str, Any]:
    folder = company.room / "new"
    if not folder.exists():
        return {}
    new = Company(folder, company.target, company.server, company.room, company.maintenance)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    aside = ("-wal", "-shm", ".crm-checked", editor.NAME)  # the last is a help that no fault may stop
    kept = [name for name in names if not name.endswith(aside)]
    return {"files": kept, "doctor": new.doctor(), **_of_tables(new.look())}


def _restore(company: Company) -> Words:
    words = ("db", "restore", company.room / "backup", "--to", company.room / "new")
    return (*words, "--database", company.target) if company.target else words


RESTORE: Scenario = Scenario(
    "restore",
    _backed_up,
    _restore,
    lambda company, _look: "after" if (company.room / "new").exists() else "before",
    lambda company, stage: [] if stage == "after" else [RESTORE.words(company)],
    outcome=_restored,
)


def _copied(company: Company) -> dict[str, Any]:
    place: Path | str = company.target or company.room / "copy.db"
    if isinstance(place, Path) and not place.exists():
        return {}
    found = Look(place)
    return _of_tables(found) if found.rows else {}


def _copy(company: Company) -> Words:
    return ("db", "copy", "--to", company.target or f"sqlite:///{company.room / 'copy.db'}")


def _copy_stage(company: Company, look: Look) -> str:
    logged = any(row["what"] == "copy" for row in look.rows["read_log"])
    assert logged or not _copied(company), "what can be read is in the log of reads"
    if _note(company) and (company.target or not _copied(company)):
        return "half"
    return "after" if _copied(company) else "before"


COPY: Scenario = Scenario(
    "copy",
    _imported,
    _copy,
    _copy_stage,
    lambda company, stage: [] if stage == "after" else [COPY.words(company)],
    {"half": STOPPED},
    outcome=_copied,
)
REBUILD: Scenario = Scenario(
    "rebuild",
    _imported,
    lambda _company: ("search", "rebuild"),
    lambda _company, _look: "any",
    lambda company, _stage: [REBUILD.words(company)],
)
