"""The example plugins as if pip had installed them, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from crmcore.testing import Result
from tools.workspace import ROOT

EXAMPLES = sorted(path.parent for path in (ROOT / "docs" / "examples").glob("*/pyproject.toml"))
Runner = Callable[..., Result]


@pytest.fixture
def with_examples(tmp_path: Path) -> Runner:
    """Run a module of Python (`pytest`, `crmcore`) where the example plugins are installed."""
    for folder in EXAMPLES:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        info = tmp_path / "site" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir(parents=True)
        metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        ((name, module),) = project["entry-points"]["crmcore.plugins"].items()
        (info / "entry_points.txt").write_text(f"[crmcore.plugins]\n{name} = {module}\n", encoding="utf-8")
        (info / "RECORD").write_text("", encoding="utf-8")
    path = os.pathsep.join(map(str, [tmp_path / "site", *(folder / "src" for folder in EXAMPLES)]))

    def run(*words: object) -> Result:
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "CRM_LANG": "en"}
        done = subprocess.run(
            [sys.executable, "-m", *map(str, words)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=False,
            encoding="utf-8",
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run
