"""Amount bands and the firm of one person: who decides, what is kept of it, what people read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from jsonschema import Draft202012Validator

from crmcore.api import Actor, BadConfig, Refused, decide_approval
from crmcore.app import App
from crmcore.builtin.approvals.work import work
from crmcore.config import SCHEMAS
from crmcore.settings.validation import load_schema
from crmcore.testing import ACTOR, CommandLine

BANDS = """
# Still in the table [currency.rates], with which a new crm.toml ends.
USD = "7"

[roles]
"财务 head" = ["records.write"]

[plugins.approvals]
bands.general = [
    {up_to = "1000", role = "财务 head"},
    {up_to = "50000", role = "sales_manager"},
    {permission = "approve", deputies = false},
]
"""
ALONE = "\n[plugins.approvals]\nsingle_person = true\n"


@pytest.fixture
def banded(make_app: Any, staffed: Any, database: str) -> App:
    app: App = staffed(make_app(database=database, settings=BANDS))
    with app.write(ACTOR) as tx:
        tx.insert(Actor, [{"code": "purse", "name": "purse", "roles": ["财务 head"]}])
    return app


def cny(amount: int) -> dict[str, Any]:
    return {"amount_minor": amount * 100, "currency": "CNY"}


def inbox(crm: CommandLine, actor: str) -> list[int]:
    return sorted(one["number"] for one in crm.lines("approvals", "list", "--inbox", "--actor", actor))


def test_who_decides_depends_on_the_amount_and_inbox_work_and_show_agree(banded, crm, wish):
    amounts = [cny(1_000), cny(1_001), cny(50_000), cny(50_001), {}]
    small, middle, upper, large, unknown = [wish(banded, **one) for one in amounts]
    able = {
        "purse": [small],
        "head": [small, middle, upper],
        "boss": [small, middle, upper, large, unknown],
        "second": [small, middle, upper, large, unknown],
        "tester": [small, middle, upper, large, unknown],
        "rep": [],
        "clerk": [],
    }
    for actor, numbers in able.items():
        assert inbox(crm, actor) == numbers, actor
        with banded.read("approvals", actor) as ctx:
            assert sorted(int(i.key.split(":")[1]) for i in work(actor, None, ctx)) == numbers, actor
    for number in able["boss"]:
        deciders = crm.json("approvals", "show", number)["deciders"]
        assert deciders == sorted(actor for actor in able if number in able[actor])
    with pytest.raises(
        Refused,
        match=r"'purse' decides on amounts up to 1,000 CNY only, and request 2 is about 1,001\.00 CNY:",
    ):
        decide_approval(banded, "purse", middle, "approve", "")
    decide_approval(banded, "purse", small, "approve", "")
    decide_approval(banded, "head", upper, "reject", "no")


def test_a_refusal_names_the_band_the_amount_and_who_may_decide(banded, crm, wish):
    middle, large, unknown = wish(banded, **cny(1_001)), wish(banded, **cny(60_000)), wish(banded)
    said = {
        (
            "purse",
            middle,
        ): "crm: actor 'purse' decides on amounts up to 1,000 CNY only, and request 1 is about"
        " 1,001.00 CNY: that needs the role 'sales_manager' or the permission 'approve'; ask one of: boss, head, second, tester\n",
        ("head", large): "crm: actor 'head' decides on amounts up to 50,000 CNY only, and request 2 is about"
        " 60,000.00 CNY: that needs the permission 'approve'; ask one of: boss, second, tester\n",
        (
            "clerk",
            middle,
        ): "crm: actor 'clerk' may not decide on request 1 about 1,001.00 CNY (amount band: up to"
        " 50,000 CNY): it needs the role 'sales_manager' or the permission 'approve'; ask one of: boss, head, second, tester\n",
        (
            "head",
            unknown,
        ): "crm: actor 'head' decides on amounts up to 50,000 CNY only, and request 3 is about"
        " no stated amount: that needs the permission 'approve'; ask one of: boss, second, tester\n",
    }
    for (actor, number), sentence in said.items():
        refused = crm("approvals", "approve", number, "--actor", actor)
        assert (refused.exit_code, refused.stderr) == (1, sentence)


def test_a_refusal_counts_whom_an_actor_stands_in_for(banded, crm, wish, deputy):
    deputy("clerk", "head")
    number = wish(banded, **cny(60_000))
    with pytest.raises(Refused, match="'clerk' decides on amounts up to 50,000 CNY only, and request 1"):
        decide_approval(banded, "clerk", number, "approve", "")


def test_a_refusal_says_so_where_nobody_may_decide(banded, wish):
    number = wish(banded, "tester", **cny(60_000))
    with banded.write(ACTOR) as tx:
        rows = tx.connection.execute(
            sa.text("SELECT id FROM actor WHERE code IN ('boss', 'second')")
        ).scalars()
        tx.archive(Actor, list(rows))
    with pytest.raises(Refused, match="nobody may today, an administrator grants a role with"):
        decide_approval(banded, "head", number, "approve", "")


def test_bands_that_are_none_any_more_hide_no_refusal(banded, wish):
    number = wish(banded, **cny(60_000))
    path = Path(banded.config.path)
    text = path.read_text(encoding="utf-8").replace('role = "sales_manager"', 'role = "nobody"')
    path.write_text(text, encoding="utf-8")
    banded.refresh()
    with pytest.raises(
        Refused, match=r"'head' may not decide on request 1 about 60,000.00 CNY \(amount band: any"
    ):
        decide_approval(banded, "head", number, "approve", "")


def test_another_currency_counts_at_the_days_rate_and_without_a_rate_the_highest_decides(banded, crm, wish):
    known = wish(banded, amount_minor=7_142_00, currency="USD")
    over = wish(banded, amount_minor=7_143_00, currency="USD")
    strange = wish(banded, amount_minor=1, currency="SEK")
    assert crm.json("approvals", "show", known)["up_to"] == "50000"
    assert [crm.json("approvals", "show", n)["holders"] for n in (over, strange)] == [
        ["permission:approve"]
    ] * 2


def test_a_deputy_decides_within_the_bands_that_let_deputies(banded, crm, wish, deputy):
    deputy("clerk", "boss")
    middle, large = wish(banded, **cny(2_000)), wish(banded, **cny(60_000))
    assert inbox(crm, "clerk") == [middle]
    assert "clerk" not in crm.json("approvals", "show", large)["deciders"]
    with pytest.raises(
        Refused,
        match=rf"request {large} about 60,000.00 CNY is decided in person: within its amount band \(any amount\) nobody .* ask one of: boss, second, tester",
    ):
        decide_approval(banded, "clerk", large, "approve", "")
    decide_approval(banded, "clerk", middle, "approve", "")
    assert crm.json("approvals", "show", middle)["decided_for"] == "boss"


def test_what_held_when_it_was_asked_holds_until_it_is_decided(banded, crm, wish):
    number = wish(banded, **cny(500))
    path = Path(banded.config.path)
    text = path.read_text(encoding="utf-8").replace('up_to = "1000"', 'up_to = "1"')
    path.write_text(text, encoding="utf-8")
    banded.refresh()
    later = wish(banded, **cny(500))
    assert inbox(crm, "purse") == [number]
    shown = crm.json("approvals", "show", later)
    assert (shown["up_to"], shown["holders"]) == ("50000", ["role:sales_manager", "permission:approve"])
    decide_approval(banded, "purse", number, "approve", "")


def test_kinds_list_and_show_say_the_band(banded, crm, wish):
    wish(banded, **cny(500))
    wish(banded, **cny(60_000))
    (kind,) = [one for one in crm.lines("approvals", "kinds") if one["name"] == "general"]
    Draft202012Validator(load_schema(SCHEMAS / "approval_kind.schema.json")).validate(kind)
    assert kind["bands"] == [
        {"up_to": "1000", "holder": "role:财务 head", "deputies": True},
        {"up_to": "50000", "holder": "role:sales_manager", "deputies": True},
        {"up_to": None, "holder": "permission:approve", "deputies": False},
    ]
    told = crm.ok("approvals", "kinds", env={"COLUMNS": "300"}).stdout
    assert "up to 1,000 CNY: the role '财务 head'" in told
    assert "any amount: the permission 'approve' in person" in told
    assert "up to 1,000 CNY" in crm.ok("approvals", "list", env={"COLUMNS": "300"}).stdout
    assert "any amount" in crm.ok("approvals", "show", 2).stdout
    shown = crm.json("approvals", "show", 1)
    Draft202012Validator(load_schema(SCHEMAS / "approval.schema.json")).validate(shown)
    assert (shown["holders"][0], shown["deputies"], shown["single_person"]) == ("role:财务 head", True, False)


def test_wrong_bands_refuse_the_request_and_say_where(make_app, staffed, wish, crm):
    app = staffed(make_app(settings='\n[plugins.approvals]\nbands.general = [{role = "chief"}]\n'))
    with pytest.raises(
        BadConfig, match=r"crm\.toml: plugins\.approvals\.bands\.general\.0 names the role 'chief'"
    ):
        wish(app)
    assert crm.lines("approvals", "list") == []


# -- the firm of one person --------------------------------------------------------------------------------------


def test_nobody_decides_their_own_request_unless_the_company_says_so(banded, wish):
    with pytest.raises(Refused, match="is your own; somebody else must decide on it"):
        decide_approval(banded, "boss", wish(banded, "boss", **cny(1)), "approve", "")


def test_in_a_firm_of_one_person_who_asks_decides_and_that_is_marked(make_app, staffed, database, crm, wish):
    app = staffed(make_app(database=database, settings=ALONE))
    own, plain, other = wish(app, "boss"), wish(app, "rep"), wish(app, "boss", subject="other")
    assert inbox(crm, "boss") == [own, plain, other]
    assert inbox(crm, "rep") == []
    with pytest.raises(Refused, match="'rep' may not decide on request"):
        decide_approval(app, "rep", plain, "approve", "")
    told = crm.ok("approvals", "approve", own, "--actor", "boss").stdout
    assert "It was decided by the one who asked (single-person firm)." in told
    decide_approval(app, "boss", plain, "approve", "")
    decide_approval(app, "second", other, "approve", "")
    marked = {one["number"]: one["single_person"] for one in crm.lines("approvals", "list")}
    assert marked == {own: True, plain: False, other: False}
    assert "boss, who had asked (single-person firm)" in crm.ok("approvals", "show", own).stdout
    table = crm.ok("approvals", "list", env={"COLUMNS": "300"}).stdout
    assert table.count("approved by the one who asked") == 1
    with app.read() as ctx:
        query = sa.text(
            "SELECT after FROM change_log WHERE entity = 'approval_request' AND operation = 'update' ORDER BY seq"
        )
        after = list(ctx.connection.scalars(query))
    assert ['"single_person":true' in one for one in after] == [True, False, False]
    with app.read("approvals", "boss") as ctx:
        assert [i.key for i in work("boss", None, ctx)] == [f"approval:{other}:answer"], "the own is no news"


def test_a_deputy_gets_no_further_in_a_firm_of_one_person(make_app, staffed, wish, deputy):
    app = staffed(make_app(settings=ALONE))
    deputy("clerk", "boss")
    own, absent = wish(app, "clerk"), wish(app, "boss")
    for number, sentence in (
        (own, "'clerk' may not decide"),
        (absent, "was made by 'boss', for whom you stand in"),
    ):
        with pytest.raises(Refused, match=sentence):
            decide_approval(app, "clerk", number, "approve", "")
