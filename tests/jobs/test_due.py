"""`crm jobs run --due`: what is due is run once; what fails is tried again, and told to who must know."""

from __future__ import annotations

from typing import Any

import pytest

from crmcore.app import App
from crmcore.testing import CommandLine, StandingClock

Runs = list[dict[str, Any]]


def due(crm: CommandLine, name: str = "fickle") -> Runs:
    """Run a job if it is due."""
    return crm("jobs", "run", name, "--due", "--json").lines()


def listed(crm: CommandLine) -> dict[str, dict[str, Any]]:
    return {job["name"]: job for job in crm.lines("jobs", "list")}


def test_a_due_job_is_run_once_until_it_is_due_again(work: CommandLine, clock: StandingClock, matches: Any):
    (run,) = matches("job_run", due(work))
    assert (run["state"], run["attempt"], run["retry_at"]) == ("done", 1, None)
    assert run["due_at"] == "2026-03-02T00:00:00.000000Z", "8 o'clock in Shanghai"
    assert due(work) == []
    clock.move(hours=22, minutes=59)
    assert due(work) == []
    clock.move(minutes=1)
    assert [run["due_at"] for run in due(work)] == ["2026-03-03T00:00:00.000000Z"]


def test_what_was_missed_for_days_is_made_up_for_by_one_run(work: CommandLine, clock: StandingClock):
    due(work)
    clock.move(days=9)
    assert [run["due_at"] for run in due(work)] == ["2026-03-11T00:00:00.000000Z"]
    assert due(work) == []


def test_all_that_is_due_is_run_and_a_failure_stops_nothing(work: CommandLine, matches: Any):
    assert work.folder is not None
    (work.folder / "broken").touch()
    result = work("jobs", "run", "--due", "--json")
    assert result.exit_code == 1
    states = {run["job"]: run["state"] for run in matches("job_run", result.lines())}
    assert {name for name, state in states.items() if state == "failed"} == {"fickle", "monthly"}
    assert states.keys() == {job["name"] for job in work.lines("jobs", "list") if job["schedule"]}
    assert "by_hand" not in states, "it has no schedule"
    assert "the job 'fickle' failed: no exchange rate; its run is number" in result.stderr
    assert "it is due again at 2026-03-02 09:01:00" in result.stderr
    assert "2 jobs failed; see: crm jobs history --failed" in result.stderr


def test_the_first_of_a_month_on_a_sunday_is_done_on_monday(work: CommandLine, clock: StandingClock):
    assert [run["due_at"] for run in due(work, "monthly")] == ["2026-03-02T00:00:00.000000Z"]
    clock.move(days=29)
    assert due(work, "monthly") == []
    assert listed(work)["monthly"]["next_run"] == "2026-04-01T00:00:00.000000Z"


def test_a_failure_is_tried_again_later_each_time_and_then_given_up(work: CommandLine, clock: StandingClock):
    assert work.folder is not None
    (work.folder / "broken").touch()
    (first,) = due(work)
    assert (first["error"], first["retry_at"]) == ("no exchange rate", "2026-03-02T01:01:00.000000Z")
    assert due(work) == []
    assert listed(work)["fickle"]["next_run"] == first["retry_at"]
    clock.move(minutes=1)
    (second,) = due(work)
    assert (second["attempt"], second["retry_at"]) == (2, "2026-03-02T01:03:00.000000Z")
    clock.move(minutes=1)
    assert due(work) == []
    clock.move(minutes=1)
    (third,) = due(work)
    assert (third["attempt"], third["retry_at"]) == (3, None)
    clock.move(hours=22)
    assert due(work) == []
    (work.folder / "broken").unlink()
    clock.move(hours=1)
    assert [(run["attempt"], run["state"]) for run in due(work)] == [(1, "done")]


def test_what_somebody_mended_by_hand_is_not_tried_again(work: CommandLine, clock: StandingClock):
    assert work.folder is not None
    (work.folder / "broken").touch()
    due(work)
    (work.folder / "broken").unlink()
    by_hand = work.json("jobs", "run", "fickle")
    assert (by_hand["due_at"], by_hand["attempt"]) == (None, None)
    clock.move(hours=2)
    assert due(work) == []


def test_the_list_says_when_a_job_is_due(work: CommandLine, matches: Any):
    jobs = {job["name"]: job for job in matches("job", work.lines("jobs", "list"))}
    assert jobs["fickle"]["due_since"] == "2026-03-02T00:00:00.000000Z"
    assert jobs["fickle"]["next_run"] == "2026-03-03T00:00:00.000000Z"
    assert (jobs["monthly"]["workdays"], jobs["fickle"]["retries"]) == ("next", 2)
    assert (jobs["by_hand"]["due_since"], jobs["by_hand"]["next_run"]) == (None, None)
    due(work)
    assert listed(work)["fickle"]["due_since"] is None
    assert "2026-03-03 08:00" in work.ok("jobs", "list").stdout


def test_a_failure_waits_for_administrators_until_the_job_is_done(work: CommandLine, clock: StandingClock):
    assert work.folder is not None
    (work.folder / "broken").touch()
    due(work)

    def items() -> list[tuple[str, str, str, str]]:
        found = [one for one in work.lines("work") if one["key"].startswith("job:")]
        return [(one["key"], one["severity"], one["title"], one["command"]) for one in found]

    failed = "The job fickle failed: no exchange rate"
    assert items() == [("job:fickle", "warning", failed, "crm jobs history fickle")]
    clock.move(minutes=1)
    due(work)
    clock.move(minutes=2)
    due(work)
    assert items() == [("job:fickle", "critical", failed, "crm jobs history fickle")], "it was given up"
    with work.as_actor("li", roles=["sales_manager"]):
        assert items() == []
    (work.folder / "broken").unlink()
    work.ok("jobs", "run", "fickle")
    assert items() == []


def test_the_history_is_told_newest_first(work: CommandLine, clock: StandingClock, matches: Any):
    assert work.folder is not None
    work.ok("jobs", "run", "fickle")
    (work.folder / "broken").touch()
    assert due(work)
    work.ok("jobs", "run", "seal_log")
    runs = matches("job_run", work.lines("jobs", "history"))
    assert [(run["job"], run["state"]) for run in runs] == [
        ("seal_log", "done"),
        ("fickle", "failed"),
        ("fickle", "done"),
    ]
    assert work.lines("jobs", "history", "--failed") == [runs[1]]
    assert work.lines("jobs", "history", "fickle", "--limit", "1") == [runs[1]]
    shown = work.ok("jobs", "history", "fickle").stdout
    assert "no exchange rate" in shown
    assert "2026-03-02 08:00" in shown
    assert "did you mean 'fickle'" in work("jobs", "history", "fickel").stderr
    assert work.lines("jobs", "history", "by_hand") == []


def test_a_job_or_due_must_be_named(work: CommandLine):
    refused = work("jobs", "run")
    assert refused.exit_code == 2
    assert "name a job, or write --due" in refused.stderr
    assert work("jobs", "run", "--due", "--actor", "nobody").exit_code == 1


def test_old_runs_go_and_the_newest_stay(
    work: CommandLine, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
):
    from crmcore.builtin.jobs import services

    monkeypatch.setattr(services, "KEPT_RUNS", 3)
    work.ok("jobs", "run", "by_hand")
    for _night in range(5):
        clock.move(days=1)
        assert len(due(work)) == 1
    assert len(work.lines("jobs", "history", "fickle")) == 3
    assert len(work.lines("jobs", "history", "by_hand")) == 1
    assert due(work) == [], "what was attempted last is still known"


def test_two_runs_for_one_attempt_are_refused_by_the_database(work: CommandLine, reopen: Any):
    import sqlalchemy as sa

    from crmcore.builtin.jobs.runs import job_table

    due(work)
    app: App = reopen(work.folder)
    with app.read() as ctx:
        (row,) = ctx.connection.execute(sa.select(job_table)).mappings().all()
    again = {name: value for name, value in row.items() if name != "id"}
    with pytest.raises(sa.exc.IntegrityError), app.operations() as connection:
        connection.execute(sa.insert(job_table).values(again))
