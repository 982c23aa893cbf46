"""Files are replaced whole; ids are unique and sort by time."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.files import write_atomically
from crmcore.ids import new_uids

moments = st.datetimes(datetime(1980, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  (bounds are naive)


@given(st.integers(0, 50), moments)
def test_uids_are_version_7_of_their_moment_and_all_different(count: int, now: datetime) -> None:
    uids = new_uids(count, now)
    assert len(set(uids)) == count
    for text in uids:
        uid = uuid.UUID(text)
        assert str(uid) == text
        assert (uid.version, uid.variant) == (7, uuid.RFC_4122)
        assert uid.int >> 80 == int(now.timestamp() * 1000)


@given(moments, st.integers(1, 10**9))
def test_later_uids_sort_behind_earlier_ones(now: datetime, milliseconds: int) -> None:
    (one,), (two,) = new_uids(1, now), new_uids(1, now + timedelta(milliseconds=milliseconds))
    assert one < two


def test_a_file_is_replaced_whole_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path], "no temporary file stays"


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    path = tmp_path / "f"
    write_atomically(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
