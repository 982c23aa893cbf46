"""The commands that bring a new plugin to life, as they can be typed in this shell, with this Python."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path


def steps(folder: Path, name: str) -> list[str]:
    """Return four commands: go there, install with what the tests need, test, check."""
    python = _python()
    pip = [*python, "-m", "pip", "install"]
    if find_spec("pip") is None and shutil.which("uv"):
        pip = ["uv", "pip", "install", "--python", sys.executable]
    crm = ["crm"] if _means("crm") else [*python, "-m", "crmcore"]
    return [
        _typed("cd", str(folder)),
        # In quotes: some shells take brackets for a pattern.
        f'{_typed(*pip, "-e")} ".[test]"',
        _typed(*python, "-m", "pytest"),
        _typed(*crm, "plugins", "check", name),
    ]


def _python() -> list[str]:
    return ["python"] if _means("python") else [sys.executable]


def _means(program: str) -> bool:
    """Say whether this name, typed, starts a program of the environment that runs now."""
    found = shutil.which(program)
    return found is not None and Path(found).parent == Path(sys.executable).parent


def _typed(*words: str) -> str:
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
