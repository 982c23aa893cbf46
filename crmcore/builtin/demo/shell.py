"""The demo types the same commands as everybody, in one process; what is shown is what users see."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from crmcore.cli.kit import echo
from crmcore.errors import CrmError
from crmcore.i18n import language, translator

_ = translator("crmcore")


@dataclass(frozen=True, slots=True)
class Shell:
    """A command line in the demo's workspace."""

    directory: Path
    actor: str
    program: str = "crm"
    """How the user calls crm."""

    def typed(self, *words: str) -> str:
        """Return a command as the user would type it."""
        from shlex import join

        return join([self.program, "-C", str(self.directory), *words])

    def show(self, *words: str) -> None:
        """Run a command under a line that shows it."""
        echo(f"\n$ {self.typed(*words)}")
        self._run(*words)

    def run(self, *words: str) -> None:
        """Run a command and drop what it prints on stdout."""
        with redirect_stdout(StringIO()):
            self._run(*words)

    def read(self, *words: str) -> list[Any]:
        """Run a command with --json and return its values, one per line that it prints."""
        with redirect_stdout(StringIO()) as output:
            self._run(*words, "--json")
        return [json.loads(line) for line in output.getvalue().splitlines() if line]

    def _run(self, *words: str) -> None:
        """CrmError if the command fails; its own sentence stands on stderr already."""
        from crmcore.cli.main import main

        options = ["-C", str(self.directory), "--actor", self.actor, "--lang", language()]
        code = main([*options, *words], exit_process=False)
        if code:
            raise CrmError(_("the demo stopped at: {command}").format(command=self.typed(*words)))
