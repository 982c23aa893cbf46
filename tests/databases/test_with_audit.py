"""The log of a restored company holds against the anchor of its backup, with the rows that ranges stand for."""

import pytest

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("to", ["sqlite", "postgres"])
def test_the_log_holds_against_the_anchor_of_the_backup(rich, database, to, new_place, crm, tmp_path):
    rich(database)
    crm.ok("db", "backup", tmp_path / "x")
    words = ("--database", new_place("postgres")) if to == "postgres" else ()
    crm.ok("db", "restore", tmp_path / "x", "--to", tmp_path / "new", *words)
    anchor = tmp_path / "x" / "manifest.json"
    verdict = crm("audit", "verify", "--anchor", anchor, "--rows", "--json", folder=tmp_path / "new")
    assert verdict.exit_code == 0, verdict.stderr
    assert verdict.json()["ok"] is True
    assert verdict.json()["unsealed"] == 0
