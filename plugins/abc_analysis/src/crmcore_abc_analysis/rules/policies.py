"""The rules of service policies over time (服务政策的版本), as a sales manager would write them down.

1. A class is served by the version that became valid last; of several from the same day, by the one written last.
2. Before its first version, a class is served as the settings say.
3. A version is a whole policy. It holds from today on or later: how customers were served is not rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple

Policy = Mapping[str, Any]
"""visit_interval_days, visitor, complaint_priority, discount_ceiling (decimal text), approval_level."""

_WHOLE_NUMBER = re.compile("[0-9]{1,9}")


class Version(NamedTuple):
    """How customers of a class are served from a day on."""

    number: int
    """Versions are numbered as they are written."""
    grade: str
    valid_from: date
    policy: Policy


class Difference(NamedTuple):
    """One value that a version changed; `before` is None where the class had no policy."""

    key: str
    before: Any
    after: Any


class BadPolicy(ValueError):
    """A word that is no part of a policy: an unknown key, or a value that the key does not take."""

    def __init__(self, problem: Literal["key", "value"], key: str, value: str) -> None:
        super().__init__(problem, key, value)
        self.problem = problem
        self.key = key
        self.value = value


def version_on(versions: Iterable[Version], day: date) -> Version | None:
    """Return the version of one class that holds on a day; None before the first."""
    begun = [version for version in versions if version.valid_from <= day]
    return max(begun, key=_order, default=None)


def policies_on(settings: Mapping[str, Policy], versions: Iterable[Version], day: date) -> dict[str, Policy]:
    """Return class → the policy that holds on a day: by its version, else as the settings say."""
    by_grade: dict[str, list[Version]] = {}
    for version in versions:
        by_grade.setdefault(version.grade, []).append(version)
    found = dict(settings)
    for grade, its in by_grade.items():
        in_force = version_on(its, day)
        if in_force is not None:
            found[grade] = in_force.policy
    return found


def version_before(version: Version, versions: Iterable[Version]) -> Version | None:
    """Return the version that one took the place of: what held on its first day when it was written."""
    earlier = (other for other in versions if other.number < version.number)
    return version_on(earlier, version.valid_from)


def differences(before: Policy | None, after: Policy) -> list[Difference]:
    """Return what a version changed, in the order of its keys."""
    old = before or {}
    return [Difference(key, old.get(key), value) for key, value in after.items() if old.get(key) != value]


def read_value(key: str, text: str, allowed: Mapping[str, Mapping[str, Any]]) -> Any:
    """Read one value as it is typed; `allowed` is key → its JSON Schema. BadPolicy where it is not allowed."""
    if key not in allowed:
        raise BadPolicy("key", key, text)
    schema = allowed[key]
    if "enum" in schema:
        value, fits = text, text in schema["enum"]
    elif schema["type"] == "integer":
        value, fits = _whole_number(text, schema["minimum"], schema["maximum"])
    else:
        value, fits = text, text.isprintable() and re.search(schema["pattern"], text) is not None
    if not fits:
        raise BadPolicy("value", key, text)
    return value


def missing_keys(policy: Policy, keys: Sequence[str]) -> list[str]:
    """Return what a policy lacks to be whole."""
    return [key for key in keys if key not in policy]


def _whole_number(text: str, least: int, most: int) -> tuple[Any, bool]:
    if not _WHOLE_NUMBER.fullmatch(text):
        return text, False
    return int(text), least <= int(text) <= most


def _order(version: Version) -> tuple[date, int]:
    return version.valid_from, version.number
