"""What a plugin uses that will be gone: read from its source, so that it need not run to be told."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from crmcore.deprecated import DEPRECATED, Deprecation, among, used_by
from crmcore.plugins.manifest import package_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmcore.plugins.discovery import Installed
    from crmcore.plugins.loading import Hosted

_API = "crmcore.api"


def deprecations(plugin: Installed | None, hosted: Hosted | None) -> list[Deprecation]:
    """Return what an installed plugin uses of what is deprecated, the first to go first."""
    used: list[tuple[str, str]] = []
    if not DEPRECATED:
        return []
    for hook, (_function, arguments) in hosted.functions.items() if hosted else ():
        used += used_by(hook, arguments)
    for path in _sources(plugin.package) if plugin else ():
        used += _used(path)
    return among(used)


def _sources(package: str) -> Iterator[Path]:
    folder = package_folder(package)
    if folder is not None:
        yield from sorted(folder.rglob("*.py"))
    else:
        spec = find_spec(package)
        if spec is not None and spec.origin:
            yield Path(spec.origin)


def _used(path: Path) -> Iterator[tuple[str, str]]:
    """Give what one file uses; nothing of one that cannot be read."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            "hookimpl" in ast.unparse(d) for d in node.decorator_list
        ):
            yield from used_by(node.name, [a.arg for a in (*node.args.args, *node.args.kwonlyargs)])
        elif isinstance(node, ast.ImportFrom) and node.module == _API:
            yield from (("name", alias.name) for alias in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in {_API, "api"}:
            yield "name", node.attr
