"""Rewards and entries in files: which columns they have, how they are loaded, how they are written out again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import (
    N_,
    Context,
    Customer,
    Field,
    Importable,
    LoadContext,
    Loaded,
    Row,
    customer_ids,
    translator,
)

from .loading import Loader
from .tables import Entry, Reward, entries, rewards

if TYPE_CHECKING:
    from crmcore.api import Tx

_ = translator("crmcore_loyalty_club")
_BLOCK = 500

REWARD_FIELDS = (
    Field("code", "code", required=True, headers=("奖品编号",), title=N_("Reward"), max_length=64),
    Field("title", required=True, headers=("奖品名称",), title=N_("Title"), max_length=200),
    Field("points", "integer", required=True, headers=("积分",), title=N_("Points")),
)
ENTRY_FIELDS = (
    Field("reference", "code", required=True, headers=("单号",), title=N_("Reference"), max_length=64),
    Field("customer", "code", required=True, headers=("客户编号",), title=N_("Customer"), max_length=64),
    Field("date", "date", required=True, headers=("日期",), title=N_("Date")),
    Field("points", "integer", required=True, headers=("积分",), title=N_("Points")),
    Field("reward", "code", headers=("奖品编号",), title=N_("Reward"), max_length=64),
)


def importables() -> list[Importable]:
    """Return both."""
    return [
        Importable("rewards", N_("Rewards"), REWARD_FIELDS, load_rewards, export_rewards),
        Importable("points", N_("Loyalty points"), ENTRY_FIELDS, load_entries, export_entries),
    ]


def load_rewards(tx: Tx, rows: Sequence[Row], _ctx: LoadContext) -> Loaded:
    """Create rewards, or change what their rows say of them."""
    loader = Loader(tx, Reward, "code")
    for row in rows:
        if row.values["points"] > 0:
            loader.take(row, {name: row.values[name] for name in ("code", "title", "points")})
        else:
            loader.reject(row, "points", _("must be at least 1"))
    return loader.write()


def load_entries(tx: Tx, rows: Sequence[Row], _ctx: LoadContext) -> Loaded:
    """Create entries, or correct those whose reference is known."""
    loader = Loader(tx, Entry, "reference")
    customers = customer_ids(tx.connection, {row.values["customer"] for row in rows})
    known = {reward.code: reward.id for reward in tx.connection.execute(sa.select(rewards))}
    for row in rows:
        reward = row.values.get("reward")
        if row.values["customer"] not in customers:
            loader.reject(row, "customer", _("no customer has this code; import the customers first"))
        elif reward is not None and reward not in known:
            loader.reject(row, "reward", _("no reward has this code; import the rewards first"))
        else:
            loader.take(
                row,
                {
                    "reference": row.values["reference"],
                    "customer_id": customers[row.values["customer"]],
                    "booked_on": row.values["date"],
                    "points": row.values["points"],
                    "reward_id": known[reward] if reward is not None else None,
                },
            )
    return loader.write()


def export_rewards(ctx: Context) -> Iterator[Mapping[str, Any]]:
    """Yield all rewards as `load_rewards` reads them."""
    query = sa.select(rewards.c.code, rewards.c.title, rewards.c.points).order_by(rewards.c.id)
    for row in ctx.connection.execute(query, execution_options={"yield_per": _BLOCK}).mappings():
        yield dict(row)


def export_entries(ctx: Context) -> Iterator[Mapping[str, Any]]:
    """Yield all entries as `load_entries` reads them, the oldest first."""
    customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]
    query = (
        sa.select(
            entries.c.reference,
            customers.c.code.label("customer"),
            entries.c.booked_on.label("date"),
            entries.c.points,
            rewards.c.code.label("reward"),
        )
        .join(customers, customers.c.id == entries.c.customer_id)
        .outerjoin(rewards, rewards.c.id == entries.c.reward_id)
        .order_by(entries.c.id)
    )
    for row in ctx.connection.execute(query, execution_options={"yield_per": _BLOCK}).mappings():
        yield dict(row)
