"""Uninstall a plugin by the company's choice: keep its data, export and drop it, or drop it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.administration.settings.file import time_of
from crmcore.builtin.approvals.decisions import withdraw_all
from crmcore.builtin.lifecycle.card_values import clear_values, value_lines
from crmcore.builtin.lifecycle.choices import chosen_of, recorded_hooks, tell, without_choices
from crmcore.builtin.lifecycle.dropping import drop, lock_tables
from crmcore.builtin.lifecycle.enabling import check_dependents
from crmcore.builtin.lifecycle.exporting import Target, export
from crmcore.builtin.lifecycle.known import Known, counted, look_up, own_names, own_tables, start
from crmcore.builtin.lifecycle.lock import one_at_a_time
from crmcore.builtin.lifecycle.plans import check_pointers
from crmcore.builtin.lifecycle.recording import recording, require_manager
from crmcore.builtin.lifecycle.roles import roles_with
from crmcore.builtin.lifecycle.toml import without_plugin
from crmcore.errors import CrmError
from crmcore.plugins import health
from crmcore.plugins.tables import Plugin

if TYPE_CHECKING:
    from pathlib import Path

    from crmcore.app import App
    from crmcore.tx import Tx


@dataclass(frozen=True)
class Uninstalled:
    """What was done."""

    plugin: str
    distribution: str
    tables: dict[str, int]
    """Table → rows, kept or gone."""
    withdrawn: int = 0
    """How many requests for approval were withdrawn, for nobody can approve them any more."""


@one_at_a_time
def keep(app: App, name: str, actor: str) -> Uninstalled:
    """Disable a plugin so that its package can go; tables, settings and its place in the change log stay."""
    require_manager(app, actor)
    known = look_up(app, name)
    check_dependents(app, [name])
    choices = chosen_of(app, {name: (), **recorded_hooks(app, [name])})
    with recording(
        app,
        actor,
        f"uninstall {name}, keeping its data",
        disabled=[name],
        edit=lambda text: without_choices(text, choices),
    ) as tx:
        tables = counted(tx.connection, own_tables(app, tx.connection, known))
        if known.row is not None:
            tx.update(Plugin, [(known.row.id, {"enabled": False})])
    health.release(app, name)
    app.refresh()
    tell(app, choices)
    return _done(known, tables)


@one_at_a_time
def remove(app: App, name: str, actor: str, folder: Path | None = None) -> Uninstalled:
    """Drop all that the company has of a plugin; written to a folder first if one is given.

    Works where its package is broken or gone. Raises Guarded where others need it; then nothing is changed.
    """
    require_manager(app, actor)
    known = look_up(app, name)
    check_dependents(app, [name])
    check_pointers(app, known)
    target = Target(folder) if folder is not None else None
    if target is not None:
        start(app, known)
        target.make()
    roles = roles_with(app, known)
    choices = chosen_of(app, {name: (), **recorded_hooks(app, [name])})
    withdrawn = 0

    def edit(text: str) -> str:
        return without_choices(without_plugin(text, name, roles), choices)

    reason = f"uninstall {name}, dropping its data" + (" after an export" if target else "")
    tx: Tx | None = None
    try:
        with recording(app, actor, reason, disabled=[name], edit=edit) as tx:
            names = own_tables(app, tx.connection, known)
            lock_tables(tx.connection, names)
            tables = counted(tx.connection, names)
            if target is not None:
                export(tx, known, list(tables), target, roles, value_lines(app, tx, known))
            clear_values(app, tx, known)
            if target is None:  # what was exported may come back, and with it who can carry them out
                withdrawn = withdraw_all(app, tx, name)
            drop(tx, known, tables, own_names(app, tx.connection, known))
    except BaseException:
        if target is not None:
            with suppress(CrmError, OSError, sa.exc.SQLAlchemyError):
                _clear(app, tx, target)
        raise
    app.refresh()
    tell(app, choices)
    return _done(known, tables, withdrawn)


def _clear(app: App, tx: Tx | None, target: Target) -> None:
    """Take the export away again, unless the transaction that dropped its data was committed."""
    if tx is None or time_of(app, tx.id) != tx.now:
        target.clear()


def _done(known: Known, tables: dict[str, int], withdrawn: int = 0) -> Uninstalled:
    distribution: Any = known.installed or known.row
    return Uninstalled(known.name, distribution.distribution if distribution else "", tables, withdrawn)
