"""The importer and exporter of contacts (联络人): a person, and the person's place at a firm."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from crmcore.builtin.exchange.headers import known_headers
from crmcore.builtin.exchange.references import find_customers
from crmcore.builtin.exchange.sql import among, locked
from crmcore.builtin.exchange.waves import Repeats, settle, waves
from crmcore.builtin.privacy.restricted import hidden
from crmcore.entities.lookup import customer_codes
from crmcore.entities.tables import Contact, ContactFirm
from crmcore.i18n import translator
from crmcore.plugins.types import Context, Field, LoadContext, Loaded, Refusal, Rejected, Row
from crmcore.tx import Tx

_ = translator("crmcore")

PAGE = 500
DUPLICATES_NAMED = 3
ROLES = {
    "decides": ("决策", "决策者", "决策人", "decision maker", "decider"),
    "advises": ("建议", "参谋", "顾问", "adviser", "advisor"),
    "opposes": ("反对", "反对者", "opponent"),
    "influences": ("影响", "影响者", "influencer"),
    "uses": ("使用", "使用者", "user"),
    "gatekeeper": ("把关", "把关者", "守门人"),
    "owner": ("老板", "业主", "所有者"),
    "legal_representative": ("法定代表", "法定代表人", "法人", "法人代表", "legal representative"),
    "key_person": ("关键人", "关键人物", "key person"),
}
_WORDS = {word: role for role, words in ROLES.items() for word in (role, *words)}
_BETWEEN = re.compile(r"\s*[,;、/|，；]\s*")
_PERSON = ("name", "phone", "mobile", "email")
_NOWHERE: Mapping[str, Any] = {}
_PLACE = ("roles", "position", "since", "until")

_people: sa.Table = Contact.__table__  # type: ignore[attr-defined]
_links: sa.Table = ContactFirm.__table__  # type: ignore[attr-defined]


def contact_fields() -> tuple[Field, ...]:
    """Return the importable fields."""
    headers = known_headers("contacts")
    specs: tuple[tuple[str, str, int | None], ...] = (
        ("code", "code", 64),
        ("name", "text", 100),
        ("customer", "code", 64),
        ("customer_name", "text", 200),
        ("phone", "phone", 64),
        ("mobile", "phone", 64),
        ("email", "text", 200),
        ("position", "text", 100),
        ("roles", "text", 200),
        ("since", "date", None),
        ("until", "date", None),
        ("notes", "note", 4000),
    )
    return tuple(
        Field(name, kind, required=name == "name", headers=headers.get(name, ()), max_length=longest)
        for name, kind, longest in specs
    )


def load_contacts(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    """Create or update contacts by code, or where a row has none by firm and name; returns what was done."""
    loader = ContactLoader(tx, ctx)
    rows = loader.located(rows)
    repeats: Repeats = []
    for wave in waves(rows, loader.key, repeats):
        loader.load(wave)
    settle(repeats, loader.loaded)
    return loader.loaded


class ContactLoader:
    """Takes the rows of one chunk."""

    def __init__(self, tx: Tx, ctx: LoadContext) -> None:
        self.loaded = Loaded()
        self._tx, self._ctx = tx, ctx
        self._firms: dict[int, int] = {}
        self._named = 0
        self._claimed: set[int] = set()
        """Persons of whom a row of this chunk spoke."""
        self._taken: Collection[str] = ()
        """Codes of this chunk that somebody has."""

    def located(self, rows: Sequence[Row]) -> list[Row]:
        """Find the firm of each row, and read its roles."""
        self._firms = find_customers(self._tx, rows, self._ctx, self.loaded)
        rejected = {rejection.line for rejection in self.loaded.rejected}
        return [row for row in rows if row.line not in rejected and self._acceptable(row)]

    def key(self, row: Row) -> Any:
        """Return what makes a row's person the same person."""
        return row.values.get("code") or (self._firms.get(row.line), row.values["name"])

    def load(self, rows: Sequence[Row]) -> None:
        """Take rows of which each speaks of another person."""
        known = self._known(rows)
        rows = [row for row in rows if not self._belongs_to_another(row, known.get(row.line))]
        new = [row for row in rows if row.line not in known and not self._seen(row)]
        here = [row for row in rows if row.line in known]
        ids = {**self._create(new), **{row.line: int(known[row.line]["id"]) for row in here}}
        changed = self._edit_people(here, known)
        self._place([row for row in rows if row.line in ids], ids, changed)
        lost = {rejection.line for rejection in self.loaded.rejected}
        created = {row.line for row in new} - lost
        kept = {row.line for row in here} - lost
        self.loaded.created += len(created)
        self.loaded.updated += len(kept & changed)
        self.loaded.unchanged += len(kept - changed)

    # -- inside ----------------------------------------------------------------------------------------------

    def _acceptable(self, row: Row) -> bool:
        values = row.values
        if "code" not in values and row.line not in self._firms:
            return self._reject(row, "customer", _("is empty, and there is no code either"))
        if "roles" in values:
            words = [word for word in _BETWEEN.split(values["roles"]) if word]
            unknown = [word for word in words if word.casefold() not in _WORDS]
            if unknown:
                return self._reject(row, "roles", _("is none of: {choices}").format(choices=", ".join(ROLES)))
            values["roles"] = list(dict.fromkeys(_WORDS[word.casefold()] for word in words))
        if "since" in values and "until" in values and values["until"] < values["since"]:
            return self._reject(row, "until", _("is before since"))
        return True

    def _reject(self, row: Row, column: str, reason: str) -> bool:
        self.loaded.rejected.append(Rejected(row.line, column, str(row.values.get(column, "")), reason))
        return False

    def _known(self, rows: Sequence[Row]) -> dict[int, sa.RowMapping]:
        """Return line → the person's row, found by code or by firm and name."""
        connection = self._tx.connection
        codes = {row.values["code"] for row in rows if "code" in row.values}
        by_code = {
            person["code"]: person
            for person in connection.execute(
                locked(sa.select(_people).where(among(connection, _people.c.code, codes)), _people)
            ).mappings()
        }
        firms = {self._firms[row.line] for row in rows if row.line in self._firms}
        query = (
            sa.select(_people, _links.c.customer_id, _links.c.position)
            .join(_links, _links.c.contact_id == _people.c.id)
            .where(among(connection, _links.c.customer_id, firms))
            .order_by(_links.c.id.desc())
            .with_for_update(of=_people, key_share=True)
        )
        self._by_place = {(p["customer_id"], p["name"]): p for p in connection.execute(query).mappings()}
        self._taken = by_code.keys()
        found = {}
        for row in rows:
            person = self._same_person(row, by_code)
            if person is not None:
                found[row.line] = person
                self._claimed.add(person["id"])
        return found

    def _same_person(self, row: Row, by_code: Mapping[str, sa.RowMapping]) -> sa.RowMapping | None:
        namesake = self._by_place.get((self._firms.get(row.line), row.values["name"]))
        if "code" not in row.values:
            return namesake
        person = by_code.get(row.values["code"])
        if person is not None and person["name"] == row.values["name"]:
            return person
        # Of whom a customer card told no more than the name, this row tells the rest, the code among it.
        if namesake is not None and _is_bare(namesake, row) and namesake["id"] not in self._claimed:
            return namesake
        return person

    def _belongs_to_another(self, row: Row, person: sa.RowMapping | None) -> bool:
        """Refuse a code that somebody of another name and another firm has: codes never change hands."""
        if person is None or "code" not in row.values or person["name"] == row.values["name"]:
            return False  # nobody, or the same person
        firm = self._firms.get(row.line)
        query = sa.select(_links.c.id).where(
            _links.c.contact_id == person["id"], _links.c.customer_id == firm
        )
        if firm is None or self._tx.connection.scalar(query.limit(1)) is not None:
            return False
        reason = _("belongs to {name}, who is not at this customer").format(name=person["name"])
        return not self._reject(row, "code", reason)

    def _seen(self, row: Row) -> bool:
        seen = self._ctx.seen
        if seen is None:
            return False
        told = repr(sorted(row.values.items()))
        before = seen.get(self.key(row))
        seen[self.key(row)] = told
        if before is None:
            return False
        self.loaded.unchanged += before == told
        self.loaded.updated += before != told
        return True

    def _create(self, rows: Sequence[Row]) -> dict[int, int]:
        if not rows:
            return {}
        codes = iter(self._tx.new_codes("contact", sum(1 for row in rows if "code" not in row.values)))
        records = []
        for row in rows:
            code = row.values.get("code") or next(codes)
            record = {"code": code, **{name: row.values.get(name) for name in _PERSON}}
            record["attributes"] = {"notes": row.values["notes"]} if "notes" in row.values else {}
            records.append(record)
            self._warn_of_namesake(row, code)
        ids = self._tx.insert(Contact, records, refused=self._refuser(rows))
        return {row.line: number for row, number in zip(rows, ids, strict=True) if number}

    def _warn_of_namesake(self, row: Row, code: str) -> None:
        namesake = self._by_place.get((self._firms.get(row.line), row.values["name"]))
        if namesake is None:
            return
        self.loaded.possible_duplicates += 1
        if self._named < DUPLICATES_NAMED:
            self._named += 1
            self.loaded.warnings.append(
                _("{code} may be {other}: the same name {value!r} at the same customer").format(
                    code=code, other=namesake["code"], value=row.values["name"]
                )
            )

    def _refuser(self, rows: Sequence[Row]) -> Any:
        def refused(index: int, refusal: Refusal) -> None:
            self._reject(rows[index], refusal.field or "name", f"{refusal.message} [{refusal.plugin}]")

        return refused

    def _edit_people(self, rows: Sequence[Row], known: Mapping[int, sa.RowMapping]) -> set[int]:
        edits: list[tuple[Row, int, dict[str, Any]]] = []
        for row in rows:
            person, values = known[row.line], row.values
            changed = {n: values[n] for n in _PERSON if n in values and person[n] != values[n]}
            if self._ctx.clear_empty:
                empty = [n for n in _PERSON if n != "name" and n in self._ctx.columns and n not in values]
                changed |= {n: None for n in empty if person[n] is not None}
            if values.get("code", person["code"]) != person["code"] and values["code"] not in self._taken:
                changed["code"] = values["code"]
            if "notes" in values and person["attributes"].get("notes") != values["notes"]:
                changed["attributes"] = {"notes": values["notes"]}
            if changed:
                edits.append((row, person["id"], changed))
        self._tx.update(
            Contact,
            [(number, c) for _row, number, c in edits],
            refused=self._refuser([row for row, _n, _c in edits]),
        )
        return {row.line for row, _number, _changed in edits}

    def _place(self, rows: Sequence[Row], ids: Mapping[int, int], changed: set[int]) -> None:
        """Make or change the place of each person at the firm of its row."""
        connection = self._tx.connection
        rows = [row for row in rows if row.line in self._firms]
        query = sa.select(_links).where(among(connection, _links.c.contact_id, set(ids.values())))
        found = connection.execute(locked(query, _links)).mappings()
        places = {(p["contact_id"], p["customer_id"]): p for p in found}
        new: list[tuple[Row, dict[str, Any]]] = []
        edits: list[tuple[Row, int, dict[str, Any]]] = []
        for row in rows:
            wanted = {name: row.values[name] for name in _PLACE if name in row.values}
            place = places.get((ids[row.line], self._firms[row.line]))
            if place is None:
                blank: dict[str, Any] = {"roles": [], "position": None, "since": None, "until": None}
                new.append(
                    (
                        row,
                        {
                            "contact_id": ids[row.line],
                            "customer_id": self._firms[row.line],
                            **blank,
                            **wanted,
                        },
                    )
                )
            else:
                different = {name: value for name, value in wanted.items() if place[name] != value}
                if different:
                    edits.append((row, place["id"], different))
        self._tx.insert(
            ContactFirm, [link for _row, link in new], refused=self._refuser([row for row, _l in new])
        )
        self._tx.update(
            ContactFirm,
            [(n, c) for _row, n, c in edits],
            refused=self._refuser([row for row, _n, _c in edits]),
        )
        changed |= {row.line for row, _link in new} | {row.line for row, _n, _c in edits}


def _is_bare(person: sa.RowMapping, row: Row) -> bool:
    """Tell whether no more is known of a person than what a customer card says, and that the row says as well."""
    if person["mobile"] not in {None, row.values.get("mobile")}:
        return False
    return not (person["email"] or person["attributes"] or person["position"])


def export_contacts(ctx: Context) -> Iterator[Mapping[str, Any]]:
    """Give all contacts but restricted ones by code, one row for each firm at which a person is or was."""
    shown = hidden(ctx.connection, (_people.c.id, "contact"))
    last: str | None = None
    while True:
        query = sa.select(_people).where(*shown).order_by(_people.c.code).limit(PAGE)
        if last is not None:
            query = query.where(_people.c.code > last)
        page = ctx.connection.execute(query).mappings().all()
        if not page:
            return
        yield from _exported(ctx, page)
        last = page[-1]["code"]


def _exported(ctx: Context, page: Sequence[sa.RowMapping]) -> Iterator[Mapping[str, Any]]:
    ids = [person["id"] for person in page]
    query = sa.select(_links).where(among(ctx.connection, _links.c.contact_id, ids)).order_by(_links.c.id)
    places: dict[int, list[Mapping[str, Any]]] = {}
    for link in ctx.connection.execute(query).mappings():
        places.setdefault(link["contact_id"], []).append(dict(link))
    firms = customer_codes(ctx.connection, {p["customer_id"] for found in places.values() for p in found})
    for person in page:
        # A person without a firm stands there too.
        # By firm, not by when the place was made: the same company gives the same file.
        at = sorted(
            places.get(person["id"], ()), key=lambda place: (firms[place["customer_id"]], place["id"])
        )
        for place in at or [_NOWHERE]:
            yield {
                "code": person["code"],
                "name": person["name"],
                "customer": firms.get(place.get("customer_id", 0)),
                **{name: person[name] for name in ("phone", "mobile", "email")},
                "position": place.get("position"),
                "roles": ",".join(place.get("roles", ())) or None,
                "since": place.get("since"),
                "until": place.get("until"),
                "notes": person["attributes"].get("notes"),
            }
