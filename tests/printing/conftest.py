"""What the tests of printing share: a company whose customers have whole cards, and papers read by another library."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pypdf import PdfReader

from crmcore.app import App
from crmcore.db.system import read_log
from crmcore.testing import CommandLine

CARD: dict[str, str] = {
    "name": "示例䶮喆商贸有限公司",
    "short_name": "示例商贸",
    "customer_kind": "经销商",
    "channel": "KA-07",
    "region": "华东区",
    "industry": "食品批发业",
    "legal_form": "有限责任公司",
    "tax_id": "91990000000000000X",
    "owner": "li",
    "phone": "021-11110001",
    "source": "展会名录",
    "since": "2021-03-04",
    "address": "示例市示例路1号甲座",
    "delivery_address": "示例市仓储路2号乙库",
    "fax": "021-11110002",
    "email": "info@example.com",
    "website": "https://example.com",
    "bank": "示例银行城东支行",
    "bank_account": "6222000011112222",
    "invoice_type": "增值税专用发票",
    "licence_number": "990000000000001",
    "licence_expires_on": "2031-12-30",
    "registered_capital": "512",
    "founded_on": "2009-05-18",
    "line_of_business": "粮油食品批发零售",
    "annual_turnover": "3217",
    "employees": "43",
    "premises": "rented",
    "premises_rented_from": "2022-01-02",
    "premises_rented_to": "2027-12-29",
    "warehouse": "owned",
    "warehouse_area": "811",
    "payment_terms": "款到发货",
    "payment_days": "37",
    "first_trade_on": "2021-06-07",
    "ownership": "私营",
    "mode_of_operation": "连锁经营",
    "service_area": "示例市及周边",
    "selling_power": "销售力强",
    "growth_potential": "潜力中等",
    "distribution_view": "重视陈列",
    "credit_standing": "信用良好",
    "longitude": "121.47",
    "latitude": "31.23",
    "notes": "每周三送货",
    "legal_representative": "演示甲",
    "contact": "演示乙",
    "contact_phone": "021-11110003",
    "contact_mobile": "10000000004",
}
SHOWN = {
    "registered_capital": "512",
    "annual_turnover": "3,217",
    "premises": "rented",
    "warehouse": "owned",
    "owner": "示例李 (li)",
}
"""What stands on paper where it is not what was typed."""


@dataclass(frozen=True)
class Paper:
    """A PDF as another library reads it."""

    reader: PdfReader

    @cached_property
    def pages(self) -> list[str]:
        """The texts of the pages, without blanks: where a line ends is not asked here."""
        return ["".join(page.extract_text().split()) for page in self.reader.pages]

    @cached_property
    def text(self) -> str:
        """The text of all pages."""
        return "".join(self.pages)

    def sizes(self) -> set[tuple[int, int]]:
        """Return the sizes of the pages in whole millimetres."""
        return {
            (round(float(page.mediabox.width) / 72 * 25.4), round(float(page.mediabox.height) / 72 * 25.4))
            for page in self.reader.pages
        }

    def fonts(self) -> Iterator[tuple[str, bool]]:
        """Give the fonts of all pages: name, and whether its file is inside."""
        for page in self.reader.pages:
            for reference in page["/Resources"].get("/Font", {}).values():  # type: ignore[attr-defined]
                font = reference.get_object()
                for inner in font.get("/DescendantFonts", [font]):
                    descriptor = inner.get_object()["/FontDescriptor"]
                    inside = any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3"))
                    yield font["/BaseFont"], inside

    def check(self) -> Paper:
        """Hold it against what every paper must be: A4, all fonts inside, and no more of them than is needed."""
        assert self.sizes() <= {(210, 297), (297, 210)}
        fonts = list(self.fonts())
        assert fonts
        assert not {"/OpenAction", "/Names", "/AA"} & self.reader.root_object.keys()
        assert not any("/Annots" in page for page in self.reader.pages)  # no link, no program
        assert all(inside and len(name.split("+")[0]) == len("/ABCDEF") for name, inside in fonts)
        return self


Read = Callable[[Path], Paper]


@pytest.fixture
def read() -> Read:
    """Read a PDF."""
    return lambda path: Paper(PdfReader(path)).check()


@pytest.fixture
def card() -> dict[str, str]:
    """Return the fields of C1 as they stand on paper."""
    return {**CARD, **SHOWN}


@pytest.fixture
def company(make_app: Any, crm: CommandLine, install_plugin: Any, fill: Fill) -> App:
    """Return a company with one customer, C1, on whose card nothing is missing."""
    app: App = make_app()
    fill(app)
    return app


Fill = Callable[[App], None]


@pytest.fixture
def fill(crm: CommandLine) -> Fill:
    """Add the customer C1 and who is responsible for it."""

    def add(_app: App) -> None:
        crm.ok("actor", "add", "li", "--name", "示例李", "--role", "sales_representative")
        words = [
            word for name, text in CARD.items() if name != "name" for word in ("--set", f"{name}={text}")
        ]
        crm.ok("customer", "add", "--code", "C1", "--name", CARD["name"], *words)

    return add


@pytest.fixture
def reads(company: App) -> Callable[[], list[tuple[str, str, int, str]]]:
    """Return what was recorded of reads: what, entity, count, filter."""

    def rows() -> list[tuple[str, str, int, str]]:
        columns = (read_log.c.what, read_log.c.entity, read_log.c["count"], read_log.c.filter)
        with company.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(read_log.c.id))]

    return rows


# -- a font of the company's own -----------------------------------------------------------------------------------

LETTERS = range(0x20, 0x7F)
EM, ADVANCE = 1000, 600


@pytest.fixture(scope="session")
def house_font() -> Callable[..., bytes]:
    """Make a TrueType font of ASCII alone, as a company may have one: each letter a box."""

    def make(licence: int = 0) -> bytes:
        count = len(LETTERS) + 1
        corners = ((50, 0), (50, 700), (550, 700), (550, 0))
        deltas = [
            (x - before[0], y - before[1])
            for before, (x, y) in zip(((0, 0), *corners), corners, strict=False)
        ]
        box = struct.pack(">hhhhhHH", 1, 50, 0, 550, 700, 3, 0) + b"\1" * 4
        box += b"".join(struct.pack(">h", x) for x, _y in deltas) + b"".join(
            struct.pack(">h", y) for _x, y in deltas
        )
        box += b"\0" * (-len(box) % 4)
        first, last = LETTERS[0], LETTERS[-1]
        segments = struct.pack(
            ">7H2HH2H2h2H", 4, 32, 0, 4, 4, 1, 0, last, 0xFFFF, 0, first, 0xFFFF, 1 - first, 1, 0, 0
        )
        names = [(1, "House"), (2, "Regular"), (4, "House"), (6, "House")]
        stored = b"".join(text.encode("utf-16-be") for _number, text in names)
        records, offset = b"", 0
        for number, text in names:
            records += struct.pack(">6H", 3, 1, 0x409, number, 2 * len(text), offset)
            offset += 2 * len(text)
        tables = {
            b"OS/2": struct.pack(">HhHHH", 4, ADVANCE, 400, 5, licence)
            + b"\0" * 22
            + b"\0" * 10
            + b"\0" * 16
            + b"NONE"
            + struct.pack(">HHHhhhHH", 0x40, first, last, 800, -200, 0, 800, 200)
            + b"\0" * 8
            + struct.pack(">hhHHH", 500, 700, 0, 32, 1),
            b"cmap": struct.pack(">HHHHI", 0, 1, 3, 1, 12) + segments,
            b"glyf": box * count,
            b"head": struct.pack(
                ">IIIIHHQQhhhhHHhhh",
                0x10000,
                0x10000,
                0,
                0x5F0F3CF5,
                3,
                EM,
                0,
                0,
                50,
                0,
                550,
                700,
                0,
                8,
                2,
                1,
                0,
            ),
            b"hhea": struct.pack(
                ">IhhhHhhhhhhhhhhhH",
                0x10000,
                800,
                -200,
                0,
                ADVANCE,
                50,
                50,
                550,
                1,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                count,
            ),
            b"hmtx": struct.pack(">Hh", ADVANCE, 50) * count,
            b"loca": b"".join(struct.pack(">I", number * len(box)) for number in range(count + 1)),
            b"maxp": struct.pack(">I14H", 0x10000, count, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
            b"name": struct.pack(">HHH", 0, len(names), 6 + 12 * len(names)) + records + stored,
            b"post": struct.pack(">IIhhIIIII", 0x30000, 0, -100, 50, 0, 0, 0, 0, 0),
        }
        head, body = struct.pack(">IHHHH", 0x10000, len(tables), 128, 3, 32), b""
        start = len(head) + 16 * len(tables)
        for tag, table in tables.items():
            head += tag + struct.pack(">III", 0, start + len(body), len(table))
            body += table + b"\0" * (-len(table) % 4)
        return head + body

    return make
