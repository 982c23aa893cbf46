"""Every statement, commit and step on files fails once: with an error, a full disk, the end of the process.

Afterwards each chunk is as before or as after, the change log is whole, doctor names what was interrupted, and what it
says to type ends as a run that nothing stopped. CRM_TEST_EVERY_POINT=1 tries all points in all three ways. Without it
the slow tests kill SQLite at each point, but for restores; of the rest they take a part, evenly spread: others each time
the program has other points.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import pytest

from tests.crashes import scenarios
from tests.crashes.crashing import Scenario, crash_everywhere
from tests.crashes.world import World

ALL_POINTS = sys.maxsize if os.environ.get("CRM_TEST_EVERY_POINT") == "1" else 0
WAYS = ("kill", "error", "disk_full")
FEW = {"kill": 4, "error": 3, "disk_full": 3}
"""At how many points the quick tests try each way: between those of the slow ones."""
MANY = {
    "sqlite": {"kill": sys.maxsize, "error": 12, "disk_full": 10},
    "postgres": {"kill": 10, "error": 6, "disk_full": 5},
}
"""At how many points the slow tests do."""
MOST = {"restore": 40}
"""But at no more of these: a restore has by far the most points, and makes a whole database each time."""
SERVED_MANY = {"kill": 5, "error": 3, "disk_full": 3}
"""At how many points where an empty PostgreSQL database is filled."""
ALL = (
    scenarios.GATE,
    scenarios.IMPORT,
    scenarios.LEDGER,
    scenarios.UNDO,
    scenarios.MERGE,
    scenarios.UNMERGE,
    scenarios.SETTINGS,
    scenarios.ENABLE,
    scenarios.MIGRATE,
    scenarios.BACKUP,
    scenarios.COPY,
    scenarios.RESTORE,
    scenarios.REBUILD,
)
SERVERS = tuple(replace(scenario, server=True) for scenario in (scenarios.COPY, scenarios.RESTORE))

KILLED = [scenario for scenario in ALL if scenario.name not in ("restore", "migrate")]
FAILED = [scenario for scenario in ALL if scenario.name in ("gate", "import", "undo", "settings", "backup")]
SERVED = [scenario for scenario in ALL if scenario.name in ("import", "undo", "backup")]
QUICK = [
    *(pytest.param("sqlite", "kill", scenario, id=f"kill-{scenario.name}") for scenario in KILLED),
    *(
        pytest.param("sqlite", way, scenario, id=f"{way}-{scenario.name}")
        for way in ("error", "disk_full")
        for scenario in FAILED
    ),
    *(
        pytest.param(
            "postgres", "kill", scenario, id=f"kill-{scenario.name}-postgres", marks=pytest.mark.postgres
        )
        for scenario in SERVED
    ),
]


@pytest.mark.parametrize(("database", "way", "scenario"), QUICK)
def test_a_crash_leaves_whole_chunks_and_what_doctor_says_ends_it(
    world: World, on: str, scenario: Scenario, way: str
):
    assert crash_everywhere(world, scenario, on, way, ALL_POINTS or FEW[way], within=0.5) > 0


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_a_crash_at_any_statement_leaves_whole_chunks(world: World, on: str, scenario: Scenario, way: str):
    most = min(MANY[on][way], MOST.get(scenario.name, sys.maxsize))
    assert crash_everywhere(world, scenario, on, way, ALL_POINTS or most) > 1


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.usefixtures("_served")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scenario", SERVERS, ids=lambda scenario: scenario.name)
def test_a_crash_while_a_server_is_filled_leaves_it_whole_or_empty(
    world: World, scenario: Scenario, way: str
):
    for database in ("sqlite", "postgres"):
        assert crash_everywhere(world, scenario, database, way, ALL_POINTS or SERVED_MANY[way]) > 1
