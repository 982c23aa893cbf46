"""`crm work`: what all plugins want done or known, the most urgent first."""

from __future__ import annotations

from crmcore.testing import CommandLine

URGENT = """
from datetime import UTC, date, datetime
from crmcore.api import Alert, WorkItem, hookimpl

@hookimpl
def work_items(actor, since, ctx):
    return [
        WorkItem("b", None, None, f"for {actor}", "critical"),
        WorkItem("a", 1, date(2030, 1, 1), "[/b]later", "warning", "crm customer show C1"),
        WorkItem("a0", 1, date(2029, 1, 1), "sooner", "warning"),
    ]

@hookimpl
def alerts(run, ctx):
    return [
        Alert("old", 1, datetime(2020, 1, 1, tzinfo=UTC), "long ago", "info"),
        Alert("new", 1, datetime(2030, 1, 1, tzinfo=UTC), "just now", "critical"),
    ]
"""


def test_work_of_all_plugins_comes_by_severity_and_day(make_app, crm: CommandLine, install_plugin, matches):
    install_plugin("urgent", URGENT)
    make_app(["urgent"])
    crm.ok("customer", "add", "--code", "C1", "--name", "x")
    crm.ok("interaction", "add", "C1", "--channel", "phone", "--subject", "报价", "--due", "2020-01-01")
    found = matches("work", crm.lines("work"))
    assert [(one["kind"], one["plugin"], one["key"]) for one in found] == [
        ("work_item", "urgent", "b"),
        ("alert", "urgent", "new"),
        ("work_item", "records", "interaction:I0000001"),
        ("work_item", "urgent", "a0"),
        ("work_item", "urgent", "a"),
        ("alert", "urgent", "old"),
    ]
    assert found[2]["customer"] == "C1"
    assert found[2]["command"] == "crm interaction show I0000001"
    assert "[/b]later" in crm.ok("work").stdout
    recent = matches("work", crm.lines("work", "--since", "2026-01-01"))
    assert {one["key"] for one in recent}.isdisjoint({"old", "interaction:I0000001"})


def test_a_follow_up_is_work_until_it_is_done(company: CommandLine, matches):
    assert company.ok("work").stdout == "Nothing waits for tester.\n"
    company.ok("interaction", "add", "C1", "--channel", "phone", "--subject", "later", "--due", "2199-01-01")
    company.ok("interaction", "add", "C1", "--channel", "phone", "--subject", "now", "--due", "2020-01-01")
    (item,) = matches("work", company.lines("work"))
    assert (item["severity"], item["due"], item["title"]) == ("warning", "2020-01-01", "Follow up: now")
    company.ok("interaction", "done", "I0000002")
    assert company.lines("work") == []


def test_a_failing_plugin_takes_only_its_own_part_away(make_app, crm: CommandLine, install_plugin):
    install_plugin(
        "bad", "from crmcore.api import hookimpl\n\n@hookimpl\ndef work_items(ctx):\n    return 1 / 0\n"
    )
    make_app(["bad"])
    crm.ok("customer", "add", "--code", "C1", "--name", "x")
    crm.ok("interaction", "add", "C1", "--channel", "phone", "--subject", "now", "--due", "2020-01-01")
    result = crm.ok("work", "--json")
    assert len(result.lines()) == 1
    assert "crm: warning:" in result.stderr
    assert "bad" in result.stderr
