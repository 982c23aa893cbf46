"""Who is no longer needed, by the company's rules; the job erases those whose rule says so (保存期限)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.duplicates.heirs import not_merged
from crmcore.builtin.privacy.erasing import erase, go_on, unfinished
from crmcore.builtin.privacy.persons import TABLES, by_uid, erasures
from crmcore.builtin.privacy.restricted import not_restricted
from crmcore.builtin.privacy.rows import WHOSE
from crmcore.builtin.privacy.rules import due_on
from crmcore.db.system import change_log, change_tx
from crmcore.entities.lookup import batches, table_of
from crmcore.entities.tables import Interaction

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context

_AT_ONCE = 500
"""Persons erased together, and so one by one where the process is killed."""
_talks = table_of(Interaction)


def rules_of(app: App) -> list[Mapping[str, Any]]:
    """Return the company's rules of retention."""
    return [{"action": "tell", **rule} for rule in app.settings("privacy")["retention"]]


def due(app: App) -> Iterator[dict[str, Any]]:
    """Give who is due today, rule by rule, with the day since when; restricted ones are left alone."""
    with app.read("privacy") as ctx:
        for rule in rules_of(app):
            for row, day in _since(ctx, rule, app):
                end = due_on(day, int(rule["months"]))
                if end <= ctx.today:
                    yield {
                        "entity": rule["persons"],
                        "code": row.code,
                        "uid": row.uid,
                        "after": rule["after"],
                        "months": rule["months"],
                        "action": rule["action"],
                        "since": day,
                        "due_on": end,
                    }


def _since(ctx: Context, rule: Mapping[str, Any], app: App) -> Iterator[tuple[Any, date]]:
    """Give the persons that a rule is about, each with the day from which its months count.

    Who was merged is not asked about: what they had is another's now, whose days count.
    """
    entity = rule["persons"]
    c = table_of(TABLES[entity]).c
    query = sa.select(c.id, c.uid, c.code, c.archived_at).order_by(c.id)
    query = query.where(not_restricted(c.id, entity), c.uid.not_in(sa.select(erasures.c.person_uid)))
    if entity == "customer":
        query = query.where(c.kind == "person", not_merged(c.id))
    if rule["after"] == "archived":
        query = query.where(c.archived_at.is_not(None))
    rows = ctx.connection.execute(query).all()
    days = {} if rule["after"] == "archived" else _last(ctx, entity, [row.id for row in rows])
    for row in rows:
        moment = row.archived_at if rule["after"] == "archived" else days.get(row.id)
        if moment is not None:
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            yield row, aware.astimezone(app.config.timezone).date()


def _last(ctx: Context, entity: str, ids: list[int]) -> dict[int, datetime]:
    """Return person → the last interaction; of who has none, when the person was entered."""
    log, whose = change_log.c, _talks.c[WHOSE[entity]]
    found: dict[int, datetime] = {}
    for part in batches(ids):
        made = sa.select(log.entity_id, sa.func.max(change_tx.c.at)).join(
            change_tx, change_tx.c.id == log.tx_id
        )
        made = made.where(log.entity == entity, log.operation == "create", log.entity_id.in_(part))
        found.update((number, at) for number, at in ctx.connection.execute(made.group_by(log.entity_id)))
        talked = sa.select(whose, sa.func.max(_talks.c.at)).where(whose.in_(part)).group_by(whose)
        found.update((number, at) for number, at in ctx.connection.execute(talked))
    return found


def run(app: App, actor: str) -> Mapping[str, Any]:
    """Erase who is due by a rule that says so, and count those of whom it is only told. May be killed and run again."""
    if unfinished(app):
        go_on(app, actor, "job:privacy_retention")
    listed = list(due(app))
    uids = list(dict.fromkeys(one["uid"] for one in listed if one["action"] == "erase"))
    erased = 0
    for start in range(0, len(uids), _AT_ONCE):
        with app.read("privacy", actor) as ctx:
            persons = by_uid(ctx.connection, uids[start : start + _AT_ONCE])
        done = erase(app, actor, persons, "no longer needed, by a rule of retention", "job:privacy_retention")
        erased += len(done["persons"])
    told = len({one["uid"] for one in listed if one["action"] == "tell"} - set(uids))
    return {"erased": erased, "told": told}
