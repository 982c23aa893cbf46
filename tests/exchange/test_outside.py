"""Tables from outside, read whole for a plugin that takes a file as one matter."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crmcore.api import CrmError, Field, read_table

FIELDS = (
    Field("customer", "code", required=True, headers=("客户编码",)),
    Field("amount", "amount", required=True, headers=("金额",)),
    Field("day", "date", headers=("日期",)),
)


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "表.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_rows_come_with_their_values_and_bad_ones_with_their_reasons(
    make_app: Any, tmp_path: Path, encoding: str
) -> None:
    path = write(
        tmp_path, "标题\n客户编码;金额（万元）;日期;备注\nK1;1,5;2026-03-02\nK2;2;;x\nK3;;;\n", encoding
    )
    found = read_table(make_app(), path, "things", FIELDS)
    assert [(row.line, row.values) for row in found.rows] == [
        (4, {"customer": "K2", "amount": Decimal(20_000)}),
    ]
    assert [(one.line, one.column, one.value) for one in found.rejected] == [
        (3, "金额（万元）", "1,5"),
        (5, "金额（万元）", ""),
    ]
    assert (found.file, len(found.sha256)) == ("表.csv", 64)
    assert "备注" in found.warnings[0]


def test_what_is_said_of_the_file_counts(make_app: Any, tmp_path: Path) -> None:
    mapping = tmp_path / "map.json"
    mapping.write_text(
        '{"entity": "things", "columns": {"a": "customer", "b": "amount", "c": "day"}}', "utf-8"
    )
    path = write(tmp_path, "a,b,c\nK1,5,03/04/2026\n")
    found = read_table(make_app(), path, "things", FIELDS, map_file=mapping, date_order="mdy")
    assert found.rows[0].values["day"] == date(2026, 3, 4)
    with pytest.raises(CrmError, match="mapping for things"):
        read_table(make_app(), path, "others", FIELDS, map_file=mapping)


def test_a_file_without_rows_or_with_too_many_is_refused(make_app: Any, tmp_path: Path) -> None:
    app = make_app()
    with pytest.raises(CrmError, match="no rows below"):
        read_table(app, write(tmp_path, "客户编码,金额\n"), "things", FIELDS)
    rows = "".join(f"K{number},1\n" for number in range(5))
    with pytest.raises(CrmError, match="more than 4 rows"):
        read_table(app, write(tmp_path, "客户编码,金额\n" + rows), "things", FIELDS, most_rows=4)
