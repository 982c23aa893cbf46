"""Whether a version lies in a range, without loading `packaging` where the range is a plain one."""

from __future__ import annotations

import re

_PLAIN = re.compile(r" *>= *(\d+(?:\.\d+)*) *, *< *(\d+(?:\.\d+)*) *")


def within(version: str, wanted: str) -> bool | None:
    """Say whether a version lies in a range of the form that pip knows; None if it is no range."""
    plain = _PLAIN.fullmatch(wanted)
    if plain and re.fullmatch(r"\d+(\.\d+)*", version):
        return _numbers(plain[1]) <= _numbers(version) < _numbers(plain[2])
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(wanted).contains(version, prereleases=True)
    except InvalidSpecifier:
        return None


def _numbers(version: str) -> list[int]:
    numbers = [int(number) for number in version.split(".")]
    while numbers and numbers[-1] == 0:  # 1.0 and 1 are the same version
        numbers.pop()
    return numbers
