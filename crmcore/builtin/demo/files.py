"""The files of the demo: CSV as office programs write it, with headers as people give them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from crmcore.builtin.demo import cdnow
from crmcore.builtin.demo.companies import customers
from crmcore.builtin.demo.interactions import interactions

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

CUSTOMER_HEADERS = {
    "code": "客户代号",
    "name": "客户名称",
    "short_name": "客户简称",
    "kind": "客户性质",
    "customer_kind": "客户类型",
    "lifecycle": "客户状态",
    "owner": "业务员",
    "channel": "通路代号",
    "region": "区域",
    "industry": "行业",
    "parent": "上级客户编码",
    "legal_form": "组织型态",
    "ownership": "企业性质",
    "mode_of_operation": "经营方式",
    "legal_representative": "法定代表",
    "contact": "联络人",
    "contact_phone": "联络电话",
    "tax_id": "税籍号码",
    "licence_number": "营业执照编号",
    "licence_expires_on": "营业执照到期日",
    "registered_capital": "注册资本(万元)",
    "founded_on": "成立时间",
    "line_of_business": "营业项目",
    "annual_turnover": "年营业额(万元)",
    "employees": "员工人数",
    "premises": "店面",
    "premises_rented_from": "店面租期起",
    "premises_rented_to": "店面租期止",
    "warehouse": "仓库",
    "warehouse_area": "仓库面积",
    "address": "地址",
    "delivery_address": "收货地址",
    "longitude": "经度",
    "latitude": "纬度",
    "phone": "电话",
    "fax": "传真",
    "email": "电子邮箱",
    "website": "网址",
    "bank": "开户银行",
    "bank_account": "开户帐号",
    "invoice_type": "发票种类",
    "payment_terms": "付款条件",
    "payment_days": "收款期限",
    "service_area": "服务区域",
    "selling_power": "销售能力",
    "growth_potential": "发展潜力",
    "distribution_view": "经销观念",
    "credit_standing": "信用状况",
    "since": "建档日期",
    "first_trade_on": "初次交易日期",
    "source": "客户来源",
    "notes": "备注",
}
CONTACT_HEADERS = {
    "customer": "客户代号",
    "name": "姓名",
    "roles": "角色",
    "position": "职务",
    "phone": "电话",
    "mobile": "手机",
    "email": "电子邮箱",
    "since": "任职日期",
}
INTERACTION_HEADERS = {
    "code": "互动编号",
    "customer": "客户代号",
    "contact": "联系人",
    "channel": "渠道",
    "direction": "方向",
    "subject": "主题",
    "notes": "内容",
    "at": "时间",
    "owner": "负责人",
    "due_on": "下次跟进日期",
    "done_at": "完成时间",
}


def write_customers(path: Path, rng: random.Random, shared: dict[str, Any]) -> None:
    """Write customers.csv; leave the customers in `shared` for the files that follow."""
    made = customers(rng, shared["today"])
    shared["demo.customers"] = made
    shared["customers"] = sorted((customer.shared() for customer in made), key=lambda c: str(c["code"]))
    _write(path, CUSTOMER_HEADERS, (customer.card for customer in made))


def write_contacts(path: Path, rng: random.Random, shared: dict[str, Any]) -> None:  # noqa: ARG001
    """Write contacts.csv: the people of the customers in `shared`."""
    _write(
        path,
        CONTACT_HEADERS,
        (contact for customer in shared["demo.customers"] for contact in customer.people),
    )


def write_interactions(path: Path, rng: random.Random, shared: dict[str, Any]) -> None:
    """Write interactions.csv: what happened between those people and us."""
    made = interactions(rng, shared["demo.customers"], shared["today"])
    _write(path, INTERACTION_HEADERS, made)


def write_cdnow_customers(path: Path, rng: random.Random, shared: dict[str, Any]) -> None:  # noqa: ARG001
    """Write the customers of CDNOW: numbers only, the data set knows no more of them."""
    purchases = list(cdnow.load_cdnow(shared["cache"]))
    shared["demo.cdnow"] = purchases
    first_days: dict[str, date] = {}
    for purchase in purchases:
        first_days.setdefault(purchase.customer, purchase.day)
    headers = {name: name for name in ("code", "name", "kind", "source", "since")}
    _write(
        path,
        headers,
        (
            {
                "code": f"CD{number}",
                "name": f"CDNOW {number}",
                "kind": "person",
                "source": "CDNOW",
                "since": f"{first_day:%Y-%m-%d}",
            }
            for number, first_day in first_days.items()
        ),
    )


def write_cdnow_purchases(path: Path, rng: random.Random, shared: dict[str, Any]) -> None:  # noqa: ARG001
    """Write the purchases of CDNOW; they have no document numbers, so file and row number are their key."""
    headers = {name: name for name in ("customer", "date", "quantity", "amount", "currency")}
    _write(
        path,
        headers,
        (
            {
                "customer": f"CD{purchase.customer}",
                "date": f"{purchase.day:%Y-%m-%d}",
                "quantity": str(purchase.quantity),
                "amount": str(purchase.amount),
                "currency": cdnow.CURRENCY,
            }
            for purchase in shared["demo.cdnow"]
        ),
    )


def _write(path: Path, headers: Mapping[str, str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write UTF-8 with a byte order mark and CRLF, as a spreadsheet saves `CSV UTF-8`."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headers.values())
        writer.writerows([row.get(name, "") for name in headers] for row in rows)
