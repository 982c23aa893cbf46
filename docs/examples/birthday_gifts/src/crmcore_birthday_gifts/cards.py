"""An order for the print shop after each gift: changes are told at least once, so the same one twice does no harm."""

from __future__ import annotations

import json
from collections.abc import Sequence

from crmcore.api import Change, Context

from .checking import gift_of

FOLDER = "gift-cards"


def order_cards(changes: Sequence[Change], ctx: Context) -> None:
    """Write one file per gift into the workspace; nothing about the customer but a number stands in it."""
    for change in changes:
        gift = gift_of(change)
        if gift is not None:
            folder = ctx.workspace / FOLDER
            folder.mkdir(exist_ok=True)
            order = {"gift": change.id, "customer_id": gift["customer_id"], "given_on": str(gift["given_on"])}
            (folder / f"{change.id}.json").write_text(json.dumps(order), encoding="utf-8")
