"""The kernel stays small: docs/decisions/0008-size-of-the-kernel.md says how that is counted."""

import ast
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import crmcore

PACKAGE = Path(crmcore.__file__).parent
OUTSIDE = {"builtin", "migrations", "testing"}
CONTRACT = {PACKAGE / "hookspecs.py", PACKAGE / "plugins" / "types.py"}
MOST_STATEMENTS = 3600


def kernel_files():
    return [
        p
        for p in PACKAGE.rglob("*.py")
        if p not in CONTRACT and not OUTSIDE.intersection(p.relative_to(PACKAGE).parts)
    ]


def statements(source: str) -> int:
    """Count statements; a docstring is none."""
    return sum(
        isinstance(node, ast.stmt)
        and not (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
        for node in ast.walk(ast.parse(source))
    )


def test_a_docstring_is_no_statement_and_a_wrapped_call_is_one():
    assert statements('"""Say."""\nx = f(\n    1,\n    2,\n)\n') == 1


def test_the_contract_only_declares():
    """It has no logic that a reader of the kernel would have to follow."""
    for path in CONTRACT:
        functions = [
            n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.FunctionDef)
        ]
        bodies = {f.name: sum(isinstance(n, ast.stmt) for n in f.body) for f in functions}
        assert max(bodies.values()) <= 5, bodies


def test_the_kernel_keeps_to_its_budget(record_property):
    sources = [path.read_text(encoding="utf-8") for path in kernel_files()]
    found = sum(map(statements, sources))
    declared = sum(statements(path.read_text(encoding="utf-8")) for path in CONTRACT)
    lines = sum(source.count("\n") for source in sources)
    print(  # noqa: T201  (the test is asked to say it)
        f"kernel: {len(sources)} files, {found} statements, {lines} lines with docstrings and blank ones;"
        f" its contract declares {declared} more"
    )
    record_property("kernel_statements", found)
    assert found <= MOST_STATEMENTS


def base_installation() -> set[str]:
    """Return the distributions that `pip install crmcore` brings, itself among them."""
    found: set[str] = set()
    waiting = ["crmcore"]
    while waiting:
        name = str(canonicalize_name(waiting.pop()))
        if name not in found:
            found.add(name)
            needed = map(Requirement, distribution(name).requires or [])
            waiting += [n.name for n in needed if n.marker is None or n.marker.evaluate({"extra": ""})]
    return found


def test_the_base_installation_holds_no_heavy_library(record_property):
    names = base_installation()
    files = [f.locate() for name in names for f in distribution(name).files or []]
    size = sum(Path(f).stat().st_size for f in files if Path(f).is_file() and "__pycache__" not in str(f))
    print(  # noqa: T201  (likewise)
        f"base installation: {len(names)} distributions, {size / 1e6:.0f} MB"
    )
    record_property("base_installation_mb", round(size / 1e6))
    assert not names & {"numpy", "pandas", "duckdb", "pyarrow", "fastapi", "openpyxl", "psycopg"}
