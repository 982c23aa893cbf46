"""What a credit controller of the demo company would have found out: evidence, and financial statements.

A customer who pays promptly is better in all respects, as a rule: the grades spread over the whole scale. Sources bear
the mark of the demo; no paper is named that could exist.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from crmcore.api import DemoFile, translator

_ = translator("crmcore_credit_5c")
_SHARED = "credit_5c"
_MARK = "(演示)"
_INVESTIGATED, _WITH_ACCOUNTS = 0.6, 0.5
"""Shares of those who buy on credit."""
_UNANSWERED = 0.1
"""Share of the questions of which nothing is found out."""
_ACCOUNTS_READY = 4
"""The month by whose end the accounts of the year before are ready."""
_QUALITY = {"prompt": 0.85, "usual": 0.6, "late": 0.35, "very_late": 0.15}
_A_YEAR = 110_000
"""Yuan that the average customer of the demo buys; it sells about as much again of others' goods, and more."""
_STEPS = ("poor", "fair", "good", "excellent")
_ASKED = {
    "reputation": "银行与供应商询问",
    "legal_record": "法院公开信息查询",
    "management_ability": "实地走访",
    "collateral_cover": "担保合同",
    "guarantor": "担保合同",
    "industry_outlook": "行业协会",
    "season": "行业协会",
}
"""Indicator → where one asks."""
_WORSE = {"collateral_cover": 0.45, "guarantor": 0.4}
"""Few have much security to give."""
_EVIDENCE = ("客户编码", "指标", "值", "来源", "日期", "有效期至", "调查人")
_FIGURES = {
    "current_assets": "流动资产合计",
    "current_liabilities": "流动负债合计",
    "stock": "存货",
    "total_assets": "资产总计",
    "total_liabilities": "负债合计",
    "equity": "所有者权益合计",
    "retained_earnings": "未分配利润",
    "ebit": "息税前利润",
    "interest": "利息费用",
    "sales": "营业收入",
    "cost_of_sales": "营业成本",
    "receivables": "应收账款",
}


class _Firm(NamedTuple):
    """A customer about whom somebody asked."""

    code: str
    quality: float
    """From 0, which nobody should deliver to on credit, to 1."""
    turnover: float
    """Yuan in a year."""
    owner: str


def demo_files() -> list[DemoFile]:
    """Return the two, after the files of the trade."""
    return [
        DemoFile(50, "credit_evidence", "credit_evidence.csv", write_evidence),
        DemoFile(51, "credit_statements", "credit_statements.csv", write_statements),
    ]


def write_evidence(path: Path, rng: random.Random, shared: dict[str, Any]) -> None:
    """Write what is known of some of those who buy on credit, and propose what to look at then."""
    firms = shared[_SHARED] = list(_firms(shared["customers"], rng))
    _write(path, _EVIDENCE, (row for firm in firms for row in _found_out(firm, rng, shared["today"])))
    if firms:
        shared.setdefault("next", []).extend(_proposals(firms))


def write_statements(path: Path, rng: random.Random, shared: dict[str, Any]) -> None:
    """Write the accounts of half of them, of the last year that is closed by now."""
    today = shared["today"]
    year = today.year - (1 if today.month > _ACCOUNTS_READY else 2)
    headers = ("客户编码", "期末", "月数", "币种", *_FIGURES.values(), "来源")
    _write(
        path,
        headers,
        (
            (firm.code, f"{year}-12-31", 12, "CNY", *_accounts(firm, rng), f"年度报表{_MARK}")
            for firm in shared.get(_SHARED, ())
            if rng.random() < _WITH_ACCOUNTS
        ),
    )


def _write(path: Path, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headers)
        writer.writerows(rows)


def _firms(customers: Iterable[Mapping[str, Any]], rng: random.Random) -> Iterator[_Firm]:
    """Draw those who are looked into: of the customers who buy on credit, six in ten."""
    for customer in customers:
        on_credit = customer["weight"] > 0 and customer["terms_days"] > 0 and not customer["stopped_on"]
        if on_credit and rng.random() < _INVESTIGATED:
            quality = _within(rng.gauss(_QUALITY[customer["payment_behaviour"]], 0.15))
            turnover = customer["weight"] * _A_YEAR * rng.uniform(2, 6)
            yield _Firm(customer["code"], quality, turnover, customer["owner"])


def _found_out(firm: _Firm, rng: random.Random, today: date) -> Iterator[Sequence[object]]:
    """Answer the questions of the model, of which one or the other stays open."""
    for indicator, source in _ASKED.items():
        if rng.random() < _UNANSWERED:
            continue
        quality = _within(rng.gauss(firm.quality, 0.12) - _WORSE.get(indicator, 0))
        on = today - timedelta(days=rng.randrange(5, 200))
        value = _STEPS[min(int(quality * len(_STEPS)), len(_STEPS) - 1)]
        until = on + timedelta(days=2 * 365)
        yield firm.code, indicator, value, f"{source}{_MARK}", on, until, firm.owner


def _accounts(firm: _Firm, rng: random.Random) -> list[int]:
    """Return the figures, in the order of the columns: the better the firm, the more of it is its own."""
    sales = firm.turnover * rng.uniform(0.9, 1.1)
    assets = sales / rng.uniform(1.5, 2.5)
    debt = assets * _within(rng.gauss(0.85 - 0.6 * firm.quality, 0.06))
    current = assets * rng.uniform(0.55, 0.75)
    owed_soon = debt * rng.uniform(0.7, 0.85)
    profit = sales * rng.gauss(0.12 * firm.quality - 0.01, 0.01)
    figures = {
        "current_assets": current,
        "current_liabilities": owed_soon,
        "stock": current * rng.uniform(0.3, 0.5),
        "total_assets": assets,
        "total_liabilities": debt,
        "equity": assets - debt,
        "retained_earnings": (assets - debt) * (firm.quality - 0.2) * 0.6,
        "ebit": profit,
        "interest": debt * 0.04,
        "sales": sales,
        "cost_of_sales": sales * rng.uniform(0.7, 0.85),
        "receivables": current * rng.uniform(0.3, 0.45),
    }
    return [round(figures[name] / 100) * 100 for name in _FIGURES]


def _within(share: float) -> float:
    return min(0.98, max(0.02, share))


def _proposals(firms: Sequence[_Firm]) -> list[tuple[tuple[str, ...], str]]:
    """Return commands to go on with, and what each is for."""
    code = sorted(firms, key=lambda firm: (firm.quality, firm.code))[len(firms) // 2].code
    return [
        (("credit", "batch"), _("a credit grade for all who are due, by what is known")),
        (("credit", "explain", code), _("what one of the grades stands on, and what would change it")),
        (("report", "run", "credit_portfolio"), _("the grades of all, and how much they owe")),
    ]
