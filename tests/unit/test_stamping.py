"""Many results are looked at together, and nothing gets by that would not get by alone."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from crmcore.plugins.results import check_record
from crmcore.plugins.stamping import parts, stamped
from crmcore.plugins.types import Alert, CardSection, ReportSpec, ServicePolicy, WorkItem

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SECTION: Any = CardSection(1, "stars", "Stars", {"count": 5, "who": None}, {"count": "Stars"})
WORK: Any = WorkItem("call:1", 1, date(2026, 3, 2), "Call", "critical", "crm work")
ALERT: Any = Alert("fell:1", 1, NOW, "fell from A to C")
POLICY: Any = ServicePolicy(1, "A", 14, "manager", 1, Decimal("0.08"), "manager", date(2026, 1, 1), "why")


class Word(str):
    __slots__ = ()


@dataclass(frozen=True)
class Own:
    """A record of a plugin's own hook."""

    word: str
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Even:
    """A record with a rule of its own."""

    number: int
    plugin: str = ""

    def __post_init__(self):
        if self.number % 2:
            raise ValueError(self.number)


class Special(WorkItem):
    """A record of somebody who has his own."""


RUN: Any = len
OWN: Any = Own("word")
EVEN: Any = Even(2)
REPORT: Any = ReportSpec("abc", "ABC", RUN)
GOOD = [
    SECTION,
    replace(SECTION, data={"day": date(2026, 3, 2), "list": [1, {"a": 1.5}], "share": Decimal("0.5")}),
    replace(SECTION, data=OrderedDict(a=1), labels={}),
    WORK,
    replace(WORK, customer_id=None, due=None, command=None),
    replace(WORK, key=Word("key")),
    ALERT,
    POLICY,
    OWN,
    EVEN,
    REPORT,
]
BAD = [
    replace(SECTION, customer_id="1"),
    replace(SECTION, data={"a": object()}),
    replace(SECTION, data={"a": datetime(2026, 3, 2)}),  # noqa: DTZ001
    replace(SECTION, data={"a": float("nan")}),
    replace(SECTION, data={("a",): 1}),
    replace(SECTION, data=[1]),
    replace(WORK, severity="fatal"),
    replace(WORK, severity=["critical"]),
    replace(WORK, due=NOW),
    replace(WORK, title=None),
    replace(ALERT, at=datetime(2026, 3, 2)),  # noqa: DTZ001
    replace(POLICY, discount_ceiling=0.08),
    replace(OWN, word=1),
    replace(EVEN, number=2.0),
    replace(REPORT, run=None),
]


@pytest.mark.parametrize("record", GOOD)
def test_a_good_record_comes_back_as_it_is_with_the_plugins_name(record):
    kind = Special if isinstance(record, Special) else type(record)
    for several in ([record], [record] * 3):
        copies = stamped("alerts", several, kind, "mine")
        assert copies == [replace(record, plugin="mine")] * len(several)
        assert type(copies[0]) is type(record)
    assert not record.plugin, "the plugin's own record stays as it was"


@pytest.mark.parametrize("record", BAD)
def test_a_bad_record_is_found_among_good_ones_and_named_as_if_it_were_alone(record):
    good = next(g for g in GOOD if type(g) is type(record))
    with pytest.raises((TypeError, ValueError)) as alone:
        check_record("alerts", record, type(record))
    with pytest.raises(type(alone.value)) as among:
        stamped("alerts", [good, good, record, good], type(record), "mine")
    assert str(among.value) == str(alone.value)


def test_records_of_another_kind_are_found_too():
    with pytest.raises(TypeError, match="returned a Alert, expected WorkItem"):
        stamped("work_items", [WORK, ALERT], WorkItem, "mine")
    special = Special("call:1", 1, None, "Call")
    (copy,) = stamped("work_items", [special], WorkItem, "mine")
    assert (type(copy), copy.plugin) == (Special, "mine")
    assert stamped("work_items", [], WorkItem, "mine") == []


def test_nothing_more_is_taken_once_time_is_up():
    assert list(parts(iter("abc"), 0.0)) == [["a"]]
    assert list(parts("abc", float("inf"))) == [["a", "b", "c"]]
    assert [len(p) for p in parts(range(12_000), float("inf"))] == [5000, 5000, 2000]
