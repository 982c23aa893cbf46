"""`crm demo --with PLUGIN`: further plugins, with the files that they bring and the commands that they propose."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import Any

import pytest

from crmcore.builtin.demo.builder import PLUGINS, Wanted
from crmcore.testing import CommandLine


def test_plugins_are_enabled_once_and_without_the_option_they_are_the_two() -> None:
    assert Wanted("distributor", 1).plugins == PLUGINS
    more = ("credit_5c", "abc_analysis", "credit_5c")
    assert Wanted("distributor", 1, more=more).plugins == (*PLUGINS, "credit_5c")


def test_a_plugin_that_is_not_there_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    for force in ((), ("--force",)):
        refused = CommandLine()("demo", "--dir", folder, "--with", "credit_5d", *force)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr == "crm: there is no plugin 'credit_5d'; did you mean 'credit_5c'?\n"
        assert not folder.exists()


@pytest.fixture(scope="module")
def crm_once() -> CommandLine:
    return CommandLine()


@pytest.fixture(scope="module")
def made(crm_once: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Make the demo with credit once for all tests; its folder and what was printed."""
    folder = tmp_path_factory.mktemp("home") / "demo"
    return folder, crm_once.json("demo", "--dir", folder, "--with", "credit_5c")


@pytest.mark.slow
def test_the_files_of_the_plugin_are_imported_whole(made: tuple[Path, Any], crm_once: CommandLine) -> None:
    folder, printed = made
    done = {one["entity"]: one for one in printed["imports"]}
    for entity, least in (("credit_evidence", 1_000), ("credit_statements", 50)):
        file = folder / "demo-files" / f"{entity}.csv"
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = list(csv.DictReader(opened))
        assert len(rows) >= least
        assert all(row["来源"].endswith("(演示)") for row in rows)
        counts = [done[entity][name] for name in ("read", "created", "rejected", "warnings")]
        assert counts == [len(rows), len(rows), 0, []]
        assert crm_once.json("import", entity, file, folder=folder)["unchanged"] == len(rows)


@pytest.mark.slow
def test_the_grades_spread_and_the_commands_that_are_proposed_work(
    made: tuple[Path, Any], crm_once: CommandLine
) -> None:
    folder, printed = made
    proposed = [shlex.split(command)[3:] for command in printed["next"]]
    assert ["credit", "batch"] in proposed
    for words in proposed:
        crm_once.ok(*words, folder=folder)
    with (folder / "demo-files" / "credit_evidence.csv").open(encoding="utf-8-sig", newline="") as opened:
        known = {row["客户编码"] for row in csv.DictReader(opened)}
    lines = crm_once.lines(
        *("customer", "list", "--columns", "code,credit.grade", "--limit", "5000"), folder=folder
    )
    grades = [line["credit.grade"] for line in lines if line["code"] in known]
    assert len(grades) == len(known)
    assert all(grades.count(grade) >= len(grades) / 10 for grade in "ABC"), {
        grade: grades.count(grade) for grade in "ABC"
    }
