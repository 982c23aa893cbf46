"""Exchange rates from a file that the treasury signs: month by month, against the company's currency."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from crmcore.api import Context, CrmError, translator

_ = translator("crmcore_local_rules")
KEY = "rates_key"
LARGEST = 1_000_000
"""Bytes; a file from outside is not read without a limit."""

Rates = Mapping[str, Mapping[str, str]]
"""Month → currency → decimal text."""


def rate_from_file(source: str, target: str, day: date, ctx: Context) -> Decimal | None:
    """Return how many units of `target` one unit of `source` is worth in the month of a day; None = unknown."""
    month = read_rates(ctx).get(f"{day:%Y-%m}", {})
    if target == ctx.currency and source in month:
        return Decimal(month[source])
    if source == ctx.currency and target in month:
        return 1 / Decimal(month[target])
    return None


def read_rates(ctx: Context) -> Rates:
    """Read the company's file; CrmError if it is not as the treasury signed it."""
    path = ctx.workspace / ctx.settings["rates_file"]
    document = _read(path)
    if not hmac.compare_digest(str(document.get("signature")), signature(document["rates"], ctx.secret(KEY))):
        raise CrmError(
            _("{file} is not as it was signed; get a new one from the treasury").format(file=path.name)
        )
    rates: Rates = document["rates"]
    return rates


def sign(path: Path, key: str) -> None:
    """Sign a file of rates in place."""
    document = _read(path)
    signed = {"rates": document["rates"], "signature": signature(document["rates"], key)}
    path.write_text(json.dumps(signed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def signature(rates: Rates, key: str) -> str:
    """Return the HMAC-SHA256 of the rates, in hex."""
    text = json.dumps(rates, sort_keys=True, separators=(",", ":"))
    return hmac.new(key.encode(), text.encode(), "sha256").hexdigest()


def _read(path: Path) -> dict[str, Any]:
    """Read a file of rates and look at every value in it, signed or not."""
    try:
        if path.stat().st_size > LARGEST:
            raise CrmError(_("{file} is too large for a file of rates").format(file=path.name))
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        wrong = [month for month, rates in document["rates"].items() if not _is_month(month, rates)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CrmError(_("{file} is no file of rates: {error}").format(file=path.name, error=error)) from None
    if wrong:
        raise CrmError(_("{file}: the rates of {month} are none").format(file=path.name, month=wrong[0]))
    return document


def _is_month(month: Any, rates: Any) -> bool:
    """Say whether a month's rates are positive decimal texts."""
    try:
        date.fromisoformat(f"{month}-01")
        return all(isinstance(rate, str) and 0 < Decimal(rate) < LARGEST for rate in rates.values())
    except (ValueError, InvalidOperation):
        return False
