"""Gifts: asked for, approved by a rule or by people, refused, ordered a card for."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from jsonschema import Draft202012Validator

import crmcore_birthday_gifts
from crmcore.testing import ACTOR

SCHEMA = Path(crmcore_birthday_gifts.__file__).parent / "schemas" / "gift.schema.json"


def published(gift):
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(gift)
    return gift


def give(crm, code, value, *words):
    return published(crm.json("gift", "give", code, "--title", "Tea", "--value", value, *words))


def test_a_small_gift_is_given_at_once(company, crm):
    assert give(crm, "C1", "88.00", "--note", "likes green tea") == {
        "customer": "C1",
        "title": "Tea",
        "value_minor": 8800,
        "currency": "CNY",
        "state": "given",
        "given_on": "2026-03-02",
    }
    (listed,) = crm.lines("gift", "list")
    assert published(listed)["customer"] == "C1"
    assert "Tea" in crm.ok("gift", "list").stdout
    (order,) = (company.config.folder / "gift-cards").iterdir()
    assert json.loads(order.read_text(encoding="utf-8"))["given_on"] == "2026-03-02"


def test_a_larger_gift_waits_for_who_may_approve_it(company, crm):
    crm.ok("actor", "add", "li", "--role", "sales_representative")
    assert give(crm, "C1", "300", "--actor", "li")["state"] == "requested"
    assert crm.lines("gift", "list") == []
    (request,) = crm.lines("approvals", "list")
    assert request["kind"] == "gift"
    refused = crm("approvals", "approve", "1", "--reason", "I want it", "--actor", "li")
    assert refused.exit_code in {1, 3}
    crm.ok("approvals", "approve", "1", "--reason", "30 years a customer", "--actor", ACTOR)
    assert [gift["value_minor"] for gift in crm.lines("gift", "list")] == [30_000]


def test_no_approval_helps_against_what_is_not_allowed(company, crm):
    crm.ok("actor", "add", "li", "--role", "sales_representative")
    give(crm, "C1", "501", "--actor", "li")
    refused = crm("approvals", "approve", "1", "--reason", "well", "--actor", ACTOR)
    assert "a gift may cost 500 at most" in refused.stderr
    assert crm.lines("gift", "list") == []


def test_one_gift_a_year(company, crm, clock):
    give(crm, "C1", "10")
    again = crm("gift", "give", "C1", "--title", "Cup", "--value", "10")
    assert again.exit_code == 1
    assert "given something in 2026 already" in again.stderr
    clock.move(days=365)
    with company.write(ACTOR, plugin="birthday_gifts") as tx:
        from crmcore_birthday_gifts.tables import Gift

        tx.insert(Gift, [gift_row(tx.ctx.today)])


def gift_row(day):
    return {"customer_id": 1, "given_on": day, "title": "Cup", "value_minor": 1000, "currency": "CNY"}


def test_why_somebody_was_given_just_this_is_not_readable_in_the_log(company, crm):
    give(crm, "C1", "10", "--note", "likes green tea")
    with company.read() as ctx:
        log = ctx.connection.execute(sa.text("SELECT \"after\" FROM change_log WHERE entity = 'gift_given'"))
        assert "green" not in str(log.all())


def test_what_is_no_amount_is_told(company, crm):
    result = crm("gift", "give", "C1", "--title", "Tea", "--value", "cheap")
    assert (result.exit_code, "'cheap' is no amount" in result.stderr) == (2, True)


def test_a_gift_has_a_receipt_to_be_signed(company, crm, tmp_path):
    give(crm, "C1", "88.00", "--note", "likes green tea")
    ran = crm.json("report", "run", "gift_receipts", "--param", "customer=C1")
    assert [row[2:] for row in ran["tables"][0]["rows"]] == [["Tea", "88.00 CNY"]]
    assert crm("report", "run", "gift_receipts").exit_code == 2
    assert crm("report", "run", "gift_receipts", "--param", "customer=C9").exit_code == 1
    pypdf = pytest.importorskip("pypdf")
    pytest.importorskip("typst")
    path = tmp_path / "receipts.pdf"
    crm.ok("report", "run", "gift_receipts", "--param", "customer=C1", "--out", path)
    (page,) = pypdf.PdfReader(path).pages
    text = page.extract_text()
    for part in ("Receipt for a gift", "Tea", "88.00 CNY", "Customer's seal", "Received by", "C1"):
        assert part in text
    assert "green tea" not in text
    crm.ok("person", "restrict", "C1", "--reason", "asks for it")
    ran = crm.json("report", "run", "gift_receipts", "--param", "customer=C1")
    assert ran["tables"][0]["rows"] == []
