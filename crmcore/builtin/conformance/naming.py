"""The names: tables and what belongs to them bear the plugin's prefix, permissions too; nothing is named twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from crmcore.builtin.conformance.findings import Finding, finding
from crmcore.builtin.search.sources import OWN, problem_of
from crmcore.i18n import _
from crmcore.plugins.host import BUILTINS

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crmcore.builtin.conformance.subject import Subject

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_KINDS = ("reports", "jobs", "importables", "list_columns", "approval_kinds")


def check_names(subject: Subject) -> Finding:
    """Look at the names of tables, indexes, constraints, permissions, and of what it registers."""
    tables = [spec.table.__table__ for spec in subject.tables.values()]
    problems = [p for table in tables for p in _of_table(table, subject.prefix)]
    allowed = (f"{subject.manifest.table_prefix}.", f"{subject.name}.")
    problems += [
        _("permission {name!r} must begin with {prefix!r}").format(name=name, prefix=allowed[0])
        for name in subject.manifest.permissions
        if not name.startswith(allowed)
    ]
    problems += _of_approvals(subject)
    problems += _of_search(subject)
    for kind in _KINDS:
        problems += _of_specs(kind, [spec.name for spec in subject.specs(kind)])
    return finding(
        problems, _("{count} tables, prefix {prefix}").format(count=len(tables), prefix=subject.prefix)
    )


def _of_table(table: sa.Table, prefix: str) -> Iterator[str]:
    if not table.name.startswith(prefix):
        yield _("table {table!r} must begin with {prefix!r}").format(table=table.name, prefix=prefix)
    if not table.dialect_options["sqlite"]["autoincrement"]:
        yield _("table {table!r} must set sqlite_autoincrement, so that no id is used twice").format(
            table=table.name
        )
    parts: list[Any] = [*table.indexes, *table.constraints]
    for part in parts:
        name = str(part.name or "")
        if name and not bears(name, prefix):
            yield _(
                "{kind} {name!r} of table {table!r} must begin with {prefix!r}, or with ix_, uq_, ck_, fk_ before it"
            ).format(kind=type(part).__name__, name=name, table=table.name, prefix=prefix)


def bears(name: str, prefix: str) -> bool:
    """Say whether the name of an index or constraint bears a prefix: `ix_points_…` or `points_…`."""
    return re.sub(r"^(ix|uq|ck|fk|pk)_", "", name).startswith(prefix)


def _of_approvals(subject: Subject) -> Iterator[str]:
    """Kinds of requests stand in one list with those of all other plugins."""
    for spec in subject.specs("approval_kinds"):
        if not str(spec.name).startswith((subject.name, subject.manifest.table_prefix)):
            yield _("approval kind {name!r} must begin with {prefix!r}").format(
                name=spec.name, prefix=subject.name
            )


def _of_search(subject: Subject) -> Iterator[str]:
    """Only columns that there are can be searched, each table once and only the plugin's own."""
    found: set[str] = set(OWN)
    for spec in subject.specs("search_terms"):
        name = str(spec.table.__tablename__)
        if problem := problem_of(spec, found):
            yield _("search_terms: {problem}").format(problem=problem)
        elif name not in subject.tables:
            yield _("search_terms: table {table} is not the plugin's own").format(table=name)
        found.add(name)


def _of_specs(kind: str, names: list[str]) -> Iterable[str]:
    """Refuse names that cannot be typed, that come twice, or that a built-in has."""
    taken = _taken(kind)
    for name, count in Counter(names).items():
        if not _WORD.fullmatch(name):
            yield _("{kind}: {name!r} may only have lower-case letters, digits and _").format(
                kind=kind, name=name
            )
        if count > 1:
            yield _("{kind}: {name!r} is there {count} times").format(kind=kind, name=name, count=count)
        if name in taken:
            yield _("{kind}: {name!r} is a name of crmcore's own").format(kind=kind, name=name)


def _taken(kind: str) -> set[str]:
    """Return what the built-ins register under a hook."""
    names: set[str] = set()
    for builtin in BUILTINS:
        hook: Any = getattr(import_module(f"crmcore.builtin.{builtin}.plugin"), kind, None)
        if callable(hook):
            names.update(spec.name for spec in hook())
    return names
