"""The demo's products: what a distributor of food and daily goods sells by the case."""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal

MARK = "(演示)"
_LINES = {
    "饮料": ("YL", "0.13", "箱", ("矿泉水", "绿茶", "果汁", "苏打水", "运动饮料", "乌龙茶"), (28, 96)),
    "粮油": ("LY", "0.09", "袋", ("东北大米", "面粉", "大豆油", "花生油", "挂面", "糯米"), (45, 320)),
    "调味品": ("TW", "0.13", "箱", ("酱油", "陈醋", "料酒", "蚝油", "鸡精", "豆瓣酱"), (60, 260)),
    "休闲食品": ("XX", "0.13", "箱", ("饼干", "薯片", "坚果", "糖果", "果脯", "海苔"), (70, 420)),
    "日化": ("RH", "0.13", "箱", ("洗衣液", "洗洁精", "洗手液", "牙膏", "香皂", "消毒液"), (80, 380)),
    "纸品": ("ZP", "0.13", "件", ("抽纸", "卷纸", "厨房纸", "湿巾", "餐巾纸", "手帕纸"), (55, 240)),
}
_SIZES = ("小包装", "标准装", "家庭装", "餐饮装")


@dataclass(frozen=True, slots=True)
class Good:
    """A product: price and cost per unit in hundredths of the currency, without tax."""

    code: str
    name: str
    model: str
    line: str
    unit: str
    price: int
    cost: int
    tax_rate: Decimal


def make_goods(rng: random.Random) -> list[Good]:
    """Return the range: six lines of six goods in four sizes, by code."""
    goods = []
    for line, (prefix, rate, unit, names, (low, high)) in _LINES.items():
        for place, name in enumerate(names, 1):
            base = rng.uniform(low, high)
            for size, model in enumerate(_SIZES, 1):
                price = round(base * (0.6, 1.0, 1.5, 2.4)[size - 1] * 100, -1)
                cost = round(price * rng.uniform(0.66, 0.86))
                code = f"{prefix}{place:02d}{size}"
                goods.append(Good(code, f"{name}{MARK}", model, line, unit, int(price), cost, Decimal(rate)))
    return sorted(goods, key=lambda good: good.code)
