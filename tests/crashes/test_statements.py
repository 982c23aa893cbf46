"""Every statement, commit and step on files fails once: with an error, a full disk, the end of the process.

Afterwards each chunk is as before or as after, the change log is whole, doctor names what was interrupted, and what it
says to type ends as a run that nothing stopped. CRM_TEST_EVERY_POINT=1 tries all points in all three ways; without it
the slow tests take a part of them, others each time the program has other points.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.crashes import scenarios
from tests.crashes.crashing import Scenario, crash_everywhere
from tests.crashes.world import World

EVERY = os.environ.get("CRM_TEST_EVERY_POINT") == "1"
WAYS = ("kill", "error", "disk_full")
FEW: dict[str, tuple[int, int, int]] = {
    "gate": (3, 9, 7),
    "import": (9, 40, 15),
    "ledger": (13, 60, 20),
    "undo": (17, 80, 30),
    "merge": (7, 60, 20),
    "unmerge": (7, 60, 20),
    "settings": (4, 14, 5),
    "enable": (11, 40, 20),
    "migrate": (20, 120, 40),
    "backup": (40, 60, 25),
    "copy": (30, 60, 25),
    "restore": (120, 300, 130),
    "rebuild": (6, 15, 7),
}
"""By scenario, of which points one is tried at once: kills, errors, full disks."""
MOST = {"restore": 40, "copy": 10, "migrate": 8, "backup": 12}
"""Of which kills one is tried in the slow tests; elsewhere all of them are."""
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


def _step(scenario: Scenario, way: str, database: str, *, slow: bool) -> int:
    few = FEW[scenario.name][WAYS.index(way)]
    if EVERY or not slow:
        return 1 if EVERY else few
    step = MOST.get(scenario.name, 1) if way == "kill" else max(1, few // 6)
    return step if database == "sqlite" else 2 * step


@pytest.mark.parametrize(("database", "way", "scenario"), QUICK)
def test_a_crash_leaves_whole_chunks_and_what_doctor_says_ends_it(
    world: World, on: str, scenario: Scenario, way: str
):
    assert crash_everywhere(world, scenario, on, way, _step(scenario, way, on, slow=False)) > 0


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_a_crash_at_any_statement_leaves_whole_chunks(world: World, on: str, scenario: Scenario, way: str):
    assert crash_everywhere(world, scenario, on, way, _step(scenario, way, on, slow=True)) > 1


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.usefixtures("_served")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scenario", SERVERS, ids=lambda scenario: scenario.name)
def test_a_crash_while_a_server_is_filled_leaves_it_whole_or_empty(
    world: World, scenario: Scenario, way: str
):
    for database in ("sqlite", "postgres"):
        step = _step(scenario, way, database, slow=True) * (1 if EVERY else 3)
        assert crash_everywhere(world, scenario, database, way, step) > 1
