"""Telephone numbers in any writing, brought to one: digits alone, without country code 86, leading 0 and extension."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

LEAST_DIGITS = 5
"""Less is no number that anybody is called by."""
LEAST_END = 4
"""So many last digits are looked for."""
LOCAL = (7, 8)
"""How long a number without its area code is."""
MOST_DIGITS = 20

_PLAIN = r"(?:\d++(?:-\d{6,}+)?+)?+"
"""One number or none: behind a dash stand more digits than extensions have."""
_PLAIN_LINES = re.compile(rf"(?:{_PLAIN}\n)*+{_PLAIN}", re.ASCII)
_DIALLED = re.compile(
    rf"^(?:00(?:86)?|86(?=\d{{10,11}}$))?0*(\d{{{LEAST_DIGITS},{MOST_DIGITS}}}|)\d*$", re.ASCII | re.MULTILINE
)
"""What `number_of` makes of digits, nothing where they are too few."""
_BETWEEN = re.compile(r"[/;,、；，|\n]|或")
_EXTENSION = re.compile(
    r"(?<=\d)[-–—\s(]*(?:转|轉|分机|分機|内线|內線|extension|ext\.?|x|#|\*)\s*[:：]?\s*\d*.*$", re.IGNORECASE
)
_BEHIND_DASH = re.compile(r"\s*[-–—]\s*\d{1,5}$")
_NO_EXTENSION = re.compile(r"(?:00)?(?:86)?(?:1\d{10}|[48]00\d{7})")
"""Mobile and service numbers, which some write with a dash before the last digits."""
_WITH_AREA = re.compile(r"(?:(?:00)?860?|0)[1-9]\d{8,10}")
_NOT_DIALLED = re.compile(r"\(\s*0\s*\)")
_NOT_DIGIT = re.compile(r"[^0-9]+")
_COUNTRY = "86"
_WITH_COUNTRY = (12, 13)


def plain_numbers(values: Sequence[str | None]) -> list[str] | None:
    """Return the number in each of many fields at once, an empty text where there is none; None where one holds more."""
    text = "\n".join([value or "" for value in values])
    if text.count("\n") >= len(values) or not _PLAIN_LINES.fullmatch(text):
        return None
    return _DIALLED.findall(text.replace("-", ""))


def numbers_in(text: str) -> list[str]:
    """Return the numbers that a field holds, each as it is compared; a field may hold several."""
    plain = plain_numbers([text])
    if plain is not None:
        return list(filter(None, plain))
    parts = _BETWEEN.split(unicodedata.normalize("NFKC", text))
    return [digits for part in parts if len(digits := number_of(part)) >= LEAST_DIGITS]


def number_of(text: str) -> str:
    """Return one number as it is compared; no digits give an empty text."""
    text = _NOT_DIALLED.sub("", _without_extension(unicodedata.normalize("NFKC", text)))
    digits = _NOT_DIGIT.sub("", text)
    abroad = text.startswith("+") or digits.startswith("00")
    digits = digits.removeprefix("00") if digits.startswith("00") else digits
    if digits.startswith(_COUNTRY) and (abroad or len(digits) in _WITH_COUNTRY):
        digits = digits.removeprefix(_COUNTRY)
    return digits.lstrip("0")[:MOST_DIGITS]


def _without_extension(text: str) -> str:
    """Cut off an extension; digits behind a dash are one where what stands before them is a number by itself."""
    text = _EXTENSION.sub("", text).strip()
    before = _BEHIND_DASH.sub("", text)
    whole, digits = _NOT_DIGIT.sub("", text), _NOT_DIGIT.sub("", before)
    if before == text or _NO_EXTENSION.fullmatch(whole):
        return text
    return before if re.search(r"\d{7}$", before) or _WITH_AREA.fullmatch(digits) else text


def is_number(text: str) -> bool:
    """Tell whether a text is written as telephone numbers are."""
    rest = _NOT_DIALLED.sub("", _EXTENSION.sub("", unicodedata.normalize("NFKC", text)))
    return not re.sub(r"[\d\s()+./\-–—]", "", rest)


def same_line(one: str, other: str) -> bool:
    """Tell whether two numbers reach the same telephone: they are equal, or one lacks its area code."""
    short, long = sorted((one, other), key=len)
    return one == other or (len(short) in LOCAL and long.endswith(short))
