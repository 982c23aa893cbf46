"""Properties of the source as a whole: the kernel stays small, knows no plugin, and says what it writes to users."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "crmcore"
LEAVE_OUT = {"builtin", "migrations", "testing"}
KERNEL = sorted(p for p in CORE.rglob("*.py") if not LEAVE_OUT & set(p.parts))


def test_dependencies_are_those_decided_upon() -> None:
    import re

    required = [r for r in distribution("crmcore").requires or [] if "extra ==" not in r]
    names = {re.split(r"[^A-Za-z0-9_.-]", r)[0].lower() for r in required}
    text = (ROOT / "docs" / "decisions" / "dependencies.md").read_text(encoding="utf-8").lower()
    assert {name for name in names if name not in text} == set()


@pytest.mark.parametrize("path", KERNEL, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_file_stays_readable(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 800
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{node.name} is longer than 60 lines"


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_the_core_knows_no_plugin() -> None:
    for path in CORE.rglob("*.py"):
        assert not {m for m in imports(path) if m.startswith("crmcore_")}, path


@pytest.mark.parametrize("folder", sorted(p.parent for p in ROOT.glob("plugins/*/src")), ids=lambda p: p.name)
def test_plugins_import_the_api_of_the_core_alone(folder: Path) -> None:
    package = f"crmcore_{folder.name}"
    for path in (folder / "src").rglob("*.py"):
        for module in imports(path):
            if module.split(".")[0] == "crmcore":
                assert module in {"crmcore.api", "crmcore.testing"}, f"{path}: {module}"
            if module.startswith("crmcore_"):
                assert module.split(".")[0] == package or module.endswith(".api"), f"{path}: {module}"


def test_no_pickle_no_eval_no_shell() -> None:
    for path in CORE.rglob("*.py"):
        assert not {"pickle", "marshal", "shelve"} & imports(path), path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec"}, path
            if isinstance(node, ast.keyword) and node.arg == "shell":
                raise AssertionError(path)


def test_the_standard_library_alone_is_at_the_border() -> None:
    outside = {
        m.split(".")[0]
        for m in imports(CORE / "plugins" / "types.py")
        if m.split(".")[0] not in sys.stdlib_module_names
    }
    typing_only = {"sqlalchemy", "sqlmodel", "crmcore"}
    assert outside <= typing_only
    code = "import sys, crmcore.plugins.types; assert not {'sqlalchemy', 'sqlmodel'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
