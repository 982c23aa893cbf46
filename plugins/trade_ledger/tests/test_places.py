"""Counting rows per document over the chunks of an import, in little room."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crmcore_trade_ledger.importers.places import Counts, pack, unpack

ROWS = st.lists(st.tuples(st.integers(1, 20_000), st.integers(1, 300)), max_size=60)


@given(ROWS)
def test_counts_are_those_of_a_dictionary(rows):
    counts, expected = Counts(), dict[int, int]()
    for document_id, many in rows:
        counts.add(document_id, many)
        expected[document_id] = expected.get(document_id, 0) + many
    assert {number: counts[number] for number in expected} == expected
    assert counts[20_001] == 0


@given(st.dictionaries(st.integers(1, 40), st.integers(1, 3)))
def test_what_is_packed_is_unpacked(rows):
    counted = sorted(rows.items())
    assert list(unpack(list(pack(counted)))) == counted


def test_neighbours_with_equal_counts_take_no_room():
    assert list(pack([(number, 1) for number in range(500, 5_500)])) == [500, 5_000, 1]
    assert list(pack([(1, 1), (2, 1), (3, 2), (7, 2)])) == [1, 2, 1, 3, 1, 2, 7, 1, 2]
