"""Export → import is the identity, and every export is written down."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.app import App
from crmcore.builtin.exchange.cells import cell, rows_of_cells
from crmcore.builtin.exchange.export import export_entity
from crmcore.catalogue import load_catalogue
from crmcore.errors import CrmError, PluginError
from crmcore.plugins.types import Importable, Loaded
from crmcore.testing import ACTOR
from crmcore.text import many_lines, one_line

Take = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Make = Callable[..., App]

CUSTOMERS = """code,name,kind,phone,contact,contact_phone,legal_representative,parent,since,registered_capital,notes,address,fax
C1,=SUM(A1),organisation,+86 (21) 1234-5678,李四,0021-5,王五,C3,2024-03-05,1234.5,"a
b ""c"" ,;
-x",'@home,0512
C2,-12.50,person,'=1,,,,,,,,,
C3,甲[/a]<b>公司</b>,organisation,,张三,-5,张三,,,0.1,=1+1,''=x,
"""


def exported(app: App, entity: str = "customers") -> bytes:
    path = app.config.folder / f"{entity}-out.csv"
    export_entity(app, ACTOR, entity, path)
    return path.read_bytes()


def table_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_an_export_has_a_mark_field_names_and_the_code_first(make_app: Make, take: Take, write: Write):
    app = make_app()
    take(app, "customers", write(CUSTOMERS))
    content = exported(app)
    assert content.startswith(b"\xef\xbb\xbfcode,")
    rows = table_of(content)
    assert [row["code"] for row in rows] == ["C1", "C2", "C3"]
    catalogue = load_catalogue().fields
    assert {name for name, field in catalogue.items() if not field.source.startswith("plugin:")} <= rows[
        0
    ].keys()
    assert (rows[0]["name"], rows[1]["name"], rows[2]["name"]) == ("'=SUM(A1)", "-12.50", "甲[/a]<b>公司</b>")
    assert rows[0]["phone"] == "+86 (21) 1234-5678"


def test_an_export_imported_again_changes_nothing(make_app: Make, take: Take, write: Write, database: str):
    app = make_app(database=database)
    take(app, "customers", write(CUSTOMERS))
    content = exported(app)
    result = take(app, "customers", write(content, "again.csv"))
    assert (result["read"], result["unchanged"], result["warnings"]) == (3, 3, [])


def test_an_export_imported_elsewhere_makes_the_same_company(
    make_app: Make, take: Take, write: Write, database: str
):
    here, there = make_app(database=database), make_app()
    take(here, "customers", write(CUSTOMERS))
    take(
        here,
        "contacts",
        write(
            "code,name,customer,mobile,roles,position\nX1,赵,C1,138,decides;uses,经理\nX1,赵,C2,,owner,\nX2,孤,,,,\n"
        ),
    )
    take(
        here,
        "interactions",
        write(
            "code,customer,contact,channel,subject,at,notes,done_at\nI1,C1,X1,拜访,=x,2024-03-05 09:30:00.123456,a\nb,2024-03-06\n".replace(
                "a\nb", '"a\nb"'
            )
        ),
    )
    files = {entity: exported(here, entity) for entity in ("customers", "contacts", "interactions")}
    for entity, content in files.items():
        result = take(there, entity, write(content, f"{entity}.csv"))
        assert (result["rejected"], result["possible_duplicates"]) == (0, 0), (entity, result)
    assert {entity: exported(there, entity) for entity in files} == files


TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=30) | st.text(
    alphabet=st.sampled_from("'=+-@\"\n\r\t,; 甲a1\u202e\u200b"), max_size=12
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    names=st.lists(TEXTS.map(one_line).filter(lambda text: text and not text.startswith("#")), max_size=8),
    notes=st.lists(TEXTS.map(many_lines), min_size=8, max_size=8),
    capital=st.decimals(0, 10**9, places=2),
)
def test_every_text_survives_export_and_import(
    make_app: Make, write: Write, take: Take, names: list[str], notes: list[str], capital: Decimal
):
    from crmcore.entities.tables import Customer

    app = make_app()
    rows = [
        {
            "code": f"C{i}",
            "name": name,
            "attributes": {
                "registered_capital": float(capital),
                **({"notes": note} if note and not note.startswith("#") else {}),
            },
        }
        for i, (name, note) in enumerate(zip(names, notes, strict=False))
    ]
    with app.write(ACTOR) as tx:
        tx.insert(Customer, rows)
    content = exported(app)
    again = take(app, "customers", write(content, "again.csv"))
    assert (again["read"], again["unchanged"]) == (len(rows), len(rows))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (-5, "-5"),
        (Decimal("-1234.50"), "-1234.50"),
        (1e22, "10000000000000000000000"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (date(2024, 3, 5), "2024-03-05"),
        (datetime(2024, 3, 5, 1, 30, tzinfo=UTC), "2024-03-05 09:30:00"),
        ("=1", "'=1"),
        ("-7", "-7"),
    ],
)
def test_cells_are_written_so_that_they_can_be_read(value: object, text: str):
    assert cell(value, ZoneInfo("Asia/Shanghai")) == text


CELLS = (
    st.none()
    | TEXTS
    | st.sampled_from(
        ["=1+1", "'=1", "+86 (21) 1234-5678", "-12.50", "-x", "@home", "'", "''", '"=1', "\n=1"]
    )
    | st.integers()
    | st.booleans()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.datetimes(timezones=st.just(UTC), min_value=datetime(1950, 1, 1), max_value=datetime(2100, 1, 1))  # noqa: DTZ001  (Hypothesis wants naive bounds)
)
COLUMNS = st.sampled_from((CELLS, TEXTS, st.none() | TEXTS, st.integers())).flatmap(
    lambda cells: st.lists(cells, min_size=9, max_size=9)
)


@settings(deadline=None)
@given(columns=st.lists(COLUMNS, min_size=1, max_size=6))
def test_rows_written_together_are_those_written_cell_by_cell(columns: list[list[object]]):
    zone = ZoneInfo("Asia/Shanghai")
    rows = list(zip(*columns, strict=True))
    together, one_by_one = io.StringIO(newline=""), io.StringIO(newline="")
    csv.writer(together).writerows(rows_of_cells(rows, zone))
    for row in rows:
        csv.writer(one_by_one).writerow([cell(value, zone) for value in row])
    assert together.getvalue() == one_by_one.getvalue()


def test_an_exporter_may_give_one_field_and_the_same_mapping_each_time(
    make_app: Make, monkeypatch: pytest.MonkeyPatch
):
    app = make_app()

    def same(_ctx: Any) -> Any:
        row = {}
        for number in range(1_200):
            row["code"] = f"C{number}"
            yield row

    monkeypatch.setattr(
        "crmcore.builtin.exchange.export.find_importable",
        lambda _app, name: Importable(name, "", (), lambda *_: Loaded(), same, plugin="exchange"),
    )
    assert [row["code"] for row in table_of(exported(app))] == [f"C{number}" for number in range(1_200)]


def test_an_exporter_that_gives_no_rows_but_nothing_is_named(make_app: Make, monkeypatch: pytest.MonkeyPatch):
    app = make_app()
    rows: Any = [None, {"code": "A"}]
    monkeypatch.setattr(
        "crmcore.builtin.exchange.export.find_importable",
        lambda _app, name: Importable(
            name, "", (), lambda *_: Loaded(), lambda _ctx: iter(rows), plugin="exchange"
        ),
    )
    with pytest.raises(PluginError, match="'exchange' failed in importables"):
        exported(app)


def test_an_hour_that_comes_twice_is_written_with_its_offset():
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    second = datetime(2024, 10, 27, 1, 30, tzinfo=UTC)
    assert cell(first, berlin) != cell(second, berlin)
    assert cell(second, berlin).endswith("+01:00")


def test_an_export_is_written_down_as_a_read(make_app: Make, take: Take, write: Write):
    app = make_app()
    take(app, "customers", write(CUSTOMERS))
    exported(app)
    with app.read() as ctx:
        row = ctx.connection.execute(sa.text("SELECT actor, what, entity, count FROM read_log")).one()
    assert tuple(row) == (ACTOR, "export", "customers", 3)


def test_an_export_that_fails_leaves_the_old_file_and_no_other(
    make_app: Make, take: Take, write: Write, monkeypatch: pytest.MonkeyPatch
):
    app = make_app()
    take(app, "customers", write(CUSTOMERS))
    folder = app.config.folder / "out"
    folder.mkdir()
    (folder / "c.csv").write_text("old", encoding="utf-8")

    def broken(_ctx: Any) -> Any:
        yield {"code": "C1"}
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        "crmcore.builtin.exchange.export.find_importable",
        lambda _app, name: Importable(name, "", (), lambda *_: Loaded(), broken, plugin="exchange"),
    )
    with pytest.raises(CrmError, match="cannot be written: No space left on device"):
        export_entity(app, ACTOR, "customers", folder / "c.csv")
    assert [path.name for path in folder.iterdir()] == ["c.csv"]
    assert (folder / "c.csv").read_text(encoding="utf-8") == "old"
    with pytest.raises(CrmError, match="cannot be written"):
        export_entity(app, ACTOR, "customers", folder / "no" / "c.csv")


def test_an_exported_file_belongs_to_its_owner_alone(make_app: Make):
    app = make_app()
    exported(app)
    if os.name == "posix":
        assert (app.config.folder / "customers-out.csv").stat().st_mode & 0o077 == 0


def test_an_empty_company_exports_a_header_that_can_be_imported(make_app: Make, take: Take, write: Write):
    app = make_app()
    for entity in ("customers", "contacts", "interactions"):
        content = exported(app, entity)
        assert content.startswith(b"\xef\xbb\xbfcode,")
        assert take(app, entity, write(content, f"{entity}.csv"))["read"] == 0


def test_an_export_is_streamed_page_by_page(
    make_app: Make, take: Take, write: Write, monkeypatch: pytest.MonkeyPatch
):
    for module in ("customer_export", "contacts", "interactions"):
        monkeypatch.setattr(f"crmcore.builtin.exchange.{module}.PAGE", 2)
    app = make_app()
    take(app, "customers", write("code,name,contact\n" + "".join(f"C{i},n{i},p{i}\n" for i in range(7))))
    take(
        app,
        "interactions",
        write(
            "customer,at,channel,subject\n" + "".join(f"C{i},2024-03-0{i + 1},visit,s\n" for i in range(7))
        ),
    )
    assert [len(table_of(exported(app, entity))) for entity in ("customers", "contacts", "interactions")] == [
        7,
        7,
        7,
    ]
