"""An import that was broken off stays told until just that was imported: another sheet of its workbook is another import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from crmcore.app import App
from crmcore.builtin.exchange import engine
from crmcore.builtin.exchange.api import interrupted_imports
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.builtin.exchange.understanding import Options
from crmcore.errors import CrmError


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    """Write a workbook with two sheets of customers."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name in ("A", "B"):
        sheet = book.create_sheet(name)
        sheet.append(["code", "name", "phone"])
        sheet.append([f"{name}1", "甲", None])
    book.save(tmp_path / "two.xlsx")
    return tmp_path / "two.xlsx"


def test_a_whole_sheet_does_not_hide_that_another_was_broken_off(
    make_app: Callable[..., App],
    take: Callable[..., dict[str, Any]],
    workbook: Path,
    database: str,
    crm: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app(database=database)

    def stop(*_given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(engine.ImportJob, "_load", stop)
        with pytest.raises(CrmError, match="import 1 stopped"):
            take(app, "customers", workbook, mapping=ColumnMapping(sheet="A"))
    take(app, "customers", workbook, mapping=ColumnMapping(sheet="B"))
    assert interrupted_imports(app) == [1]
    assert "interrupted: 1; go on with: crm imports resume ID" in crm("doctor").stdout
    take(app, "customers", workbook, mapping=ColumnMapping(sheet="A"), options=Options(clear_empty=True))
    assert interrupted_imports(app) == [1], "it was read in another way"
    take(app, "customers", workbook, mapping=ColumnMapping(sheet="A"))
    assert interrupted_imports(app) == []
