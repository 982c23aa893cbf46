"""The plugin as the kernel meets it: its files, its tables, its place beside others."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import crmcore_trade_ledger
from crmcore.api import Field, Refusal, metadata
from crmcore_trade_ledger import facts, plugin, tables
from crmcore_trade_ledger.importers.specs import importables

if TYPE_CHECKING:
    from plugins.trade_ledger.tests.conftest import Books, BooksMaker

PACKAGE = Path(crmcore_trade_ledger.__file__).parent


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_migration_makes_the_tables_that_the_models_describe(books: Books):
    def ours(_object, name, kind, _reflected, _other):
        return kind != "table" or name.startswith("ledger_")

    with books.app.engine.connect() as connection:
        options = {"include_object": ours, "compare_type": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        assert [d for d in differences if "ledger_" in str(d)] == []
        made = {
            (index["name"], str(where).strip("()"))
            for name in ("ledger_document", "ledger_line")
            for index in sa.inspect(connection).get_indexes(name)
            for option, where in index["dialect_options"].items()
            if option.endswith("_where")
        }
    described = {
        (index.name, index.info["where"])
        for name in ("ledger_document", "ledger_line")
        for index in metadata.tables[name].indexes
        if index.info
    }
    assert made == described
    assert len(made) == 3


def test_ids_are_never_given_twice(books: Books):
    """The gate relies on it: AUTOINCREMENT on SQLite, a sequence of the column's own on PostgreSQL."""
    with books.app.engine.connect() as connection:
        for spec in plugin.models():
            name = spec.table.__tablename__
            if connection.dialect.name == "sqlite":
                (made,) = connection.execute(
                    sa.text("SELECT sql FROM sqlite_master WHERE name = :n"), {"n": name}
                ).one()
                assert "AUTOINCREMENT" in made
            else:
                assert connection.scalar(sa.text("SELECT pg_get_serial_sequence(:n, 'id')"), {"n": name})


def test_every_table_bears_the_prefix_and_names_its_customers():
    manifest = json.loads((PACKAGE / "plugin.json").read_text("utf-8"))
    for spec in plugin.models():
        table = spec.table.__table__  # type: ignore[attr-defined]
        assert table.name.startswith(f"{manifest['table_prefix']}_")
        customers = {
            c.name for c in table.columns if any(k.target_fullname == "customer.id" for k in c.foreign_keys)
        }
        assert set(spec.customer_references) == customers
    assert manifest["references_customers"] is True


def test_many_rows_are_logged_by_range_and_few_in_full():
    logs = {spec.table: spec.log for spec in plugin.models()}
    assert logs[tables.LedgerDocument] == logs[tables.LedgerLine] == logs[tables.LedgerLink] == "range"
    assert logs[tables.Product] == logs[tables.LedgerAllocation] == "full"


def test_the_facts_are_provided():
    assert {provider.fact for provider in plugin.facts()} == {
        "purchases",
        "receivables",
        "payments",
        "settlements",
        "orders",
        "orders_open",
        "order_invoices",
        "deliveries_open",
        "documents",
        "products",
    }
    assert all(provider.select({"purchase_basis": "invoiced"}) is not None for provider in facts.providers())


def test_importing_the_hooks_imports_nothing_heavy():
    script = (
        "import sys, crmcore_trade_ledger.plugin as p\n"
        "list(p.reports())\n"
        "heavy = {'sqlalchemy', 'sqlmodel', 'alembic', 'click', 'rich', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_tables_do_not_load_the_dialect_of_postgresql():
    script = "import sys, crmcore_trade_ledger.tables\nassert 'sqlalchemy.dialects.postgresql' not in sys.modules\n"
    subprocess.run([sys.executable, "-c", script], check=True)


# -- the headers of files


def folded(header: str) -> str:
    """Fold a header as the import engine does: width, case, blanks and punctuation do not matter."""
    text = unicodedata.normalize("NFKC", header).casefold()
    return re.sub(r"[\W_]+", "", text)


def fields_of(name: str) -> tuple[Field, ...]:
    """Return the columns of a file."""
    fields = next(spec.fields for spec in importables() if spec.name == name)
    assert isinstance(fields, tuple)
    return fields


@pytest.mark.parametrize("name", [spec.name for spec in importables()])
def test_no_header_means_two_columns(name):
    owners: dict[str, set[str]] = {}
    for field in fields_of(name):
        for header in (field.name, *field.headers):
            owners.setdefault(folded(header), set()).add(field.name)
    assert {header: names for header, names in owners.items() if len(names) > 1} == {}


EXPORTS = {
    # Kingdee K/3 Cloud, Yonyou U8, Odoo: headers as their lists of sales documents are exported.
    "invoices": [
        (
            "单据编号,日期,客户编码,物料编码,数量,单价,金额,税率,税额,价税合计,币别,到期日",
            "document date customer product quantity price amount tax_rate tax gross currency due",
        ),
        (
            "发票号,开票日期,客户编码,存货编码,开票数量,无税单价,原币无税金额,原币税额,原币价税合计,币种,到期日",
            "document date customer product quantity price amount tax gross currency due",
        ),
        (
            "Number,Invoice Date,Customer Code,Product/Internal Reference,Quantity,Unit Price,Untaxed Amount,Tax Amount,Total,Currency,Due Date,Status",
            "document date customer product quantity price amount tax gross currency due state",
        ),
    ],
    "orders": [
        (
            "销售订单号,下单日期,客户代码,物料代码,销售数量,计量单位,未税金额,单据状态,要货日期,收货方",
            "document date customer product quantity unit amount state due ship_to",
        ),
        (
            "Order Reference,Order Date,Customer,Item Code,Ordered Qty,UoM,Subtotal,Status,Delivery Date,Deliver To",
            "document date customer product quantity unit amount state due ship_to",
        ),
    ],
    "deliveries": [
        (
            "出库单号,出库日期,客户,料号,实发数量,单位,销售订单号,销售成本",
            "document date customer product quantity unit order cost",
        )
    ],
    "returns": [
        (
            "退货单号,退货日期,客户编号,商品编码,退货数量,金额,原发票号",
            "document date customer product quantity amount invoice",
        )
    ],
    "payments": [("收款单号,收款日期,付款单位,实收金额,币别", "document date customer amount currency")],
    "allocations": [("收款单号,发票号,本次核销金额,核销日期", "payment document amount date")],
    "products": [
        (
            "物料编码,物料名称,规格型号,物料分组,基本单位,参考售价,参考成本",
            "code name model line unit list_price standard_cost",
        )
    ],
    "purchases": [
        (
            "单据编号,日期,客户编码,物料编码,数量,未税金额,成本",
            "document date customer product quantity amount cost",
        )
    ],
}


@pytest.mark.parametrize(
    ("name", "headers", "expected"), [(name, *pair) for name, pairs in EXPORTS.items() for pair in pairs]
)
def test_headers_of_real_exports_find_their_columns(name, headers, expected):
    known = {folded(h): field.name for field in fields_of(name) for h in (field.name, *field.headers)}
    assert [known.get(folded(header)) for header in headers.split(",")] == expected.split()


def test_the_contract_of_purchases_holds():
    fields = fields_of("purchases")
    assert {field.name for field in fields if field.required} == {"customer", "date", "amount"}
    assert {"document", "product", "quantity", "cost", "currency"} <= {field.name for field in fields}


# -- a decision plugin that refuses


class Refuser:
    """Stands in for the host's decision plugins."""

    def __init__(self, entity: str, refuses) -> None:
        self.entity, self.refuses = entity, refuses

    def decides(self, _hook, info):
        return info.entity == self.entity

    def decide(self, _hook, _tx, *, changes):
        return [Refusal(i, "not with us") for i, change in enumerate(changes) if self.refuses(change)]


@pytest.fixture
def refuse(make_books: BooksMaker, monkeypatch: pytest.MonkeyPatch):
    books = make_books()

    def start(entity, refuses):
        refuser = Refuser(entity, refuses)
        monkeypatch.setattr(books.app.host, "decides", refuser.decides)
        monkeypatch.setattr(books.app.host, "decide", refuser.decide)
        return books

    return start


def row(document, amount, customer="C1"):
    return {"document": document, "customer": customer, "date": "2026-01-05", "amount": amount, "line": None}


def test_a_refused_document_rejects_its_rows_and_no_others(refuse):
    books = refuse("ledger_document", lambda change: change.after["number"] == "D2")
    loaded = books.load("purchases", [row("D1", "1"), row("D2", "2"), row("D2", "3"), row("D3", "4")])
    assert (loaded.created, [(r.line, r.reason) for r in loaded.rejected]) == (
        2,
        [(3, "not with us"), (4, "not with us")],
    )
    assert books.open() == {"D1": 100, "D3": 400}


def test_a_refused_line_is_rejected_and_not_added_up(refuse):
    books = refuse("ledger_line", lambda change: change.after["net_minor"] == 200)
    loaded = books.load("purchases", [row("D1", "1"), row("D1", "2"), row("D1", "4")])
    assert (loaded.created, [(r.line, r.reason) for r in loaded.rejected]) == (2, [(3, "not with us")])
    assert books.open() == {"D1": 500}


def test_a_refused_change_leaves_the_document_alone(refuse):
    books = refuse("nothing", None)
    books.load("purchases", [row("D1", "1"), row("D2", "1")])
    refuse("ledger_document", lambda change: change.after.get("net_minor") == 900)
    loaded = books.load("purchases", [row("D1", "9"), row("D2", "8")])
    assert (loaded.updated, [r.line for r in loaded.rejected]) == (1, [2])
    assert books.purchases() == {"C1": 900}
    assert books.open() == {"D1": 100, "D2": 800}


def test_a_refused_change_of_a_line_keeps_the_totals_true(refuse):
    books = refuse("nothing", None)
    books.load("purchases", [row("D1", "1"), row("D1", "2")])
    refuse("ledger_line", lambda change: change.after.get("net_minor") == 900)
    loaded = books.load("purchases", [row("D1", "9"), row("D1", "3")])
    assert (loaded.updated, [r.line for r in loaded.rejected]) == (1, [2])
    assert books.open() == {"D1": 400}


@pytest.mark.parametrize(
    ("entity", "name", "rows", "column"),
    [
        ("customer", "purchases", [row("D1", "1", "NEW")], "customer"),
        ("ledger_product", "purchases", [{**row("D1", "1"), "product": "NEW"}], "product"),
        ("ledger_product", "products", [{"code": "NEW"}], "code"),
        (
            "ledger_document",
            "payments",
            [{"document": "P1", "customer": "C1", "date": "2026-01-05", "amount": "1"}],
            "document",
        ),
    ],
)
def test_whatever_is_refused_rejects_the_row_that_needs_it(refuse, entity, name, rows, column):
    books = refuse(entity, lambda _change: True)
    loaded = books.load(name, rows, create_customers=True)
    assert [(r.line, r.column, r.reason) for r in loaded.rejected] == [(2, column, "not with us")]


# -- catalogue


def test_the_ledger_speaks_chinese(books: Books, crm, database):
    if database != "sqlite":
        return
    for words in (
        ["ledger", "--help"],
        ["ledger", "documents", "--help"],
        ["ledger", "allocate"],
        ["report", "run", "receivables"],
    ):
        assert crm.ok("--lang", "zh_CN", *words).stdout.strip()
