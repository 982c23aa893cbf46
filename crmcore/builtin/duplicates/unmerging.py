"""Taking a merge back, also after later edits: what it had changed is as before, what others changed since is left."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.again import again
from crmcore.builtin.duplicates import asking
from crmcore.builtin.duplicates.merge_tables import MERGED, REVERSED, CustomerMerge, source_of
from crmcore.builtin.duplicates.merging import PERMISSION, PLUGIN
from crmcore.builtin.duplicates.untouched import require_free
from crmcore.builtin.exchange.undo_chunk import Chunk, Left, Outcome
from crmcore.builtin.exchange.undo_log import OwnLog, Written, undo_source
from crmcore.builtin.exchange.undo_references import References
from crmcore.builtin.privacy.guard import exempt
from crmcore.entities.lookup import customer_codes, find_row, table_of
from crmcore.entities.tables import Customer
from crmcore.errors import NotFound, Refused
from crmcore.i18n import _
from crmcore.plugins.types import Change, Move

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.tx import Tx

_merges = table_of(CustomerMerge)


@again
def unmerge(app: App, actor: str, code: str, reason: str) -> dict[str, Any]:
    """Make two customers again of one; `code` is that of the customer who went.

    Returns the result (schema duplicate_unmerge): how many rows are as before, which were left alone and why. Refused
    where the customer was not merged, or where the other one was merged in its turn since.
    """
    with app.read(PLUGIN, actor) as ctx:
        number = int(find_row(ctx.connection, Customer, code)["id"])
        uid = _merge_of(ctx.connection, number, code)["uid"]
        own = OwnLog(ctx.connection, source_of(uid))
        references = References(app, ctx.connection)
    source = undo_source(own.source)
    with (
        app.write(actor, f"unmerge {code}", source, plugin=PLUGIN, permission=PERMISSION) as tx,
        exempt(tx.connection),
    ):
        codes, outcome = _Unmerging(app, tx, own, references, number, code).run(reason)
    return {
        **codes,
        "restored": outcome.restored,
        "removed": outcome.removed,
        "conflicts": [conflict.as_json() for conflict in outcome.conflicts],
    }


class _Unmerging:
    """One merge that is taken back, in its transaction."""

    def __init__(self, app: App, tx: Tx, own: OwnLog, references: References, number: int, code: str) -> None:
        self._app, self._tx, self._own, self._references = app, tx, own, references
        self._number, self._code = number, code

    def run(self, reason: str) -> tuple[dict[str, str], Outcome]:
        """Do it; returns the codes of the two, and what became of the rows."""
        asking.require_able(self._app)
        merge = _merge_of(self._tx.connection, self._number, self._code, lock=True)
        codes = customer_codes(self._tx.connection, [merge["into_id"], merge["customer_id"]])
        self._require_newest(merge, codes)
        require_free(self._tx, (merge["into_id"], self._number))
        written = self._written()
        self._close(merge, reason)
        archived = (Customer.__tablename__, self._number) in written.changed
        if archived:
            self._tx.restore(Customer, [self._number])
        undone = partial(self._undone, merge)
        chunk = Chunk(self._app, self._tx, self._own, self._references, undone, nullcontext())
        outcome = chunk.take_back(written)
        outcome.restored += archived
        return {"from": self._code, "into": codes[merge["into_id"]]}, outcome

    def _require_newest(self, merge: sa.RowMapping, codes: dict[int, str]) -> None:
        if merge["customer_id"] != merge["into_id"]:
            message = _(
                "{into!r}, into which {code!r} was merged, was merged into {holder!r} since; take that back first with: crm duplicates unmerge {into}"
            )
            into, holder = codes[merge["into_id"]], codes[merge["customer_id"]]
            raise Refused(message.format(into=into, code=self._code, holder=holder))

    def _written(self) -> Written:
        """Return what the merge did, without the record of it, which stays, and without tables that were dropped since."""
        (transaction,) = self._own.transactions
        written = self._own.written(self._tx.connection, transaction)
        written.created.pop(CustomerMerge.__tablename__, None)
        gone = {*written.created, *(row[0] for row in written.changed), *(row[0] for row in written.deleted)}
        gone -= {*self._app.tables, *sa.inspect(self._tx.connection).get_table_names()}
        return Written(
            {entity: ids for entity, ids in written.created.items() if entity not in gone},
            [row for row in written.changed if row[0] not in gone],
            {row: seq for row, seq in written.deleted.items() if row[0] not in gone},
        )

    def _close(self, merge: sa.RowMapping, reason: str) -> None:
        """Write why, and then let the record be nobody's: reasons, which may be personal, are left to the log alone."""
        nobodys = {"customer_id": None, "code": None, "reason": None}
        values = {"state": REVERSED, "reversed_at": self._tx.now, "reason": reason}
        self._tx.update(CustomerMerge, [(merge["id"], values), (merge["id"], nobodys)])

    def _undone(
        self, merge: sa.RowMapping, tx: Tx, changes: Sequence[Change], _left: Left
    ) -> Collection[Any]:
        """Tell every plugin which of its rows are as before."""
        rows: dict[str, dict[int, None]] = {}
        for change in (change for change in changes if change.operation != "delete"):
            rows.setdefault(change.entity, {})[change.id] = None
        told = {entity: tuple(ids) for entity, ids in rows.items()}
        asking.ask_all(self._app, tx, [Move(merge["into_id"], self._number, undo=True, rows=told)])
        return ()


def _merge_of(connection: sa.Connection, number: int, code: str, *, lock: bool = False) -> sa.RowMapping:
    query = sa.select(_merges).where(_merges.c.from_id == number, _merges.c.state == MERGED)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        message = _(
            "{code!r} was not merged into another customer; crm history {code} tells what became of it"
        )
        raise NotFound(message.format(code=code))
    return row
