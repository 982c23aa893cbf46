"""Companies to be crashed: made once, copied for each crash, worked on by processes that may be killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Hashable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.testing.databases import _maintenance
from tests.crashes.oracle import Look

ROOT = Path(__file__).resolve().parents[2]
CHUNK = 4
TEMPORARY = re.compile(r"\.\.crm-[a-z.]+\.\w{8}")
"""What is left where a process is killed while it writes what is made anew at any time; doctor names it."""
ENVIRONMENT = {"CRM_ACTOR": "tester", "CRM_LANG": "en", "CRM_TEST_CHILD": "1"}


class Ended(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    err: str


class Point(NamedTuple):
    """A point of a run, as the process told it."""

    kind: str
    text: str
    writes: bool


class ForkServer:
    """The process that forks those that run the program."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        self._folder, self._asked = folder, 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crashes.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert self._answer() == "ready\n"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def run(self, words: Sequence[object], **asked: Any) -> Ended:
        """Run the command line in a process of its own; what shall happen to it as `fork_server` says."""
        self._asked += 1
        out = str(self._folder / str(self._asked % 4))
        assert self._process.stdin is not None
        request = {"words": [str(word) for word in words], "out": out, "chunk_rows": CHUNK, **asked}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        code = json.loads(self._answer())["code"]
        texts = [Path(f"{out}.{name}").read_text(encoding="utf-8") for name in ("out", "err")]
        return Ended(code, texts[0], texts[1])

    def points(self, words: Sequence[object], **asked: Any) -> list[Point]:
        """List the points of a run that nothing stops."""
        done = self.run(words, count=True, **asked)
        assert done.code == 0, done.err
        out = self._folder / f"{self._asked % 4}.points"
        return [Point(*point) for point in json.loads(out.read_text(encoding="utf-8"))]

    def end(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


def _is_swept(path: Path) -> bool:
    """Tell a note of what had its place already when its process was killed: the next copy or backup sweeps it."""
    if not path.name.startswith(".crm-unfinished-"):
        return False
    place = json.loads(path.read_text(encoding="utf-8"))["place"]
    return place is not None and Path(place).exists()


@dataclass
class Company:
    """A workspace and its database, to be thrown away."""

    folder: Path
    url: str
    server: ForkServer
    room: Path
    """A folder of its own for what is made outside of the workspace."""
    maintenance: Callable[[], sa.Connection]
    target: str = ""
    """Address of an empty PostgreSQL database, where something is to be written into one."""

    @property
    def place(self) -> Path | str:
        """What the oracle reads."""
        return self.url or self.folder / "crm.db"

    def crm(self, *words: object, **asked: Any) -> Ended:
        """Run a command on it."""
        done = self.server.run(["-C", self.folder, *words], **asked)
        self.settled()
        return done

    def ok(self, *words: object) -> Ended:
        """Run a command that must succeed."""
        done = self.crm(*words)
        assert done.code == 0, (words, done.code, done.err)
        return done

    def points(self, *words: object) -> list[Point]:
        """List the points of a command."""
        found = self.server.points(["-C", self.folder, *words])
        self.settled()
        return found

    def doctor(self) -> dict[str, str]:
        """Return what doctor finds wrong: name → sentence."""
        done = self.crm("doctor", "--json")
        checks = json.loads(done.out)["checks"]
        return {check["name"]: check["detail"] for check in checks if check["ok"] is not True}

    def look(self) -> Look:
        """Look at the database."""
        return Look(self.place)

    def rubbish(self) -> list[str]:
        """Name files beside those that a company has when nothing runs."""
        usual = {
            "crm.toml",
            "crm.db",
            "crm.db-wal",
            "crm.db-shm",
            ".crm-plugins",
            ".crm-checked",
            ".crm-schema.json",
        }
        files = [path for path in self.folder.iterdir() if path.is_file() and path.name not in usual]
        found = [path.name for path in files if not _is_swept(path)]
        found += [path.name for path in self.room.glob(".*")]
        return sorted(name for name in found if not TEMPORARY.fullmatch(name))

    def settled(self) -> None:
        """Wait until the server has noticed that killed processes are gone."""
        names = [sa.engine.make_url(url).database for url in (self.url, self.target) if url]
        query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = ANY (:names)")
        for _try in range(2_000 if names else 0):
            if not self.maintenance().scalar(query, {"names": names}):
                return
            time.sleep(0.005)
        assert names == [], "somebody still is connected"


class World:
    """Makes companies: a pattern of each kind once, and copies of it."""

    def __init__(self, folder: Path, server: ForkServer) -> None:
        """Take a folder and the fork server."""
        self._folder, self.server = folder, server
        self._template = ""
        self._connection: sa.Connection
        self._stack = ExitStack()
        self._patterns: dict[tuple[str, str], Company] = {}
        self._kept: dict[Hashable, Any] = {}
        self._databases: list[str] = []
        self._made = 0

    def serve(self, server: str, template: str) -> None:
        """Use a PostgreSQL server, and a database there that has the core's tables."""
        self._template, self._address = template, sa.engine.make_url(server)
        self._connection = self._stack.enter_context(_maintenance(server))

    def maintenance(self) -> sa.Connection:
        """Return a connection to the server that belongs to no company."""
        return self._connection

    def pattern(self, name: str, database: str, prepare: Callable[[Company], None]) -> Company:
        """Return a company that is copied, made ready once."""
        if (name, database) not in self._patterns:
            company = self._new(database)
            prepare(company)
            self._patterns[name, database] = company
        return self._patterns[name, database]

    def kept(self, name: Hashable, make: Callable[[], Any]) -> Any:
        """Return what several tests want to know, found out once."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def copy(self, pattern: Company, *, target: bool = False) -> Company:
        """Copy a company; `target`: with an empty PostgreSQL database beside it."""
        room = self._room()
        shutil.copytree(pattern.room, room, dirs_exist_ok=True)
        folder, url = room / "company", pattern.url
        if url:
            url = self._database(template=str(sa.engine.make_url(url).database))
            file = folder / "crm.toml"
            file.write_text(file.read_text(encoding="utf-8").replace(pattern.url, url), encoding="utf-8")
        made = self._database(template="template0") if target else ""
        return Company(folder, url, self.server, room, self.maintenance, made)

    def away(self, company: Company) -> None:
        """Throw a copy away."""
        shutil.rmtree(company.room)
        for url in filter(None, (company.url, company.target)):
            self.drop(url)

    def end(self) -> None:
        """Drop what is left."""
        for url in list(self._databases):
            self.drop(url)
        self._stack.close()

    def _room(self) -> Path:
        self._made += 1
        room = self._folder / f"room{self._made}"
        room.mkdir()
        return room

    def _new(self, database: str) -> Company:
        room = self._room()
        url = self._database(template=self._template) if database == "postgres" else ""
        company = Company(room / "company", url, self.server, room, self.maintenance)
        words = ("--database", url) if url else ()
        done = self.server.run(["init", company.folder, *words])
        assert done.code == 0, done.err
        company.settled()
        return company

    def _database(self, template: str) -> str:
        name = f"crm_{uuid.uuid4().hex[:12]}"
        self._connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        at = self._address
        url = sa.URL.create(
            "postgresql", at.username, None, at.host, at.port, name, at.query
        ).render_as_string()
        self._databases.append(url)
        return url

    def drop(self, url: str) -> None:
        """Drop a PostgreSQL database."""
        self._databases.remove(url)
        self._connection.exec_driver_sql(f"DROP DATABASE {sa.engine.make_url(url).database} WITH (FORCE)")
