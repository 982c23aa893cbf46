"""`crm contact …`: people who work for several firms and change jobs."""

from __future__ import annotations

from datetime import date, timedelta

from crmcore.testing import CommandLine


def test_add_puts_a_person_at_a_customer(company: CommandLine, matches):
    contact = matches(
        "contact",
        company.json(
            *("contact", "add", "C1", "--name", " 王五\n", "--phone", "021-1", "--mobile", "139"),
            *("--email", "a@example.com", "--role", "decides", "--role", "key_person", "--position", "经理"),
            *("--since", "2024-01-01"),
        ),
    )
    assert (contact["code"], contact["name"], contact["phone"]) == ("P000001", "王五", "021-1")
    assert contact["firms"] == [
        {
            "customer": "C1",
            "roles": ["decides", "key_person"],
            "position": "经理",
            "since": "2024-01-01",
            "until": None,
            "version": 1,
        }
    ]
    (on_card,) = matches("customer", company.json("customer", "show", "C1"))["contacts"]
    assert on_card["code"] == "P000001"
    assert on_card["roles"] == ["decides", "key_person"]


def test_refusals_write_nothing(small: CommandLine):
    for words in (
        ("contact", "add", "C9", "--name", "x"),
        ("contact", "add", "C1", "--name", "x", "--role", "boss"),
        ("contact", "add", "C1", "--name", " "),
        ("contact", "add", "C1", "--name", "x" * 101),
        ("contact", "show", "P1"),
        ("contact", "edit", "P1", "--name", "x"),
    ):
        result = small(*words)
        assert result.exit_code == 1, words
        assert result.stderr.startswith("crm: ")
    assert small.lines("contact", "list") == []


def test_edit_changes_person_and_place(company: CommandLine, matches):
    company.ok("contact", "add", "C1", "--name", "王五", "--phone", "1", "--role", "uses")
    contact = matches(
        "contact",
        company.json(
            *("contact", "edit", "P000001", "--phone", "", "--mobile", "139", "--role", "decides"),
            *("--position", "经理", "--expect-version", "1"),
        ),
    )
    assert (contact["phone"], contact["mobile"]) == (None, "139")
    assert (contact["firms"][0]["roles"], contact["firms"][0]["position"]) == (["decides"], "经理")
    stale = company("contact", "edit", "P000001", "--mobile", "138", "--expect-version", "1")
    assert stale.exit_code == 1
    assert "139" in stale.stderr
    assert "138" in stale.stderr


def test_a_person_works_for_two_firms_and_leaves_one(company: CommandLine, matches):
    company.ok("customer", "add", "--code", "C2", "--name", "b")
    company.ok("contact", "add", "C1", "--name", "王五")
    company.ok("contact", "join", "P000001", "C2", "--role", "advises")
    again = company("contact", "join", "P000001", "C2")
    assert again.exit_code == 1
    unclear = company("contact", "edit", "P000001", "--position", "顾问")
    assert unclear.exit_code == 1
    assert "C1, C2" in unclear.stderr
    company.ok("contact", "edit", "P000001", "--position", "顾问", "--customer", "C2")
    left = matches("contact", company.json("contact", "leave", "P000001", "C1", "--until", "2024-06-30"))
    assert [(f["customer"], f["until"]) for f in left["firms"]] == [("C2", None), ("C1", "2024-06-30")]
    assert company.lines("contact", "list", "--customer", "C1")[0]["code"] == "P000001"


def test_a_person_who_moves_left_the_day_before(company: CommandLine, matches):
    company.ok("customer", "add", "--code", "C2", "--name", "b")
    company.ok("contact", "add", "C1", "--name", "王五")
    moved = matches("contact", company.json("contact", "move", "P000001", "C2", "--position", "总经理"))
    new, old = moved["firms"]
    assert (new["customer"], new["position"], old["customer"]) == ("C2", "总经理", "C1")
    assert date.fromisoformat(new["since"]) - date.fromisoformat(old["until"]) == timedelta(days=1)
    company.ok("contact", "add", "C1", "--name", "赵六")
    cards = company.json("customer", "show", "C1")["contacts"]
    assert [card["name"] for card in cards] == ["赵六", "王五"]


def test_nobody_joins_or_moves_who_is_not_as_they_were_seen(company: CommandLine):
    company.ok("customer", "add", "--code", "C2", "--name", "b")
    company.ok("contact", "add", "C1", "--name", "王五")
    company.ok("contact", "edit", "P000001", "--mobile", "139")
    for command in ("join", "move"):
        stale = company("contact", command, "P000001", "C2", "--expect-version", "1")
        assert (stale.exit_code, stale.stdout) == (1, "")
        assert stale.stderr == (
            "crm: contact P000001 was changed since you read it (version 2, you saw 1); read it again\n"
        )
    assert [f["customer"] for f in company.json("contact", "show", "P000001")["firms"]] == ["C1"]
    company.ok("contact", "join", "P000001", "C2", "--expect-version", "2")


def test_places_do_not_raise_the_version_of_a_person_and_the_help_says_so(company: CommandLine):
    for code in ("C2", "C3"):
        company.ok("customer", "add", "--code", code, "--name", "b")
    company.ok("contact", "add", "C1", "--name", "王五")
    for code in ("C2", "C3"):
        company.ok("contact", "join", "P000001", code, "--expect-version", "1")
    shown = company.json("contact", "show", "P000001")
    assert ([f["customer"] for f in shown["firms"]], shown["version"]) == (["C1", "C2", "C3"], 1)
    for command in ("join", "move"):
        told = " ".join(company.ok("contact", command, "--help").stdout.split())
        assert "places and deputies do not raise it" in told


def test_a_move_expects_the_place_that_is_left(company: CommandLine):
    for code in ("C2", "C3"):
        company.ok("customer", "add", "--code", code, "--name", "b")
    company.ok("contact", "add", "C1", "--name", "王五")
    company.ok("contact", "edit", "P000001", "--position", "经理")
    move = ("contact", "move", "P000001", "C2", "--until", "2024-06-30", "--expect-place-version")
    stale = company(*move, "1")
    assert stale.exit_code == 1
    assert "at C1 was changed since you read it (version 2, you saw 1)" in stale.stderr
    assert "2024-06-30" in stale.stderr
    company.ok("contact", "join", "P000001", "C3")
    assert "C1, C3" in company(*move, "2").stderr
    company.ok("contact", "leave", "P000001", "C3", "--until", "2024-06-30")
    moved = company.json(*move, "2")
    assert moved["firms"][0]["customer"] == "C2"


def test_archived_people_leave_lists_and_cards(company: CommandLine, matches):
    company.ok("contact", "add", "C1", "--name", "王五")
    assert matches("contact", company.json("contact", "archive", "P000001"))["archived"] is True
    assert company.lines("contact", "list") == []
    assert company.json("customer", "show", "C1")["contacts"] == []
    assert len(matches("contact", company.lines("contact", "list", "--archived"))) == 1
    assert company.json("contact", "archive", "P000001", "--undo")["archived"] is False


def test_list_goes_on_behind_a_code(company: CommandLine):
    for name in "甲乙丙":
        company.ok("contact", "add", "C1", "--name", name)
    first = company.lines("contact", "list", "--limit", "2")
    rest = company.lines("contact", "list", "--after", first[-1]["code"])
    assert [c["name"] for c in first + rest] == ["甲", "乙", "丙"]
