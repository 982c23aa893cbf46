"""Dated versions of service policies: `crm abc policy show|set|history`, on both databases."""

import random
import threading
from contextlib import suppress
from datetime import date, timedelta
from functools import partial

import pytest

from crmcore.api import CrmError
from crmcore.app import create_app
from crmcore.testing import ACTOR
from crmcore_abc_analysis.policies import changing
from crmcore_abc_analysis.policies.changing import set_policy
from crmcore_abc_analysis.policies.versions import policies_on, policy_history

WHOLE = (
    "visit_interval_days=10",
    "visitor=rep",
    "complaint_priority=2",
    "discount_ceiling=0.1",
    "approval_level=manager",
)


@pytest.fixture(autouse=True)
def _commands_on_the_clock(clock, monkeypatch):
    """Let commands look at the clock that stands still, as the app does."""
    monkeypatch.setattr("crmcore.app.create_app", partial(create_app, clock=clock))


def configure(company, toml):
    """Write the policies of crm.toml anew, as an administrator would."""
    path = company.app.config.path
    text = path.read_text("utf-8").split("\n[plugins.abc_analysis.policies")[0].rstrip()
    path.write_text(f"{text}\n\n{toml}" if toml else f"{text}\n", "utf-8")
    company.app.refresh()


def visits(crm, *, on=None):
    """Return class → days between visits, and the number of the version."""
    found = crm.json("abc", "policy", "show", *(("--on", on) if on else ()))
    return {p["grade"]: (p["policy"]["visit_interval_days"], p["version"]) for p in found["policies"]}


def test_before_any_version_the_settings_hold(make_company, crm, check_schema):
    make_company(settings="[plugins.abc_analysis.policies.A]\nvisit_interval_days = 10\n")
    found = crm.json("abc", "policy", "show")
    check_schema(found, "policies")
    assert found["on"] == "2026-03-02"
    assert found["policies"][0] == {
        "grade": "A",
        "version": None,
        "valid_from": None,
        "valid_until": None,
        "author": None,
        "reason": None,
        "policy": {
            "visit_interval_days": 10,
            "visitor": "manager",
            "complaint_priority": 1,
            "discount_ceiling": "0.08",
            "approval_level": "manager",
        },
        "overruled": [],
    }
    assert crm.lines("abc", "policy", "history") == []
    assert "as the settings say" in crm.ok("abc", "policy", "history").stdout


def test_a_version_changes_what_it_names_from_its_first_day_on(make_company, crm, database, check_schema):
    make_company(database)
    made = crm.json(
        *("abc", "policy", "set", "A", "visit_interval_days=7", "visitor=rep_and_manager"),
        *("--from", "2026-04-01", "--reason", "A customers asked for more visits"),
    )
    check_schema(made, "policy_history")
    assert made == {
        "grade": "A",
        "version": 1,
        "valid_from": "2026-04-01",
        "changes": [
            {"key": "visit_interval_days", "before": 14, "after": 7},
            {"key": "visitor", "before": "manager", "after": "rep_and_manager"},
        ],
        "author": ACTOR,
        "reason": "A customers asked for more visits",
        "written_at": "2026-03-02T01:00:00+00:00",
        "until": None,
        "followed_by": None,
    }
    assert visits(crm, on="2026-03-31") == visits(crm)
    assert visits(crm)["A"] == (14, None)
    assert visits(crm, on="2026-04-01")["A"] == (7, 1)
    today, then = (crm.json("abc", "policy", "show", "--on", day) for day in ("2026-03-02", "2026-04-01"))
    for found in (today, then):
        check_schema(found, "policies")
    assert today["policies"][0]["valid_until"] == "2026-03-31"
    assert then["policies"][0]["policy"]["discount_ceiling"] == "0.08"
    assert [(p["grade"], p["version"]) for p in then["policies"][1:]] == [
        ("B", None),
        ("C", None),
        ("D", None),
    ]


def test_a_version_before_a_later_one_says_until_when_it_holds(make_company, crm, database, check_schema):
    make_company(database)
    for days in (60, 70):
        crm.ok(
            "abc",
            "policy",
            "set",
            "C",
            f"visit_interval_days={days}",
            "--from",
            "2027-01-01",
            "--reason",
            "r",
        )
    words = ("abc", "policy", "set", "C", "--from", "2026-12-01", "--reason", "r")
    made = crm.json(*words, "complaint_priority=1")
    check_schema(made, "policy_history")
    assert (made["until"], made["followed_by"]) == ("2026-12-31", 2)
    text = crm.ok(*words, "visitor=manager").stdout
    assert "by version 4 from 2026-12-01 until 2026-12-31; then version 2 takes over." in text


def test_policies_are_shown_from_the_best_class_on(make_company, crm):
    make_company(settings="[plugins.abc_analysis.policies.D]\nvisit_interval_days = 10\n")
    found = crm.json("abc", "policy", "show")["policies"]
    assert [one["grade"] for one in found] == ["A", "B", "C", "D"]


def test_of_the_same_day_the_version_written_last_holds(make_company, crm, database):
    make_company(database)
    for days in (7, 9):
        crm.ok("abc", "policy", "set", "A", f"visit_interval_days={days}", "--reason", "r")
    crm.ok("abc", "policy", "set", "A", "visitor=rep", "--reason", "r")
    assert visits(crm)["A"] == (9, 3)
    changes = [line["changes"] for line in crm.lines("abc", "policy", "history", "A")]
    assert changes == [
        [{"key": "visitor", "before": "manager", "after": "rep"}],
        [{"key": "visit_interval_days", "before": 7, "after": 9}],
        [{"key": "visit_interval_days", "before": 14, "after": 7}],
    ]


def test_a_version_for_later_stays_when_an_earlier_one_is_written_after_it(make_company, crm, database):
    make_company(database)
    crm.ok(
        *("abc", "policy", "set", "A", "visit_interval_days=7", "--from", "2026-05-01", "--reason", "spring")
    )
    crm.ok("abc", "policy", "set", "A", "visit_interval_days=10", "--reason", "now")
    days = ("2026-03-01", "2026-03-02", "2026-04-30", "2026-05-01")
    assert [visits(crm, on=day)["A"] for day in days] == [(14, None), (10, 2), (10, 2), (7, 1)]
    assert crm.json("abc", "policy", "show")["policies"][0]["valid_until"] == "2026-04-30"
    assert [line["changes"][0]["before"] for line in crm.lines("abc", "policy", "history")] == [14, 14]


def test_the_history_is_that_of_the_class_asked_for_the_newest_first(make_company, crm, clock, check_schema):
    make_company()
    crm.ok("abc", "policy", "set", "A", "visit_interval_days=7", "--reason", "first")
    clock.move(days=1)
    crm.ok("abc", "policy", "set", "B", "discount_ceiling=0.06", "--reason", "second")
    clock.move(days=1)
    crm.ok("abc", "policy", "set", "A", "approval_level=general_manager", "--reason", "third")
    every = crm.lines("abc", "policy", "history")
    for line in every:
        check_schema(line, "policy_history")
    assert [(line["grade"], line["version"], line["reason"]) for line in every] == [
        ("A", 2, "third"),
        ("B", 1, "second"),
        ("A", 1, "first"),
    ]
    assert crm.lines("abc", "policy", "history", "A") == [every[0], every[2]]
    assert crm.lines("abc", "policy", "history", "C") == []
    shown = crm.ok("abc", "policy", "history").stdout
    for part in (
        "Days between visits: 14 → 7",
        "Discount ceiling: 5.00% → 6.00%",
        "Approval: manager → general",
    ):
        assert part in shown


def test_what_a_version_changed_stays_true_when_the_settings_change(make_company, crm):
    company = make_company()
    crm.ok("abc", "policy", "set", "A", "visit_interval_days=7", "--reason", "r")
    before = crm.lines("abc", "policy", "history")
    configure(company, "[plugins.abc_analysis.policies.A]\nvisit_interval_days = 21\n")
    assert crm.lines("abc", "policy", "history") == before


def test_show_warns_where_the_settings_were_changed_behind_a_version(make_company, crm, check_schema):
    company = make_company(settings="[plugins.abc_analysis.policies.A]\nvisit_interval_days = 21\n")
    crm.ok("abc", "policy", "set", "A", "visit_interval_days=7", "--reason", "r")
    assert [p["overruled"] for p in crm.json("abc", "policy", "show")["policies"]] == [[], [], [], []]
    assert "crm.toml" not in crm.ok("abc", "policy", "show").stdout
    toml = '[plugins.abc_analysis.policies.A]\nvisit_interval_days = 10\nvisitor = "rep"\n'
    configure(company, toml + "[plugins.abc_analysis.policies.B]\nvisit_interval_days = 20\n")
    found = crm.json("abc", "policy", "show")
    check_schema(found, "policies")
    assert [p["overruled"] for p in found["policies"]] == [
        [
            {"key": "visit_interval_days", "settings": 10, "holds": 7},
            {"key": "visitor", "settings": "rep", "holds": "manager"},
        ],
        [],
        [],
        [],
    ]
    assert visits(crm)["B"] == (20, None)
    shown = crm.ok("abc", "policy", "show").stdout
    assert (
        "Class A: crm.toml now says visit_interval_days = 10, but version 1 stands before it;"
        " let it hold with: crm abc policy set A visit_interval_days=10 --reason TEXT" in shown
    )
    crm.ok("abc", "policy", "set", "A", "visit_interval_days=10", "visitor=rep", "--reason", "as configured")
    assert "crm.toml" not in crm.ok("abc", "policy", "show").stdout


def test_a_class_without_a_policy_gets_a_whole_one(make_company, crm):
    company = make_company(
        settings='[plugins.abc_analysis]\npreset = "own"\nown_cutoffs = [{grade = "Gold", within = "1"}]\n'
    )
    refused = crm("abc", "policy", "set", "Gold", *WHOLE[:3], "--reason", "r")
    assert "class Gold has no policy yet" in refused.stderr
    assert "give discount_ceiling, approval_level too" in refused.stderr
    made = crm.json("abc", "policy", "set", "Gold", *WHOLE, "--reason", "r")
    assert [change["before"] for change in made["changes"]] == [None] * 5
    assert visits(crm)["Gold"] == (10, 1)
    with company.app.read("abc_analysis") as ctx:
        assert "Gold" not in policies_on(ctx, ctx.today - timedelta(days=1))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("A", "colour=7"), "a policy has no key 'colour'; known are visit_interval_days, visitor"),
        (("A", "visitors=rep"), "a policy has no key 'visitors'; did you mean 'visitor'?"),
        (
            ("A", "visit_interval_days=weekly"),
            "visit_interval_days = 'weekly' is not allowed; allowed is a whole number from 0 to 3660",
        ),
        (
            ("A", "visitor=boss"),
            "visitor = 'boss' is not allowed; allowed is manager, rep_and_manager, rep, rep_or_phone",
        ),
        (
            ("A", "discount_ceiling=5%"),
            "discount_ceiling = '5%' is not allowed; allowed is a share from 0 to 1 as decimal text, such as 0.05",
        ),
        (("A",), "nothing to change was given; name keys and values: visit_interval_days=…"),
        (("A", "7"), "'7' is no KEY=VALUE; write it like visit_interval_days=14"),
        (("A", "visitor=rep", "visitor=manager"), "visitor is given twice; give it once"),
        (("X", "visitor=rep"), "there is no class 'X'; the classes are A, B, C, D"),
        (("A", "visitor=manager"), "class A is served so already; nothing was changed"),
        (
            ("A", "visitor=rep", "--from", "2026-03-01"),
            "policies of past days are not rewritten: --from 2026-03-01 is before today, 2026-03-02",
        ),
        (("A", "visitor=rep", "--reason", " "), "the reason is empty"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(make_company, crm, words, sentence):
    make_company()
    result = crm("abc", "policy", "set", "--reason", "r", *words)
    assert result.exit_code in {1, 2}
    assert sentence in result.stderr
    assert (result.stdout, result.stderr.count("\n")) == ("", 1)
    assert crm.lines("abc", "policy", "history") == []


def test_the_history_of_an_unknown_class_is_refused(make_company, crm):
    make_company()
    assert "there is no class 'X'" in crm("abc", "policy", "history", "X").stderr


def test_many_versions_equal_a_calendar_kept_by_hand(make_company, database, clock):
    """Whoever writes a version writes it into a calendar too, from its first day up to the next later version."""
    random.seed(11)
    company = make_company(database)
    first = date(2026, 3, 2)
    last = first + timedelta(days=60)
    calendar = {first + timedelta(days=n): (14, first - timedelta(days=1)) for n in range(-5, 61)}
    written = 0
    for _turn in range(15):
        with company.app.read("abc_analysis") as ctx:
            start = ctx.today + timedelta(days=random.randint(0, 20))
        days = random.randint(1, 6)
        try:
            set_policy(company.app, ACTOR, "A", {"visit_interval_days": str(days)}, "r", start)
        except CrmError:
            assert calendar[start][0] == days, "refused only where nothing would change"
            continue
        written += 1
        day = start
        while day <= last and calendar[day][1] <= start:
            calendar[day] = (days, start)
            day += timedelta(days=1)
        clock.move(days=random.randint(0, 3))
    with company.app.read("abc_analysis") as ctx:
        for day, (days, _start) in calendar.items():
            assert policies_on(ctx, day)["A"]["visit_interval_days"] == days, day
        assert len(policy_history(ctx, "A")) == written


def test_the_terminal_shows_the_policies_in_words(make_company, crm):
    make_company()
    shown = crm.ok(*("abc", "policy", "set", "D", "visit_interval_days=180", "--reason", "find stars")).stdout
    assert "Class D is served by version 1 from 2026-03-02 on." in shown
    assert "Days between visits: on demand → 180" in shown
    table = crm.ok("abc", "policy", "show").stdout
    assert "How customers are served on 2026-03-02" in table
    for part in ("representative and manager", "8.00%", "settings", "180"):
        assert part in table


def test_a_stale_change_is_refused_with_both_values(make_company, crm, database):
    make_company(database=database, settings="[plugins.abc_analysis.policies.A]\nvisit_interval_days = 10\n")
    change = ("abc", "policy", "set", "A", "--reason", "more visits")
    crm.ok(*change, "visit_interval_days=7", "--expect-version", 0)
    seen = visits(crm)["A"][1]
    refused = crm(*change, "visit_interval_days=5", "--expect-version", 0)
    assert refused.exit_code == 1
    assert refused.stderr == (
        f"crm: the policy of class A was changed since you read it (version {seen}, you saw 0):"
        " visit_interval_days: now 7, yours 5; read it again\n"
    )
    assert visits(crm)["A"] == (7, seen)
    crm.ok(*change, "visit_interval_days=5", "--expect-version", seen)
    assert visits(crm)["A"][0] == 5


def test_of_two_who_change_a_policy_at_once_both_changes_hold(make_company, reopen, database, monkeypatch):
    company = make_company(
        database=database, settings="[plugins.abc_analysis.policies.A]\nvisit_interval_days = 10\n"
    )
    meet, look = threading.Barrier(2), changing._changed

    def look_together(*arguments):
        with suppress(threading.BrokenBarrierError):
            meet.wait(0.5)
        return look(*arguments)

    monkeypatch.setattr(changing, "_changed", look_together)
    apps = [reopen(company.app) for _ in range(2)]
    words = [{"visit_interval_days": "7"}, {"complaint_priority": "3"}]
    threads = [
        threading.Thread(target=set_policy, args=(app, ACTOR, "A", change, "at once"))
        for app, change in zip(apps, words, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with company.app.read("abc_analysis") as ctx:
        held = policies_on(ctx, ctx.today)["A"]
    assert (held["visit_interval_days"], held["complaint_priority"]) == (7, 3)
