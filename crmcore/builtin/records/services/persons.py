"""What the records hold of natural persons: given to them, or taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.privacy.rows import erase_person_rows, person_rows, row_ids
from crmcore.builtin.privacy.rules import ERASED, erased_word, pseudonym
from crmcore.entities.lookup import batches, codes_of, table_of
from crmcore.entities.tables import Contact, ContactFirm, Customer, Document, Interaction
from crmcore.i18n import N_, _
from crmcore.plugins.types import ErasedData, PersonData

if TYPE_CHECKING:
    from sqlmodel import SQLModel

    from crmcore.plugins.types import Context, Person
    from crmcore.tx import Tx

PURPOSES = {
    "contact": N_("To deal with the people at customers"),
    "customer": N_("To trade with customers"),
    "contact_firm": N_("To know who does what at which customer"),
    "interaction": N_("To know what was said and agreed"),
    "document": N_("To keep what was sent, signed and agreed"),
}
"""Table → why it holds what it holds."""
_NAMES: dict[str, tuple[type[SQLModel], Mapping[str, Any]]] = {
    "contact": (Contact, {"phone": None, "mobile": None, "email": None}),
    "customer": (Customer, {"short_name": None, "tax_id": None, "phone": None}),
}
_INSIDE = frozenset({"id", "version"})


def export(ctx: Context, persons: Sequence[Person]) -> list[PersonData]:
    """Return the rows of persons in the core's tables; of places the customer's code, of interactions, too."""
    found: list[PersonData] = []
    for entity, (model, _empty) in _NAMES.items():
        found += _themselves(ctx, entity, model, persons)
    for model in (ContactFirm, Interaction, Document):
        purpose = PURPOSES[str(table_of(model).name)]
        found += [
            PersonData(part.uid, part.table, part.rows, purpose) for part in person_rows(ctx, model, persons)
        ]
    return found


def _themselves(
    ctx: Context, entity: str, model: type[SQLModel], persons: Sequence[Person]
) -> list[PersonData]:
    table, found = table_of(model), []
    for part in batches(person.id for person in persons if person.entity == entity):
        query = sa.select(table).where(table.c.id.in_(part)).order_by(table.c.id)
        for row in ctx.connection.execute(query).mappings():
            told = {k: v for k, v in row.items() if k not in _INSIDE and v is not None}
            if parent := told.pop("parent_id", None):
                told["parent"] = codes_of(ctx.connection, Customer, [parent]).get(parent)
            found.append(PersonData(row["uid"], entity, (told,), PURPOSES[entity]))
    return found


def erase(tx: Tx, persons: Sequence[Person], ctx: Context) -> list[ErasedData]:
    """Blank the rows of persons in the core's tables, and archive them."""
    done = [_erase_themselves(tx, entity, persons) for entity in _NAMES]
    done.append(erase_person_rows(tx, ContactFirm, persons, {"position": None, "roles": []}))
    done.append(erase_person_rows(tx, Interaction, persons, {"subject": ERASED, "notes": None}))
    return [*done, _erase_documents(tx, persons, ctx)]


def _erase_themselves(tx: Tx, entity: str, persons: Sequence[Person]) -> ErasedData:
    model, empty = _NAMES[entity]
    table, edits = table_of(model), []
    theirs = {person.id: person.code for person in persons if person.entity == entity}
    for part in batches(theirs):
        for row in tx.connection.execute(sa.select(table).where(table.c.id.in_(part))).mappings():
            nothing = dict.fromkeys(row["attributes"])
            name = {"name": pseudonym(theirs[row["id"]])}
            edits.append((row["id"], {**empty, **name, "attributes": nothing}))
    tx.update(model, edits)
    tx.archive(model, [number for number, _values in edits])
    return ErasedData(entity, len(edits))


def _erase_documents(tx: Tx, persons: Sequence[Person], ctx: Context) -> ErasedData:
    """Take titles away, and of those whose file goes what led to it; drawers that a law wants kept keep theirs."""
    table, ids = table_of(Document), row_ids(tx.connection, Document, persons)
    kept = set(_in_drawers(tx.connection, ids, _kept_drawers(ctx)))
    untitled = {"title": erased_word(), "file_name": erased_word()}
    gone = {**untitled, "sha256": "", "size": 0}
    tx.update(Document, [(number, dict(untitled if number in kept else gone)) for number in ids])
    tx.archive(Document, [number for number in ids if number not in kept])
    why = _("drawers that a law wants kept, by the setting keep_drawers") if kept else ""
    return ErasedData(str(table.name), len(ids) - len(kept), len(kept), why)


def _in_drawers(connection: sa.Connection, ids: Sequence[int], drawers: Sequence[str]) -> list[int]:
    c = table_of(Document).c
    found: list[int] = []
    for part in batches(ids):
        found += connection.scalars(sa.select(c.id).where(c.id.in_(part), c.drawer.in_(drawers)))
    return found


def _kept_drawers(ctx: Context) -> Sequence[str]:
    drawers: Sequence[str] = ctx._app.settings("privacy")["keep_drawers"]  # noqa: SLF001  (a built-in's way to another's)
    return drawers
