"""`crm ledger …`, and `crm import` and `crm export` with the ledger's files, as users type them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

import crmcore_trade_ledger

if TYPE_CHECKING:
    from crmcore.testing import CommandLine
    from plugins.trade_ledger.tests.conftest import Books, BooksMaker

PACKAGE = Path(crmcore_trade_ledger.__file__).parent
SCHEMAS = PACKAGE / "schemas"


def check(name: str, value: Any) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


@pytest.fixture
def books(make_books: BooksMaker, database: str) -> Books:
    """Return a company with one whole trade, in yuan and in dollars."""
    books = make_books(database)
    start = {"customer": "C1", "product": "P1", "quantity": "2.5", "line": "1"}
    books.load(
        "products", [{"code": "P1", "name": "矿泉水", "line": "饮料", "list_price": "28"}, {"code": "P2"}]
    )
    books.load("orders", [{**start, "document": "X1", "date": "2026-01-05", "amount": "100"}])
    books.load(
        "deliveries", [{**start, "document": "DN1", "date": "2026-01-06", "amount": "100", "order": "X1"}]
    )
    invoice = {
        **start,
        "document": "X1",
        "date": "2026-01-07",
        "amount": "100",
        "delivery": "DN1",
        "due": "2026-02-06",
    }
    books.load("invoices", [{**invoice, "tax": "13", "ship_to": "C2"}])
    books.load(
        "invoices",
        [{"document": "U1", "customer": "C2", "date": "2026-01-08", "amount": "5", "currency": "USD"}],
    )
    books.load("payments", [{"document": "RC1", "customer": "C1", "date": "2026-02-01", "amount": "50"}])
    books.load("allocations", [{"payment": "RC1", "document": "X1", "amount": "20"}])
    return books


@pytest.mark.parametrize(
    "path", sorted([*SCHEMAS.glob("*.json"), PACKAGE / "settings.schema.json"]), ids=lambda p: p.name
)
def test_a_schema_is_valid_and_so_are_its_examples_and_defaults(path):
    schema = json.loads(path.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:crmcore:schema:trade_ledger:{path.name.split('.')[0]}:1"
    for name, part in schema["properties"].items():
        for value in [*part["examples"], *([part["default"]] if "default" in part else [])]:
            assert list(Draft202012Validator(part).iter_errors(value)) == [], name


def test_products_are_listed_by_code(books: Books, crm: CommandLine):
    rows = crm.lines("ledger", "products")
    for row in rows:
        check("product", row)
    assert [(r["code"], r["name"], r["list_price_minor"]) for r in rows] == [
        ("P1", "矿泉水", 2800),
        ("P2", "P2", None),
    ]
    assert [r["code"] for r in crm.lines("ledger", "products", "--after", "P1")] == ["P2"]
    assert [r["code"] for r in crm.lines("ledger", "products", "--limit", "1")] == ["P1"]
    assert [r["code"] for r in crm.lines("ledger", "products", "--line", "饮料")] == ["P1"]
    assert "28.00" in crm.ok("ledger", "products").stdout


def test_documents_are_listed_latest_first_and_page_by_page(books: Books, crm: CommandLine):
    rows = crm.lines("ledger", "documents")
    for row in rows:
        check("document", row)
    numbers = [(r["kind"], r["number"]) for r in rows]
    assert numbers == [
        ("payment", "RC1"),
        ("invoice", "U1"),
        ("invoice", "X1"),
        ("delivery", "DN1"),
        ("order", "X1"),
    ]
    paged, cursor = [], None
    while page := crm.lines("ledger", "documents", "--limit", "2", *(("--after", cursor) if cursor else ())):
        paged += [(r["kind"], r["number"]) for r in page]
        cursor = page[-1]["cursor"]
    assert paged == numbers


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["--kind", "invoice"], ["U1", "X1"]),
        (["--customer", "C2"], ["U1"]),
        (["--state", "posted", "--kind", "delivery"], ["DN1"]),
        (["--state", "invoiced"], ["X1"]),
        (["--from", "2026-01-07", "--to", "2026-01-08"], ["U1", "X1"]),
        (["--open"], ["RC1", "U1", "X1"]),
        (["--open", "--customer", "C1", "--kind", "invoice"], ["X1"]),
        (["--from", "2027-01-01"], []),
    ],
)
def test_documents_are_chosen_by_what_they_are(books: Books, crm: CommandLine, options, numbers):
    assert [row["number"] for row in crm.lines("ledger", "documents", *options)] == numbers


def test_a_document_is_shown_with_all_that_hangs_on_it(books: Books, crm: CommandLine):
    shown = crm.json("ledger", "show", "X1", "--kind", "invoice")
    check("whole_document", shown)
    assert (shown["gross_minor"], shown["open_minor"], shown["ship_to"]) == (11300, 9300, "C2")
    (line,) = shown["lines"]
    assert (line["product"], line["quantity_micro"], line["counts"]) == ("P1", 2_500_000, ["invoiced"])
    assert line["from"] == [{"kind": "delivery", "number": "DN1", "line": 1}]
    allocation = {"payment": "RC1", "payment_kind": "payment", "document": "X1", "document_kind": "invoice"}
    assert shown["allocations"] == [{**allocation, "date": "2026-02-01", "amount_minor": 2000}]
    delivery = crm.json("ledger", "show", "DN1")
    assert delivery["lines"][0]["to"] == [{"kind": "invoice", "number": "X1", "line": 1}]
    assert delivery["lines"][0]["from"] == [{"kind": "order", "number": "X1", "line": 1}]
    assert crm.json("ledger", "show", "RC1")["allocations"] == shown["allocations"]
    text = crm.ok("ledger", "show", "X1", "--kind", "invoice").stdout
    assert all(word in text for word in ("113.00", "93.00", "2.5", "Delivery DN1/1", "Payment RC1"))


def test_a_document_is_found_by_the_id_that_other_plugins_show(books: Books, crm: CommandLine):
    (found,) = books.rows("SELECT id FROM ledger_document WHERE number = 'DN1'")
    assert crm.json("ledger", "show", found["id"])["number"] == "DN1"
    books.load(
        "deliveries", [{"document": str(found["id"]), "customer": "C1", "date": "2026-01-05", "amount": "1"}]
    )
    assert crm.json("ledger", "show", found["id"])["net_minor"] == 100


def test_payments_are_allocated_by_command(books: Books, crm: CommandLine):
    done = crm.json("ledger", "allocate")
    check("allocated", done)
    assert done == {
        "payments": 1,
        "documents": 1,
        "allocations": 1,
        "amounts": [{"currency": "CNY", "amount_minor": 3000}],
    }
    assert "0 payments allocated to 0 documents." in crm.ok("ledger", "allocate").stdout


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["show", "9" * 30], 1, "there is no document"),
        (["show", "NONE"], 1, "there is no document 'NONE'"),
        (["show", "X1"], 2, "choose with --kind: invoice, order"),
        (["documents", "--customer", "NOBODY"], 1, "NOBODY"),
        (["documents", "--after", "yesterday"], 1, "'yesterday' is no cursor"),
        (["documents", "--limit", "0"], 2, "--limit"),
        (["allocate", "--payment", "NONE"], 1, "there is no payment 'NONE'"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(books: Books, crm: CommandLine, words, code, sentence):
    result = crm("ledger", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_names_from_files_cannot_steer_the_terminal(make_books: BooksMaker, crm: CommandLine):
    books = make_books()
    books.load("products", [{"code": "P[/a]", "name": "甲[/a]\x1b[31m\u202e"}])
    text = crm.ok("ledger", "products").stdout
    assert "甲[/a]" in text
    assert "\x1b[31m" not in text
    assert "\u202e" not in text


def test_the_card_and_the_list_of_work_show_the_ledger(books: Books, crm: CommandLine):
    sections = {
        section["name"]: section["data"] for section in crm.json("customer", "show", "C1")["sections"]
    }
    assert sections["receivables"]["open_minor"] == 9300
    assert sections["purchases"]["amount_minor"] == 10000
    (item,) = crm.lines("work")
    assert item["key"].startswith("ledger:overdue:")


def test_reports_are_listed_and_run(books: Books, crm: CommandLine):
    assert {"receivables", "sales_by_month"} <= {report["name"] for report in crm.lines("report", "list")}
    assert "93.00" in crm.ok("report", "run", "receivables").stdout
    assert "2026-01" in crm.ok("report", "run", "sales_by_month").stdout


# -- files


def test_a_file_of_purchases_is_imported_as_the_contract_says(
    make_books: BooksMaker, crm: CommandLine, tmp_path: Path
):
    make_books()
    path = tmp_path / "purchases.csv"
    path.write_text(
        "customer,date,amount\nC1,2026-01-05,100.00\nC2,2026-01-06,-5.5\nC9,2026-01-06,1\nC1,2026-01-07,1.234\n"
    )
    first = crm.json("import", "purchases", path)
    assert {k: first[k] for k in ("read", "created", "updated", "unchanged", "rejected")} == {
        "read": 4,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "rejected": 2,
    }
    assert "C9" in Path(first["rejects_file"]).read_text("utf-8-sig")
    again = crm.json("import", "purchases", path)
    assert (again["created"], again["unchanged"], again["rejected"]) == (0, 2, 2)


def test_headers_of_chinese_exports_are_understood(make_books: BooksMaker, crm: CommandLine, tmp_path: Path):
    make_books()
    path = tmp_path / "销售.csv"
    path.write_text(
        '单据编号,日期,客户编码,物料编码,数量,价税合计,税率,币别\nXS001,2026/1/5,C1,P1,2,"1,130.00",13%,人民币\n',
        encoding="gb18030",
    )
    assert crm.json("import", "purchases", path)["created"] == 1
    (row,) = crm.lines("ledger", "documents")
    assert (row["number"], row["net_minor"], row["tax_minor"], row["currency"]) == (
        "XS001",
        100000,
        13000,
        "CNY",
    )


def test_a_corrected_rejects_file_completes_its_documents(
    make_books: BooksMaker, crm: CommandLine, tmp_path: Path
):
    books = make_books()
    path = tmp_path / "purchases.csv"
    path.write_text(
        "customer,date,amount,document\nC1,2026-01-05,1,D1\nC1,someday,2,D1\nC1,2026-01-05,3.333,D1\nC1,2026-01-05,4,D1\n"
    )
    rejects = Path(crm.json("import", "purchases", path)["rejects_file"])
    corrected = rejects.read_text("utf-8-sig").replace("someday", "2026-01-05").replace("3.333", "3")
    rejects.write_text(corrected, "utf-8")
    again = crm.json("import", "purchases", rejects)
    assert (again["created"], again["updated"], again["rejected"]) == (2, 0, 0)
    assert sorted(minor for _n, _line, minor in books.lines()) == [100, 200, 300, 400]
    assert books.open() == {"D1": 1000}
    assert crm.json("import", "purchases", rejects)["unchanged"] == 2


NAMES = ("products", "orders", "deliveries", "invoices", "returns", "payments", "allocations")


def test_what_is_exported_is_imported_to_the_same_ledger(
    books: Books, make_books: BooksMaker, crm: CommandLine, tmp_path: Path
):
    books.load(
        "returns",
        [
            {
                "document": "CN1",
                "customer": "C1",
                "date": "2026-01-09",
                "product": "P1",
                "quantity": "1",
                "amount": "40",
                "invoice": "X1",
                "cost": "9",
            }
        ],
    )
    books.load("allocations", [{"payment": "CN1", "document": "X1", "amount": "40"}])
    books.load(
        "products", [{"code": "P3", "name": "=1+1", "attributes": '{"颜色": "红", "kg": 2}', "unit": "箱"}]
    )
    books.load(
        "orders",
        [
            {
                "document": "SO9",
                "line": "1",
                "customer": "C2",
                "date": "2026-01-09",
                "amount": "40",
                "state": "cancelled",
                "due": "2026-03-01",
                "bill_to": "C3",
            }
        ],
    )
    for name in NAMES:
        crm.ok("export", name, tmp_path / f"{name}.csv")
    before = everything(books)
    other = make_books()
    for name in NAMES:
        result = crm.json("import", name, tmp_path / f"{name}.csv")
        assert (result["rejected"], result["updated"], result["unchanged"]) == (0, 0, 0), name
    assert everything(other) == before
    for name in NAMES:
        result = crm.json("import", name, tmp_path / f"{name}.csv")
        assert (result["created"], result["updated"]) == (0, 0), name


def test_exported_purchases_are_imported_to_the_same_purchases(
    books: Books, make_books: BooksMaker, crm: CommandLine, tmp_path: Path
):
    crm.ok("export", "purchases", tmp_path / "p.csv")
    other = make_books()
    assert crm.json("import", "purchases", tmp_path / "p.csv")["created"] == 2
    assert other.purchases() == books.purchases()


def everything(books: Books) -> dict[str, Any]:
    """Return all that the ledger holds, with codes and numbers in place of ids."""
    documents = books.rows(
        "SELECT d.kind, d.number, c.code, b.code AS bill_to, s.code AS ship_to, occurred_on, due_on, currency, net_minor,"
        " tax_minor, gross_minor, open_minor, cash, state FROM ledger_document d JOIN customer c ON c.id = customer_id"
        " JOIN customer b ON b.id = bill_to_id LEFT JOIN customer s ON s.id = ship_to_id ORDER BY d.kind, d.number"
    )
    lines = books.rows(
        "SELECT d.kind, d.number, l.line, p.code, quantity_micro, l.unit, l.net_minor, l.tax_minor, cost_minor, counts"
        " FROM ledger_line l JOIN ledger_document d ON d.id = document_id LEFT JOIN ledger_product p ON p.id = product_id"
        " ORDER BY d.kind, d.number, l.line"
    )
    links = books.rows(
        "SELECT f.kind AS a, f.line AS b, t.kind AS c, t.line AS d, k.quantity_micro, k.net_minor FROM ledger_link k"
        " JOIN ledger_line f ON f.id = from_line_id JOIN ledger_line t ON t.id = to_line_id ORDER BY 1, 2, 3, 4"
    )
    allocations = books.rows(
        "SELECT p.number AS a, d.number AS b, allocated_on, amount_minor FROM ledger_allocation"
        " JOIN ledger_document p ON p.id = payment_id JOIN ledger_document d ON d.id = document_id ORDER BY 1, 2, 3"
    )
    products = books.rows(
        "SELECT code, name, line, unit, currency, list_price_minor, attributes FROM ledger_product ORDER BY code"
    )
    texts = [row["attributes"] for row in products]
    own = [json.loads(text) if isinstance(text, str) else text for text in texts]
    products = [{**row, "attributes": values} for row, values in zip(products, own, strict=True)]
    tables = {
        "documents": documents,
        "lines": lines,
        "links": links,
        "allocations": allocations,
        "products": products,
    }
    return {
        name: [{key: plain(value) for key, value in row.items()} for row in rows]
        for name, rows in tables.items()
    }


def plain(value: Any) -> Any:
    """Return a value as both databases give it."""
    if isinstance(value, bool):
        return int(value)
    return str(value) if isinstance(value, date) else value
