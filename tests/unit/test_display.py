"""Tables and charts: widths, formats, narrow windows, consoles that are not Unicode."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from crmcore.builtin.reports.cells import format_cell
from crmcore.builtin.reports.terminal import print_table
from crmcore.builtin.reports.terminal_charts import print_chart
from crmcore.plugins.types import Chart, Column, Table
from crmcore.text import display_width

COLUMNS = (
    Column("name", "名称"),
    Column("amount", "Amount", "amount"),
    Column("share", "Share", "share"),
    Column("day", "Day", "date"),
)
ROWS = [("甲[/a]\x1b[31m\u202e", 123456789, Decimal("0.1234"), date(2026, 1, 31)), ("b\nc", -5, None, None)]


class Terminal(io.TextIOWrapper):
    """A terminal of some width."""

    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def written(*, encoding: str = "utf-8", terminal: bool = False) -> Iterator[list[str]]:
    """Collect the lines that are written to stdout, and prove that its encoding can hold them."""
    raw = io.BytesIO()
    stream = (Terminal if terminal else io.TextIOWrapper)(raw, encoding=encoding, errors="replace")
    lines: list[str] = []
    with contextlib.redirect_stdout(stream):
        yield lines
        sys.stdout.flush()
    lines += raw.getvalue().decode(encoding).splitlines()


@pytest.mark.parametrize(
    ("value", "kind", "currency", "text"),
    [
        (None, "amount", "CNY", ""),
        (123456789, "amount", "CNY", "1,234,567.89"),
        (-5, "amount", "CNY", "-0.05"),
        (1234, "amount", "JPY", "1,234"),
        (1234567, "integer", None, "1,234,567"),
        (Decimal("1234.50"), "decimal", None, "1,234.50"),
        (Decimal("0.12346"), "share", None, "12.35%"),
        (date(2026, 1, 31), "date", None, "2026-01-31"),
        (datetime(2026, 1, 31, 14, 5, tzinfo=UTC), "datetime", None, "2026-01-31 14:05Z"),
        ("2026-01-31", "date", None, "2026-01-31"),
        ("a\x00\u202eb\tc", "text", None, "ab c"),
        (True, "text", None, "True"),
    ],
)
def test_cells_are_written_as_people_read_them(value, kind, currency, text):
    assert format_cell(value, Column("x", "X", kind), currency) == text


def test_elsewhere_than_on_a_terminal_columns_are_plain_and_unwrapped():
    with written() as lines:
        print_table(Table("t", "标题 [b]", COLUMNS, iter([*ROWS, ("长" * 100, 1, None, None)]), "CNY"))
    assert lines[:2] == ["", "标题 [b]"]
    assert lines[2].startswith("名称")
    assert lines[2].endswith("Amount (CNY)   Share  Day")
    assert lines[3].split() == ["甲[/a][31m", "1,234,567.89", "12.34%", "2026-01-31"]
    assert lines[4].split() == ["b", "c", "-0.05"]
    assert lines[5].startswith("长" * 100)
    ends = {
        display_width(line[: line.index(amount) + len(amount)])
        for line, amount in ((lines[2], "(CNY)"), (lines[3], "567.89"), (lines[4], "-0.05"))
    }
    assert len(ends) == 1


def test_a_terminal_folds_texts_and_keeps_numbers_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "60")
    with written(terminal=True) as lines:
        print_table(
            Table("t", "", COLUMNS, [("长" * 40, 123456789, Decimal("0.5"), date(2026, 1, 31))], "CNY")
        )
    text = "\n".join(lines)
    assert text.count("长") == 40
    assert "1,234,567.89" in text
    assert "2026-01-31" in text


def test_markup_in_a_name_is_text(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "100")
    with written(terminal=True) as lines:
        print_table(Table("t", "", COLUMNS[:1], [("甲[/a][bold]:smile:",)]))
    assert any("甲[/a][bold]:smile:" in line for line in lines)


def test_a_window_too_narrow_for_the_table_gets_records(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "30")
    with written(terminal=True) as lines:
        print_table(Table("t", "", COLUMNS, ROWS, "CNY"))
    assert "名称          甲[/a][31m" in lines
    assert "Amount (CNY)  -0.05" in lines


@pytest.mark.parametrize("terminal", [True, False])
def test_a_console_in_gbk_shows_tables_and_charts(monkeypatch: pytest.MonkeyPatch, *, terminal: bool):
    monkeypatch.setenv("COLUMNS", "100")
    with written(encoding="gbk", terminal=terminal) as lines:
        print_table(Table("t", "标题", COLUMNS, [("甲😀", 1, None, None)], "CNY"))
        print_chart(PARETO)
    text = "\n".join(lines)
    assert "甲?" in text
    assert "#" in text
    assert "█" not in text


PARETO = Chart(
    "p", "Pareto", "pareto", ("甲", "b"), (Decimal("1500.5"), Decimal(0)), (Decimal("0.5"), Decimal(1))
)


def test_a_pareto_chart_has_bars_values_and_cumulative_shares():
    with written() as lines:
        print_chart(PARETO)
    title, first, second, legend = lines[1:]
    assert title == "Pareto"
    assert first.startswith("甲  █")
    assert first.endswith("1,500.5   50.0%")
    assert second.endswith("0  100.0%")
    assert "█" not in second
    assert first.index("●") < second.index("●") + 1
    assert "●" in legend


def test_charts_of_any_kind_take_nothing_negative_and_zero():
    values = (Decimal(-3), Decimal(0), Decimal("0.001"))
    for kind in ("bar", "line"):
        with written() as lines:
            print_chart(Chart("x", "X", kind, ("a", "b", "c"), values))
        assert len(lines) == 5
    with written() as lines:
        print_chart(Chart("x", "X", "bar", (), ()))
    assert lines == ["", "X"]
