"""Merging: the plugin answers for every row that names a customer, and taken back all of its rows are as before."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.conformance.findings import Finding, finding
from crmcore.builtin.conformance.subject import ACTOR
from crmcore.entities.lookup import table_of
from crmcore.entities.tables import Customer
from crmcore.errors import PluginError, Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.builtin.conformance.subject import Subject

_PAIRS = 2
"""So many of each kind."""
Rows = dict[str, list[dict[str, Any]]]


def check_merging(subject: Subject) -> Finding:
    """Merge customers of the used company and take it back; nothing to do where the plugin's tables name no customers."""
    from crmcore.builtin.conformance.using import tried, used

    app = used(subject).app
    if not any(spec.customer_references for spec in subject.tables.values()):
        return finding([], _("its tables name no customers"))
    pairs = _pairs(subject, app)
    steps = [partial(_merge_and_back, subject, app, *pair) for pair in pairs]
    problems = [problem for step in steps if (problem := tried(step))]
    return finding(problems, _("{count} merges, each taken back").format(count=len(pairs)))


def _pairs(subject: Subject, app: App) -> list[tuple[str, str]]:
    """Return the codes of customers to merge, two of a kind, those first whom the plugin's rows name."""
    c = table_of(Customer).c
    query = sa.select(c.code, c.id, c.kind).where(c.archived_at.is_(None)).order_by(c.code)
    with app.read() as ctx:
        customers = ctx.connection.execute(query).all()
        named = _named(subject, ctx.connection)
    found: list[tuple[str, str]] = []
    for kind in sorted({customer.kind for customer in customers}):
        alike = sorted((one for one in customers if one.kind == kind), key=lambda one: one.id not in named)
        found += [(one.code, other.code) for one, other in zip(alike[::2], alike[1::2], strict=False)][
            :_PAIRS
        ]
    return found


def _named(subject: Subject, connection: sa.Connection) -> set[int]:
    found: set[int] = set()
    for spec in subject.tables.values():
        for column in spec.customer_references:
            found.update(connection.scalars(sa.select(table_of(spec.table).c[column]).distinct()))
    return found


def _merge_and_back(subject: Subject, app: App, gone: str, remaining: str) -> None:
    from crmcore.builtin.duplicates.asking import Unanswered
    from crmcore.builtin.duplicates.merging import Wish, merge
    from crmcore.builtin.duplicates.unmerging import unmerge

    app.refresh()
    before = _rows(subject, app)
    try:
        merge(app, ACTOR, Wish(gone, remaining, "conformance"))
    except Unanswered as error:
        raise PluginError(str(error)) from error
    except Refused:
        return  # both have what can be there only once, says the plugin: that is an answer
    done = unmerge(app, ACTOR, gone, "conformance")
    after = _rows(subject, app)
    different = sorted(name for name in before if before[name] != after[name])
    if different or done["conflicts"]:
        message = _("a merge taken back left {table} other than it was")
        raise PluginError(message.format(table=", ".join(different) or str(done["conflicts"][0])))


def _rows(subject: Subject, app: App) -> Rows:
    found: Rows = {}
    with app.read() as ctx:
        for name, spec in subject.tables.items():
            table = table_of(spec.table)
            rows = ctx.connection.execute(sa.select(table).order_by(table.c.id)).mappings()
            found[name] = [{k: v for k, v in row.items() if k != "version"} for row in rows]
    return found
