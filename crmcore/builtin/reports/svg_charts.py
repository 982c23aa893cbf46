"""Charts as SVG: Pareto, bars, line, matrix, curve. They can be told apart without colours too."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple
from xml.etree import ElementTree as ET

from crmcore.builtin.reports.cells import compact, in_files, number_texts
from crmcore.builtin.reports.svg import (
    FONT,
    Frame,
    element,
    fitted,
    path,
    round_steps,
    rule,
    width_of,
    words,
)
from crmcore.i18n import _
from crmcore.plugins.types import Chart

CHART_STYLE = """
svg text { font-size: 11px; fill: #1d2733; }
svg .quiet { fill: #55616d; }
svg .grid { stroke: #dde2e8; stroke-width: 1; }
svg .axis { stroke: #55616d; stroke-width: 1; }
svg .bar { fill: #8fb0d0; stroke: #2f5b8a; stroke-width: 0.75; }
svg .negative { fill: #f3d9cd; stroke: #a33b12; stroke-dasharray: 3 2; }
svg .line { stroke: #a33b12; stroke-width: 2; stroke-linejoin: round; }
svg .curve { stroke: #1f4e79; stroke-width: 2.25; stroke-linejoin: round; }
svg .reference { stroke: #55616d; stroke-width: 1.25; stroke-dasharray: 5 4; }
svg .dot { fill: #a33b12; stroke: #ffffff; stroke-width: 1; }
svg .cell { stroke: #ffffff; stroke-width: 1.5; }
svg .on-dark { fill: #ffffff; }
svg .at-point { font-size: 9px; stroke: #ffffff; stroke-width: 2.5; paint-order: stroke; }
"""
_AT_POINT = 9
_HEIGHT = 250
_ROWS = 210
"""Height of bars or of a matrix together, as long as a row stays between the two bounds."""
_LOW_ROW, _HIGH_ROW = 20, 36
_GAP = 6
_ZERO, _ONE = Decimal(0), Decimal(1)
_QUARTERS = tuple(Decimal(i) / 4 for i in range(5))
_MOST_DOTS = 40
_SLANTED, _ALONG, _DOWN = 86.0, 0.77, 0.65
"""Longest slanted text, and how much of its length goes along and down: cosine and sine of 40 degrees."""
_WIDEST_BAR = 56.0
_MOST_COLUMNS = 8
_ABOVE = (243, 246, 250), (31, 78, 121)
_BELOW = (250, 240, 235), (150, 55, 20)
"""Red, green and blue of the lightest and the darkest field: bluish, and reddish for what is below zero."""
_DARK = Decimal("0.66")
"""From this shade on numbers are written in white."""


def draw(chart: Chart, width: int) -> ET.Element:
    """Return a chart as an SVG element with its title for who cannot see it."""
    parts, height = _DRAWN[chart.kind](chart, width) if chart.values else _nothing(width)
    return element(
        "svg",
        element("title", text=chart.title),
        *parts,
        viewBox=f"0 0 {width} {float(height):.0f}",
        role="img",
    )


def is_wide(chart: Chart) -> bool:
    """Tell whether half a page is too narrow for a chart."""
    return chart.kind == "matrix" and len(chart.labels) > _MOST_COLUMNS


Drawing = tuple[list[ET.Element], float]


def _nothing(width: int) -> Drawing:
    height = 2 * _LOW_ROW
    return [words(width / 2, _LOW_ROW, _("no data"), "middle", class_="quiet")], height


# -- Pareto and line: values stand upright -------------------------------------------------------------------------


def _pareto(chart: Chart, width: int) -> Drawing:
    """Draw bars from the left axis, and cumulative shares as a line on the right one."""
    frame, parts, height = _upright(chart, width, right=width_of("100%") + 2 * _GAP if chart.line else _GAP)
    count = len(chart.values)
    slot = frame.width / count
    wide = min(slot * 0.72, _WIDEST_BAR)
    for position, (value, number) in enumerate(zip(chart.values, number_texts(chart.values), strict=True)):
        left = frame.middle(position, count) - wide / 2
        parts.append(_bar(left, wide, value, frame, f"{chart.labels[position]}: {number}"))
    if chart.line:
        parts += _shares(chart, frame)
    parts.append(rule(frame.left, frame.y(_ZERO), frame.right, frame.y(_ZERO), "axis"))
    if chart.line:
        parts.append(_legend(width))
    return parts, height


def _bar(left: float, wide: float, value: Decimal, frame: Frame, words_of_it: str) -> ET.Element:
    top, bottom = sorted((frame.y(value), frame.y(_ZERO)))
    told = element("title", text=words_of_it)
    style = "bar negative" if value < 0 else "bar"
    return element("rect", told, x=left, y=top, width=wide, height=bottom - top, class_=style)


def _shares(chart: Chart, frame: Frame) -> Iterator[ET.Element]:
    """Draw the line of shares over its axis on the right; its frame reaches from 0 to 100 %."""
    height = frame.y(_ZERO) - frame.top
    scale = Frame(frame.left, frame.top, frame.width, height, min(_ZERO, *chart.line), max(_ONE, *chart.line))
    for share in _QUARTERS:
        yield words(frame.right + _GAP, scale.y(share), f"{share:.0%}", class_="quiet")
    count = len(chart.line)
    points = [(scale.middle(i, count), scale.y(share)) for i, share in enumerate(chart.line)]
    exact = [f"{share:.1%}" for share in chart.line]
    yield path(points, "line")
    yield from _dots(points, exact, chart.labels)
    yield from _numbers(points, exact) or _numbers(points, [_whole_percent(share) for share in chart.line])


def _whole_percent(share: Decimal) -> str:
    """Round a share, but none that is not all of it to 100 %."""
    shown = f"{share:.0%}"
    return "99%" if shown == "100%" and share < 1 else shown


def _dots(
    points: list[tuple[float, float]], numbers: list[str], labels: tuple[str, ...]
) -> Iterator[ET.Element]:
    """Mark points that are not too many."""
    if len(points) <= _MOST_DOTS:
        for (x, y), number, label in zip(points, numbers, labels, strict=True):
            told = element("title", text=f"{label}: {number}")
            yield element("circle", told, cx=x, cy=y, r=3.2, class_="dot")


def _numbers(points: list[tuple[float, float]], numbers: list[str]) -> list[ET.Element]:
    """Write the numbers of points above them; nothing where there is too little room for all."""
    slot = points[1][0] - points[0][0] if len(points) > 1 else _HEIGHT
    if slot < max(map(width_of, numbers)) * _AT_POINT / FONT:
        return []
    return [
        words(x, y - FONT, number, "middle", class_="at-point")
        for (x, y), number in zip(points, numbers, strict=True)
    ]


def _legend(width: int) -> ET.Element:
    bars, line = _("value"), _("cumulative share")
    start = (width - width_of(bars) - width_of(line) - 70) / 2
    second = start + 24 + width_of(bars)
    return element(
        "g",
        element("rect", x=start, y=2.0, width=12, height=9, class_="bar"),
        words(start + 17, 7, bars, class_="quiet"),
        rule(second, 7, second + 20, 7, "line"),
        element("circle", cx=second + 10, cy=7, r=3.2, class_="dot"),
        words(second + 25, 7, line, class_="quiet"),
    )


def _line(chart: Chart, width: int) -> Drawing:
    """Draw the values as points of a line."""
    frame, parts, height = _upright(chart, width, right=_GAP)
    parts.append(rule(frame.left, frame.y(_ZERO), frame.right, frame.y(_ZERO), "axis"))
    count = len(chart.values)
    points = [(frame.middle(i, count), frame.y(value)) for i, value in enumerate(chart.values)]
    parts.append(path(points, "line"))
    numbers = number_texts(chart.values)
    parts += _dots(points, numbers, chart.labels)
    parts += _numbers(points, numbers)
    return parts, height


def _upright(chart: Chart, width: int, right: float) -> tuple[Frame, list[ET.Element], float]:
    """Lay out the axis of values on the left, its lines, and the labels below."""
    steps = round_steps(min(_ZERO, *chart.values), max(_ZERO, *chart.values))
    names = [compact(step) for step in steps]
    left = max(map(width_of, names)) + 2 * _GAP
    top = FONT * 3.0
    frame = Frame(left, top, width - left - right, _HEIGHT - top - 2 * FONT, steps[0], steps[-1])
    parts = []
    for step, name in zip(steps, names, strict=True):
        y = frame.y(step)
        parts += [rule(left, y, frame.right, y, "grid"), words(left - _GAP, y, name, "end", class_="quiet")]
    labels, deep = _labels(chart.labels, frame)
    return frame, parts + labels, frame.bottom + deep


def _labels(labels: tuple[str, ...], frame: Frame) -> tuple[list[ET.Element], float]:
    """Write labels below the slots: upright where they fit, else slanted and shortened, a few where they are many."""
    slot = frame.width / len(labels)
    if max(map(width_of, labels)) <= slot:
        return [
            words(frame.middle(i, len(labels)), frame.bottom + FONT, label, "middle")
            for i, label in enumerate(labels)
        ], 2 * FONT
    every = -(-len(labels) // max(int(frame.width / (FONT * 1.4)), 1))
    parts, deep, y = [], 0.0, frame.bottom + FONT * 0.8
    for position, label in list(enumerate(labels))[::every]:
        x = frame.middle(position, len(labels)) + 4
        short = fitted(label, min(_SLANTED, x / _ALONG))
        parts.append(words(x, y, short, "end", transform=_slanted(x, y)))
        deep = max(deep, width_of(short) * _DOWN)
    return parts, deep + 1.5 * FONT


def _slanted(x: float, y: float) -> str:
    return f"rotate(-40 {x:.2f} {y:.2f})"


# -- bars: values lie --------------------------------------------------------------------------------------------


def _bars(chart: Chart, width: int) -> Drawing:
    """Draw a bar per label, its number at the right edge."""
    numbers = number_texts(chart.values)
    room = max(map(width_of, numbers)) + _GAP
    longest = max(width_of(in_files(label)) for label in chart.labels)
    left = min(longest, (width - room) * 0.45) + _GAP
    low, high = min(_ZERO, *chart.values), max(_ZERO, *chart.values)
    span = high - low or _ONE
    plot, row = width - left - room, _row_height(len(chart.values))
    zero = left + float(-low / span) * plot
    parts = []
    for position, (label, value) in enumerate(zip(chart.labels, chart.values, strict=True)):
        y = (position + 0.5) * row
        end = left + float((value - low) / span) * plot
        told = element("title", text=f"{label}: {numbers[position]}")
        style = "bar negative" if value < 0 else "bar"
        parts += [
            words(left - _GAP, y, fitted(label, left - _GAP), "end"),
            element(
                "rect",
                told,
                x=min(zero, end),
                y=y - row * 0.34,
                width=abs(end - zero),
                height=row * 0.68,
                class_=style,
            ),
            words(width - 1, y, numbers[position], "end", class_="number"),
        ]
    height = len(chart.values) * row
    return [*parts, rule(zero, 0, zero, height, "axis")], height + 1


def _row_height(count: int) -> float:
    return min(max(_ROWS / count, _LOW_ROW), _HIGH_ROW)


# -- matrix --------------------------------------------------------------------------------------------------------


class _Ground(NamedTuple):
    colour: str
    words: str


def _matrix(chart: Chart, width: int) -> Drawing:
    """Draw a field per number, the darker the larger."""
    count = len(chart.labels)
    left = min(max(width_of(in_files(row)) for row in chart.rows), width * 0.35) + 2 * _GAP
    slot = (width - left) / count
    names = [fitted(label, _SLANTED) for label in chart.labels]
    slanted = max(map(width_of, names)) > slot - 2
    if slanted:  # the last one reaches beyond its column
        slot = min(slot, (width - left - width_of(names[-1]) * _ALONG) / (count - 0.5))
    heads, deep = _heads(names, left, slot, slanted=slanted)
    largest = max(map(abs, chart.values)) or _ONE
    size = (slot, _row_height(len(chart.rows)))
    parts, numbers = heads, number_texts(chart.values)
    for row, label in enumerate(chart.rows):
        y = deep + row * size[1]
        parts.append(words(left - _GAP, y + size[1] / 2, fitted(label, left - _GAP), "end"))
        for column, title in enumerate(chart.labels):
            value, number = chart.values[row * count + column], numbers[row * count + column]
            # The root lets small numbers be seen beside a large one.
            ground = _ground(value, (abs(value) / largest).sqrt())
            shown = number if width_of(number) <= slot - 4 else compact(value)
            told = f"{label} / {title}: {number}"
            parts += _field((left + column * slot, y), size, ground, shown, told)
    return parts, deep + len(chart.rows) * size[1] + 1


def _heads(names: list[str], left: float, slot: float, *, slanted: bool) -> tuple[list[ET.Element], float]:
    """Write the titles of the columns above them, slanted where one is wider than a column."""
    deep = max(map(width_of, names)) * _DOWN + FONT * 1.2 if slanted else FONT * 1.8
    parts, y = [], deep - FONT * (0.7 if slanted else 1)
    for position, name in enumerate(names):
        x = left + (position + 0.5) * slot
        turned = {"transform": _slanted(x, y)} if slanted else {}
        parts.append(words(x, y, name, "start" if slanted else "middle", **turned))
    return parts, deep


def _field(
    corner: tuple[float, float], size: tuple[float, float], ground: _Ground, shown: str, told: str
) -> Iterator[ET.Element]:
    (x, y), (wide, high) = corner, size
    title = element("title", text=told)
    yield element("rect", title, x=x, y=y, width=wide, height=high, class_="cell", fill=ground.colour)
    if width_of(shown) <= wide:
        yield words(x + wide / 2, y + high / 2, shown, "middle", class_=ground.words)


def _ground(value: Decimal, shade: Decimal) -> _Ground:
    """Return a colour between almost white and dark, and the class of words that can be read on it."""
    scale = _BELOW if value < 0 else _ABOVE
    mixed = (int(light + (dark - light) * float(shade)) for light, dark in zip(*scale, strict=True))
    colour = "#" + "".join(f"{part:02x}" for part in mixed)
    return _Ground(colour, "on-dark" if shade >= _DARK else "on-light")


# -- curve ---------------------------------------------------------------------------------------------------------


def _curve(chart: Chart, width: int) -> Drawing:
    """Draw a curve of shares over shares, and dashed what it is compared with."""
    left, side = width_of("100%") + _GAP, min(width * 0.78, 300.0)
    names = [in_files(label) for label in chart.labels[:2]] if len(chart.labels) == len("xy") else []
    top = FONT * (2.2 if names else 1)
    low, high = min(_ZERO, *chart.values, *chart.line), max(_ONE, *chart.values, *chart.line)
    left += (width - side - left) / 2 - _GAP
    frame = Frame(left, top, side, side * 0.72, low, high)
    parts = []
    for share in _QUARTERS:
        x, y = frame.x(share), frame.y(share)
        parts += [rule(left, y, frame.right, y, "grid"), rule(x, top, x, frame.bottom, "grid")]
        parts.append(words(left - _GAP, y, f"{share:.0%}", "end", class_="quiet"))
        parts.append(words(x, frame.bottom + FONT, f"{share:.0%}", "middle", class_="quiet"))
    if chart.line:
        parts.append(path(_points(chart.line, frame), "reference"))
    parts.append(path(_points(chart.values, frame), "curve"))
    parts.append(rule(left, frame.y(_ZERO), frame.right, frame.y(_ZERO), "axis"))
    height = frame.bottom + FONT * 2
    if names:
        parts.append(words(max(left - width_of("100%"), 0), FONT * 0.6, fitted(names[1], width - left)))
        parts.append(words(frame.right, height + FONT * 0.4, fitted(names[0], width), "end"))
        height += FONT * 1.4
    return parts, height


def _points(numbers: tuple[Decimal, ...], frame: Frame) -> list[tuple[float, float]]:
    level = numbers * 2 if len(numbers) == 1 else numbers
    last = len(level) - 1
    return [(frame.x(Decimal(i) / last), frame.y(number)) for i, number in enumerate(level)]


_DRAWN = {"pareto": _pareto, "bar": _bars, "line": _line, "matrix": _matrix, "curve": _curve}
