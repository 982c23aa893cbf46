"""Matrix and curve on the terminal."""

from __future__ import annotations

import contextlib
import io
from decimal import Decimal

import pytest

from crmcore.builtin.reports.terminal_charts import print_chart
from crmcore.plugins.types import Chart

MARK, REFERENCE = "●", "."


def printed(chart: Chart, encoding: str = "utf-8") -> list[str]:
    raw = io.BytesIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(raw, encoding=encoding, write_through=True)):
        print_chart(chart)
    return raw.getvalue().decode(encoding).splitlines()


def columns_of(lines: list[str], mark: str) -> dict[int, int]:
    """Return for each column of the plot the row, from below, in which a mark stands."""
    plot = [line[7:] for line in lines[2:17]]
    return {x: 14 - row for row, line in enumerate(plot) for x, sign in enumerate(line) if sign == mark}


def test_a_matrix_is_a_table_of_its_numbers():
    values = tuple(map(Decimal, ("14", "2", "0.5", "1200", "-3", "0")))
    lines = printed(Chart("m", "移动", "matrix", ("A", "乙", "none"), values, rows=("A 类", "B")))
    assert lines[:2] == ["", "移动"]
    assert [line.split() for line in lines[2:]] == [
        ["A", "乙", "none"],
        ["A", "类", "14", "2", "0.5"],
        ["B", "1,200", "-3", "0"],
    ]


def test_a_curve_is_plotted_from_0_to_100_percent_with_its_reference():
    squares = tuple((Decimal(i) / 10) ** 2 for i in range(11))
    diagonal = tuple(Decimal(i) / 10 for i in range(11))
    lines = printed(Chart("c", "Lorenz", "curve", ("customers", "amount"), squares, diagonal))
    curve, reference = columns_of(lines, MARK), columns_of(lines, REFERENCE)
    assert lines[1] == "Lorenz"
    assert len(curve) == 51
    assert (curve[0], curve[25], curve[50]) == (0, round(0.25 * 14), 14)
    assert all(row == pytest.approx(x / 50 * 14, abs=1) for x, row in reference.items())
    assert all(curve[x] <= row for x, row in reference.items())
    assert lines[-2:] == ["       x: customers", "       y: amount"]
    assert lines[2].startswith(" 100% |")
    assert lines[16].startswith("   0% |")


def test_a_curve_of_one_value_of_none_or_below_zero_is_plotted():
    assert set(columns_of(printed(Chart("c", "C", "curve", (), (Decimal(1),))), MARK).values()) == {14}
    assert printed(Chart("c", "C", "curve", (), ())) == ["", "C"]
    below = printed(Chart("c", "C", "curve", (), (Decimal("-0.4"), Decimal(1))))
    assert below[16].startswith(" -40% |●")


def test_a_console_in_gbk_shows_a_curve_in_ascii():
    lines = printed(Chart("c", "曲线", "curve", (), (Decimal(0), Decimal(1))), "gbk")
    assert lines[1] == "曲线"
    assert len(columns_of(lines, "o")) == 51
    assert all(line.isascii() for line in lines[2:])


@pytest.mark.parametrize(
    ("kind", "labels", "values", "line", "rows", "said"),
    [
        ("bar", ("a",), ("1", "2"), (), (), "not one per label"),
        ("pareto", ("a",), ("1",), ("1", "1"), (), "another length"),
        ("matrix", ("a", "b"), ("1", "2"), (), ("r", "s"), "not one per label"),
        ("curve", (), ("0", "1"), ("1",), (), "another length"),
        ("line", ("a",), ("NaN",), (), (), "no finite number"),
        ("pareto", ("a",), ("1",), ("Infinity",), (), "no finite number"),
    ],
)
def test_a_chart_whose_parts_do_not_fit_is_refused(kind, labels, values, line, rows, said):
    with pytest.raises(ValueError, match=said):
        Chart("c", "C", kind, labels, tuple(map(Decimal, values)), tuple(map(Decimal, line)), rows)
