"""How rows of a table become what is known of customers' credit: never changed, only added, each piece once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import (
    Customer,
    LoadContext,
    Loaded,
    Refusal,
    Refused,
    Rejected,
    Row,
    customer_codes,
    customer_ids,
    has_permission,
    lock_customers,
    restricted_ids,
    translator,
)
from crmcore_credit_5c.assessing.checking import NotTakenError, check_days
from crmcore_credit_5c.assessing.entering import PERMISSION
from crmcore_credit_5c.assessing.reads import archived, archived_sentence, restricted_sentence
from crmcore_credit_5c.batches import parts

if TYPE_CHECKING:
    from sqlmodel import SQLModel

    from crmcore.api import Tx

_ = translator("crmcore_credit_5c")
Piece = dict[str, Any]
"""Columns of one row of the table."""
Key = tuple[Any, ...]
"""What makes two pieces the same; the customer comes first."""


def require_assessor(tx: Tx) -> None:
    """Refuse who may not enter evidence, be it one by one or a whole file."""
    if not has_permission(tx, PERMISSION):
        message = _(
            "actor {actor!r} may not enter evidence and assess customers' credit; an administrator grants a role with: crm actor grant {actor} ROLE"
        )
        raise Refused(message.format(actor=tx.actor))


class Loader(ABC):
    """Takes the rows of one chunk.

    A row that says what is there already is left as it is, also where somebody has withdrawn that since. A row that
    says something else is another piece: evidence is never changed.
    """

    model: type[SQLModel]
    key_field: str
    """The field that a refusal of the whole row is told under."""
    day: tuple[str, str]
    """The field with the day that a row speaks of, and its column."""

    def __init__(self, tx: Tx, ctx: LoadContext) -> None:
        """`ctx` says what the file has and whether it is tried only."""
        self.loaded = Loaded()
        self._tx, self._ctx = tx, ctx
        self._ids: dict[str, int] = {}
        self._obstacles: dict[int, str] = {}
        self._known: dict[Key, bool] = {}
        """Key → whether it counts no more, having been withdrawn."""
        self._fresh: list[tuple[Row, Piece]] = []

    def load(self, rows: Sequence[Row]) -> Loaded:
        """Take rows; returns what became of them."""
        require_assessor(self._tx)
        self._ids = self._customers(rows)
        self._obstacles = self._unusable()
        lock_customers(self._tx, self._ids.values())
        self._known = self._there()
        for row in rows:
            self._take(row)
        self._write()
        self.loaded.rejected.sort(key=lambda rejected: rejected.line)
        return self.loaded

    # -- what each table says for itself ---------------------------------------------------------------------

    @abstractmethod
    def piece(self, row: Row) -> Piece:
        """Return what a row says, as columns; NotTakenError where its cells cannot be that."""

    @abstractmethod
    def key(self, piece: Piece) -> Key:
        """Return what makes a piece, or a stored row, the same as another one of its customer."""

    @abstractmethod
    def check(self, piece: Piece) -> None:
        """Raise NotTakenError for a piece that cannot be entered."""

    # -- what is there ---------------------------------------------------------------------------------------

    def _customers(self, rows: Sequence[Row]) -> dict[str, int]:
        codes = {row.values["customer"] for row in rows}
        known = customer_ids(self._tx.connection, codes)
        missing = sorted(codes.difference(known)) if self._ctx.create_customers else []
        refused: dict[int, Refusal] = {}
        new = [{"code": code, "name": code} for code in missing]
        made = self._tx.insert(Customer, new, refused=refused.__setitem__)
        self.loaded.warnings += [
            f"{missing[index]}: {refusal.message} [{refusal.plugin}]" for index, refusal in refused.items()
        ]
        return known | {code: number for code, number in zip(missing, made, strict=True) if number}

    def _unusable(self) -> dict[int, str]:
        """Return the customers of whom nothing may be entered, and why."""
        ctx, ids = self._tx.ctx, set(self._ids.values())
        away, restricted = archived(ctx, ids), restricted_ids(ctx) & ids
        codes = customer_codes(self._tx.connection, away | restricted)
        return {
            number: restricted_sentence(code) if number in restricted else archived_sentence(code)
            for number, code in codes.items()
        }

    def _there(self) -> dict[Key, bool]:
        table: sa.Table = self.model.__table__  # type: ignore[attr-defined]
        found: dict[Key, bool] = {}
        for part in parts(self._ids.values()):
            query = sa.select(table).where(table.c.customer_id.in_(part))
            for row in self._tx.connection.execute(query).mappings():
                stored: Piece = dict(row)
                key, gone = self._whole_key(stored), stored["withdrawn_on"] is not None
                found[key] = gone and found.get(key, True)
        return found

    def _whole_key(self, piece: Piece) -> Key:
        """Return the key with those columns that the file need not have: what it does not have is no difference."""
        more = (("document", "document"), ("expires", "expires_on"))
        return (
            piece["customer_id"],
            *(piece[column] for field, column in more if field in self._ctx.columns),
            *self.key(piece),
        )

    # -- row by row ------------------------------------------------------------------------------------------

    def _take(self, row: Row) -> None:
        try:
            piece = self._piece(row)
            key = self._whole_key(piece)
            if key in self._known or self._seen(row, key):
                self._leave(key)
                return
            check_days(piece[self.day[1]], piece["expires_on"], self._ctx.today, self.day[0])
            self.check(piece)
        except NotTakenError as problem:
            self._reject(row, problem.key.removeprefix("figures/"), problem.sentence)
            return
        self._known[key] = False
        self._remember(row, key)
        self._fresh.append((row, piece))

    def _piece(self, row: Row) -> Piece:
        code = row.values["customer"]
        if code not in self._ids:
            message = _("no customer has this code; import the customers first, or use --create-customers")
            raise NotTakenError("customer", message)
        customer_id = self._ids[code]
        if customer_id in self._obstacles:
            raise NotTakenError("customer", self._obstacles[customer_id])
        return {
            **self.piece(row),
            "customer_id": customer_id,
            "source": row.values["source"],
            self.day[1]: row.values[self.day[0]],
            "document": row.values.get("document"),
            "expires_on": row.values.get("expires"),
        }

    def _leave(self, key: Key) -> None:
        self.loaded.unchanged += 1
        if self._known.get(key, False):
            self.loaded.warnings.append(
                _(
                    "what was withdrawn stays so, though the file says it again; enter it anew with: crm credit evidence add"
                )
            )

    def _seen(self, row: Row, key: Key) -> bool:
        """Say whether an earlier chunk of a dry run, which was rolled back, had the row."""
        return self._ctx.seen is not None and (row.values["customer"], *key[1:]) in self._ctx.seen

    def _remember(self, row: Row, key: Key) -> None:
        if self._ctx.seen is not None:
            self._ctx.seen[row.values["customer"], *key[1:]] = True

    def _write(self) -> None:
        usual = {"added_on": self._ctx.today, "added_at": self._tx.now}
        pieces = [
            {**piece, **usual, "added_by": row.values.get("by", self._tx.actor)} for row, piece in self._fresh
        ]
        ids = self._tx.insert(self.model, pieces, refused=self._refused)
        self.loaded.created += sum(map(bool, ids))

    def _refused(self, index: int, refusal: Refusal) -> None:
        row, _piece = self._fresh[index]
        self._reject(row, refusal.field or self.key_field, f"{refusal.message} [{refusal.plugin}]")

    def _reject(self, row: Row, column: str, reason: str) -> None:
        self.loaded.rejected.append(Rejected(row.line, column, str(row.values.get(column, "")), reason))
