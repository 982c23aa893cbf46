"""Eight processes write into one database at once: nothing is lost, nothing done twice, and nobody is told of locks.

CRM_TEST_EVERY_POINT=1 lets them write three times as long.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmcore.app import App
from crmcore.builtin.search.checking import check_index
from tests.oracles import change_log
from tests.writers.conftest import Start, StartCode, Writer, logged, place_of
from tests.writers.oracle import Company

TROUBLE = re.compile(
    r"locked|deadlock|serializ|busy|OperationalError|IntegrityError|Traceback", re.IGNORECASE
)
WRITERS = (
    ("import_customers", "X", 1),
    ("import_customers", "Y", 1),
    ("import_people", "Z", 1),
    ("count_customers", "a", 5),
    ("count_customers", "b", 5),
    ("count_people", "c", 3),
    ("archive", "d", 6),
    ("read", "e", 1),
)
"""Kind, seed, and how many turns it takes while an importer imports one file."""
FILES = 12 if os.environ.get("CRM_TEST_EVERY_POINT") == "1" else 4
Run = Callable[[App, int], list[Writer]]


@pytest.fixture
def run_all(start: Start) -> Run:
    """Run all writers at once to their end; none may have had trouble."""

    def run(app: App, files: int) -> list[Writer]:
        writers = [start(app, kind, seed, turns * files) for kind, seed, turns in WRITERS]
        troubles = {f"{w.kind}: {told}" for w in writers if (told := w.end())}
        assert not troubles
        return writers

    return run


@pytest.mark.parametrize("files", [1, pytest.param(FILES, marks=pytest.mark.slow)])
def test_eight_processes_lose_nothing(
    watched_company: App, run_all: Run, crm: Any, seen: Callable[[], list[int]], files: int
) -> None:
    company, start = watched_company, max(logged(watched_company))
    said = [entry for writer in run_all(company, files) for entry in writer.acknowledged()]
    held = Company(place_of(company))
    assert held.problems() == []
    check_acknowledged(held, said)
    crm.json("jobs", "run", "deliver_changes")
    assert seen() == logged(company, start)
    crm.json("jobs", "run", "seal_log")
    assert change_log.problems(company) == []
    assert crm.json("audit", "verify")["ok"]
    assert crm.json("audit", "verify")["unsealed"] == 0
    assert check_index(company)[0]


KILLED = """
import sys
from crmcore.builtin.exchange import engine
from crmcore.cli.main import main
engine.CHUNK_ROWS = 25
main(["-C", sys.argv[1], "import", "customers", sys.argv[2], "--json"])
"""


def test_an_importer_that_is_killed_among_others_leaves_whole_chunks(
    company: App, start: Start, start_code: StartCode, crm: Any, tmp_path: Path
) -> None:
    path, rows = tmp_path / "killed.csv", 2_500
    path.write_text("code,name\n" + "".join(f"K{n},Killed {n}\n" for n in range(rows)), encoding="utf-8")
    others = [start(company, "count_customers", "a", 4), start(company, "archive", "d", 4)]
    held = Company(place_of(company))
    importer = start_code(KILLED, company.config.folder, path)
    while importer.poll() is None and not any(run["rows_done"] for run in held.rows("import_run")):
        time.sleep(0.01)
    importer.kill()
    assert importer.wait() == -9
    assert [told for writer in others if (told := writer.end())] == []
    (run,) = held.rows("import_run")
    taken = [row["code"] for row in held.rows("customer") if row["code"].startswith("K")]
    assert 0 < len(taken) == run["rows_done"] == run["counts"]["created"] < rows
    assert len(taken) % 25 == 0
    assert held.problems() == []
    assert crm.json("imports", "resume", 1)["created"] == rows
    assert held.problems() == []


def check_acknowledged(held: Company, said: list[dict[str, Any]]) -> None:
    """Every write that somebody was told of is there, and counted once."""
    of = {
        table: {row["code"]: row for row in held.rows(table)}
        for table in ("customer", "contact", "interaction")
    }
    counted = Counter((e["entity"], e["code"]) for e in said if e["what"] == "counted")
    column = {
        "customer": lambda row: row["attributes"]["employees"],
        "contact": lambda row: int(row["phone"]),
        "interaction": lambda row: int(row["subject"]),
    }
    for (entity, code), times in counted.items():
        assert column[entity](of[entity][code]) == times, (entity, code)
    added = [(e["entity"], e["code"]) for e in said if e["what"] == "added"]
    assert len(set(added)) == len(added)
    assert all(code in of[entity] for entity, code in added)
    for entry in said:
        if entry["what"] == "imported":
            assert (
                entry["read"]
                == len(entry["codes"])
                == entry["created"] + entry["updated"] + entry["unchanged"]
            )
            own = [code for code in entry["codes"] if not code.startswith("S")]
            assert {of["customer"][code]["region"] for code in own} == {entry["region"]}
        elif entry["what"].startswith("imported"):
            assert entry["created"] == entry["read"] == 24
    archived = [row["code"] for row in of["customer"].values() if row["archived_at"] is not None]
    last = [e for e in said if e["what"] in {"archived", "restored"}][-1]
    assert archived == (last["codes"] if last["what"] == "archived" else [])
