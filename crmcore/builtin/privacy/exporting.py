"""All that is held of a person, of every plugin, as one document for them (查阅、复制)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.audit.entries import read
from crmcore.builtin.privacy import files
from crmcore.builtin.privacy.asking import collected
from crmcore.builtin.privacy.held import traces_of
from crmcore.builtin.privacy.persons import by_code, refuse_erased, same_persons
from crmcore.builtin.privacy.restricted import is_restricted
from crmcore.db.base import dumps
from crmcore.db.system import change_log, read_log
from crmcore.entities.actors import require_permission
from crmcore.errors import CrmError, Guarded
from crmcore.files import write_atomically
from crmcore.i18n import N_, _
from crmcore.keys import PersonKeys

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context, Person

PERMISSION = "privacy.manage"
_WHY_REJECTED = N_("To correct rows that could not be imported")


def export(app: App, actor: str, code: str) -> dict[str, Any]:
    """Return everything held of a person, and record that it was read. Nothing is written besides."""
    with app.read("privacy", actor) as ctx:
        require_permission(ctx.connection, app.config, actor, PERMISSION)
        person = by_code(ctx.connection, code)
        refuse_erased(ctx.connection, person)
        whole = same_persons(ctx.connection, [person])
        parts = [
            {"plugin": part.plugin, "table": part.table, "purpose": part.purpose, "rows": list(part.rows)}
            for part in collected(app, ctx, whole)
        ]
        rejected = files.rejected_texts(app, traces_of(ctx.connection, whole))
        if rejected:
            parts.append(
                {"plugin": "exchange", "table": "import_rejects", "purpose": _WHY_REJECTED, "rows": rejected}
            )
        content = {
            "person": {"entity": person.entity, "code": person.code, "uid": person.uid},
            "same_person": [one.code for one in whole if one.uid != person.uid],
            "restricted": is_restricted(ctx.connection, person.entity, person.id),
            "made_at": ctx.now,
            "made_by": actor,
            "parts": parts,
            "history": list(_history(ctx, whole)),
            "reads": list(_reads(ctx, whole)),
        }
    rows = sum(len(part["rows"]) for part in parts)
    app.log_read(actor, "export", "person", rows, dumps({"code": person.code}))
    return content


def _history(ctx: Context, persons: Sequence[Person]) -> Iterator[dict[str, Any]]:
    """Give the entries of the change log on the person, or that hold values of it, in order; read through once."""
    c = change_log.c
    marks = [f'"of":"{person.entity}:{person.id}"' for person in persons]
    holds = [side.contains(mark, autoescape=True) for mark in marks for side in (c.before, c.after)]
    own = [sa.and_(c.entity == person.entity, c.entity_id == person.id) for person in persons]
    seqs = list(ctx.connection.scalars(sa.select(c.seq).where(sa.or_(*own, *holds)).order_by(c.seq)))
    for entry in read(ctx.connection, seqs, PersonKeys(ctx.connection)):
        yield {
            "at": entry.at,
            "actor": entry.actor,
            "source": entry.source,
            "entity": entry.entity,
            "id": entry.entity_id,
            "operation": entry.operation,
            "before": entry.before,
            "after": entry.after,
        }


def _reads(ctx: Context, persons: Sequence[Person]) -> Iterator[dict[str, Any]]:
    """Give the recorded reads that name the person by code: who was given what."""
    c = read_log.c
    named = sa.or_(*(c.filter.contains(person.code, autoescape=True) for person in persons))
    for row in ctx.connection.execute(sa.select(read_log).where(named).order_by(c.id)):
        yield {"at": row.at, "actor": row.actor, "what": row.what, "entity": row.entity}


def as_text(content: dict[str, Any]) -> str:
    """Write the document as JSON for people: indented, characters as they are."""
    return json.dumps(json.loads(dumps(content)), ensure_ascii=False, indent=2) + "\n"


def check_target(app: App, target: Path, *, force: bool) -> None:
    """Refuse a place in the workspace, where it would stay, and a file that exists unless forced."""
    if target.resolve().is_relative_to(app.config.folder.resolve()):
        message = _("{file} lies in the workspace, where it would stay; choose a place outside")
        raise CrmError(message.format(file=target))
    require_file(target)
    if target.exists() and not force:
        raise Guarded(_("{file} exists already; overwrite it with --force").format(file=target))


def require_file(target: Path) -> None:
    """Refuse a place that can be no file of its own: a folder, a device, or in a folder that is not there."""
    if not target.parent.is_dir():
        raise CrmError(_("there is no folder {folder}; make it first").format(folder=target.parent))
    if target.exists() and not target.is_file():
        raise CrmError(_("{file} is a folder or a device; name a file").format(file=target))


def write_file(target: Path, content: bytes) -> None:
    """Write the document for its owner alone."""
    write_atomically(target, content)
