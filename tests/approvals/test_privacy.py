"""What a request says of a natural person is theirs: sealed in the log, and a list in bulk is recorded."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from crmcore.api import ApprovalRequest, Refused, request_approvals
from crmcore.builtin.approvals.decisions import decide
from crmcore.changes import PERSONAL, as_change
from crmcore.keys import PersonKeys

SECRETS = {"subject": "张秘密的折扣", "reason": "她病了", "payload": {"phone": "13900001111"}}
DECISION = "因为她病了"


def entries(app):
    with app.read() as ctx:
        query = sa.text("SELECT * FROM change_log WHERE entity = 'approval_request' ORDER BY seq")
        headers = ctx.connection.execute(sa.text("SELECT reason, source FROM change_tx")).all()
        rows = ctx.connection.execute(query).all()
        keys = PersonKeys(ctx.connection)
        return rows, str(headers), [as_change(row, keys) for row in rows]


def test_what_is_said_of_a_natural_person_is_sealed_in_the_log(company, wish):
    number = wish(company, customer_id=2, **SECRETS)
    decide(company, "boss", number, "reject", DECISION)
    rows, headers, changes = entries(company)
    text = "".join(f"{row.before}{row.after}" for row in rows) + headers
    for secret in ("张秘密", "病", "13900001111"):
        assert secret not in text
    assert PERSONAL in rows[0].after
    assert PERSONAL in rows[1].after
    assert {name: changes[0].after[name] for name in SECRETS} == SECRETS, "readable while the key is there"
    assert changes[1].after["decision_reason"] == DECISION
    assert '"state":"rejected"' in rows[1].after, "what is not personal stays readable for good"


def test_of_a_firm_nothing_is_sealed_but_no_reason_stands_in_a_header(company, wish):
    number = wish(company, customer_id=1, **SECRETS)
    decide(company, "boss", number, "reject", DECISION)
    rows, headers, _changes = entries(company)
    assert PERSONAL not in rows[0].after
    assert "病" not in headers


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["people", "json"])
def test_who_reads_a_request_about_a_natural_person_is_recorded(company, wish, crm, more):
    firm, person = wish(company, customer_id=1), wish(company, customer_id=2, **SECRETS)
    for number in (firm, person):
        crm.ok("approvals", "show", number, *more)
    crm.ok("approvals", "reject", person, "--reason", DECISION, "--actor", "boss", *more)
    read = crm.lines("audit", "reads", "--what", "sensitive")
    with company.read() as ctx:
        code = ctx.connection.scalar(sa.text("SELECT code FROM customer WHERE id = 2"))
    assert [one["filter"] for one in read] == [read[0]["filter"]] * 2, (
        "once shown, once decided; of a firm nothing"
    )
    assert read[0]["filter"].startswith(f"{code}: ")
    assert not any(secret in str(read) for secret in ("张秘密", "病", "13900001111"))


def test_a_long_list_needs_the_permission_and_is_recorded(small, crm):
    wishes = [ApprovalRequest("general", f"wish {n}") for n in range(101)]
    with small.write("rep") as tx:
        request_approvals(tx, wishes)
    assert len(crm.lines("approvals", "list", "--kind", "general")) == 101
    with small.read() as ctx:
        row = ctx.connection.execute(sa.text("SELECT what, entity, count, filter FROM read_log")).one()
    assert row == ("list", "approval_request", 101, '{"scope":"all","kind":"general"}')
    refused = crm("approvals", "list", "--json", "--actor", "clerk")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert len(crm.lines("approvals", "list", "--limit", 100, "--actor", "clerk")) == 100


def test_a_disabled_gate_stays_closed(small, wish, reopen):
    number = wish(small)
    with pytest.raises(Refused, match="--no-plugins"):
        decide(reopen(small, no_plugins=True), "boss", number, "approve")
