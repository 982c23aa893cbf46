"""Real header sets: which column is which field."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crmcore.builtin.exchange.columns import plan_columns
from crmcore.builtin.exchange.contacts import contact_fields
from crmcore.builtin.exchange.customer_fields import customer_fields
from crmcore.builtin.exchange.headers import HeaderTable, folded, known_headers
from crmcore.builtin.exchange.interactions import interaction_fields
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.catalogue import load_catalogue
from crmcore.plugins.types import Field

SETS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "header_sets.json").read_text(encoding="utf-8")
)
NO_WORKSPACE: Any = SimpleNamespace(
    catalogue=load_catalogue(), workspace=None, now=datetime(2026, 3, 2, tzinfo=UTC)
)
TABLES = {
    "customers": HeaderTable(customer_fields(NO_WORKSPACE)),
    "contacts": HeaderTable(contact_fields()),
    "interactions": HeaderTable(interaction_fields()),
}


def found(entity: str, header: str) -> str | None:
    match = TABLES[entity].find(header)
    return match.field.name if match else None


def test_at_least_95_percent_of_real_headers_that_have_a_field_find_it():
    wanted = [(s["entity"], header, field) for s in SETS for header, field in s["headers"].items() if field]
    missed = [(header, field) for entity, header, field in wanted if found(entity, header) != field]
    share = 1 - len(missed) / len(wanted)
    assert len(wanted) >= 300
    assert share >= 0.95, f"{share:.1%} of {len(wanted)} headers of {len(SETS)} exports; missed: {missed}"


@pytest.mark.parametrize("export", SETS, ids=[s["source"] for s in SETS])
def test_a_whole_export_is_understood_without_a_question(export: dict[str, Any]):
    headers = list(export["headers"])
    plan = plan_columns(TABLES[export["entity"]], headers, ColumnMapping())
    taken: dict[str, str | None] = {column.header: column.field.name for column in plan.columns}
    taken |= {header: found(export["entity"], header) for header in plan.computed}
    wrong = {header: field for header, field in taken.items() if export["headers"][header] != field}
    assert not wrong
    assert len(taken) >= 0.85 * sum(1 for field in export["headers"].values() if field)


@pytest.mark.parametrize("entity", TABLES)
def test_no_header_stands_for_two_fields(entity: str):
    owners: dict[str, str] = {}
    for field, headers in known_headers(entity).items():
        assert field in TABLES[entity].fields
        for header in headers:
            assert owners.setdefault(folded(header), field) == field, header


def test_there_are_many_known_headers():
    assert sum(len(headers) for entity in TABLES for headers in known_headers(entity).values()) > 900


def test_case_width_blanks_and_punctuation_do_not_matter():
    for header in (
        "客户名称",
        " 客户 名称：",
        "客户名称*",
        "客户名称（必填）",
        "CUSTOMER  name",
        "Ｃｕｓｔｏｍｅｒ＿Ｎａｍｅ",
        "Customer-Name",
    ):
        assert found("customers", header) == "name"
    assert found("customers", "Customer #") == "code"


@pytest.mark.parametrize(
    ("header", "factor"),
    [
        ("金额", 1),
        ("金额（元）", 1),
        ("金额(人民币元)", 1),
        ("金额（单位：万元）", 10_000),
        ("金额(万元)", 10_000),
        ("金额万元", 10_000),
        ("金额【亿元】", 100_000_000),
        ("Amount (CNY)", 1),
    ],
)
def test_the_unit_in_a_header_becomes_a_factor(header: str, factor: int):
    match = HeaderTable([Field("amount", "amount", headers=("金额",))]).find(header)
    assert match is not None
    assert match.factor == factor


def test_the_unit_of_a_field_kept_in_ten_thousands_counts():
    capital = TABLES["customers"]
    for header, factor in (
        ("注册资本", "1"),
        ("注册资本(万元)", "1"),
        ("注册资本(元)", "0.0001"),
        ("注册资本（亿元）", "10000"),
    ):
        match = capital.find(header)
        assert match is not None
        assert match.factor == Decimal(factor)


@pytest.mark.parametrize("header", ["金额(USD)", "金额（美元）", "Amount (EUR)", "金额(含税)"])
def test_an_amount_that_may_be_something_else_is_not_taken(header: str):
    assert HeaderTable([Field("amount", "amount", headers=("金额",))]).find(header) is None


def test_a_header_equal_to_a_field_name_means_that_field():
    table = HeaderTable([Field("kind", headers=("客户类型",)), Field("customer_kind", headers=("kind",))])
    match = table.find("kind")
    assert match is not None
    assert match.field.name == "kind"
