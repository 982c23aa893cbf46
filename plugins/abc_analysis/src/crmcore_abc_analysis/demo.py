"""Estimates of potential for the demo company, as representatives hand them in after their visits."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

_HEADERS = ("客户编码", "估计日期", "年潜力", "币种", "估计依据", "估计人")
_BASES = ("拜访估计", "门店规模", "同行对比", "客户自述", "招标信息")
_A_YEAR = 110_000
"""Yuan that the average customer of the demo buys."""
_ESTIMATED = 0.4


def write_potentials(path: Path, rng: random.Random, shared: Mapping[str, Any]) -> None:
    """Write an estimate for two customers in five: most could buy more than they do, a few far more."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADERS)
        for customer in shared["customers"]:
            if customer["weight"] > 0 and not customer["stopped_on"] and rng.random() < _ESTIMATED:
                writer.writerow(_estimate(customer, rng, shared["today"]))


def _estimate(customer: Mapping[str, Any], rng: random.Random, today: date) -> tuple[object, ...]:
    could_buy = customer["weight"] * _A_YEAR * rng.lognormvariate(0.4, 0.7)
    day = today - timedelta(days=rng.randrange(5, 300))
    yuan = max(round(could_buy, -3), 1000)
    return customer["code"], day.isoformat(), f"{yuan:.0f}", "CNY", rng.choice(_BASES), customer["owner"]
