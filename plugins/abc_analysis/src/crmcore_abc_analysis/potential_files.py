"""Estimates of potential in files: which columns they have, how they are loaded and written out again.

A row is found again by customer and day, so that the same file twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import (
    N_,
    Context,
    CrmError,
    Customer,
    Field,
    Importable,
    LoadContext,
    Loaded,
    Refusal,
    Rejected,
    Row,
    currency_code,
    customer_ids,
    from_minor,
    to_minor,
    translator,
    unrestricted,
)

from .potentials import LONGEST_BASIS, currency_of, potentials, problem_of, require_rate
from .runs import code_order, customers, parts_of
from .tables import AbcPotential

if TYPE_CHECKING:
    from crmcore.api import Tx

_ = translator("crmcore_abc_analysis")
_BLOCK = 2000

Key = tuple[str, date]
"""Customer's code and day."""


def _currency(text: str) -> str:
    try:
        return currency_of(currency_code(text))
    except CrmError as error:
        raise ValueError(str(error)) from None


FIELDS = (
    Field(
        "customer",
        "code",
        required=True,
        headers=("客户编码", "客户代码", "客户代号", "客户编号", "客户号", "客户", "往来单位编码", "customer code",
                 "customer id", "customer no", "customer number"),
        title=N_("Customer"),
        max_length=64,
    ),
    Field(
        "amount",
        "amount",
        required=True,
        headers=("发展潜力", "客户潜力", "潜力", "潜力金额", "年潜力", "年潜力金额", "年购买潜力", "预计年采购额",
                 "金额", "potential", "yearly potential", "annual potential", "potential amount"),
        title=N_("Amount in a year"),
    ),
    Field(
        "currency",
        headers=("币别", "币种", "货币", "currency code"),
        title=N_("Currency"),
        max_length=16,
        accept=_currency,
    ),
    Field(
        "estimated_on",
        "date",
        required=True,
        headers=("估计日期", "估算日期", "评估日期", "预估日期", "日期", "estimated", "estimate date", "as of",
                 "date"),
        title=N_("Estimated on"),
    ),
    Field(
        "basis",
        headers=("估计依据", "估算依据", "评估依据", "预估依据", "依据", "basis of estimate", "rests on", "source"),
        title=N_("Basis"),
        max_length=LONGEST_BASIS,
    ),
    Field(
        "estimator",
        headers=("估计人", "估算人", "评估人", "预估人", "estimated by"),
        title=N_("Estimated by"),
        max_length=64,
    ),
)  # fmt: skip


def importables() -> list[Importable]:
    """Return the one."""
    return [Importable("potentials", N_("Potentials"), FIELDS, load_potentials, export_potentials)]


def load_potentials(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    """Create estimates, or change what their rows say of them.

    A row without an estimator is whoever imports; one without a basis rests on the import.
    """
    loader = _Loader(tx, ctx)
    loader.load(rows)
    return loader.loaded


class _Loader:
    """Takes the rows of one chunk."""

    def __init__(self, tx: Tx, ctx: LoadContext) -> None:
        self.loaded = Loaded()
        self._tx, self._ctx = tx, ctx
        self._taken: set[Key] = set()
        self._ids: dict[str, int] = {}
        self._rates: dict[tuple[str, date], str] = {}
        self._known: dict[tuple[int, date], Mapping[str, Any]] = {}
        self._fresh: list[tuple[Row, dict[str, Any]]] = []
        self._edits: list[tuple[Row, int, dict[str, Any]]] = []

    def load(self, rows: Sequence[Row]) -> None:
        self._ids = self._customers(rows)
        self._known = self._estimates()
        for row in rows:
            if reason := self._obstacle(row):
                self._reject(row, *reason)
            else:
                self._take(row)
        self._write()
        self.loaded.rejected.sort(key=lambda rejected: rejected.line)

    # -- what is there ---------------------------------------------------------------------------------------

    def _customers(self, rows: Sequence[Row]) -> dict[str, int]:
        codes = {row.values["customer"] for row in rows}
        known = customer_ids(self._tx.connection, codes)
        missing = sorted(codes.difference(known)) if self._ctx.create_customers else []
        refused: dict[int, Refusal] = {}
        made = self._tx.insert(
            Customer, [{"code": code, "name": code} for code in missing], refused=refused.__setitem__
        )
        self.loaded.warnings += [
            f"{missing[index]}: {refusal.message} [{refusal.plugin}]" for index, refusal in refused.items()
        ]
        return known | {code: number for code, number in zip(missing, made, strict=True) if number}

    def _estimates(self) -> dict[tuple[int, date], Mapping[str, Any]]:
        found: dict[tuple[int, date], Mapping[str, Any]] = {}
        for part in parts_of(sorted(self._ids.values())):
            # As for a single estimate: one after the other, where there is none yet that could be locked.
            own = sa.select(customers.c.id).where(customers.c.id.in_(part)).order_by(customers.c.id)
            self._tx.connection.execute(own.with_for_update(key_share=True))
            query = sa.select(potentials).where(potentials.c.customer_id.in_(part))
            rows = self._tx.connection.execute(query).mappings()
            found |= {(row["customer_id"], row["estimated_on"]): row for row in rows}
        return found

    # -- row by row ------------------------------------------------------------------------------------------

    def _obstacle(self, row: Row) -> tuple[str, str] | None:
        """Return the field, and why the row cannot be taken; None = it can."""
        values = row.values
        if values["customer"] not in self._ids:
            return "customer", _(
                "no customer has this code; import the customers first, or use --create-customers"
            )
        if values["estimated_on"] > self._ctx.today:
            return "estimated_on", _("is after today; an estimate is of today or earlier")
        if _key(row) in self._taken:
            return "estimated_on", _("the customer has another estimate of this day in the file")
        try:
            problem = problem_of(to_minor(values["amount"], self._currency_of(row)))
        except ValueError as error:
            problem = str(error)
        if problem:
            return "amount", problem
        unknown = self._rate_problem(self._currency_of(row), values["estimated_on"])
        return ("currency", unknown) if unknown else None

    def _rate_problem(self, currency: str, day: date) -> str:
        """Say that a currency has no exchange rate on a day; "" = it has one."""
        if (currency, day) not in self._rates:
            try:
                require_rate(self._tx.ctx, currency, day)
            except CrmError as error:
                self._rates[currency, day] = str(error)
            else:
                self._rates[currency, day] = ""
        return self._rates[currency, day]

    def _take(self, row: Row) -> None:
        self._taken.add(_key(row))
        currency = self._currency_of(row)
        stated = {"amount_minor": to_minor(row.values["amount"], currency), "currency": currency}
        stated |= {name: row.values[name] for name in ("estimator", "basis") if name in row.values}
        customer_id = self._ids[row.values["customer"]]
        known = self._known.get((customer_id, row.values["estimated_on"]))
        if known is None and self._seen(row, stated):
            return
        if known is not None:
            changes = {name: value for name, value in stated.items() if known[name] != value}
            self._edits.append((row, known["id"], changes))
            return
        usual = {"estimator": self._tx.actor, "basis": f"import {self._ctx.import_id}"}
        place = {"customer_id": customer_id, "estimated_on": row.values["estimated_on"]}
        self._fresh.append((row, {**place, **usual, **stated}))

    def _seen(self, row: Row, stated: Mapping[str, Any]) -> bool:
        """Count a row of a dry run as its chunk would be counted if the chunks before it had been kept."""
        seen = self._ctx.seen
        if seen is None:
            return False
        before = seen.get(_key(row))
        seen[_key(row)] = {**(before or {}), **stated}
        if before is None:
            return False
        same = all(before.get(name) == value for name, value in stated.items())
        self.loaded.unchanged += same
        self.loaded.updated += not same
        return True

    def _currency_of(self, row: Row) -> str:
        currency: str = row.values.get("currency", self._ctx.currency)
        return currency

    # -- writing ---------------------------------------------------------------------------------------------

    def _write(self) -> None:
        fresh = self._fresh
        changed = [(row, number, changes) for row, number, changes in self._edits if changes]
        ids = self._tx.insert(
            AbcPotential,
            [values for _row, values in fresh],
            refused=self._refuser([row for row, _values in fresh]),
        )
        self.loaded.created += sum(map(bool, ids))
        self.loaded.updated += self._tx.update(
            AbcPotential,
            [(number, changes) for _row, number, changes in changed],
            refused=self._refuser([row for row, _number, _changes in changed]),
        )
        self.loaded.unchanged += len(self._edits) - len(changed)

    def _refuser(self, rows: Sequence[Row]) -> Callable[[int, Refusal], None]:
        return lambda index, refusal: self._reject(rows[index], refusal.field or "amount", refusal.message)

    def _reject(self, row: Row, column: str, reason: str) -> None:
        value = str(row.values.get(column, ""))
        self.loaded.rejected.append(Rejected(row.line, column, value, reason))


def _key(row: Row) -> Key:
    return row.values["customer"], row.values["estimated_on"]


def export_potentials(ctx: Context) -> Iterator[Mapping[str, Any]]:
    """Yield all estimates by customer and day."""
    query = (
        sa.select(potentials, customers.c.code)
        .join(customers, customers.c.id == potentials.c.customer_id)
        .where(*unrestricted(ctx.connection, customers.c.id))
        .order_by(code_order(ctx.connection), potentials.c.estimated_on)
    )
    for row in ctx.connection.execute(query, execution_options={"yield_per": _BLOCK}).mappings():
        yield {
            "customer": row["code"],
            "amount": from_minor(row["amount_minor"], row["currency"]),
            **{name: row[name] for name in ("currency", "estimated_on", "basis", "estimator")},
        }
