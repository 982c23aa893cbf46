"""The demo's trade obeys its stated law, read from the files themselves."""

from __future__ import annotations

import csv
import random
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from math import exp
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest

from crmcore_trade_ledger.demo import demo_files, law

TODAY = date(2026, 11, 21)
BEHAVIOURS = ["prompt"] * 11 + ["usual"] * 5 + ["late"] * 3 + ["very_late"]


def customers() -> list[dict[str, Any]]:
    """Make 1,500 buyers of lognormal weight, shuffled, as the demo of the core leaves them."""
    rng = random.Random(7)
    raw = [exp(1.7 * NormalDist().inv_cdf((place + 0.5) / 1500)) for place in range(1500)]
    mean = sum(raw) / len(raw)
    rng.shuffle(raw)
    made = []
    for place, size in enumerate(raw):
        weight = size / mean
        made.append(
            {
                "code": f"C{place:05d}",
                "weight": weight,
                "orders_per_year": min(40.0, max(2.5, 6 * weight**0.45)),
                "growth": rng.gauss(1.04, 0.08),
                "since": TODAY - timedelta(days=2000 if place % 10 else 400),
                "stopped_on": TODAY - timedelta(days=500) if place % 25 == 0 else None,
                "terms_days": rng.choice([0, 30, 60]),
                "payment_behaviour": rng.choice(BEHAVIOURS),
            }
        )
    return [*made, {**made[0], "code": "NEVER", "weight": 0.0, "orders_per_year": 0.0}]


def write(folder: Path, seed: int) -> dict[str, list[dict[str, str]]]:
    shared: dict[str, Any] = {"today": TODAY, "currency": "CNY", "customers": customers()}
    tables = {}
    for file in sorted(demo_files(), key=lambda file: file.order):
        path = folder / file.file_name
        file.write(path, random.Random(f"{seed}:{file.file_name}"), shared)
        with path.open(encoding="utf-8-sig", newline="") as opened:
            tables[file.importable] = list(csv.DictReader(opened))
    return tables


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    return write(tmp_path_factory.mktemp("demo"), 42)


def by_code() -> dict[str, dict[str, Any]]:
    return {customer["code"]: customer for customer in customers()}


def day(text: str) -> date:
    return date.fromisoformat(text)


def test_the_same_seed_gives_the_same_files_another_gives_others(files, tmp_path):
    (tmp_path / "again").mkdir()
    (tmp_path / "other").mkdir()
    assert write(tmp_path / "again", 42) == files
    assert write(tmp_path / "other", 43)["invoices"] != files["invoices"]


def test_files_come_after_those_that_they_name():
    order = {file.importable: file.order for file in demo_files()}
    names = ["products", "orders", "deliveries", "invoices", "returns", "payments", "allocations"]
    assert sorted(order, key=lambda name: order[name]) == names
    assert min(order.values()) >= 20


def test_there_are_about_sixty_thousand_rows(files):
    assert 50_000 < sum(map(len, files.values())) < 75_000


def test_the_documents_cover_three_years_up_to_today(files):
    days = [day(row["订单日期"]) for row in files["orders"]]
    assert min(days) < date(2023, 11, 10)
    assert date(2023, 11, 1) <= min(days)
    assert max(days) == TODAY
    for name, column in (
        ("deliveries", "出库日期"),
        ("invoices", "开票日期"),
        ("returns", "退货日期"),
        ("payments", "收款日期"),
    ):
        assert max(day(row[column]) for row in files[name]) <= TODAY


def test_nobody_trades_before_they_came_or_after_they_left(files):
    known = by_code()
    for row in files["orders"]:
        customer = known[row["客户编码"]]
        assert customer["weight"] > 0
        assert day(row["订单日期"]) >= customer["since"]
        assert customer["stopped_on"] is None or day(row["订单日期"]) < customer["stopped_on"]


def test_purchases_are_as_unequal_as_stated(files):
    for year in (2024, 2025):
        bought: dict[str, Decimal] = defaultdict(Decimal)
        for row in files["invoices"]:
            if day(row["开票日期"]).year == year:
                bought[row["客户编码"]] += Decimal(row["未税金额"])
        amounts = sorted(map(float, bought.values()))
        mean_difference = sum(
            (2 * place - len(amounts) - 1) * amount for place, amount in enumerate(amounts, 1)
        )
        assert abs(mean_difference / (len(amounts) * sum(amounts)) - law.GINI) < law.GINI_TOLERANCE


def test_months_follow_the_stated_season(files):
    months: Counter[int] = Counter()
    for row in files["invoices"]:
        if day(row["开票日期"]).year in (2024, 2025):
            months[day(row["开票日期"]).month] += round(float(row["未税金额"]))
    average = sum(months.values()) / 12
    for month, factor in enumerate(law.SEASON, 1):
        assert abs(months[month] / average / factor - 1) < law.SEASON_TOLERANCE, month
    assert min(months, key=lambda month: months[month]) == 2
    assert max(months, key=lambda month: months[month]) == 12
    assert abs(sum(law.SEASON) - 12) < 0.01


def test_payments_are_as_late_as_their_customers_are(files):
    known = by_code()
    invoices = {row["发票号"]: row for row in files["invoices"]}
    paid_on = {row["收款单号"]: day(row["收款日期"]) for row in files["payments"]}
    seen: dict[str, list[int]] = defaultdict(list)
    for row in files["allocations"]:
        invoice = invoices[row["发票号"]]
        customer = known[invoice["客户编码"]]
        if row["收款单类型"] == "收款单" and customer["terms_days"]:
            due = day(invoice["到期日"])
            assert due == day(invoice["开票日期"]) + timedelta(days=customer["terms_days"])
            seen[customer["payment_behaviour"]].append((paid_on[row["收款单号"]] - due).days)
    for behaviour, (first, last) in law.LATENESS.items():
        assert min(seen[behaviour]) == first
        assert max(seen[behaviour]) == last
    in_time = sum(late <= 0 for days in seen.values() for late in days) / sum(map(len, seen.values()))
    assert 0.5 < in_time < 0.65


def test_without_credit_the_money_comes_before_the_goods(files):
    known = by_code()
    orders = {row["订单编号"]: row for row in files["orders"]}
    deliveries = {row["出库单号"]: row for row in files["deliveries"]}
    source = {row["发票号"]: deliveries[row["出库单号"]] for row in files["invoices"]}
    paid_on = {row["收款单号"]: day(row["收款日期"]) for row in files["payments"]}
    for row in files["allocations"]:
        delivery = source[row["发票号"]]
        if row["收款单类型"] == "收款单" and known[delivery["客户编码"]]["terms_days"] == 0:
            assert paid_on[row["收款单号"]] == day(orders[delivery["销售订单号"]]["订单日期"])
            assert paid_on[row["收款单号"]] < day(delivery["出库日期"])


def test_no_document_is_settled_beyond_its_amount(files):
    gross: dict[str, Decimal] = defaultdict(Decimal)
    for name, column in (("invoices", "发票号"), ("returns", "退货单号")):
        for row in files[name]:
            gross[row[column]] += Decimal(row["未税金额"]) + Decimal(row["税额"])
    received = {row["收款单号"]: Decimal(row["收款金额"]) for row in files["payments"]}
    settled: dict[str, Decimal] = defaultdict(Decimal)
    given: dict[str, Decimal] = defaultdict(Decimal)
    for row in files["allocations"]:
        settled[row["发票号"]] += Decimal(row["核销金额"])
        given[row["收款单号"]] += Decimal(row["核销金额"])
    assert all(amount <= gross[number] for number, amount in settled.items())
    assert all(amount <= {**received, **gross}[number] for number, amount in given.items())
    assert 0.8 < sum(settled.values()) / sum(gross.values()) < 0.97


def test_stated_shares_hold(files):
    trades = len({row["订单编号"] for row in files["orders"]})
    cancelled = len({row["订单编号"] for row in files["orders"] if row["状态"] == "作废"})
    returned = len(files["returns"]) / len({row["发票号"] for row in files["invoices"]})
    assert abs(cancelled / trades - law.CANCELLED) < 0.004
    assert abs(returned - law.RETURNED) < 0.01


def test_products_are_marked_as_made_up(files):
    assert all(row["物料名称"].endswith("(演示)") for row in files["products"])
    assert len({row["物料编码"] for row in files["products"]}) == len(files["products"]) == 144


@pytest.mark.slow
def test_the_ledger_takes_every_row_and_comes_to_the_same_sums(make_books, crm, files, tmp_path):
    books = make_books()
    known = tmp_path / "customers.csv"
    known.write_text("code,name\n" + "".join(f"{code},{code}\n" for code in by_code()))
    crm.ok("import", "customers", known)
    write(tmp_path, 42)
    for file in demo_files():
        result = crm.json("import", file.importable, tmp_path / file.file_name)
        assert (result["rejected"], result["warnings"]) == (0, []), file.importable
        assert result["created"] == result["read"] == len(files[file.importable])
    (sums,) = books.rows("SELECT sum(net_minor) AS net FROM ledger_line WHERE counts & 1 > 0")
    expected = sum(Decimal(r["未税金额"]) for r in files["invoices"]) - sum(
        Decimal(r["未税金额"]) for r in files["returns"]
    )
    assert sums["net"] == int(expected * 100)
    by_state = {
        row["state"]: row["n"]
        for row in books.rows(
            "SELECT state, count(*) AS n FROM ledger_document WHERE kind = 'order' GROUP BY state"
        )
    }
    delivered = {row["销售订单号"] for row in files["deliveries"]}
    invoiced = {row["出库单号"] for row in files["invoices"]}
    open_deliveries = {row["出库单号"] for row in files["deliveries"]} - invoiced
    orders = {row["订单编号"]: row["状态"] for row in files["orders"]}
    assert by_state["invoiced"] == len(delivered) - len(open_deliveries)
    assert by_state["delivered"] == len(open_deliveries)
    assert by_state["cancelled"] == sum(state == "作废" for state in orders.values())
