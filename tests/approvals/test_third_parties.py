"""A plugin of somebody else adds kinds and rules: what it asks for is done with the approval, or nothing is."""

from __future__ import annotations

import json
import signal
from datetime import date
from importlib.resources import files

import pytest
import sqlalchemy as sa
from jsonschema import Draft202012Validator

from crmcore.api import (
    ApprovalRequest,
    CrmError,
    NotFound,
    PluginError,
    Refused,
    find_approvals,
    request_approvals,
)
from crmcore.builtin.approvals.decisions import decide, withdraw
from crmcore.builtin.approvals.tables import Approval
from crmcore.builtin.lifecycle.enabling import disable
from crmcore.testing import ACTOR

OTHER = """
from crmcore.api import ApprovalKind, Verdict, hookimpl

@hookimpl
def approval_kinds():
    return [{kinds}]

@hookimpl
def approve_requests(requests):
    return [{verdicts}]
"""


def test_an_approval_is_carried_out_in_its_own_transaction(bonus_company, points, given, columns):
    number = points(bonus_company, 50)
    assert columns(bonus_company, number, "state", "plugin", "expires_on") == (
        "requested",
        "bonus",
        "2026-03-09",
    )
    assert given(bonus_company) == []
    decide(bonus_company, "boss", number, "approve")
    assert given(bonus_company) == [50]
    with bonus_company.read() as ctx:
        query = sa.text("SELECT entity FROM change_log WHERE tx_id = (SELECT max(tx_id) FROM change_log)")
        assert sorted(ctx.connection.scalars(query)) == ["approval_request", "bonus_point"]


def test_what_the_database_refuses_for_good_is_carried_out_once(bonus_company, points, given, capsys):
    number = points(bonus_company, 77)
    with pytest.raises(sa.exc.IntegrityError):
        decide(bonus_company, "boss", number, "approve")
    assert capsys.readouterr().err.count("given") == 1
    assert given(bonus_company) == []


def test_what_is_not_approved_is_not_done(bonus_company, points, given):
    rejected, withdrawn = points(bonus_company, 50), points(bonus_company, 60)
    decide(bonus_company, "boss", rejected, "reject", "no")
    withdraw(bonus_company, "rep", withdrawn)
    assert given(bonus_company) == []


@pytest.mark.parametrize(
    ("wanted", "error", "sentence"),
    [
        (666, Refused, "^the devil gets no points$"),
        (
            500,
            Refused,
            "plugin 'bonus' failed at a request of the kind 'bonus_points' .SystemExit: printer on fire., so nothing",
        ),
    ],
)
def test_what_cannot_be_done_is_not_approved(bonus_company, points, given, columns, wanted, error, sentence):
    number = points(bonus_company, wanted)
    with pytest.raises(error, match=sentence):
        decide(bonus_company, "boss", number, "approve")
    assert (given(bonus_company), columns(bonus_company, number, "state")) == ([], ("requested",))
    decide(bonus_company, "boss", number, "reject", "cannot be done")


def test_an_exception_of_a_kind_is_kept_for_the_administrator(bonus_company, points, crm):
    number = points(bonus_company, 500)
    with pytest.raises(Refused):
        decide(bonus_company, "boss", number, "approve")
    (line,) = [one for one in crm.lines("plugins", "list") if one["name"] == "bonus"]
    assert (line["error"]["type"], line["error"]["hook"]) == ("SystemExit", "approval_kinds")


def test_who_decides_depends_on_the_amount_where_the_kind_says_so(bonus_company, points, given):
    little, much = points(bonus_company, 100), points(bonus_company, 101)
    decide(bonus_company, "head", little, "approve")
    with pytest.raises(
        Refused, match="'head' may not decide on request 2: it needs the permission 'approve'"
    ):
        decide(bonus_company, "head", much, "approve")
    assert given(bonus_company) == [100]


def test_a_role_that_may_only_decide_can_do_so_and_nothing_else(make_app, staffed, bonus, points, given, crm):
    app = staffed(make_app(["bonus"], settings='\n[roles]\nboard = ["approve"]\n'))
    crm.ok("actor", "add", "chair", "--role", "board")
    number = points(app, 101)
    decide(app, "chair", number, "approve")
    assert given(app) == [101]
    assert crm("customer", "add", "--name", "x", "--actor", "chair").exit_code == 1


def test_what_goes_beyond_policy_is_approved_only_with_a_reason(bonus_company, points, given):
    within, beyond = points(bonus_company, 1000), points(bonus_company, 1001)
    decide(bonus_company, "boss", within, "approve")
    with pytest.raises(Refused, match="request 2 goes beyond the company's policy; say with --reason why"):
        decide(bonus_company, "boss", beyond, "approve", " ")
    decide(bonus_company, "boss", beyond, "approve", "their anniversary")
    assert given(bonus_company) == [1000, 1001]


def test_a_rule_approves_as_the_request_is_made(bonus_company, points, given, columns):
    number = points(bonus_company, 10)
    assert given(bonus_company) == [10]
    names = ("state", "decided_by", "decided_for", "decision_reason", "version")
    assert columns(bonus_company, number, *names) == (
        "approved",
        "plugin:bonus",
        None,
        "only 10 points",
        2,
    )


def test_a_rejection_by_rule_beats_an_approval_by_rule(bonus_company, points, given, columns):
    number = points(bonus_company, 3, subject="never ever")
    assert columns(bonus_company, number, "state", "decision_reason") == ("rejected", "never is never")
    assert given(bonus_company) == []


@pytest.mark.parametrize(
    ("subject", "sentence"),
    [
        ("ask the oracle", "plugin 'bonus' failed in approve_requests .LookupError: the oracle is silent."),
        ("just so", "plugin 'bonus' gave no reason for its verdict on 'just so', so nothing was written"),
        (
            "broken",
            "plugin 'bonus' failed at a request of the kind 'bonus_points' .LookupError: no such level.",
        ),
    ],
)
def test_a_plugin_that_cannot_decide_refuses_the_write_by_name(
    bonus_company, points, given, subject, sentence
):
    with pytest.raises(Refused, match=sentence):
        points(bonus_company, 50, subject=subject)
    with bonus_company.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM approval_request")) == 0


def test_a_batch_is_asked_once_and_numbered_in_order(bonus_company, given):
    wishes = [
        ApprovalRequest("bonus_points", f"{n} points", key=key, customer_id=1, payload={"points": n})
        for n, key in ((20, "a"), (5, None), (30, "a"), (5, None), (40, "b"))
    ]
    with bonus_company.write("rep", plugin="bonus") as tx:
        numbers = request_approvals(tx, wishes)
        assert numbers == [1, 2, 1, 3, 4], "of one matter there is one request"
        assert request_approvals(tx, wishes[:1]) == [1], "within the same transaction, too"
        assert request_approvals(tx, []) == []
        states = [found.state for found in find_approvals(tx.ctx, numbers).values()]
    assert states == ["requested", "approved", "approved", "requested"]
    assert given(bonus_company) == [5, 5]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"payload": {"points": 0}}, r"request of the kind 'bonus_points': points = 0 is not allowed"),
        ({"payload": {}}, "lacks the key 'points'"),
        ({"payload": {"points": float("nan")}}, "must be JSON"),
        ({"payload": {"points": {1, 2}}}, "payload = .* is not allowed: it must be JSON"),
        ({"payload": {"points": 1, "long": "x" * 100_000}}, "is longer than 100000 characters"),
        ({"subject": " \u202e "}, "subject must not be empty"),
        ({"subject": "x" * 201}, "subject = 'x+…' is not allowed: it is longer than 200"),
        ({"reason": "x" * 32_001}, "reason = 'x+…' is not allowed"),
        ({"key": ""}, "key = '' is not allowed: it must be one line"),
        ({"key": "a\nb"}, "must be one line"),
        ({"key": "x" * 129}, "is longer than 128"),
        ({"amount_minor": 5}, "an amount needs its currency"),
        ({"currency": "CNY"}, "an amount needs its currency"),
        ({"amount_minor": -1, "currency": "CNY"}, "amount_minor = -1 is not allowed"),
        ({"amount_minor": 2**63, "currency": "CNY"}, "must be a whole number"),
        ({"amount_minor": 1.5, "currency": "CNY"}, "must be a whole number"),
        ({"amount_minor": 5, "currency": "yuan"}, "currency = 'yuan' is not allowed"),
        ({"customer_id": 99}, "customer has no row 99"),
    ],
)
def test_values_that_are_not_allowed_are_named(bonus_company, points, values, sentence):
    with pytest.raises(CrmError, match=sentence):
        points(bonus_company, 50, **values)


def test_an_unknown_kind_says_which_may_be_meant(small, wish):
    with pytest.raises(
        NotFound, match=r"there is no kind of request 'generic' \(did you mean 'general'\?\); list"
    ):
        wish(small, kind="generic")


@pytest.mark.parametrize("together", [True, False])
def test_two_plugins_with_the_same_kind_are_never_enabled_both(make_app, install_plugin, crm, together):
    make_app()
    for name in ("one", "two"):
        install_plugin(name, OTHER.format(kinds='ApprovalKind("discount", "Discount")', verdicts=""))
    if not together:
        crm.ok("plugins", "enable", "one")
    sentence = "plugins 'one' and 'two' both claim the kind of request 'discount'; enable only one of them\n"
    done = crm("plugins", "enable", *(["one", "two"] if together else ["two"]))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith(sentence)
    assert done.stderr.count("\n") == 1
    if not together:
        assert crm.json("plugins", "plan", "enable", "two")["refusals"] == [sentence.strip()]
    running = [one["name"] for one in crm.lines("plugins", "list") if one["state"] == "enabled"]
    assert [name for name in ("one", "two") if name in running] == ([] if together else ["one"])


def test_an_upgrade_claims_no_kind_of_another_plugin_and_may_keep_its_own(make_app, install_plugin, crm):
    make_app()
    plugins = {}
    for name in ("one", "two"):
        kinds = f'ApprovalKind("{name}_own", "Own")'
        plugins[name] = install_plugin(name, OTHER.format(kinds=kinds, verdicts=""))
    crm.ok("plugins", "enable", "one", "two")
    more = 'ApprovalKind("two_own", "Own"), ApprovalKind("{}", "More")'
    plugins["two"].code(OTHER.format(kinds=more.format("one_own"), verdicts=""))
    plugins["two"].forget()
    done = crm("plugins", "upgrade", "two")
    assert "'one' and 'two' both claim the kind of request 'one_own'" in done.stderr
    plugins["two"].code(OTHER.format(kinds=more.format("two_more"), verdicts=""))
    plugins["two"].forget()
    crm.ok("plugins", "upgrade", "two")


def test_the_kind_for_all_else_is_taken(make_app, install_plugin, crm):
    make_app()
    install_plugin("one", OTHER.format(kinds='ApprovalKind("general", "Mine")', verdicts=""))
    done = crm("plugins", "enable", "one")
    assert "plugins 'crmcore' and 'one' both claim the kind of request 'general'" in done.stderr


def test_two_plugins_that_come_to_the_same_kind_later_are_both_named(
    make_app, staffed, install_plugin, wish, monkeypatch
):
    for name in ("one", "two"):
        shared = f'__import__("os").environ.get("SHARED_KIND", "{name}_first")'
        kinds = f'ApprovalKind({shared}, "Discount"), ApprovalKind("{name}_own", "Own")'
        install_plugin(name, OTHER.format(kinds=kinds, verdicts=""))
    app = staffed(make_app(["one", "two"]))
    monkeypatch.setenv("SHARED_KIND", "discount")
    app.refresh()
    with pytest.raises(PluginError, match="'one' and 'two' both claim the kind of request 'discount'"):
        wish(app, kind="discount")
    assert wish(app, kind="two_own") == 1, "the rest works"


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ('"odd", "Odd", lambda r: None', "permission = None"),
        ('"odd", "Odd", "approve", None, -1', "expires_days = -1 is below 0"),
        ('"odd", "Odd", outside_policy=lambda r: "perhaps"', "outside_policy = 'perhaps'"),
        ('"odd", "Odd", payload_schema={"type": 7}', "failed at a request of the kind 'odd'"),
    ],
)
def test_a_kind_that_makes_no_sense_is_named(make_app, staffed, install_plugin, wish, kind, sentence):
    install_plugin("odd", OTHER.format(kinds=f"ApprovalKind({kind})", verdicts=""))
    app = staffed(make_app(["odd"]))
    with pytest.raises(Refused, match=sentence) as caught:
        wish(app, kind="odd")
    assert "plugin 'odd'" in str(caught.value)


@pytest.mark.parametrize(
    "verdict",
    ['Verdict(7, "approve", "x")', 'Verdict(0, "perhaps", "x")', 'Verdict(0, "approve", None)', '"approve"'],
)
def test_a_verdict_that_is_none_refuses_the_write_by_name(make_app, staffed, install_plugin, wish, verdict):
    install_plugin("odd", OTHER.format(kinds="", verdicts=verdict))
    app = staffed(make_app(["odd"]))
    with pytest.raises(Refused, match="plugin 'odd' failed in approve_requests"):
        wish(app)


def test_without_its_plugin_a_request_is_read_and_rejected_but_not_approved(
    bonus_company, points, crm, given
):
    first, second = points(bonus_company, 50), points(bonus_company, 60)
    disable(bonus_company, ["bonus"], ACTOR)
    with pytest.raises(
        Refused,
        match="request 1 is of the kind 'bonus_points' of plugin 'bonus', which does not run; crm plugins",
    ):
        decide(bonus_company, "boss", first, "approve")
    decide(bonus_company, "boss", second, "reject", "too late")
    assert [one["state"] for one in crm.lines("approvals", "list")] == ["rejected", "requested"]


@pytest.fixture
def planned(crm):
    """Return what a plan for the plugin `bonus` says of open requests, in JSON and in the terminal."""
    schema = json.loads(files("crmcore").joinpath("schemas/plugin_plan.schema.json").read_text("utf-8"))

    def read(action):
        made = crm.json("plugins", "plan", action, "bonus")
        Draft202012Validator(schema).validate(made)
        shown = crm.ok("plugins", "plan", action, "bonus").stdout.splitlines()
        return made["open_requests"], [line.strip() for line in shown if "open requests" in line]

    return read


LOST = {
    "disable": "open requests that nobody can approve without it: bonus_points 2, bonus_wish 1",
    "uninstall": "open requests that nobody can approve without it, and that --drop withdraws: bonus_points 2, bonus_wish 1",
}


@pytest.mark.parametrize("action", ["disable", "uninstall"])
def test_a_plan_names_the_requests_that_nobody_could_approve_any_more(
    bonus_company, points, wish, planned, clock, action
):
    points(bonus_company, 50)
    clock.move(days=8)  # nobody decided in time
    assert planned(action) == ({}, [])
    points(bonus_company, 5)  # settled by rule
    decide(bonus_company, "boss", points(bonus_company, 60), "reject", "no")
    withdraw(bonus_company, "rep", points(bonus_company, 70))
    wish(bonus_company)  # of another plugin
    assert planned(action) == ({}, [])
    points(bonus_company, 80)
    points(bonus_company, 90)
    wish(bonus_company, kind="bonus_wish")
    assert planned(action) == ({"bonus_points": 2, "bonus_wish": 1}, [LOST[action]])
    assert planned("upgrade") == ({"bonus_points": 2, "bonus_wish": 1}, []), "nothing is lost"


def test_a_plan_knows_the_requests_of_a_plugin_whose_package_is_gone(
    bonus_company, points, wish, planned, bonus
):
    points(bonus_company, 50)
    points(bonus_company, 60)
    wish(bonus_company, kind="bonus_wish")
    bonus.uninstall()
    assert planned("uninstall") == ({"bonus_points": 2, "bonus_wish": 1}, [LOST["uninstall"]])


def test_a_deed_that_failed_is_no_approval_even_if_its_error_is_caught(bonus_company, columns):
    wish = ApprovalRequest("bonus_wish", "5", customer_id=1)
    bad = ApprovalRequest("bonus_points", "devil", customer_id=1, payload={"points": 6})
    with bonus_company.write("rep", plugin="bonus") as tx:
        request_approvals(tx, [wish])
        with pytest.raises(Refused, match="the devil gets no points"):
            request_approvals(tx, [bad])
    assert columns(bonus_company, 2, "state", "decided_by") == ("requested", None)


def test_no_plugin_changes_what_another_is_asked_or_what_is_stored(
    make_app, staffed, install_plugin, wish, columns
):
    code = """
from crmcore.api import Verdict, hookimpl

@hookimpl
def approve_requests(requests):
    try:
        requests[0].payload["points"] = 1
    except TypeError:
        requests.clear()
    return []
"""
    install_plugin("meddler", code)
    app = staffed(make_app(["meddler"]))
    number = wish(app, payload={"points": 50})
    assert columns(app, number, "payload", "state") == ('{"points":50}', "requested")


def test_a_payload_is_read_as_it_was_checked(small, wish):
    number = wish(small, payload={"day": date(2026, 3, 2), "pair": (1, 2)})
    with small.read() as ctx:
        assert find_approvals(ctx, [number])[number].payload == {"day": "2026-03-02", "pair": [1, 2]}


def test_the_view_of_the_caller_is_given_back(bonus_company):
    with bonus_company.write("rep", plugin="approvals") as tx:
        before = tx.ctx
        request_approvals(
            tx, [ApprovalRequest("bonus_points", "5 points", customer_id=1, payload={"points": 5})]
        )
        assert tx.ctx is before


KILLED = """
import sys
from crmcore.app import create_app
from crmcore.builtin.approvals import decisions

real = decisions.carry_out
def and_die(*arguments):
    import os, signal
    if "before" in sys.argv:
        os.kill(os.getpid(), signal.SIGKILL)
    real(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
decisions.carry_out = and_die
app = create_app(sys.argv[1])
decisions.decide(app, "boss", 1, "approve")
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_killed_between_decision_and_deed_leaves_neither(
    bonus_company, points, given, columns, python, moment
):
    number = points(bonus_company, 50)
    with bonus_company.write(ACTOR) as tx:  # the other process has the real clock
        tx.update(Approval, [(number, {"expires_on": None})])
    bonus_company.engine.dispose()
    died = python(KILLED, bonus_company.config.folder, moment)
    assert died.exit_code == -signal.SIGKILL, died.stderr
    assert (columns(bonus_company, number, "state"), given(bonus_company)) == (("requested",), [])
    decide(bonus_company, "boss", number, "approve")
    assert given(bonus_company) == [50]


UNDONE = """
from crmcore.api import ApprovalKind, Customer, hookimpl

def promise(tx, request):
    tx.update(Customer, [(request.customer_id, {"name": "promised"})])
    yield 1

def ask_in_vain(tx, request):
    tx.connection.exec_driver_sql("SELECT nowhere FROM customer")

def set_options(tx, request):
    tx.connection.execution_options(stream_results=True, yield_per=1)

@hookimpl
def approval_kinds():
    return [
        ApprovalKind(f"gift_{apply.__name__}", "Gift", "records.write", apply)
        for apply in (promise, ask_in_vain, set_options)
    ]
"""


@pytest.fixture
def gifts(make_app, staffed, install_plugin, database):
    install_plugin("gifts", UNDONE)
    return staffed(make_app(["gifts"], database))


@pytest.mark.parametrize("kind", ["gift_promise", "gift_ask_in_vain"])
def test_what_is_not_done_is_not_approved_and_names_the_plugin(gifts, wish, crm, columns, kind):
    number = wish(gifts, kind=kind)
    refused = crm("--actor", "boss", "approvals", "approve", number, "--reason", "well")
    assert refused.exit_code == 1
    assert f"plugin 'gifts' failed at a request of the kind '{kind}'" in refused.stderr
    assert columns(gifts, number, "state") == ("requested",)


def test_options_that_a_deed_sets_are_taken_back(gifts, wish, crm, columns):
    number = wish(gifts, kind="gift_set_options")
    crm.ok("--actor", "boss", "approvals", "approve", number, "--reason", "well")
    assert columns(gifts, number, "state") == ("approved",)
