"""How well duplicates are found, against customers of whom it is known which ones are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from crmcore.app import App
from crmcore.builtin.duplicates.finding import find_pairs
from crmcore.builtin.duplicates.listing import list_pairs
from crmcore.testing import ACTOR
from tests.duplicates.conftest import rows_of
from tests.duplicates.generated import CUSTOMERS, DUPLICATES, KINDS, Labelled, labelled

pytest.importorskip("rapidfuzz")
pytest.importorskip("opencc")
pytest.importorskip("pypinyin")

LEAST = 0.95
Pairs = dict[tuple[str, str], str]


def found_in(app: App) -> Pairs:
    """Look for duplicates as the command does; returns (code, code) → certainty."""
    find_pairs(app, ACTOR)
    with app.read("duplicates", ACTOR) as ctx:
        return {(pair["a"], pair["b"]): pair["certainty"] for pair, *_ in list_pairs(ctx, limit="possible")}


def check(known: Labelled, found: Pairs) -> None:
    """Hold what was found against what is known."""
    likely = {pair for pair, certainty in found.items() if certainty != "possible"}
    certain = {pair for pair, certainty in found.items() if certainty == "certain"}
    missed = Counter(kind for pair, kind in known.same.items() if pair not in likely)
    recall = len(likely & known.same.keys()) / len(known.same)
    precision = len(certain & known.same.keys()) / len(certain)
    told = f"recall {recall:.3f}, precision {precision:.3f}, missed {dict(missed)}, certain {len(certain)}"
    assert recall >= LEAST, told
    assert precision >= LEAST, told
    assert len(certain) >= len(known.same) // 2, told  # precise by calling nothing certain would be easy
    each = Counter(known.same.values())
    assert all(missed[kind] <= count // 5 for kind, count in each.items()), told
    assert len(likely - known.same.keys()) <= len(known.same) // 5, told


def test_nearly_all_duplicates_are_found_and_certain_ones_are_right(
    make_app: Callable[..., App], take: Callable[..., Any], database: str
) -> None:
    app, known = make_app(database=database), labelled(1_200, 96, seed=11)
    assert take(app, rows_of(known.entries))["created"] == 1_200
    check(known, found_in(app))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2026, 7])
def test_among_twenty_thousand_customers_too(
    make_app: Callable[..., App], take: Callable[..., Any], seed: int
) -> None:
    app, known = make_app(), labelled(seed=seed)
    assert (len(known.entries), len(known.same)) == (CUSTOMERS, DUPLICATES)
    assert Counter(known.same.values()) == dict.fromkeys(KINDS, DUPLICATES // len(KINDS))
    take(app, rows_of(known.entries))
    check(known, found_in(app))


def test_the_labels_themselves_are_sound() -> None:
    known = labelled(2_000, 160, seed=3)
    firms = {entry.code: entry.firm for entry in known.entries}
    assert len(firms) == len(known.entries) == 2_000
    assert all(firms[one] == firms[other] for one, other in known.same)
    twice = [firm for firm, count in Counter(firms.values()).items() if count > 1]
    assert len(twice) == len(known.same) == 160
    again = labelled(2_000, 160, seed=3)
    assert (again.entries, again.same) == (known.entries, known.same)
