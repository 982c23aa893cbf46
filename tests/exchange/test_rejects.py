"""Rejected rows: told why, corrected, imported again."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from crmcore.app import App
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.builtin.exchange.rejects import RejectsFile
from crmcore.builtin.exchange.rows import Problem

Take = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Make = Callable[..., App]


def counts(result: dict[str, Any]) -> tuple[int, ...]:
    return tuple(result[name] for name in ("read", "created", "updated", "unchanged", "rejected"))


def rows_of(path: str, delimiter: str = ",") -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def corrected(path: str, target: Path, corrections: dict[str, dict[str, str]], delimiter: str = ",") -> Path:
    """Change cells of a rejects file, by code, and save it as a spreadsheet would."""
    rows = rows_of(path, delimiter)
    for row in rows:
        row.update(corrections.get(row["code"], {}))
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return target


def test_corrected_rejects_come_in(make_app: Make, take: Take, write: Write, tmp_path: Path, database: str):
    app = make_app(database=database)
    result = take(
        app,
        "customers",
        write("code,name,since,extra\nC1,a,2024-01-01,x\nC2,=b,31/31/2024,y\nC3,,,\nC4,'=d,never,\n"),
    )
    assert counts(result) == (4, 1, 0, 0, 3)
    rejects = rows_of(result["rejects_file"])
    assert [(row["_line"], row["_column"], row["_value"]) for row in rejects] == [
        ("3", "since", "31/31/2024"),
        ("4", "name", ""),
        ("5", "since", "never"),
    ]
    assert [row["name"] for row in rejects] == ["'=b", "", "'=d"], "guarded as the importer reads them"
    fixed = corrected(
        result["rejects_file"],
        tmp_path / "fixed.csv",
        {"C2": {"since": "2024-01-31"}, "C3": {"name": "c"}, "C4": {"since": ""}},
    )
    again = take(app, "customers", fixed)
    assert counts(again) == (3, 3, 0, 0, 0)
    assert again["rejects_file"] is None
    assert not [warning for warning in again["warnings"] if "_" in warning.split("'")[1]]
    with app.read() as ctx:
        names = [row["name"] for row in _customers(ctx)]
    assert names == ["a", "=b", "c", "=d"]


def _customers(ctx: Any) -> list[Any]:
    import sqlalchemy as sa

    from crmcore.entities.tables import Customer

    table = Customer.__table__  # type: ignore[attr-defined]
    return list(ctx.connection.execute(sa.select(table).order_by(table.c.code)).mappings())


def test_a_rejects_file_rejected_again_does_not_pile_up_its_columns(
    make_app: Make, take: Take, write: Write, tmp_path: Path
):
    app = make_app()
    first = take(app, "customers", write("code,name\nC1,\nC2,b\n"))
    second = take(app, "customers", Path(first["rejects_file"]))
    assert counts(second) == (1, 0, 0, 0, 1)
    assert list(rows_of(second["rejects_file"])[0]) == [
        "code",
        "name",
        "_line",
        "_column",
        "_value",
        "_reason",
    ]


def test_rejects_of_another_encoding_and_delimiter_can_be_imported_with_the_same_mapping(
    make_app: Make, take: Take, write: Write, tmp_path: Path
):
    app = make_app()
    mapping = ColumnMapping(
        columns={"Nummer": "code", "Firma": "name"},
        encoding="gb18030",
        delimiter=";",
        decimal_style="1.234,56",
    )
    path = write("Nummer;Firma;registered_capital\nC1;甲;1.234,5\nC2;;1,5\n".encode("gb18030"))
    result = take(app, "customers", path, mapping=mapping)
    assert counts(result) == (2, 1, 0, 0, 1)
    text = Path(result["rejects_file"]).read_text(encoding="utf-8-sig").replace("C2;", "C2;乙", 1)
    fixed = write("\ufeff" + text, "fixed.csv")
    assert counts(take(app, "customers", fixed, mapping=mapping)) == (1, 1, 0, 0, 0)


def test_rejects_of_a_workbook_can_be_imported(make_app: Make, take: Take, tmp_path: Path):
    app = make_app()
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in (["code", "name", "phone", "registered_capital"], ["C1", "a", 1, 1.5], ["C2", None, 2, 2.5]):
        sheet.append(row)
    workbook.save(tmp_path / "book.xlsx")
    result = take(app, "customers", tmp_path / "book.xlsx")
    assert counts(result) == (2, 1, 0, 0, 1)
    fixed = corrected(result["rejects_file"], tmp_path / "fixed.csv", {"C2": {"name": "b"}})
    assert counts(take(app, "customers", fixed)) == (1, 1, 0, 0, 0)


def test_misshapen_rows_are_rejected_with_what_they_were(make_app: Make, take: Take, write: Write):
    app = make_app()
    result = take(app, "customers", write('code,name\nC1,a,b\n"C2"x,c\nC3,d\n'))
    assert counts(result) == (3, 1, 0, 0, 2)
    rejects = rows_of(result["rejects_file"])
    assert [(row["code"], row["_value"]) for row in rejects] == [("C1", "b"), ("", '"C2"x,c')]


def test_what_was_not_committed_is_cut_off_again(tmp_path: Path):
    problem = Problem("name", "", "is empty")
    file = RejectsFile(tmp_path / "imports" / "1.rejects.csv", ["code", "name"], None)
    file.size = file.append([(2, ["C1", ""], problem)])
    kept = file.path.read_bytes()
    file.append([(3, ["C2", ""], problem)])
    file.cut()
    assert file.path.read_bytes() == kept
    file.size = file.append([(4, ["C3", ""], problem)])
    file.close()
    resumed = RejectsFile(file.path, ["code", "name"], None, len(kept))
    resumed.append([(3, ["C2", ""], problem)])
    resumed.close()
    assert [row["code"] for row in rows_of(str(file.path))] == ["C1", "C2"]


def test_only_its_owner_may_read_a_rejects_file(make_app: Make, take: Take, write: Write):
    result = take(make_app(), "customers", write("code,name\nC1,\n"))
    assert Path(result["rejects_file"]).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["'=1+1", "''=1", "=1+1", "'tis", "+86 138 0000", "-5", "@x", 'a,b;c"d'])
def test_every_cell_of_a_rejected_row_means_the_same_when_it_comes_back(
    make_app: Make, take: Take, write: Write, name: str
):
    app = make_app()
    quoted = '"' + name.replace('"', '""') + '"'
    result = take(app, "customers", write(f"code,name,since\nC1,{quoted},x\nC2,{quoted},\n"))
    text = Path(result["rejects_file"]).read_text(encoding="utf-8-sig").replace(",x,", ",,", 1)
    take(app, "customers", write("\ufeff" + text, "fixed.csv"))
    with app.read() as ctx:
        first, second = (row["name"] for row in _customers(ctx))
    assert first == second
