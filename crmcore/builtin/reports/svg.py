"""What drawn charts are made of: elements, text that fits, axes with round numbers.

Elements are built with ElementTree, so that no text can become markup; attributes hold no text from outside. Lengths
are in units of the drawing; text is 11 units high, and how wide it gets is estimated: only the reader's machine knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import accumulate
from xml.etree import ElementTree as ET

from crmcore.builtin.reports.cells import in_files
from crmcore.text import display_width

FONT = 11
_HUNDREDTHS = {
    letter: width
    for width, letters in {
        30: "'ijlIJ ,.",
        38: "/:;\\|f-()[]t",
        46: '!r"',
        53: "*_`sz?",
        60: "cLFkvxyPTYaeo",
        66: "$0123456789ESbdghnpqu{}K",
        76: "ABVXZCRUNH",
        82: "&DGOQw",
        88: "#+<=>^~M",
        100: "%mW@",
    }.items()
    for letter in letters
}
"""Widths of letters in hundredths of the height of the text, in the widest font that is common, DejaVu Sans."""
_OTHER = 70, 110
"""Widths of other letters, and of those as wide as Chinese characters."""
_ELLIPSIS = "…"
_TICKS = 5
_MIDDLE = FONT * 0.35
"""From the middle of a line of text down to its base."""


def element(tag: str, *children: ET.Element, text: object = None, **attributes: object) -> ET.Element:
    """Return an element; `text_anchor=` becomes the attribute text-anchor, `class_=` class."""
    made = ET.Element(tag, {_name(name): _value(value) for name, value in attributes.items()})
    if text is not None:
        made.text = in_files(text)
    made.extend(children)
    return made


def _name(name: str) -> str:
    return name if name == "viewBox" else name.rstrip("_").replace("_", "-")


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else in_files(value)


def words(x: float, y: float, text: str, anchor: str = "start", **attributes: object) -> ET.Element:
    """Return a text whose middle is at the height y; anchor: start, middle or end."""
    return element("text", text=text, x=float(x), y=y + _MIDDLE, text_anchor=anchor, **attributes)


def path(points: Sequence[tuple[float, float]], style: str) -> ET.Element:
    """Return an open line through points."""
    return element(
        "polyline", points=" ".join(f"{x:.2f},{y:.2f}" for x, y in points), class_=style, fill="none"
    )


def rule(x1: float, y1: float, x2: float, y2: float, style: str) -> ET.Element:
    """Return a straight line."""
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=style)


def width_of(text: str) -> float:
    """Return about how wide a text gets at most."""
    return sum(map(_width, text)) * FONT / 100


def _width(letter: str) -> int:
    columns = display_width(letter)
    return _HUNDREDTHS.get(letter) or _OTHER[columns - 1] if columns else 0


def fitted(text: str, room: float) -> str:
    """Return a text; where it is wider than the room for it, its beginning and an ellipsis."""
    whole = in_files(text)
    if width_of(whole) <= room:
        return whole
    reached = accumulate(map(width_of, whole), initial=width_of(_ELLIPSIS))
    kept = sum(1 for end in reached if end <= room) - 1
    return whole[: max(kept, 0)].rstrip() + _ELLIPSIS


def round_steps(low: Decimal, high: Decimal) -> list[Decimal]:
    """Return round numbers at equal steps (1, 2 or 5 times a power of ten) that reach from below low to above high."""
    span = high - low or abs(high) or Decimal(1)
    least = span / _TICKS
    power = Decimal(1).scaleb(least.adjusted())
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)
    first = (low / step).to_integral_value(ROUND_FLOOR)
    last = (high / step).to_integral_value(ROUND_CEILING)
    return [step * number for number in range(int(first), int(last) + 1)]


@dataclass(frozen=True, slots=True)
class Frame:
    """The field in which values are drawn, and how high they go."""

    left: float
    top: float
    width: float
    height: float
    low: Decimal
    high: Decimal

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height

    def y(self, value: Decimal) -> float:
        """Return the height at which a value stands."""
        span = self.high - self.low or Decimal(1)
        return self.bottom - float((value - self.low) / span) * self.height

    def x(self, share: Decimal) -> float:
        """Return the place of a share of the width."""
        return self.left + float(share) * self.width

    def middle(self, position: int, count: int) -> float:
        """Return the middle of one of so many equal slots."""
        return self.left + (position + 0.5) * self.width / count
