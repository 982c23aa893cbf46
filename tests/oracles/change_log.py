"""Recompute the change log from its documented format alone (docstring of crmcore/changes.py).

It reads the database with the drivers and shares no code with the kernel.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from crmcore.app import App

Row = dict[str, Any]


def sha(*lines: object) -> str:
    """Hash lines."""
    return hashlib.sha256("\n".join(str(line) for line in lines).encode()).hexdigest()


def rows_of(app: App, query: str) -> list[Row]:
    """Read rows."""
    with app.engine.connect() as connection:
        return [dict(row) for row in connection.exec_driver_sql(query).mappings()]


def moment(value: str | datetime) -> str:
    """Return a moment, as either database gives it, as it is hashed."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def header_text(tx: Row) -> str:
    """Return a transaction's header as it is hashed."""
    parts = (tx["id"], moment(tx["at"]), tx["actor"], tx["authenticated_as"], tx["reason"], tx["source"])
    return json.dumps([str(part) for part in parts], ensure_ascii=False)


def problems(app: App) -> list[str]:
    """Recompute the whole log; return what does not fit."""
    found = []
    entries = rows_of(app, "SELECT * FROM change_log ORDER BY seq")
    transactions = {tx["id"]: tx for tx in rows_of(app, "SELECT * FROM change_tx")}
    for number, tx in transactions.items():
        previous = sha(header_text(tx))
        own = [e for e in entries if e["tx_id"] == number]
        for e in own:
            previous = sha(
                previous, e["seq"], e["entity"], e["entity_id"], e["operation"], e["before"], e["after"]
            )
            found += [] if previous == e["hash"] else [f"entry {e['seq']}"]
        if previous != tx["digest"] or len(own) != tx["entries"]:
            found.append(f"transaction {number}")
        if own and (own[0]["seq"], own[-1]["seq"]) != (tx["first_seq"], tx["last_seq"]):
            found.append(f"places of {number}")
    previous = "0" * 64
    for position, seal in enumerate(rows_of(app, "SELECT * FROM change_seal ORDER BY position"), 1):
        tx = transactions.get(seal["tx_id"], {})
        previous = sha(previous, header_text(tx), tx["digest"]) if tx else ""
        if (seal["position"], seal["seal"]) != (position, previous):
            found.append(f"seal {seal['position']}")
            previous = seal["seal"]
    return found + [f"entry {e['seq']} of nothing" for e in entries if e["tx_id"] not in transactions]
