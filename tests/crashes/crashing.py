"""Crash a command at each of its points, and see that what doctor says to type ends as a run that nothing stopped."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.crashes.oracle import Look
from tests.crashes.world import Company, Ended, Point, World

Words = tuple[object, ...]


def _nothing(_company: Company) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Scenario:
    """A command that is crashed at each of its points."""

    name: str
    prepare: Callable[[Company], None]
    words: Callable[[Company], Words]
    stage: Callable[[Company, Look], str]
    """Tell before, after, or where between: by plain SQL and by the files that are there."""
    again: Callable[[Company, str], Sequence[Words]]
    """What is typed next, by stage."""
    doctor: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Stage → the check that fails, and what it says."""
    call: str = ""
    """A function that is run in place of a command."""
    outcome: Callable[[Company], dict[str, Any]] = _nothing
    """What there must be beside the contents of the database."""
    then: Sequence[Words] = ()
    """What is typed at the end, crash or none."""
    server: bool = False
    """Whether it writes into an empty PostgreSQL database."""

    def run(self, company: Company, **asked: Any) -> Ended:
        """Run it."""
        words = self.words(company)
        if self.call:
            done = company.server.run([company.folder, *words], call=self.call, **asked)
            company.settled()
            return done
        return company.crm(*words, **asked)

    def points(self, company: Company) -> list[Point]:
        """List its points."""
        words = self.words(company)
        if self.call:
            return company.server.points([company.folder, *words], call=self.call)
        return company.points(*words)

    def left(self, company: Company, look: Look) -> dict[str, Any]:
        """Return all that it leaves."""
        return {**look.contents(), **self.outcome(company)}


@dataclass(frozen=True)
class Whole:
    """A run that nothing stopped."""

    points: list[Point]
    left: dict[str, Any]
    files: list[str]


def crash_everywhere(
    world: World, scenario: Scenario, database: str, way: str, most: int, within: float = 0.0
) -> int:
    """Crash it at `most` of its points, spread as `spread` does; returns how many crashes there were.

    What comes after a crash depends only on what it left: what was left before is not looked at twice.
    """
    pattern = world.pattern(scenario.prepare.__name__, database, scenario.prepare)
    name = ("whole", scenario.name, scenario.server, database)
    whole: Whole = world.kept(name, lambda: _whole(world, scenario, pattern))
    seen: set[str] = set()
    chosen = spread(_chosen(whole.points, way), most, within)
    problems = []
    for n in chosen:
        company = world.copy(pattern, target=scenario.server)
        try:
            _crash(scenario, company, (way, n), seen)
            _check_resumed(scenario, company, whole)
        except AssertionError as error:
            point = whole.points[n - 1]
            problems.append(f"{way} {n} {point.kind} {point.text}: {str(error)[:1500]}")
        except _Seen:
            pass
        world.away(company)
    assert problems == [], f"{len(problems)} of {len(chosen)}:\n" + "\n".join(problems[:6])
    return len(chosen)


def _whole(world: World, scenario: Scenario, pattern: Company) -> Whole:
    company = world.copy(pattern, target=scenario.server)
    points = scenario.points(company)
    for words in scenario.then:
        company.ok(*words)
    whole = Whole(points, scenario.left(company, company.look()), company.rubbish())
    world.away(company)
    return whole


def spread(numbers: list[int], most: int, within: float = 0.0) -> list[int]:
    """Return one of each of `most` parts of the numbers, or all if they are not more; `within`: from where in a part."""
    count = min(most, len(numbers))
    return [numbers[int((i + within) * len(numbers) / count)] for i in range(count)]


def _chosen(points: list[Point], way: str) -> list[int]:
    """Return the points where a fault makes a difference.

    A full disk stops only what writes; before a reading that follows a reading a kill leaves what it leaves before.
    """
    numbered = list(enumerate(points, 1))
    if way == "error":
        return [n for n, _point in numbered]
    if way == "disk_full":
        return [n for n, point in numbered if point.writes]
    changed = [True, *(point.writes or point.kind != "statement" for point in points)]
    return [n for n, _point in numbered if changed[n - 1]]


class _Seen(Exception):
    """The same was left by an earlier crash."""


def _crash(scenario: Scenario, company: Company, fault: tuple[str, int], seen: set[str]) -> None:
    ended = scenario.run(company, fault=fault)
    _check_end(ended, fault[0])
    look = company.look()
    assert look.chain == [], look.chain
    stage = scenario.stage(company, look)
    left = json.dumps([stage, scenario.left(company, look), company.rubbish()], sort_keys=True, default=str)
    if left in seen:
        raise _Seen
    seen.add(left)
    found = company.doctor()
    if stage in scenario.doctor:
        name, said = scenario.doctor[stage]
        assert re.search(said, found.get(name, "")), (stage, found)
    else:
        assert found == {}, (stage, found)
    for words in [*scenario.again(company, stage), *scenario.then]:
        done = company.crm(*words) if words != ("call",) else scenario.run(company)
        assert done.code == 0, (stage, words, done.err, done.out[-300:])


def _check_end(ended: Ended, way: str) -> None:
    if way == "kill":
        assert ended.code == -9, (ended.code, ended.err)
        return
    assert ended.code in (0, 1), (ended.code, ended.err)
    lines = ended.err.splitlines()
    assert all(line.startswith("crm: ") for line in lines), ended.err
    assert "unexpected error" not in ended.err or "disk I/O error" in ended.err, ended.err
    if ended.code:
        assert lines
        full = "disk is full" in ended.err or "No space left" in ended.err
        assert full or way != "disk_full", ended.err


def _check_resumed(scenario: Scenario, company: Company, whole: Whole) -> None:
    look = company.look()
    left, expected = scenario.left(company, look), whole.left
    other = {
        name: _difference(expected.get(name), left.get(name))
        for name in expected.keys() | left.keys()
        if expected.get(name) != left.get(name)
    }
    assert other == {}, other
    assert look.chain == []
    found = company.doctor()
    assert found == {}, found
    assert company.rubbish() == whole.files, (whole.files, company.rubbish())


def _difference(wanted: Any, found: Any) -> Any:
    if isinstance(wanted, list) and isinstance(found, list):
        return {
            "missing": [x for x in wanted if x not in found][:3],
            "more": [x for x in found if x not in wanted][:3],
            "counts": (len(wanted), len(found)),
        }
    return {"wanted": wanted, "found": found}
