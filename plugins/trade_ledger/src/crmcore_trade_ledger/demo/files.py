"""The files of the demo's trade, with headers as they stand in the exports of Chinese ERP systems."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from crmcore.api import DemoFile

if TYPE_CHECKING:
    from crmcore_trade_ledger.demo.trade import Line, Trade

Writer = Callable[[Path, random.Random, Mapping[str, Any]], None]
_SHARED = "trade_ledger"


def demo_files() -> list[DemoFile]:
    """Return the seven files, products first, then each document after those that it names."""
    names = ("products", "orders", "deliveries", "invoices", "returns", "payments", "allocations")
    return [DemoFile(20 + i, name, f"{name}.csv", partial(_write, name)) for i, name in enumerate(names)]


def _write(name: str, path: Path, rng: random.Random, shared: Mapping[str, Any]) -> None:
    """Write one file; the first makes the whole trade and leaves it for the others."""
    from crmcore_trade_ledger.demo.goods import make_goods
    from crmcore_trade_ledger.demo.trade import make_trades

    if _SHARED not in shared:
        goods = make_goods(rng)
        trades = make_trades(rng, shared["customers"], goods, shared["today"])
        # A dict that each file may leave something in for later ones.
        cast("dict[str, Any]", shared)[_SHARED] = goods, trades
    goods, trades = shared[_SHARED]
    headers, rows = {
        "orders": (_ORDER, _orders(trades)),
        "deliveries": (_DELIVERY, _deliveries(trades)),
        "invoices": (_INVOICE, _invoices(trades)),
        "returns": (_RETURN, _returns(trades)),
        "payments": (("收款单号", "收款日期", "客户编码", "收款金额"), _payments(trades)),
        "allocations": (("收款单号", "收款单类型", "发票号", "核销金额", "核销日期"), _allocations(trades)),
        "products": (
            ("物料编码", "物料名称", "规格型号", "产品线", "单位", "标准售价", "标准成本"),
            ((g.code, g.name, g.model, g.line, g.unit, _money(g.price), _money(g.cost)) for g in goods),
        ),
    }[name]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headers)
        writer.writerows(rows)


_GOODS = ("物料编码", "数量", "单位", "未税金额", "税额")
_ORDER = ("订单编号", "行号", "订单日期", "客户编码", "状态", *_GOODS)
_DELIVERY = ("出库单号", "行号", "出库日期", "客户编码", *_GOODS, "成本", "销售订单号", "销售订单号行号")
_INVOICE = ("发票号", "行号", "开票日期", "到期日", "客户编码", *_GOODS, "成本", "出库单号", "出库单号行号")
_RETURN = ("退货单号", "行号", "退货日期", "客户编码", *_GOODS, "成本", "原发票号", "原发票号行号")


def _orders(trades: Sequence[Trade]) -> Iterator[Sequence[Any]]:
    for trade in trades:
        for place, line in enumerate(trade.lines, 1):
            state = "作废" if trade.cancelled else "已审核"
            yield trade.order, place, trade.order_on, trade.customer, state, *_amounts(line)


def _deliveries(trades: Sequence[Trade]) -> Iterator[Sequence[Any]]:
    for trade in _by(trades, "delivery"):
        for place, line in enumerate(trade.lines, 1):
            head = (trade.delivery, place, trade.delivered_on, trade.customer)
            yield *head, *_amounts(line), _money(line.cost), trade.order, place


def _invoices(trades: Sequence[Trade]) -> Iterator[Sequence[Any]]:
    for trade in _by(trades, "invoice"):
        for place, line in enumerate(trade.lines, 1):
            head = (trade.invoice, place, trade.invoiced_on, trade.due_on, trade.customer)
            yield *head, *_amounts(line), _money(line.cost), trade.delivery, place


def _returns(trades: Sequence[Trade]) -> Iterator[Sequence[Any]]:
    for trade in _by(trades, "credit"):
        if trade.returned:
            head = (trade.credit, 1, trade.returned_on, trade.customer)
            yield *head, *_amounts(trade.returned), _money(trade.returned.cost), trade.invoice, 1


def _payments(trades: Sequence[Trade]) -> Iterator[Sequence[Any]]:
    rows = [(p.number, p.day, trade.customer, _money(p.amount)) for trade in trades for p in trade.payments]
    yield from sorted(rows)


def _allocations(trades: Sequence[Trade]) -> Iterator[Sequence[Any]]:
    rows: list[tuple[Any, ...]] = []
    for trade in trades:
        if not trade.invoiced_on:
            continue
        if trade.returned and trade.returned_on and trade.due_on != trade.invoiced_on:
            credit = _money(trade.gross([trade.returned]))
            rows.append((trade.credit, "退货单", trade.invoice, credit, trade.returned_on))
        for payment in trade.payments:
            if payment.allocated:
                day = max(payment.day, trade.invoiced_on)
                rows.append((payment.number, "收款单", trade.invoice, _money(payment.amount), day))
    yield from sorted(rows, key=lambda row: (row[4], row[0]))


def _by(trades: Iterable[Trade], number: str) -> list[Trade]:
    return sorted(
        (trade for trade in trades if getattr(trade, number)), key=lambda trade: str(getattr(trade, number))
    )


def _amounts(line: Line) -> tuple[Any, ...]:
    return line.good.code, line.quantity, line.good.unit, _money(line.net), _money(line.tax)


def _money(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}"
