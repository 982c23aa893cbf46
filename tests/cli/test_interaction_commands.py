"""`crm interaction …`: one timeline, each matter owned until it is done."""

from __future__ import annotations

from crmcore.testing import ACTOR, CommandLine


def test_who_notes_an_interaction_owns_it(company: CommandLine, matches):
    company.ok("contact", "add", "C1", "--name", "王五")
    found = matches(
        "interaction",
        company.json(
            *("interaction", "add", "C1", "--channel", "visit", "--subject", "报价", "--notes", "一\n二\x00"),
            *("--at", "2026-01-31 14:30", "--direction", "in", "--contact", "P000001", "--due", "2026-02-03"),
        ),
    )
    assert found["owner"] == ACTOR
    assert found["at"] == "2026-01-31T06:30:00.000000Z"
    assert (found["notes"], found["contact"], found["direction"]) == ("一\n二", "P000001", "in")
    assert (found["due_on"], found["done_at"], found["version"]) == ("2026-02-03", None, 1)
    assert company.json("interaction", "show", found["code"]) == found


def test_refusals_write_nothing(small: CommandLine):
    base = ("interaction", "add", "C1", "--channel", "phone")
    for words in (
        base,
        (*base, "--subject", "x" * 201),
        (*base, "--subject", "x", "--owner", "nobody"),
        (*base, "--subject", "x", "--contact", "P9"),
        (*base, "--subject", "x", "--at", "03/04/2026"),
        (*base, "--subject", "x", "--direction", "sideways"),
        ("interaction", "add", "C9", "--channel", "phone", "--subject", "x"),
        ("interaction", "add", "C1", "--subject", "x"),
    ):
        result = small(*words)
        assert result.exit_code in {1, 2}, words
        assert result.stderr.startswith("crm: ")
    assert small.lines("interaction", "list") == []


def test_hand_over_then_done(company: CommandLine, matches):
    company.ok("actor", "add", "rep1", "--name", "甲", "--role", "sales_representative")
    company.ok("interaction", "add", "C1", "--channel", "phone", "--subject", "x", "--due", "2020-01-01")
    handed = matches("interaction", company.json("interaction", "hand-over", "I0000001", "rep1"))
    assert handed["owner"] == "rep1"
    assert company("interaction", "hand-over", "I0000001", "nobody").exit_code == 1
    assert len(company.lines("interaction", "list", "--undone", "--owner", "rep1")) == 1
    done = matches("interaction", company.json("interaction", "done", "I0000001", "--notes", "已回复"))
    assert done["done_at"] is not None
    assert done["notes"] == "已回复"
    assert company.lines("interaction", "list", "--undone") == []


def test_stale_edit_is_refused_with_both_values(company: CommandLine):
    company.ok("interaction", "add", "C1", "--channel", "phone", "--subject", "甲")
    company.ok("interaction", "edit", "I0000001", "--subject", "乙")
    stale = company("interaction", "edit", "I0000001", "--subject", "丙", "--expect-version", "1")
    assert stale.exit_code == 1
    assert "乙" in stale.stderr
    assert "丙" in stale.stderr


def test_list_is_a_timeline_the_newest_first(company: CommandLine, matches):
    for day in ("2026-01-02", "2026-01-05", "2026-01-03", "2026-01-03"):
        company.ok("interaction", "add", "C1", "--channel", "phone", "--subject", day, "--at", day)
    first = matches("interaction", company.lines("interaction", "list", "--limit", "2"))
    then = company.lines("interaction", "list", "--after", first[-1]["code"])
    days = [i["subject"] for i in first + then]
    assert days == ["2026-01-05", "2026-01-03", "2026-01-03", "2026-01-02"]
    assert len({i["code"] for i in first + then}) == 4
    assert company.lines("interaction", "list", "--channel", "visit") == []
    assert len(company.lines("interaction", "list", "--customer", "C1", "--owner", ACTOR)) == 4
