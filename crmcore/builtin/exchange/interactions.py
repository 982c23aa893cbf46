"""The importer and exporter of interactions (互动): calls, visits and letters of another system's log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from crmcore.builtin.exchange.headers import known_headers
from crmcore.builtin.exchange.references import find_customers, warn_of_owners
from crmcore.builtin.exchange.sql import among, locked
from crmcore.builtin.exchange.waves import Repeats, settle, waves
from crmcore.builtin.privacy.restricted import hidden
from crmcore.entities.lookup import codes_of, customer_codes
from crmcore.entities.tables import Contact, ContactFirm, Interaction
from crmcore.i18n import translator
from crmcore.plugins.types import Context, Field, LoadContext, Loaded, Refusal, Rejected, Row
from crmcore.tx import Tx

_ = translator("crmcore")

PAGE = 500
LONGEST_SUBJECT = 200
CHANNELS = {
    "visit": ("拜访", "上门", "上门拜访", "面访", "meeting", "会面", "来访"),
    "phone": ("电话", "通话", "来电", "去电", "call", "phone call", "telephone"),
    "email": ("邮件", "电子邮件", "e-mail", "mail"),
    "letter": ("信函", "信件", "来信"),
    "fax": ("传真",),
    "sms": ("短信", "text message"),
    "qq": (),
    "wechat": ("微信",),
    "wecom": ("企业微信", "企微"),
    "web": ("网站", "网页", "web form"),
    "fair": ("展会", "展览会", "trade fair"),
    "forum": ("论坛",),
    "seminar": ("研讨会",),
    "service": ("服务", "客服", "售后"),
}
DIRECTIONS = {
    "in": "in",
    "out": "out",
    **dict.fromkeys(("来", "呼入", "进", "客户来", "inbound", "incoming"), "in"),
    **dict.fromkeys(("去", "呼出", "出", "我方", "outbound", "outgoing"), "out"),
}
_CHANNEL_WORDS = {word: channel for channel, words in CHANNELS.items() for word in (channel, *words)}
_COLUMNS = ("channel", "direction", "subject", "notes", "at", "owner", "due_on", "done_at")

_table: sa.Table = Interaction.__table__  # type: ignore[attr-defined]
_people: sa.Table = Contact.__table__  # type: ignore[attr-defined]
_links: sa.Table = ContactFirm.__table__  # type: ignore[attr-defined]


def interaction_fields() -> tuple[Field, ...]:
    """Return the importable fields."""
    headers = known_headers("interactions")

    def field(name: str, kind: str = "text", longest: int | None = None, **more: Any) -> Field:
        return Field(name, kind, headers=headers.get(name, ()), max_length=longest, **more)

    return (
        field("code", "code", 64),
        field("customer", "code", 64, required=True, unless=("customer_name",)),
        field("customer_name", longest=200),
        field("contact", "code", 64),
        field("contact_name", longest=100),
        field("channel", longest=64, required=True),
        field("direction", "choice", choices=DIRECTIONS),
        field("subject", longest=LONGEST_SUBJECT, required=True, unless=("notes",)),
        field("notes", "note"),
        field("at", "datetime", required=True),
        field("owner", "code", 64),
        field("due_on", "date"),
        field("done_at", "datetime"),
    )


def load_interactions(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    """Create or update interactions by code, or where a row has none by customer, moment, channel and subject."""
    loader = InteractionLoader(tx, ctx)
    rows = loader.located(rows)
    repeats: Repeats = []
    for wave in waves(rows, loader.key, repeats):
        loader.load(wave)
    settle(repeats, loader.loaded)
    warn_of_owners(tx.connection, rows, loader.loaded)
    return loader.loaded


class InteractionLoader:
    """Takes the rows of one chunk."""

    def __init__(self, tx: Tx, ctx: LoadContext) -> None:
        self.loaded = Loaded()
        self._tx, self._ctx = tx, ctx
        self._customers: dict[int, int] = {}
        self._contacts: dict[int, int] = {}

    def located(self, rows: Sequence[Row]) -> list[Row]:
        """Find customer and contact of each row, and bring channel and subject into their form."""
        self._customers = find_customers(self._tx, rows, self._ctx, self.loaded)
        rows = [row for row in rows if row.line in self._customers or self._objection(row)]
        rows = [row for row in rows if row.line in self._customers]
        for row in rows:
            values = row.values
            values["channel"] = _CHANNEL_WORDS.get(values["channel"].casefold(), values["channel"])
            if "subject" not in values:
                first_line = str(values.get("notes", "")).split("\n", maxsplit=1)[0]
                values["subject"] = first_line[:LONGEST_SUBJECT] or values["channel"]
        return self._with_contacts(rows)

    def key(self, row: Row) -> Any:
        """Return what makes two rows the same interaction."""
        values = row.values
        return values.get("code") or (
            self._customers[row.line],
            values["at"],
            values["channel"],
            values["subject"],
        )

    def load(self, rows: Sequence[Row]) -> None:
        """Take rows of which each is another interaction."""
        known = self._known(rows)
        new = [row for row in rows if row.line not in known and not self._seen(row)]
        created = self._create(new)
        here = [row for row in rows if row.line in known]
        edits = [(row, known[row.line]["id"], self._difference(row, known[row.line])) for row in here]
        edits = [(row, number, changed) for row, number, changed in edits if changed]
        self._tx.update(
            Interaction,
            [(number, changed) for _row, number, changed in edits],
            refused=self._refuser([row for row, _number, _changed in edits]),
        )
        lost = {rejection.line for rejection in self.loaded.rejected}
        changed_lines = {row.line for row, _number, _changed in edits} - lost
        self.loaded.created += created
        self.loaded.updated += len(changed_lines)
        self.loaded.unchanged += sum(1 for row in here if row.line not in lost) - len(changed_lines)

    # -- inside ----------------------------------------------------------------------------------------------

    def _objection(self, row: Row) -> bool:
        """Reject a row without any customer; those with an unknown one are rejected already."""
        if "customer" not in row.values and "customer_name" not in row.values:
            self._reject(row, "customer", _("is empty"))
        return False

    def _reject(self, row: Row, column: str, reason: str) -> None:
        self.loaded.rejected.append(Rejected(row.line, column, str(row.values.get(column, "")), reason))

    def _with_contacts(self, rows: Sequence[Row]) -> list[Row]:
        connection = self._tx.connection
        codes = {row.values["contact"] for row in rows if "contact" in row.values}
        query = sa.select(_people.c.code, _people.c.id).where(among(connection, _people.c.code, codes))
        by_code: dict[str, int] = {row.code: row.id for row in connection.execute(query)} if codes else {}
        by_name = self._names_at_customers(rows)
        kept = []
        for row in rows:
            values = row.values
            number: int | None = None
            if "contact" in values:
                number = by_code.get(values["contact"])
                if number is None:
                    self._reject(row, "contact", _("there is no contact with this code"))
                    continue
            elif "contact_name" in values:
                number = by_name.get((self._customers[row.line], values["contact_name"]))
                if number is None:
                    self.loaded.warnings.append(
                        _("{name!r} is no contact of the customer yet; the interaction is in without").format(
                            name=values["contact_name"]
                        )
                    )
            if number is not None:
                self._contacts[row.line] = number
            kept.append(row)
        return kept

    def _names_at_customers(self, rows: Sequence[Row]) -> dict[tuple[int, str], int]:
        customers = {self._customers[row.line] for row in rows if "contact_name" in row.values}
        if not customers:
            return {}
        query = (
            sa.select(_links.c.customer_id, _people.c.name, _people.c.id)
            .join(_people, _people.c.id == _links.c.contact_id)
            .where(among(self._tx.connection, _links.c.customer_id, customers))
            .order_by(_links.c.id.desc())
        )
        return {(customer, name): number for customer, name, number in self._tx.connection.execute(query)}

    def _known(self, rows: Sequence[Row]) -> dict[int, sa.RowMapping]:
        connection = self._tx.connection
        codes = {row.values["code"] for row in rows if "code" in row.values}
        query = locked(sa.select(_table).where(among(connection, _table.c.code, codes)), _table)
        by_code = {row["code"]: row for row in connection.execute(query).mappings()} if codes else {}
        nameless = [row for row in rows if "code" not in row.values]
        by_content: dict[Any, sa.RowMapping] = {}
        if nameless:
            days = [row.values["at"] for row in nameless]
            query = sa.select(_table).where(
                among(connection, _table.c.customer_id, {self._customers[row.line] for row in nameless}),
                _table.c.at.between(min(days), max(days)),
            )
            for found in connection.execute(locked(query, _table)).mappings():
                by_content[found["customer_id"], found["at"], found["channel"], found["subject"]] = found
        both = [(row, by_code.get(row.values.get("code", ""), by_content.get(self.key(row)))) for row in rows]
        return {row.line: found for row, found in both if found is not None}

    def _seen(self, row: Row) -> bool:
        seen = self._ctx.seen
        if seen is None:
            return False
        told = hash(frozenset(row.values.items()))
        before = seen.get(self.key(row))
        seen[self.key(row)] = told
        if before is None:
            return False
        self.loaded.unchanged += before == told
        self.loaded.updated += before != told
        return True

    def _create(self, rows: Sequence[Row]) -> int:
        if not rows:
            return 0
        codes = iter(self._tx.new_codes("interaction", sum(1 for row in rows if "code" not in row.values)))
        records = []
        for row in rows:
            record = {name: row.values.get(name) for name in _COLUMNS}
            record["direction"] = record["direction"] or "out"
            record["code"] = row.values.get("code") or next(codes)
            record["customer_id"] = self._customers[row.line]
            record["contact_id"] = self._contacts.get(row.line)
            records.append(record)
        ids = self._tx.insert(Interaction, records, refused=self._refuser(rows))
        return sum(1 for number in ids if number)

    def _difference(self, row: Row, now: sa.RowMapping) -> dict[str, Any]:
        values = {name: row.values[name] for name in _COLUMNS if name in row.values}
        values["customer_id"] = self._customers[row.line]
        if row.line in self._contacts:
            values["contact_id"] = self._contacts[row.line]
        if self._ctx.clear_empty:
            clearable = self._ctx.columns.intersection(("notes", "owner", "due_on", "done_at"))
            values |= {name: None for name in clearable if name not in row.values}
        return {name: value for name, value in values.items() if now[name] != value}

    def _refuser(self, rows: Sequence[Row]) -> Any:
        def refused(index: int, refusal: Refusal) -> None:
            self._reject(rows[index], refusal.field or "subject", f"{refusal.message} [{refusal.plugin}]")

        return refused


def export_interactions(ctx: Context) -> Iterator[Mapping[str, Any]]:
    """Give all interactions but those with restricted persons by code, moments in UTC."""
    shown = hidden(ctx.connection, (_table.c.customer_id, "customer"), (_table.c.contact_id, "contact"))
    last: str | None = None
    while True:
        query = sa.select(_table).where(*shown).order_by(_table.c.code).limit(PAGE)
        if last is not None:
            query = query.where(_table.c.code > last)
        page = ctx.connection.execute(query).mappings().all()
        if not page:
            return
        customers = customer_codes(ctx.connection, {row["customer_id"] for row in page})
        contacts = codes_of(ctx.connection, Contact, {row["contact_id"] for row in page if row["contact_id"]})
        for row in page:
            yield {
                "code": row["code"],
                "customer": customers[row["customer_id"]],
                "contact": contacts.get(row["contact_id"]),
                **{name: row[name] for name in _COLUMNS},
                "at": row["at"].astimezone(UTC),
            }
        last = page[-1]["code"]
