"""Values that hold others, as `crm history` prints them for people: short; programs get them whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crmcore.api import ApprovalRequest, Customer, request_approvals
from crmcore.app import App
from crmcore.builtin.audit.structures import is_cut, structure
from crmcore.testing import ACTOR, CommandLine

PAYLOAD = {
    "points": 500,
    "until": None,
    "shared": True,
    "workings": [{"base": "net_assets", "amount_minor": 7}, {"base": "requested", "amount_minor": 9}],
}
WIDE = {"COLUMNS": "400"}


@pytest.fixture
def asked(app: App, crm: CommandLine) -> Callable[..., CommandLine]:
    def ask(payload: object) -> CommandLine:
        with app.write(ACTOR) as tx:
            (number,) = tx.insert(Customer, [{"code": "C1", "name": "甲公司"}])
            request_approvals(
                tx,
                [ApprovalRequest("general", "x", customer_id=number, payload=payload)],  # type: ignore[arg-type]
            )
        return crm

    return ask


def test_people_read_keys_and_values_and_no_json(asked: Callable[..., CommandLine]) -> None:
    crm = asked(PAYLOAD)
    shown = crm.ok("history", "C1", env=WIDE).stdout
    assert "points: 500; shared: yes; workings: (2 entries)" in shown
    assert "What is only counted, or ends in …, stands in full with --json\n" in shown
    assert '{"' not in shown
    chinese = crm.ok("history", "C1", env={**WIDE, "CRM_LANG": "zh_CN"}).stdout
    assert '{"' not in chinese


def test_programs_read_the_whole_value(asked: Callable[..., CommandLine]) -> None:
    crm = asked(PAYLOAD)
    (line,) = crm.lines("history", "C1", "--field", "payload")
    assert line["after"] == PAYLOAD


def test_a_value_that_is_shown_whole_needs_no_hint(asked: Callable[..., CommandLine]) -> None:
    shown = asked({"points": 500}).ok("history", "C1", env=WIDE).stdout
    assert "points: 500" in shown
    assert "--json" not in shown


@pytest.mark.parametrize(
    ("value", "line", "cut"),
    [
        ({}, "", False),
        ({"a": None, "b": [], "c": {}}, "", False),
        ({"a": 1, "b": "二", "c": False}, "a: 1; b: 二; c: no", False),
        ({"a": {"b": 1}}, "a: (1 entry)", True),
        ([{"a": 1}], "(1 entry)", True),
        ([[1], [2]], "(2 entries)", True),
        ({"k": "x" * 200}, "k: " + "x" * 117 + " …", True),
        ({f"k{n}": n for n in range(9)}, "k0: 0; k1: 1; k2: 2; k3: 3; k4: 4; k5: 5 …", True),
    ],
)
def test_a_line_is_short_and_says_whether_it_is_all(value: object, line: str, cut: bool) -> None:  # noqa: FBT001  (drawn)
    assert (structure(value), is_cut(value)) == (line, cut)
