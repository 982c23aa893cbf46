"""What its files import: of the core the api alone, of other plugins the api of those that it requires."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crmcore.builtin.conformance.findings import Finding, NotRun, finding
from crmcore.builtin.conformance.subject import names_of
from crmcore.i18n import _
from crmcore.plugins.discovery import installed

if TYPE_CHECKING:
    from crmcore.builtin.conformance.subject import Subject

CORE = "crmcore"
ALLOWED = ("crmcore.api", "crmcore.testing")
_BY_NAME = frozenset({"import_module", "__import__", "find_spec"})


def check_imports(subject: Subject) -> Finding:
    """Read every Python file of the package; nothing is imported for it."""
    packages = {plugin.package: plugin.name for plugin in installed().values()}
    required = set(names_of(subject.manifest.requires))
    problems = []
    try:
        sources = subject.sources
    except NotRun as unreadable:
        return False, str(unreadable)
    for file, source in sources.items():
        try:
            found = list(imported(source))
        except (SyntaxError, ValueError, RecursionError) as error:
            problems.append(_("{file} cannot be read: {error}").format(file=file, error=error))
            continue
        for line, module in found:
            reason = _reason(module, subject.package, packages, required)
            if reason:
                problems.append(f"{file}:{line}: {module}: {reason}")
    return finding(problems, _("{count} files").format(count=len(sources)))


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and full name of what a file imports, by statement or by a name written out; its own package left out."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and _called(node.func) in _BY_NAME:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _reason(module: str, own: str, packages: dict[str, str], required: set[str]) -> str:
    """Say why a module may not be imported, or nothing if it may."""
    package = module.split(".", maxsplit=1)[0]
    if package == own:
        return ""
    if package == CORE:
        allowed = any(f"{module}.".startswith(f"{name}.") for name in ALLOWED)
        return "" if allowed else _("of the core only crmcore.api and crmcore.testing may be imported")
    if package not in packages and not package.startswith("crmcore_"):
        return ""
    name = packages.get(package, package.removeprefix("crmcore_"))
    if name not in required:
        return _("plugin {name!r} is not among those that it requires").format(name=name)
    if not f"{module}.".startswith(f"{package}.api."):
        return _("of plugin {name!r} only its api may be imported").format(name=name)
    return ""
