"""What customers have in the card fields that a plugin adds: it goes and comes back with the plugin's own tables."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.lifecycle.fitting import gone
from crmcore.builtin.lifecycle.known import own_names
from crmcore.catalogue import load_catalogue, with_plugin
from crmcore.db.base import canonical
from crmcore.db.system import person_key
from crmcore.entities.tables import Customer
from crmcore.errors import CrmError, Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmcore.app import App
    from crmcore.builtin.lifecycle.known import Known
    from crmcore.builtin.lifecycle.reading import Export
    from crmcore.plugins.manifest import Manifest
    from crmcore.tx import Tx

FILE = "card_values.jsonl"
_CHUNK = 500
_table: sa.Table = Customer.__table__  # type: ignore[attr-defined]


def values_of(app: App, connection: sa.Connection, known: Known) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Give id, uid and values of the customers who have any; where the package is gone, by the prefix of the fields."""
    prefix, bears = f"{known.prefix}_", own_names(app, connection, known)
    others = load_catalogue(app.config.folder).fields
    declared = known.manifest.card_fields if known.manifest and not known.problem else None
    c = _table.c
    pattern = f'%"{prefix.replace("_", chr(92) + "_")}%'
    query = sa.select(c.id, c.uid, c.attributes).order_by(c.id)
    query = query.where(sa.cast(c.attributes, sa.Text).like(pattern, escape=chr(92)))
    for row in connection.execute(query.execution_options(yield_per=1000)):
        own = {
            name: value
            for name, value in row.attributes.items()
            if name.startswith(prefix)
            and name not in others
            and (bears(name) if declared is None else name in declared)
        }
        if own:
            yield row.id, row.uid, own


def counted_values(app: App, connection: sa.Connection, known: Known) -> dict[str, int]:
    """Return field → number of the customers who have a value in it."""
    counts = Counter(name for _id, _uid, own in values_of(app, connection, known) for name in own)
    return dict(sorted(counts.items()))


def value_lines(app: App, tx: Tx, known: Known) -> Iterator[bytes]:
    """Give the values as lines of an export."""
    for key, uid, own in values_of(app, tx.connection, known):
        yield canonical({"id": key, "uid": uid, "values": own}).encode() + b"\n"


def clear_values(app: App, tx: Tx, known: Known) -> None:
    """Take the values out of the customers, through the gate; the plugin that goes is not asked about it."""
    found = list(values_of(app, tx.connection, known))
    if found:
        app.host.plugins[:] = [hosted for hosted in app.host.plugins if hosted.name != known.name]
    for start in range(0, len(found), _CHUNK):
        part = found[start : start + _CHUNK]
        tx.update(Customer, [(key, {"attributes": dict.fromkeys(own)}) for key, _uid, own in part])


def restore_values(app: App, tx: Tx, manifest: Manifest, export: Export) -> None:
    """Give the customers their values again, where they are the same customers and the values are allowed."""
    checks = with_plugin(load_catalogue(app.config.folder), manifest)
    rows = export.card_values()
    while chunk := list(islice(rows, _CHUNK)):
        edits = {key: own for key, _uid, own in chunk}
        c = _table.c
        query = sa.select(c.id, c.uid).where(c.id.in_(edits))
        found = {row.id: row.uid for row in tx.connection.execute(query)}
        for key, uid, own in chunk:
            if found.get(key) != uid:
                raise Refused(gone("customer", key, known=key in found))
            _check(checks, manifest, own, export)
        erased = _erased(tx.connection, list(edits))
        tx.update(Customer, [(key, {"attributes": own}) for key, own in edits.items() if key not in erased])


def _check(catalogue: Any, manifest: Manifest, own: dict[str, Any], export: Export) -> None:
    for name, value in own.items():
        if name not in manifest.card_fields:
            raise CrmError(
                _("the installed {plugin} adds no field {name!r}").format(plugin=manifest.name, name=name)
            )
        problem = catalogue.checks[name](value)
        if problem:
            raise export.wrong("card_values", f"{name} {problem}")


def _erased(connection: sa.Connection, keys: list[int]) -> set[int]:
    c = person_key.c
    query = sa.select(c.entity_id).where(c.entity == "customer", c.entity_id.in_(keys), c.key.is_(None))
    return set(connection.scalars(query))
