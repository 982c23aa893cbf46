"""Erasing persons (抹除): whoever is killed at any point of it, does the rest when it is asked for again.

1. A rehearsal, rolled back: every plugin has answered, nothing personal is left, nobody refuses.
2. In one transaction: the erasure is written down (`running`) and the keys are destroyed. From here on nobody can read
   what the change log holds of the person, and nothing more of them gets into it.
3. The list of erasures beside the database, which a restored backup is held against; then the files, while the fields
   still say which rows name the person.
4. In one transaction: fields, side tables, index, records of work (`pages`).
5. What the database file still holds in pages that are free (`done`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import sqlalchemy as sa

from crmcore.builtin.privacy import asking, erasure_list, files, mentions, rules
from crmcore.builtin.privacy.guard import exempt
from crmcore.builtin.privacy.held import held, refuse_unchanged, traces_of
from crmcore.builtin.privacy.pages import clear_pages
from crmcore.builtin.privacy.persons import by_uid, erasure_of, erasures, refuse_erased, with_their_own
from crmcore.builtin.privacy.tables import DONE, PAGES, RUNNING, Erasure
from crmcore.builtin.privacy.turns import alone
from crmcore.db.system import person_key
from crmcore.entities.lookup import batches
from crmcore.errors import Refused, UsageProblem
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import ErasedData, Person
    from crmcore.tx import Tx

PLUGIN, SOURCE = "privacy", "privacy"
PERMISSION = "privacy.manage"
LONGEST_REASON = 200


class _RehearsedError(Exception):
    """Ends a rehearsal, so that nothing of it stays."""


def _end_rehearsal() -> NoReturn:
    raise _RehearsedError


def plan(app: App, actor: str, persons: Sequence[Person]) -> dict[str, Any]:
    """Return what erasing these persons, and who goes with them, would do; nothing is done."""
    files.refuse_while_importing(app)
    with app.read(PLUGIN, actor) as ctx:
        for person in persons:
            refuse_erased(ctx.connection, person)
        whole = with_their_own(ctx.connection, persons)
        known = traces_of(ctx.connection, whole)
        kept = app.settings(PLUGIN)["keep_drawers"]
        documents = len({row.sha256 for row in files.documents_of(ctx.connection, whole, kept)})
    done = _rehearsed(app, actor, whole, known, look_elsewhere=True)
    rejected = files.rejected_rows(app, known)
    return {
        "persons": [{"entity": p.entity, "code": p.code, "uid": p.uid} for p in whole],
        "tables": done["tables"],
        "files": {"documents": documents, "rejected_rows": sum(rejected.values())},
        "mentions": done["mentions"],
    }


def erase(
    app: App, actor: str, persons: Sequence[Person], reason: str, source: str = SOURCE
) -> dict[str, Any]:
    """Erase persons and who goes with them; what was begun and interrupted is done first. Returns what was done."""
    files.refuse_while_importing(app)
    with alone(app):
        fresh = _not_begun(app, actor, persons)
        if fresh:
            known = _checked_reason(app, actor, fresh, reason)
            _rehearsed(app, actor, fresh, known)
            _begin(app, actor, fresh, reason, source)
        return _go_on(app, actor, source)


def erase_again(app: App, actor: str, persons: Sequence[Person]) -> dict[str, Any]:
    """Erase persons who were erased before and came back with a backup; who restores need not be who erased."""
    with alone(app):
        _begin(app, actor, persons, "erased before the backup was restored", SOURCE, permission=None)
        return _go_on(app, actor, SOURCE)


def go_on(app: App, actor: str, source: str = SOURCE) -> dict[str, Any]:
    """Do what is left of erasures that were interrupted."""
    with alone(app):
        return _go_on(app, actor, source)


def unfinished(app: App) -> list[Any]:
    """Return the erasures that were begun and not ended."""
    with app.read(PLUGIN) as ctx:
        query = sa.select(erasures).where(erasures.c.state != DONE).order_by(erasures.c.id)
        return list(ctx.connection.execute(query))


# -- the steps ---------------------------------------------------------------------------------------------------


def _not_begun(app: App, actor: str, persons: Sequence[Person]) -> list[Person]:
    """Return the persons, with who goes with them, of whom nothing was done yet; Refused where nothing is left to do."""
    with app.read(PLUGIN, actor) as ctx:
        for person in persons:
            row = erasure_of(ctx.connection, person)
            if row is not None and row.state == DONE:
                refuse_erased(ctx.connection, person)
        whole = with_their_own(ctx.connection, persons)
        return [person for person in whole if erasure_of(ctx.connection, person) is None]


def _checked_reason(app: App, actor: str, persons: Sequence[Person], reason: str) -> tuple[str, ...]:
    """Return by what the persons are recognised; UsageProblem or Refused for a reason that may not be kept."""
    with app.read(PLUGIN, actor) as ctx:
        known = traces_of(ctx.connection, persons)
    if not reason or len(reason) > LONGEST_REASON:
        message = _("say why with --reason, in at most {most} characters")
        raise UsageProblem(message.format(most=LONGEST_REASON))
    if rules.names_one(reason, known):
        raise Refused(_("the reason names the person, and it is kept; write it without a name or number"))
    return known


def _rehearsed(
    app: App, actor: str, persons: Sequence[Person], known: Sequence[str], *, look_elsewhere: bool = False
) -> dict[str, Any]:
    """Take everything away in a transaction that is rolled back; returns what was found on the way."""
    found: dict[str, Any] = {}
    try:
        with app.write(actor, "", SOURCE, plugin=PLUGIN, permission=PERMISSION) as tx, exempt(tx.connection):
            _destroy_keys(app, tx, persons)
            found["tables"] = _take_away(app, tx, persons, known)
            if look_elsewhere:
                found["mentions"] = mentions.elsewhere(app, tx.connection, known)
            _end_rehearsal()
    except _RehearsedError:
        return found


def _begin(
    app: App,
    actor: str,
    persons: Sequence[Person],
    reason: str,
    source: str,
    permission: str | None = PERMISSION,
) -> None:
    with app.write(actor, "", source, plugin=PLUGIN, permission=permission) as tx:
        _destroy_keys(app, tx, persons)
        row = {"reason": reason, "state": RUNNING, "actor": actor, "started_at": tx.now}
        tx.insert(
            Erasure,
            [
                {"entity": p.entity, "entity_id": p.id, "person_uid": p.uid, "code": p.code, **row}
                for p in persons
            ],
        )


def _destroy_keys(app: App, tx: Tx, persons: Sequence[Person]) -> None:
    """Destroy the keys of persons; who never had one is noted, so that none is ever made."""
    c = person_key.c
    with app.unguarded(tx.connection):
        for entity in ("contact", "customer"):
            for part in batches(person.id for person in persons if person.entity == entity):
                theirs = sa.and_(c.entity == entity, c.entity_id.in_(part))
                there = set(tx.connection.scalars(sa.select(c.entity_id).where(theirs)))
                tx.connection.execute(sa.update(person_key).where(theirs).values(key=None))
                rows = [{"entity": entity, "entity_id": n, "key": None} for n in part if n not in there]
                if rows:
                    tx.connection.execute(sa.insert(person_key), rows)


def _go_on(app: App, actor: str, source: str) -> dict[str, Any]:
    rows = unfinished(app)
    if not rows:
        return {"persons": [], "tables": [], "files": {"documents": 0, "rejected_rows": 0}}
    erasure_list.write(app)
    begun = [row.person_uid for row in rows if row.state == RUNNING]
    with app.read(PLUGIN, actor) as ctx:
        persons = by_uid(ctx.connection, begun)
        known = traces_of(ctx.connection, persons)
    gone = {
        "rejected_rows": files.take_out_rejected(app, known),
        "documents": files.remove_documents(app, persons, app.settings(PLUGIN)["keep_drawers"]),
    }
    tables = _fields(app, actor, persons, known, rows, source) if begun else []
    clear_pages(app, [table["table"] for table in tables])
    with app.write(actor, "", source, plugin=PLUGIN, permission=None) as tx:
        tx.update(Erasure, [(row.id, {"state": DONE, "done_at": tx.now}) for row in rows])
    told = [{"entity": row.entity, "code": row.code, "uid": row.person_uid} for row in rows]
    return {"persons": told, "tables": tables, "files": gone}


def _fields(
    app: App, actor: str, persons: Sequence[Person], known: Sequence[str], rows: Sequence[Any], source: str
) -> list[dict[str, Any]]:
    with app.write(actor, "", source, plugin=PLUGIN, permission=None) as tx, exempt(tx.connection):
        tables = _take_away(app, tx, persons, known)
        counts = {table["table"]: {"erased": table["erased"], "kept": table["kept"]} for table in tables}
        done = [row.id for row in rows if row.state == RUNNING]
        tx.update(Erasure, [(number, {"state": PAGES, "counts": counts}) for number in done])
    return tables


def _take_away(app: App, tx: Tx, persons: Sequence[Person], known: Sequence[str]) -> list[dict[str, Any]]:
    """Have every plugin erase what it holds, see that nothing is left, and clean the records of work."""
    before = held(app, tx.connection, persons)
    done = asking.erased(app, tx, persons)
    refuse_unchanged(app, tx.connection, persons, before, {one.table for one in done if one.kept})
    told = [_told(one) for one in done if one.erased or one.kept]
    for table, count in sorted(mentions.take_out(tx.connection, known).items()):
        told.append({**_NOTHING_KEPT, "table": table, "plugin": PLUGIN, "erased": count})
    return told


_NOTHING_KEPT = {"table": "", "plugin": "", "erased": 0, "kept": 0, "why_kept": None, "kept_until": None}


def _told(one: ErasedData) -> dict[str, Any]:
    return {
        **_NOTHING_KEPT,
        "table": one.table,
        "plugin": one.plugin,
        "erased": one.erased,
        "kept": one.kept,
        "why_kept": one.why_kept or None,
        "kept_until": one.kept_until,
    }
