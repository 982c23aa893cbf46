"""Code in a process of its own: one that may be killed, or that must begin with nothing imported."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from crmcore.testing.command_line import ACTOR, Result

CHILD = "CRM_TEST_CHILD"
"""Set in a process that `run_in_process` has started, where `GateFaults` may kill."""

ProcessRunner = Callable[..., Result]
"""(code or function, *arguments, **environment) → Result."""


@pytest.fixture
def run_in_process(tmp_path: Path) -> ProcessRunner:
    """Run code in a process of its own, with the plugins that this test installed; warnings are errors.

    `code`: a text, or a function at the end of whose text it is called with the arguments, all of them strings; it
    imports what it needs itself. Environment variables by name. A process that a signal has ended has its negative
    number as exit code, -9 after `kill -9`.
    """

    def run(code: str | Callable[..., object], *arguments: object, **environment: str) -> Result:
        sites = [path for path in sys.path if Path(path).is_relative_to(tmp_path)]
        given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        done = subprocess.run(  # noqa: S603  (the test's own code)
            [sys.executable, "-W", "error", "-c", _text(code), *map(str, arguments)],
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=60,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(p for p in dict.fromkeys([*sites, *given]) if p),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUTF8": "1",
                "CRM_ACTOR": ACTOR,
                "CRM_LANG": "en",
                CHILD: "1",
                **environment,
            },
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


def _text(code: str | Callable[..., object]) -> str:
    if isinstance(code, str):
        return code
    text = textwrap.dedent(inspect.getsource(code))
    return f"from __future__ import annotations\n{text}\nimport sys\n{code.__name__}(*sys.argv[1:])\n"
