"""Every company that was ever frozen upgrades to today's versions, on both databases, and nobody misses anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmcore.app import App
from crmcore.testing import CommandLine
from tests.oracles.change_log import problems

pytestmark = pytest.mark.slow
PLUGINS = ("trade_ledger", "abc_analysis")


def missing(before: Any, now: Any, place: str = "") -> list[str]:
    """Say what users saw before and do not see now; what came to it since is no loss."""
    if all(isinstance(side, list) and side and "plugin" in side[0] for side in (before, now)):  # sections
        before, now = ({f"{s['plugin']}/{s['title']}": s for s in side} for side in (before, now))
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            f
            for key in before
            for f in (
                missing(before[key], now[key], f"{place}.{key}") if key in now else [f"{place}.{key} is gone"]
            )
        ]
    if isinstance(before, list) and isinstance(now, list) and len(before) <= len(now):
        return [
            f
            for i, (b, n) in enumerate(zip(before, now, strict=False))
            for f in missing(b, n, f"{place}[{i}]")
        ]
    return [] if before == now else [f"{place}: {before!r} became {now!r}"]


@pytest.fixture
def upgraded(company: CommandLine) -> CommandLine:
    """Upgrade a company as the manual says."""
    company.ok("db", "migrate")
    company.ok("plugins", "upgrade", *PLUGINS)
    return company


def test_users_see_what_they_saw_before_the_upgrade(
    upgraded: CommandLine, expected: list[dict[str, Any]]
) -> None:
    lost = []
    for shown in expected:
        if shown["words"] == ["doctor"]:
            continue
        actor = shown["words"][shown["words"].index("--actor") + 1] if "--actor" in shown["words"] else "boss"
        upgraded.actor = actor
        now = upgraded.lines(*shown["words"])
        lost += [
            f"{' '.join(shown['words'])}: {found}" for found in missing(_by_key(shown["lines"]), _by_key(now))
        ]
    assert lost == []


def _by_key(lines: list[Any]) -> Any:
    """Let lists grow in between: jobs and the like are found by name."""
    if lines and all(isinstance(line, dict) and ("name" in line or "key" in line) for line in lines):
        return {str(line.get("name", line.get("key"))): line for line in lines}
    return lines


def test_doctor_finds_nothing_wrong_after_the_upgrade(
    upgraded: CommandLine, expected: list[dict[str, Any]]
) -> None:
    (before,) = next(shown["lines"] for shown in expected if shown["words"] == ["doctor"])
    checks = {check["name"]: check for check in upgraded.json("doctor")["checks"]}
    assert [check for check in checks.values() if not check["ok"]] == []
    assert set(before) <= set(checks)


def test_customers_are_found_after_the_upgrade(upgraded: CommandLine) -> None:
    rows = upgraded.lines("customer", "list")
    assert rows
    for row in rows:
        assert row["code"] in [hit["code"] for hit in upgraded.lines("find", row["name"], "--limit", "1000")]


def test_the_change_log_is_whole_and_goes_on_after_the_upgrade(
    upgraded: CommandLine, reopen: Callable[..., App]
) -> None:
    assert upgraded.folder is not None
    app = reopen(upgraded.folder)
    assert problems(app) == []
    code = upgraded.json("customer", "add", "--name", "新客户", "--kind", "person")["code"]
    upgraded.ok("customer", "edit", code, "--set", "phone=13812345678")
    upgraded.ok("jobs", "run", "seal_log")
    assert problems(app) == []
    assert upgraded.json("customer", "show", code)["phone"] == "13812345678"


def test_the_main_job_runs_after_the_upgrade(upgraded: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    file.write_text("customer,date,amount,document\nHD0001,2026-03-01,5000.00,F1\n", encoding="utf-8")
    assert upgraded.json("import", "purchases", file)["created"] == 1
    assert upgraded.json("abc", "run", "--from", "2026-01-01", "--to", "2026-12-31")["customers"] > 0


def test_before_the_upgrade_nothing_is_written_or_all_is_as_it_was(company: CommandLine) -> None:
    """Where a migration waits, the sentence says what to run; where none waits, the programs just go on."""
    done = company("customer", "add", "--name", "x")
    assert done.exit_code == 0 or "run: crm db migrate" in done.stderr or "crm plugins" in done.stderr
