"""The importer of customers (客户): keyed by code, only what the file says is touched."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from crmcore.builtin.columns import Columns
from crmcore.builtin.duplicates.heirs import heirs
from crmcore.builtin.duplicates.tax_warnings import tax_id_warnings
from crmcore.builtin.exchange.customer_fields import parse_field
from crmcore.builtin.exchange.duplicates import find_duplicates, folded_name, sentence
from crmcore.builtin.exchange.parents import circular, link_parents
from crmcore.builtin.exchange.references import warn_of_owners
from crmcore.builtin.exchange.sql import among, locked
from crmcore.builtin.exchange.waves import Repeats, settle, waves
from crmcore.builtin.records.card_contacts import (
    CODE_FIELDS,
    CONTACT_FIELDS,
    CONTACT_NUMBERS,
    CardContacts,
    read_card_contacts,
    write_card_contacts,
)
from crmcore.entities.lookup import customer_codes, customer_ids
from crmcore.entities.tables import Customer
from crmcore.i18n import translator
from crmcore.plugins.types import LoadContext, Loaded, Refusal, Rejected, Row
from crmcore.tx import Tx

__all__ = ["link_parents", "load_customers", "parse_field"]

_ = translator("crmcore")

DUPLICATES_NAMED = 3

_table: sa.Table = Customer.__table__  # type: ignore[attr-defined]


def load_customers(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    """Create or update customers by their codes; returns what was done with each row."""
    loader = CustomerLoader(tx, ctx)
    repeats: Repeats = []
    for wave in waves(loader.coded(rows), lambda row: row.values["code"], repeats):
        loader.load(wave)
    settle(repeats, loader.loaded)
    warn_of_owners(tx.connection, rows, loader.loaded)
    if "tax_id" in ctx.columns:
        loader.loaded.warnings += tax_id_warnings(rows, DUPLICATES_NAMED)
    return loader.loaded


class CustomerLoader:
    """Takes the rows of one chunk."""

    def __init__(self, tx: Tx, ctx: LoadContext) -> None:
        self.loaded = Loaded()
        self._tx, self._ctx = tx, ctx
        catalogue = tx.ctx.catalogue
        sources = {name: catalogue.fields[name].source for name in catalogue.fields if name in ctx.columns}
        self._codes_of_people = [name for name in CODE_FIELDS if name in ctx.columns]
        self._columns = [name for name, source in sources.items() if source == "column" and name != "parent"]
        self._has_numbers = not sources.keys().isdisjoint(CONTACT_NUMBERS)
        if self._has_numbers and "phone" not in self._columns:
            self._columns.append("phone")
        self._attributes = [name for name, source in sources.items() if source == "attribute"]
        self._people = [name for name in CONTACT_FIELDS if name in sources]
        self._has_parent = "parent" in sources
        defaults = {name: Customer.model_fields[name].default for name in self._columns}
        self._defaults = {
            name: default if isinstance(default, str) else None for name, default in defaults.items()
        }
        self._clearable = frozenset(sources) - {
            "code",
            "name",
            "kind",
            "lifecycle",
            "legal_representative",
            "contact",
        }

    def coded(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Give codes to rows without one, where that was asked for."""
        if not self._ctx.generate_codes:
            return rows
        if "code" not in self._columns:
            self._columns.append("code")
            self._defaults["code"] = None
        without = [row for row in rows if "code" not in row.values]
        for row, code in zip(without, self._tx.new_codes("customer", len(without)), strict=True):
            row.values["code"] = code
        return rows

    def load(self, rows: Sequence[Row]) -> None:
        """Take rows of which each has another code."""
        if self._has_parent:
            rows = [row for row in rows if not self._is_own_parent(row)]
        known = self._known(rows)
        if known:
            rows = self._without_merged(rows, known)
        if self._has_numbers:
            self._settle_nameless(rows, known)
        new = [row for row in rows if row.values["code"] not in known] if known else rows
        self._create([row for row in new if not self._seen(row)] if self._ctx.seen is not None else new)
        if known:
            self._edit([row for row in rows if row.values["code"] in known], known)

    # -- inside ----------------------------------------------------------------------------------------------

    def _is_own_parent(self, row: Row) -> bool:
        wrong = bool(row.values.get("parent") == row.values["code"])
        if wrong:
            self._reject(row, "parent", _("is the customer itself"))
        return wrong

    def _reject(self, row: Row, column: str, reason: str) -> None:
        value = row.values.get(column, "")
        self.loaded.rejected.append(Rejected(row.line, column, str(value), reason))

    def _known(self, rows: Sequence[Row]) -> dict[str, Any]:
        names = {"id", "code", *self._columns, *(["parent_id"] if self._has_parent else [])}
        names |= {"attributes"} if self._attributes else set()
        codes = {row.values["code"] for row in rows}
        if not _any_between(self._tx.connection, codes):
            return {}
        query = sa.select(*(_table.c[name] for name in sorted(names))).where(
            among(self._tx.connection, _table.c.code, codes)
        )
        found = self._tx.connection.execute(locked(query, _table)).mappings()
        return {row["code"]: row for row in found}

    def _without_merged(self, rows: Sequence[Row], known: Mapping[str, Any]) -> Sequence[Row]:
        """Leave out the rows of customers that were merged into others: what files still say of them changes nothing."""
        gone = heirs(self._tx.connection, [now["id"] for now in known.values()])
        if not gone:
            return rows
        into = customer_codes(self._tx.connection, gone.values())
        own: list[Row] = []
        for row in rows:
            now = known.get(row.values["code"])
            if now is None or now["id"] not in gone:
                own.append(row)
                continue
            self.loaded.unchanged += 1
            message = _("{code} was merged into {into}; its row was left out")
            self.loaded.warnings.append(message.format(code=now["code"], into=into[gone[now["id"]]]))
        return own

    def _seen(self, row: Row) -> bool:
        """Count a row whose code an earlier chunk of a dry run would have made."""
        seen, code = self._ctx.seen, row.values["code"]
        if seen is None or code not in seen:
            return False
        same = seen[code] == _print_of(row)
        self.loaded.unchanged += same
        self.loaded.updated += not same
        seen[code] = _print_of(row)
        return True

    # -- new customers ---------------------------------------------------------------------------------------

    def _create(self, rows: Sequence[Row]) -> None:
        created = self._insert_new(rows) if self._ctx.refuse_duplicates else self._insert(rows)
        if not created:
            return
        self._tell_duplicates(created)
        if self._ctx.seen is not None:
            self._ctx.seen.update((row.values["code"], _print_of(row)) for row in created.values())
        self.loaded.created += len(created)
        if self._people:
            self._write_people(created)

    def _insert_new(self, rows: Sequence[Row]) -> dict[int, Row]:
        """Write those of the rows that repeat no customer; the others are rejected, with whom they look like."""
        from crmcore.builtin.duplicates.incoming import Incoming

        incoming = Incoming(self._tx, self._ctx.seen)
        repeats = incoming.refusals(rows)
        for row in rows:
            if row.line in repeats:
                self._reject(row, "name", repeats[row.line])
        created = self._insert([row for row in rows if row.line not in repeats])
        incoming.remember({row.line: number for number, row in created.items()})
        return created

    def _insert(self, rows: Sequence[Row]) -> dict[int, Row]:
        """Write new customers; returns id → row of those that no plugin refused."""
        created: dict[int, Row] = {}
        for part, parents in self._generations(rows):
            ids = self._tx.insert(Customer, self._records(part, parents), refused=self._refuser(part))
            created |= {number: row for number, row in zip(ids, part, strict=True) if number}
        return created

    def _tell_duplicates(self, created: Mapping[int, Row]) -> None:
        sentences = find_duplicates(self._tx.connection, created)
        if self._ctx.seen is not None:
            sentences |= _seen_before(created, self._ctx.seen)
        self.loaded.possible_duplicates += len(sentences)
        self.loaded.warnings += list(sentences.values())[:DUPLICATES_NAMED]

    def _generations(self, rows: Sequence[Row]) -> Iterator[tuple[list[Row], dict[str, int]]]:
        """Give rows so that parents come before their children; those whose parent is not there yet come last."""
        if not self._has_parent:
            yield list(rows), {}
            return
        waiting = list(rows)
        while waiting:
            named = {row.values["parent"] for row in waiting if "parent" in row.values}
            parents = customer_ids(self._tx.connection, named)
            here = {row.values["code"] for row in waiting}
            ready = [
                r for r in waiting if r.values.get("parent") in parents or r.values.get("parent") not in here
            ]
            if not ready:
                # They name each other in a circle; the second pass will say so.
                ready = waiting
            self.loaded.deferred += sum(1 for r in ready if r.values.get("parent", "") not in {*parents, ""})
            yield ready, parents
            lines = {row.line for row in ready}
            waiting = [row for row in waiting if row.line not in lines]

    def _records(self, rows: Sequence[Row], parents: Mapping[str, int]) -> Columns:
        """Return the rows as columns of the table; attributes are in the form in which they are stored already."""
        values = [row.values for row in rows]
        columns = {name: _column(values, name, default) for name, default in self._defaults.items()}
        if self._attributes:
            names = self._attributes
            columns["attributes"] = [{n: given[n] for n in names if n in given} for given in values]
        if self._has_parent:
            columns["parent_id"] = [parents.get(given.get("parent", "")) for given in values]
        return Columns(columns, len(rows))

    def _refuser(self, rows: Sequence[Row]) -> Any:
        def refused(index: int, refusal: Refusal) -> None:
            self._reject(rows[index], refusal.field or "code", f"{refusal.message} [{refusal.plugin}]")

        return refused

    # -- customers that are there ----------------------------------------------------------------------------

    def _edit(self, rows: Sequence[Row], known: Mapping[str, Any]) -> None:
        if not rows:
            return
        differences = [(row, known[row.values["code"]], self._difference(row, known)) for row in rows]
        if self._has_parent:
            differences = self._with_parents(differences)
        edits = [(row, now["id"], changed) for row, now, changed in differences if changed]
        self._tx.update(
            Customer,
            [(number, changed) for _row, number, changed in edits],
            refused=self._refuser([row for row, _number, _changed in edits]),
        )
        lines = {rejection.line for rejection in self.loaded.rejected}
        taken = {now["id"]: row for row, now, _changed in differences if row.line not in lines}
        changed_ids = {number for row, number, _changed in edits if row.line not in lines}
        changed_ids |= self._write_people(taken)
        self.loaded.updated += len(changed_ids)
        self.loaded.unchanged += len(taken) - len(changed_ids)

    def _difference(self, row: Row, known: Mapping[str, Any]) -> dict[str, Any]:
        values, now = row.values, known[row.values["code"]]
        changed = {n: values[n] for n in self._columns if n in values and now[n] != values[n]}
        if self._attributes:
            held = now["attributes"]
            new = {n: values[n] for n in self._attributes if n in values and held.get(n) != values[n]}
            if self._ctx.clear_empty:
                new |= {n: None for n in self._attributes if n not in values and held.get(n) is not None}
            if new:
                changed["attributes"] = new
        if self._ctx.clear_empty:
            empty = [n for n in self._columns if n in self._clearable and n not in values]
            changed |= {n: None for n in empty if now[n] is not None}
        return changed

    def _with_parents(
        self, differences: Sequence[tuple[Row, Any, dict[str, Any]]]
    ) -> list[tuple[Row, Any, Any]]:
        """Add new parents to edits; a parent that comes later is deferred, one that makes a circle refused."""
        connection = self._tx.connection
        ids = customer_ids(
            connection, {row.values["parent"] for row, _n, _c in differences if "parent" in row.values}
        )
        wanted: dict[int, int] = {}
        for row, now, changed in differences:
            parent = row.values.get("parent")
            if parent is None:
                if self._ctx.clear_empty and now["parent_id"] is not None:
                    changed["parent_id"] = None
            elif parent not in ids:
                self.loaded.deferred += 1
            elif now["parent_id"] != ids[parent]:
                wanted[now["id"]] = changed["parent_id"] = ids[parent]
        wrong = circular(connection, wanted) if wanted else set()
        for row, now, _changed in differences:
            if now["id"] in wrong:
                self._reject(row, "parent", _("would make the customer its own ancestor"))
        return [entry for entry in differences if entry[1]["id"] not in wrong]

    # -- people ----------------------------------------------------------------------------------------------

    def _write_people(self, rows: Mapping[int, Row]) -> set[int]:
        """Write the contacts of cards; a person refused by a plugin is a warning, the customer is in."""
        if not self._people:
            return set()
        wanted = {number: self._people_of(row) for number, row in rows.items()}
        codes = {number: row.values["code"] for number, row in rows.items()}
        refused: set[int] = set()

        def warn(number: int, refusal: Refusal) -> None:
            refused.add(number)
            self.loaded.warnings.append(
                _("the contact of {code} was refused: {reason}").format(
                    code=codes[number], reason=refusal.message
                )
            )

        return (
            write_card_contacts(self._tx, {n: values for n, values in wanted.items() if values}, warn)
            - refused
        )

    def _settle_nameless(self, rows: Sequence[Row], known: Mapping[str, Any]) -> None:
        """Take contacts' numbers without a name for the customer's own phone, where no contact is known."""
        nameless = [
            row
            for row in rows
            if "contact" not in row.values and not row.values.keys().isdisjoint(CONTACT_NUMBERS)
        ]
        here = [known[row.values["code"]]["id"] for row in nameless if row.values["code"] in known]
        cards = read_card_contacts(self._tx.connection, here)
        cleared = self._ctx.clear_empty and "phone" in self._clearable
        for row in nameless:
            now = known.get(row.values["code"])
            if now is None:
                self._settle_numbers(row, None)
            elif cards.get(now["id"], CardContacts()).first is None:
                self._settle_numbers(row, None if cleared else now["phone"])

    def _settle_numbers(self, row: Row, phone: str | None) -> None:
        """Take the numbers of a contact without a name out of a row; phone: the one that the customer has."""
        phone = row.values.get("phone", phone)
        numbers = [row.values.pop(name) for name in CONTACT_NUMBERS if name in row.values]
        if phone is None:
            phone = row.values["phone"] = numbers[0]
            self.loaded.warnings.append(
                _("numbers of contacts without a name were taken as the customers' own phones")
            )
        if any(number != phone for number in numbers):
            message = _(
                "{code}: a contact's number was left out, since it has no name and the customer has another phone; name the contact"
            )
            self.loaded.warnings.append(message.format(code=row.values["code"]))

    def _people_of(self, row: Row) -> dict[str, Any]:
        values = {name: row.values[name] for name in self._people if name in row.values}
        if values:
            values |= {name: row.values[name] for name in self._codes_of_people if name in row.values}
        if self._ctx.clear_empty:
            values |= {name: None for name in CONTACT_NUMBERS if name in self._people and name not in values}
        return values


def _column(values: Sequence[dict[str, Any]], name: str, default: Any) -> list[Any]:
    """Return what rows say of a column; nearly always each says something, or none does."""
    try:
        return list(map(itemgetter(name), values))
    except KeyError:
        return [given.get(name, default) for given in values]


def _any_between(connection: sa.Connection, codes: Collection[str]) -> bool:
    """Tell by one look whether any of the codes may be there: a sorted file of new customers needs no more."""
    if not codes or connection.dialect.name != "sqlite":
        return bool(codes)  # PostgreSQL may sort texts in another way than we do
    query = sa.select(_table.c.id).where(_table.c.code.between(min(codes), max(codes))).limit(1)
    return connection.scalar(query) is not None


def _print_of(row: Row) -> int:
    """Return a number that stands for what a row says."""
    return hash(frozenset(row.values.items()))


def _seen_before(created: Mapping[int, Row], seen: dict[Any, Any]) -> dict[int, str]:
    """Return the rows that may repeat one of an earlier chunk of a dry run, which was taken back."""
    found = {}
    for number, row in created.items():
        for column in ("name", "tax_id"):
            value = row.values.get(column)
            if value is not None:
                # Remembered as a number, so that a million rows stay small.
                key = hash((column, folded_name(value) if column == "name" else value))
                other = seen.setdefault(key, row.values["code"])
                if other != row.values["code"]:
                    found[number] = sentence(row, other, column)
    return found
