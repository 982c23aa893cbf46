"""The command line, typed in this process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from crmcore.clock import Clock

ACTOR = "tester"
"""The administrator of every workspace made here."""


@dataclass(frozen=True)
class Result:
    """How a call of the command line ended."""

    exit_code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """Return the one JSON document of stdout."""
        return json.loads(self.stdout)

    def lines(self) -> list[Any]:
        """Return the JSON Lines of stdout."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class CommandLine:
    """Calls `crm` in this process; `folder` is the workspace made last, `clock` its clock."""

    def __init__(self) -> None:
        """Stand in no workspace yet."""
        self.folder: Path | None = None
        self.actor = ACTOR
        self.clock: Clock | None = None
        """What commands take for the present; None = the computer's clock."""

    def __call__(
        self,
        *words: object,
        stdin: str = "",
        env: dict[str, str] | None = None,
        folder: Path | None = None,
        encoding: str = "utf-8",
    ) -> Result:
        """Run `crm -C folder words…` and return how it ended."""
        from crmcore.cli.main import main

        where = folder or self.folder
        arguments = [*(("-C", str(where)) if where else ()), *map(str, words)]
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)]
        settings = {"CRM_LANG": "en", "CRM_ACTOR": self.actor, **(env or {})}
        with (
            _environment(settings),
            _at(self.clock),
            _stdin(stdin),
            contextlib.redirect_stdout(streams[0]),
            contextlib.redirect_stderr(streams[1]),
        ):
            # In a context of its own: the language of one call is not that of the next.
            code = copy_context().run(main, arguments, exit_process=False)
        out, err = (s.buffer.getvalue().decode(encoding) for s in streams)
        return Result(code, out, err)

    def ok(self, *words: object, **options: Any) -> Result:
        """Run a command that must succeed."""
        result = self(*words, **options)
        assert result.exit_code == 0, f"crm {words} ended with {result.exit_code}: {result.stderr}"
        return result

    def json(self, *words: object, **options: Any) -> Any:
        """Run a command that must succeed with `--json` and return its document."""
        return self.ok(*words, "--json", **options).json()

    def lines(self, *words: object, **options: Any) -> list[Any]:
        """Run a command that must succeed with `--json` and return its lines."""
        return self.ok(*words, "--json", **options).lines()

    @contextlib.contextmanager
    def as_actor(self, code: str, roles: Sequence[str] | None = None) -> Iterator[CommandLine]:
        """Type as another actor for a while.

        Who is not there yet is added. `roles`: exactly these from now on; None = those that the actor has.
        """
        with self._typing_as(ACTOR):
            found = self("actor", "show", code, "--json")
            if found.exit_code:
                self.ok("actor", "add", code, *(word for role in roles or () for word in ("--role", role)))
            elif roles is not None:
                self._set_roles(code, set(found.json()["roles"]), set(roles))
        with self._typing_as(code):
            yield self

    def _set_roles(self, code: str, present: set[str], wanted: set[str]) -> None:
        for role in sorted(wanted - present):
            self.ok("actor", "grant", code, role)
        for role in sorted(present - wanted):
            self.ok("actor", "revoke", code, role)

    @contextlib.contextmanager
    def _typing_as(self, code: str) -> Iterator[None]:
        before, self.actor = self.actor, code
        try:
            yield
        finally:
            self.actor = before


@contextlib.contextmanager
def _at(clock: Clock | None) -> Iterator[None]:
    """Have workspaces opened meanwhile take their time from this clock."""
    from unittest.mock import patch

    from crmcore.app import create_app

    # A test may have put something of its own in the place of create_app.
    defaults = getattr(create_app, "__kwdefaults__", None) or {}
    with patch.dict(defaults, {"clock": clock} if clock and defaults else {}):
        yield


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _stdin(text: str) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before


@pytest.fixture
def crm() -> CommandLine:
    """Return the command line."""
    return CommandLine()
