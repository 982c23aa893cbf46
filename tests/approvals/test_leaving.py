"""A plugin that goes for good leaves no request behind that waits for nobody; who asked is told."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from crmcore.builtin.lifecycle.enabling import disable
from crmcore.config import SCHEMAS
from crmcore.settings.validation import check, load_schema
from crmcore.testing import ACTOR

NAMES = ("state", "decided_by", "decision_reason")


def schema(name):
    return load_schema(SCHEMAS / f"{name}.schema.json")


@pytest.mark.parametrize("state", ["sound", "broken", "gone"])
def test_dropping_a_plugin_withdraws_its_open_requests(
    bonus_company, bonus, points, wish, crm, columns, state
):
    firm, person = points(bonus_company, 50), points(bonus_company, 60, customer_id=2)
    other = wish(bonus_company)
    if state == "broken":
        bonus.code("raise SystemExit(3)")
        bonus.forget()
    elif state == "gone":
        bonus.uninstall()
    made = crm.json("plugins", "uninstall", "bonus", "--drop")
    check(made, schema("plugin_uninstalled"), "uninstalled")
    assert made["withdrawn_requests"] == 2
    for number in (firm, person):
        assert columns(bonus_company, number, *NAMES) == (
            "withdrawn",
            ACTOR,
            "plugin bonus was uninstalled and its data dropped",
        )
    assert columns(bonus_company, other, "state") == ("requested",)
    refused = crm("approvals", "approve", firm, "--actor", "boss")
    assert f"request {firm} was withdrawn by {ACTOR} on 2026-03-02" in refused.stderr
    titles = [one["title"] for one in crm.lines("work", "--actor", "rep") if one["plugin"] == "approvals"]
    assert sorted(titles) == [f"Withdrawn by {ACTOR}: 50 points", f"Withdrawn by {ACTOR}: 60 points"]


def test_withdrawn_requests_stand_in_the_log_of_the_uninstallation(bonus_company, points, crm):
    number = points(bonus_company, 50)
    text = crm.ok("plugins", "uninstall", "bonus", "--drop").stdout
    assert "Open requests for approval that were withdrawn: 1\n" in text
    with bonus_company.read() as ctx:
        query = "SELECT entity, entity_id, after FROM change_log WHERE tx_id = (SELECT max(tx_id) FROM change_log)"
        logged = {row.entity: row for row in ctx.connection.execute(sa.text(query))}
    assert logged.keys() == {"approval_request", "plugin"}
    assert logged["approval_request"].entity_id == number
    after = logged["approval_request"].after
    assert (after if isinstance(after, dict) else json.loads(after))["state"] == "withdrawn"


def test_an_export_leaves_requests_open_for_whoever_restores_it(
    bonus_company, points, crm, tmp_path, columns, given
):
    number = points(bonus_company, 50)
    made = crm.json("plugins", "uninstall", "bonus", "--export", tmp_path / "bonus")
    assert made["withdrawn_requests"] == 0
    assert columns(bonus_company, number, "state") == ("requested",)
    crm.ok("plugins", "restore", "bonus", tmp_path / "bonus")
    crm.ok("approvals", "approve", number, "--actor", "boss")
    assert given(bonus_company) == [50]


def test_a_request_whose_plugin_does_not_run_says_that_nobody_can_approve_it_now(
    bonus_company, points, crm, wish
):
    number, closed, other = points(bonus_company, 50), points(bonus_company, 60), wish(bonus_company)
    crm.ok("approvals", "reject", closed, "--reason", "no", "--actor", "boss")
    disable(bonus_company, ["bonus"], ACTOR)
    shown = crm.json("approvals", "show", number)
    check(shown, schema("approval"), "approval")
    sentence = f"request {number} is of the kind 'bonus_points' of plugin 'bonus', which does not run"
    assert shown["cannot_be_approved"].startswith(sentence)
    assert "boss" in shown["deciders"], "who may reject it"
    assert f"It cannot be approved now: {sentence}" in crm.ok("approvals", "show", number).stdout
    for fine in (closed, other):
        assert crm.json("approvals", "show", fine)["cannot_be_approved"] is None
        assert "cannot be approved" not in crm.ok("approvals", "show", fine).stdout
