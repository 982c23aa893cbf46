"""Merging one customer into another, in one transaction; the plan is the very same, taken back at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from crmcore.builtin.again import again, until_done
from crmcore.builtin.duplicates import asking
from crmcore.builtin.duplicates.heirs import heirs
from crmcore.builtin.duplicates.merge_tables import CustomerMerge, source_of
from crmcore.builtin.duplicates.pairs_moving import require_not_apart
from crmcore.builtin.duplicates.rules_merging import Choice, Side, choices, head_after, hindrance
from crmcore.builtin.duplicates.untouched import require_free
from crmcore.builtin.privacy.guard import exempt
from crmcore.builtin.records.services.moving import ancestors
from crmcore.builtin.records.services.values import alone_with_groups
from crmcore.entities.lookup import customer_codes, find_row, table_of
from crmcore.entities.tables import Customer
from crmcore.errors import CrmError, NotFound, Refused, UsageProblem
from crmcore.i18n import _
from crmcore.ids import new_uids
from crmcore.plugins.types import Move, Moved

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.tx import Tx

PLUGIN = "duplicates"
PERMISSION = "records.merge"
_customers = table_of(Customer)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be merged into what."""

    gone: str
    """Code of the customer that goes."""
    remaining: str
    """Code of the customer that remains."""
    reason: str
    take: frozenset[str] = frozenset()
    """Fields of which the value of the customer that goes is to stay."""
    versions: Mapping[str, int] = field(default_factory=dict)
    """Code → version that people saw."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge does, or did."""

    gone: Row
    remaining: Row
    choices: list[Choice]
    moved: list[Moved]

    def as_json(self, *, done: bool) -> dict[str, Any]:
        """Return it as it is published; what did not move anything is left out."""
        return {
            "from": self.gone["code"],
            "into": self.remaining["code"],
            "done": done,
            "versions": {"from": self.gone["version"], "into": self.remaining["version"]},
            "fields": [
                {"field": c.field, "from": _plain(c.of_from), "into": _plain(c.of_into), "stays": c.by}
                for c in self.choices
            ],
            "moved": [
                {
                    "plugin": m.plugin,
                    "table": m.table,
                    "column": m.column,
                    "rows": m.rows,
                    "kept": m.kept,
                    "removed": m.removed,
                }
                for m in self.moved
                if m.rows or m.kept or m.removed
            ],
        }


class _Planned(Exception):
    def __init__(self, merged: Merged) -> None:
        self.merged = merged


def plan_merge(app: App, actor: str, wish: Wish) -> Merged:
    """Return what a merge would do, and do nothing; raises as `merge` does."""
    try:
        return until_done(lambda: _write(app, actor, wish, really=False))
    except _Planned as planned:
        return planned.merged


@again
def merge(app: App, actor: str, wish: Wish) -> Merged:
    """Merge one customer into another.

    Refused with the sentence that says why the two may not be merged, or which plugin cannot take part; StaleVersion
    where one of them is not at the version that people saw.
    """
    return _write(app, actor, wish, really=True)


def _write(app: App, actor: str, wish: Wish, *, really: bool) -> Merged:
    uid = new_uids(1, app.clock())[0]
    reason = f"merge {wish.gone} into {wish.remaining}"
    with (
        app.write(actor, reason, source_of(uid), plugin=PLUGIN, permission=PERMISSION) as tx,
        exempt(tx.connection),
    ):
        merged = _Merging(app, tx, wish, uid).run()
        if not really:
            raise _Planned(merged)
    return merged


class _Merging:
    """One merge, in its transaction."""

    def __init__(self, app: App, tx: Tx, wish: Wish, uid: str) -> None:
        self._app, self._tx, self._wish, self._uid = app, tx, wish, uid
        self._fields = {f.name: f.source for f in app.catalogue.fields.values()}

    def run(self) -> Merged:
        """Do it."""
        alone_with_groups(self._tx.connection)
        gone, remaining = self._both()
        require_free(self._tx, (gone["id"], remaining["id"]))
        self._require_possible(gone, remaining)
        require_not_apart(self._tx, gone, remaining)
        self._require_versions(gone, remaining)
        asking.require_none_asleep(self._tx.connection, gone["id"], gone["code"])
        found = self._choices(gone, remaining)
        self._record(gone, remaining)
        self._fill(gone, remaining, found)
        moved = asking.ask_all(self._app, self._tx, [Move(gone["id"], remaining["id"])])
        self._tx.archive(Customer, [gone["id"]])
        return Merged(gone, remaining, found, moved)

    # -- the two ---------------------------------------------------------------------------------------------

    def _both(self) -> tuple[Row, Row]:
        """Read both and lock them: nothing comes to hang on either until this is done."""
        wish, connection = self._wish, self._tx.connection
        ids = [find_row(connection, Customer, code)["id"] for code in (wish.gone, wish.remaining)]
        query = sa.select(_customers).where(_customers.c.id.in_(ids)).order_by(_customers.c.id)
        rows = {row["id"]: dict(row) for row in connection.execute(query.with_for_update()).mappings()}
        if len(rows) < len(set(ids)):
            raise NotFound(_("one of the two customers was removed just now; nothing was merged"))
        return rows[ids[0]], rows[ids[1]]

    def _require_possible(self, gone: Row, remaining: Row) -> None:
        holders = heirs(self._tx.connection, {gone["id"], remaining["id"]})
        sides = [
            Side(row["id"], row["kind"], row["archived_at"] is not None, row["id"] in holders)
            for row in (gone, remaining)
        ]
        why = hindrance(*sides)
        if why is None:
            return
        codes = customer_codes(self._tx.connection, holders.values())
        into = {row["id"]: codes.get(holders.get(row["id"], 0), "") for row in (gone, remaining)}
        sentences = {
            "same": _("{gone!r} cannot be merged with itself; name two customers"),
            "kinds": _(
                "{gone!r} and {remaining!r} are a person and a firm, which are never one; correct the kind of one of them first"
            ),
            "from_merged": _("{gone!r} was merged into {gone_into!r} already"),
            "into_merged": _(
                "{remaining!r} was merged into {remaining_into!r}; merge {gone!r} into that one"
            ),
            "into_archived": _(
                "{remaining!r} is archived and cannot remain; take it back first with: crm customer restore {remaining}"
            ),
        }
        raise Refused(
            sentences[why].format(
                gone=gone["code"],
                remaining=remaining["code"],
                gone_into=into[gone["id"]],
                remaining_into=into[remaining["id"]],
            )
        )

    def _require_versions(self, gone: Row, remaining: Row) -> None:
        """Raise StaleVersion by the gate's own sentence, UsageProblem for a version of a third customer."""
        known = {row["code"]: row["id"] for row in (gone, remaining)}
        for code, version in self._wish.versions.items():
            if code not in known:
                message = _("--expect-version {code}={version} is of none of the two customers")
                raise UsageProblem(message.format(code=code, version=version))
            self._tx.update(Customer, [(known[code], {})], expect_version={known[code]: version})

    # -- the card --------------------------------------------------------------------------------------------

    def _choices(self, gone: Row, remaining: Row) -> list[Choice]:
        mine, theirs = self._card(gone), self._card(remaining)
        self._require_takeable(mine, gone["code"])
        found = choices(mine, theirs, self._wish.take)
        head = self._head(gone, remaining)
        if head != remaining["parent_id"]:
            codes = customer_codes(self._tx.connection, [n for n in (head, remaining["parent_id"]) if n])
            by: Literal["filled", "taken"] = "taken" if remaining["parent_id"] and head else "filled"
            found.append(Choice("parent", codes.get(head or 0), codes.get(remaining["parent_id"]), by))
        return found

    def _card(self, row: Row) -> dict[str, Any]:
        """Return the values of a customer by field, but its head: that depends on both."""
        columns = [n for n, source in self._fields.items() if source == "column" and n in _customers.c]
        attributes = {
            n: v for n, v in row["attributes"].items() if self._fields.get(n, "attribute") == "attribute"
        }
        return {**{name: row[name] for name in columns}, **attributes}

    def _require_takeable(self, mine: Row, code: str) -> None:
        for name in sorted(self._wish.take - {"parent"}):
            if self._fields.get(name) not in {"column", "attribute"} or name in {"code", "kind"}:
                message = _("--take {field}: this field is not one of those that are chosen")
                raise UsageProblem(message.format(field=name))
            if mine.get(name) in (None, ""):
                raise CrmError(_("--take {field}: {code} has none").format(field=name, code=code))

    def _head(self, gone: Row, remaining: Row) -> int | None:
        above = [ancestors(self._tx.connection, row["id"]) for row in (gone, remaining)]
        return head_after(gone["id"], remaining["id"], *above, take="parent" in self._wish.take)

    def _fill(self, gone: Row, remaining: Row, found: list[Choice]) -> None:
        edits: dict[str, Any] = {}
        for choice in found:
            if choice.by == "kept":
                continue
            if choice.field == "parent":
                edits["parent_id"] = self._head(gone, remaining)
            elif self._fields.get(choice.field) == "column":
                edits[choice.field] = choice.of_from
            else:
                edits.setdefault("attributes", {})[choice.field] = choice.of_from
        self._tx.update(Customer, [(remaining["id"], edits)])

    # -- the record ------------------------------------------------------------------------------------------

    def _record(self, gone: Row, remaining: Row) -> None:
        row = {
            "uid": self._uid,
            "from_id": gone["id"],
            "into_id": remaining["id"],
            "customer_id": remaining["id"],
            "code": gone["code"],
            "reason": self._wish.reason,
            "tx_id": self._tx.id,
            "merged_at": self._tx.now,
        }
        self._tx.insert(CustomerMerge, [row])


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
