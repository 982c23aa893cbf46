"""What the tests of orders share: a plugin that decides on releases, and the files of a small trade."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WARDEN = """
import json

import sqlalchemy as sa

from crmcore.api import Hold, hookimpl


@hookimpl
def release_orders(orders, ctx):
    rules = json.loads((ctx.workspace / "warden.json").read_text(encoding="utf-8"))
    if rules.get("broken"):
        raise RuntimeError("the warden is ill")
    fact = ctx.facts.select("orders_open").subquery()
    used = int(ctx.connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(fact.c.open_minor), 0))))
    held = []
    for index, order in enumerate(orders):
        if used + order.amount_minor > rules["limit"]:
            held.append(Hold(index, "limit", f"{used + order.amount_minor} is above the limit", rules["permission"]))
        held += [Hold(index, name, f"{name} says no", permission) for name, permission in rules.get("more", ())]
    return held
"""
"""Holds an order that would take what is released and undelivered above a limit; rules in `warden.json`."""


def rule(folder: Path, limit: int, permission: str | None = "approve", **more: Any) -> None:
    """Give the warden its rules: the limit in minor units, and who may release over it."""
    text = json.dumps({"limit": limit, "permission": permission, **more})
    folder.joinpath("warden.json").write_text(text, encoding="utf-8")
