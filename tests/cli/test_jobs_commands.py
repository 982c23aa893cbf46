"""`crm jobs …`: a run is kept, with its error."""

from __future__ import annotations

from crmcore.testing import CommandLine

JOBS = """
from crmcore.api import JobSpec, hookimpl

def good(app, actor):
    return {"did": actor}

def bad(app, actor):
    raise ValueError("no exchange rate")

@hookimpl
def jobs():
    return [JobSpec("good", "Good", good, "0 3 * * *"), JobSpec("bad", "Bad", bad)]
"""


def test_a_run_is_kept_with_its_summary_or_error(make_app, crm: CommandLine, install_plugin, matches):
    install_plugin("work", JOBS)
    make_app(["work"])
    done = matches("job_run", crm.json("jobs", "run", "good"))
    assert (done["state"], done["summary"], done["actor"]) == ("done", {"did": "tester"}, "tester")
    failed = crm("jobs", "run", "bad", "--json")
    assert failed.exit_code == 1
    assert matches("job_run", failed.json())["error"] == "no exchange rate"
    assert "no exchange rate" in failed.stderr
    listed = {job["name"]: job for job in matches("job", crm.lines("jobs", "list"))}
    assert listed["good"]["schedule"] == "0 3 * * *"
    assert listed["good"]["last_run"]["state"] == "done"
    assert listed["bad"]["last_run"]["error"] == "no exchange rate"
    assert listed["seal_log"]["last_run"] is None
    assert "no exchange rate" in crm.ok("jobs", "list").stdout


def test_the_jobs_of_the_core_seal_the_log_and_deliver_changes(company: CommandLine, database: str, matches):
    company.ok("customer", "edit", "C1", "--name", "x")
    sealed = matches("job_run", company.json("jobs", "run", "seal_log"))["summary"]["sealed"]
    assert sealed > 0 if database == "postgres" else sealed == 0
    assert company.json("jobs", "run", "seal_log")["summary"] == {"sealed": 0}
    assert company.json("jobs", "run", "deliver_changes")["summary"] == {"observers": []}


def test_an_unknown_job_or_actor_is_refused(small: CommandLine):
    result = small("jobs", "run", "seal_lock")
    assert result.exit_code == 1
    assert "did you mean 'seal_log'" in result.stderr
    assert small("jobs", "run", "seal_log", "--actor", "nobody").exit_code == 1
    assert small.lines("jobs", "list")[1]["last_run"] is None
