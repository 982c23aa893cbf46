"""`crm audit anchor` prints what a later check can be held against."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crmcore.testing import CommandLine


def test_an_anchor_is_the_newest_seal(worked: CommandLine, rows: Any) -> None:
    newest = rows("SELECT * FROM change_seal ORDER BY position")[-1]
    found = worked.json("audit", "anchor")
    assert (found["position"], found["seal"], found["tx"]) == (
        newest["position"],
        newest["seal"],
        newest["tx_id"],
    )
    first = rows("SELECT * FROM change_seal ORDER BY position")[0]
    assert found["database"] == first["seal"]


def test_the_short_form_can_be_typed_in(worked: CommandLine) -> None:
    short = worked.ok("audit", "anchor").stdout.strip()
    position = int(short.split(":")[0])
    assert worked.json("audit", "verify", "--anchor", short)["anchored_to"] == position
    begun = short[: short.index(":") + 17]
    assert worked.json("audit", "verify", "--anchor", begun)["anchored_to"] == position


def test_anchors_are_read_from_standard_input(worked: CommandLine) -> None:
    text = worked.ok("audit", "anchor", "--json").stdout
    done = worked.ok("audit", "verify", "--anchor", "-", "--json", stdin=text)
    assert done.json()["anchored_to"]


def test_a_mail_a_list_and_a_manifest_will_do(worked: CommandLine, tmp_path: Any) -> None:
    document, short = worked.json("audit", "anchor"), worked.ok("audit", "anchor").stdout
    mail = f"Dear auditor,\nof today: {short}\nRegards"
    lines = json.dumps(document) + "\n" + json.dumps(document) + "\n"
    manifest = json.dumps({"made_at": "2026-03-05", "anchor": document}, indent=1)
    for name, text in {"mail": mail, "lines": lines, "manifest": manifest}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        found = worked.json("audit", "verify", "--anchor", tmp_path / name)
        assert found["anchored_to"] == document["position"], name


def test_of_several_anchors_one_that_does_not_hold_is_enough(worked: CommandLine, tmp_path: Any) -> None:
    document = worked.json("audit", "anchor")
    false = {**document, "seal": "ab" * 32, "position": 2}
    (tmp_path / "anchors").write_text(json.dumps(document) + "\n" + json.dumps(false), encoding="utf-8")
    done = worked("audit", "verify", "--anchor", tmp_path / "anchors", "--json")
    assert (done.exit_code, done.json()["ok"]) == (1, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing of the kind", "holds no anchor"),
        ('{"position": "1", "seal": "zz"}', "is no anchor"),
        ("[1]", "holds no anchor"),
        ("", "holds no anchor"),
    ],
)
def test_what_is_no_anchor_is_told_in_one_sentence(
    worked: CommandLine, tmp_path: Any, text: str, words: str
) -> None:
    path = tmp_path / "anchor"
    path.write_text(text, encoding="utf-8")
    done = worked("audit", "verify", "--anchor", path)
    assert done.exit_code == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_is_not_there_is_told(worked: CommandLine, tmp_path: Any) -> None:
    done = worked("audit", "verify", "--anchor", tmp_path / "nowhere")
    assert done.exit_code == 1
    assert "nowhere cannot be read" in done.stderr


def test_what_waits_for_the_sealer_is_told(worked: CommandLine, database: str) -> None:
    worked.ok("customer", "add", "--code", "Z", "--name", "z")
    done = worked.ok("audit", "anchor")
    assert ("1 transactions are not sealed" in done.stderr) == (database == "postgres")
