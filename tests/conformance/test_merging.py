"""The row `merging`: whoever names customers answers for its rows, and a merge taken back leaves no trace in them."""

from __future__ import annotations

import pytest

from crmcore.builtin.conformance.merging import check_merging

ANSWER = 'return [move_rows(tx, Stamp, "customer_id", moves)]'


def test_a_plugin_that_moves_its_rows_passes(subject, stamps):
    assert check_merging(subject(stamps)) == (True, "4 merges, each taken back")


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ("return []", "did not say in move_references what becomes of stamps_stamp.customer_id"),
        (
            'return [move_rows(tx, Stamp, "customer_id", moves)] if not moves[0].undo else 1 / 0',
            "ZeroDivisionError",
        ),
        (
            (
                'moved = move_rows(tx, Stamp, "customer_id", moves)\n'
                "    if moves[0].undo:\n"
                '        tx.update(Stamp, [(i, {"count": 5000}) for i in moves[0].rows.get("stamps_stamp", ())])\n'
                "    return [moved]"
            ),
            "a merge taken back left stamps_stamp other than it was",
        ),
    ],
)
def test_a_plugin_that_does_not_do_its_part_fails(subject, stamps, new, told):
    ok, detail = check_merging(subject(stamps.change("plugin.py", ANSWER, new)))
    assert not ok
    assert told in detail


def test_a_plugin_may_refuse_what_both_have_with_a_sentence(subject, stamps):
    sentence = 'from crmcore.api import Refused\n    raise Refused("both have a stamp of gold")'
    assert check_merging(subject(stamps.change("plugin.py", ANSWER, sentence)))[0]
