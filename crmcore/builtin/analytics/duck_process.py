"""The parent's side of the child process: commands go out at once, answers are awaited when they are needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from sqlalchemy.engine import make_url

from crmcore.db.engine import sqlite_path
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.config import Config

_PATIENCE = 5


class Child:
    """A running child process with a private folder, both gone after `close`."""

    def __init__(self, config: Config) -> None:
        """Start it; what it needs to know goes through its standard input, a password through its environment."""
        self._folder = Path(tempfile.mkdtemp(prefix="crm-analytics-"))
        self._sent = self._answered = 0
        self._results: dict[int, Any] = {}
        self._wanted: set[int] = set()
        with (self._folder / "errors.txt").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "crmcore.builtin.analytics.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(config, self._folder),
            )
        self._commands = cast("IO[bytes]", self._process.stdin)
        self._replies = cast("IO[bytes]", self._process.stdout)
        memory = config.data["analytics"]["memory_limit_mb"]
        self.send("open", memory_mb=memory, **_database(config))

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def send(self, command: str, **arguments: Any) -> int:
        """Send a command and go on; returns its number."""
        line = json.dumps({"do": command, **arguments}, ensure_ascii=False) + "\n"
        try:
            self._commands.write(line.encode())
            self._commands.flush()
        except (BrokenPipeError, ValueError):
            raise CrmError(self._obituary()) from None
        self._sent += 1
        return self._sent

    def ask(self, command: str, **arguments: Any) -> Any:
        """Send a command and wait for its result."""
        return self.result(self.send(command, **arguments))

    def expect(self, number: int) -> None:
        """Keep the result of a command that was sent; results that nobody expects are dropped."""
        self._wanted.add(number)

    def result(self, number: int) -> Any:
        """Wait for the result of a command; CrmError if it, or one before it, failed."""
        self.expect(number)
        while self._answered < number:
            self._read_answer()
        self._wanted.discard(number)
        return self._results.pop(number)

    def _read_answer(self) -> None:
        line = self._replies.readline()
        if not line.endswith(b"\n"):
            raise CrmError(self._obituary())
        self._answered += 1
        answer = json.loads(line)
        if "error" in answer:
            raise CrmError(_("the engine duckdb cannot do this: {error}").format(error=answer["error"]))
        if self._answered in self._wanted:
            self._results[self._answered] = answer["result"]

    def _obituary(self) -> str:
        """Say how the process ended, with its last words."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        words = (self._folder / "errors.txt").read_text("utf-8", errors="replace").strip().splitlines()
        return _(
            "the process of the engine duckdb ended before its work was done ({code}: {words}); try again"
        ).format(code=self._process.returncode, words=words[-1] if words else _("no message"))

    def close(self, *, at_once: bool = False) -> None:
        """End the process; `at_once` without waiting for what it is doing."""
        if at_once:
            self._process.kill()
        for stream in (self._commands, self._replies):
            with suppress(OSError):
                stream.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _environment(config: Config, folder: Path) -> dict[str, str]:
    """Return the environment, with the password under the name that libpq knows."""
    variable = config.data["database"]["password_env"]
    password = os.environ.get(variable)
    known = {"PGPASSWORD": password} if password else {}
    return {**os.environ, **known, "CRM_ANALYTICS_FOLDER": str(folder)}


def _database(config: Config) -> dict[str, str]:
    path = sqlite_path(config)
    if path is not None:
        return {"database": "sqlite", "uri": str(path)}
    url = make_url(config.database_url).set(drivername="postgresql")
    return {"database": "postgresql", "uri": url.render_as_string(hide_password=False)}
