"""Rows in the log: made together, they are what each would be alone."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.columns import taken_apart
from crmcore.builtin.images import images_of

TEXTS = st.text(max_size=8) | st.sampled_from(
    ['"', "\\", "\n", "\x7f", "\u2028", "%s", "甲\x00", "{}", "NULL"]
)
VALUES = {
    "texts": TEXTS,
    "some texts": st.none() | TEXTS,
    "numbers": st.integers(),
    "nothing": st.none(),
    "anything": st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.lists(TEXTS, max_size=2),
}


def written(values: dict[str, Any]) -> str:
    there = {name: value for name, value in values.items() if value is not None}
    return json.dumps(there, ensure_ascii=False, separators=(",", ":"))


@given(
    columns=st.dictionaries(
        st.text("abcxyz", min_size=1, max_size=3),
        st.sampled_from(sorted(VALUES)).flatmap(lambda kind: st.lists(VALUES[kind], min_size=4, max_size=4)),
        min_size=1,
        max_size=6,
    ),
    attributes=st.none() | st.lists(st.dictionaries(TEXTS, TEXTS, max_size=2), min_size=4, max_size=4),
    turned=st.sampled_from([0, 2]),
)
def test_rows_written_together_are_those_written_alone(
    columns: dict[str, list[Any]], attributes: list[dict[str, str]] | None, turned: int
):
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    expected = [
        written(row if attributes is None else {**row, "attributes": held})
        for row, held in zip(rows, attributes or rows, strict=True)
    ]
    if turned:  # the order of keys is that of the first row
        rows[turned] = dict(reversed(rows[turned].items()))
    if attributes is None:
        assert images_of(taken_apart(rows), None) == expected
        return
    given_rows = [{"attributes": held, **row} for row, held in zip(rows, attributes, strict=True)]
    texts = [json.dumps(held, ensure_ascii=False, separators=(",", ":")) for held in attributes]
    assert images_of(taken_apart(given_rows), texts) == expected


def test_times_and_amounts_are_written_as_elsewhere_in_the_log():
    row = {"at": datetime(2026, 3, 5, 1, 30, tzinfo=UTC), "amount": Decimal("1.50"), "day": None}
    assert images_of(taken_apart([row, {**row, "at": None}]), None) == [
        '{"at":"2026-03-05T01:30:00.000000Z","amount":"1.50"}',
        '{"amount":"1.50"}',
    ]


def test_rows_of_which_nothing_is_set_are_empty_objects():
    assert images_of(taken_apart([{"a": None}, {"a": None}]), None) == ["{}", "{}"]
