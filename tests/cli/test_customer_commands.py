"""`crm customer …`: the JSON contract, refusals, lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crmcore.testing import CommandLine

NASTY = "甲[/a] [bold]\x1b[31m红\u202e\u2066\x07"


def test_add_prints_the_published_object(company: CommandLine, matches):
    card = matches(
        "customer",
        company.json(
            *("customer", "add", "--name", "甲公司", "--kind", "organisation", "--set", "region=华东"),
            *("--set", "registered_capital=500", "--set", "founded_on=2009-05-18", "--set", "employees=40"),
            *("--set", "parent=C1", "--set", "since=2024-03-01", "--set", "premises=rented"),
        ),
    )
    assert card["code"] == "C000001"
    assert (card["region"], card["parent"], card["since"]) == ("华东", "C1", "2024-03-01")
    assert card["attributes"] == {
        "registered_capital": 500,
        "founded_on": "2009-05-18",
        "employees": 40,
        "premises": "rented",
    }
    assert (card["lifecycle"], card["archived"], card["version"]) == ("active", False, 1)
    assert card["contacts"] == card["sections"] == []
    assert matches("customer", company.json("customer", "show", "C000001")) == card


def test_edit_changes_and_clears_columns_and_attributes(company: CommandLine, matches):
    company.ok(
        "customer", "edit", "C1", "--set", "region=华东", "--set", "employees=40", "--set", "website=a.b"
    )
    card = matches(
        "customer",
        company.json("customer", "edit", "C1", "--name", "新名", "--set", "region=", "--set", "employees="),
    )
    assert (card["name"], card["region"], card["attributes"]) == ("新名", None, {"website": "a.b"})
    assert card["version"] == 3


def test_edit_of_nothing_new_keeps_the_version(company: CommandLine):
    assert company.json("customer", "edit", "C1", "--name", "示例商贸")["version"] == 1


def test_stale_edit_is_refused_with_both_values(company: CommandLine):
    company.ok("customer", "edit", "C1", "--set", "region=华北", "--set", "employees=7")
    result = company(
        *("customer", "edit", "C1", "--expect-version", "1"),
        *("--set", "region=华南", "--set", "employees=9"),
    )
    assert result.exit_code == 1
    assert all(value in result.stderr for value in ("华北", "华南", "7", "9", "region", "employees"))
    assert company.json("customer", "show", "C1")["region"] == "华北"
    assert (
        company.json("customer", "edit", "C1", "--expect-version", "2", "--set", "region=华南")["version"]
        == 3
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "regoin=x"], "did you mean 'region'"),
        (["--set", "customer_class=A"], "computed by plugin abc_analysis"),
        (["--set", "employees=many"], "employees = 'many'"),
        (["--set", "employees=-1"], "at least 0"),
        (["--set", "kind=robot"], "organisation"),
        (["--set", "founded_on=2009-13-40"], "founded_on"),
        (["--set", "owner=nobody"], "no actor 'nobody'"),
        (["--set", "parent=C11"], "no customer 'C11' (did you mean 'C1'?)"),
        (["--set", "parent=C1"], "its own ancestor"),
        (["--name", " "], "name must not be empty"),
        (["--set", "lifecycle="], "lifecycle must not be empty"),
        (["--name", "x" * 201], "longer than 200"),
        (["--set", "channel"], "'channel' is not of the form field=value"),
    ],
)
def test_refusals_name_field_value_and_what_is_allowed(small: CommandLine, words: list[str], said: str):
    result = small("customer", "edit", "C1", *words)
    assert result.exit_code in {1, 2}
    assert result.stderr.startswith("crm: ")
    assert said in result.stderr
    assert small.json("customer", "show", "C1")["version"] == 1


def test_an_edit_of_nothing_is_a_slip_of_the_pen(small: CommandLine):
    small.ok("contact", "add", "C1", "--name", "x")
    small.ok("interaction", "add", "C1", "--channel", "phone", "--subject", "x")
    for words in (
        ("customer", "edit", "C1"),
        ("contact", "edit", "P000001"),
        ("interaction", "edit", "I0000001"),
    ):
        result = small(*words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "nothing to change" in result.stderr


def test_a_grandchild_cannot_become_the_parent(company: CommandLine):
    company.ok("customer", "add", "--code", "C2", "--name", "b", "--set", "parent=C1")
    company.ok("customer", "add", "--code", "C3", "--name", "c", "--set", "parent=C2")
    result = company("customer", "edit", "C1", "--set", "parent=C3")
    assert result.exit_code == 1
    assert "its own ancestor" in result.stderr


def test_an_archived_actor_owns_nothing_new(small: CommandLine):
    small.ok("actor", "add", "rep1", "--name", "甲")
    small.ok("actor", "archive", "rep1")
    result = small("customer", "edit", "C1", "--set", "owner=rep1")
    assert result.exit_code == 1
    assert "rep1" in result.stderr


def test_a_code_never_changes_hands(company: CommandLine):
    result = company("customer", "add", "--code", "C1", "--name", "x")
    assert result.exit_code == 1
    assert "'C1' already" in result.stderr
    company.ok("customer", "add", "--code", "C2", "--name", "x")
    assert company("customer", "edit", "C2", "--code", "C1").exit_code == 1
    assert company.json("customer", "edit", "C2", "--code", "C22")["code"] == "C22"


def test_names_are_stored_without_what_cannot_be_seen(company: CommandLine):
    card = company.json("customer", "add", "--name", f" {NASTY}\r\n分店\t", "--code", "N1")
    assert card["name"] == "甲[/a] [bold][31m红 分店"
    shown = company.ok("customer", "show", "N1").stdout
    assert "甲[/a] [bold][31m红 分店" in shown
    assert "甲[/a]" in company.ok("customer", "list").stdout


def test_contact_fields_of_the_card_live_with_the_contacts(company: CommandLine, matches):
    card = company.json(
        *("customer", "add", "--name", "x", "--set", "contact=李四", "--set", "contact_phone=139"),
        *("--set", "contact_mobile=138", "--set", "legal_representative=王五"),
    )
    matches("customer", card)
    assert [(c["name"], c["phone"], c["mobile"], c["roles"]) for c in card["contacts"]] == [
        ("李四", "139", "138", []),
        ("王五", None, None, ["legal_representative"]),
    ]
    assert card["attributes"] == {}


@pytest.mark.parametrize("field", ["contact_phone", "contact_mobile"])
def test_a_number_of_a_contact_needs_the_contact(company: CommandLine, field: str):
    refused = company("customer", "add", "--name", "x", "--set", f"{field}=139")
    assert refused.exit_code == 1
    assert refused.stderr == (
        f"crm: {field} is a contact's number and there is no contact; give contact too, or phone for the customer's own\n"
    )
    assert company.lines("contact", "list") == []


def test_archive_takes_off_the_list_and_restore_brings_back(company: CommandLine, matches):
    company.ok("customer", "add", "--code", "C2", "--name", "b")
    archived = matches("customer", company.lines("customer", "archive", "C1", "C2"))
    assert [card["archived"] for card in archived] == [True, True]
    assert company.lines("customer", "list") == []
    assert len(company.lines("customer", "list", "--where", "archived=true")) == 2
    assert matches("customer", company.json("customer", "restore", "C2"))["archived"] is False
    assert [card["code"] for card in company.lines("customer", "list")] == ["C2"]
    assert len(company.lines("customer", "list", "--where", "archived=any")) == 2


def test_show_of_an_unknown_code_proposes_the_near_one(company: CommandLine):
    result = company("customer", "show", "C11")
    assert result.exit_code == 1
    assert result.stderr == "crm: there is no customer 'C11' (did you mean 'C1'?)\n"
    assert "'C1'" in company("customer", "show", "示例商贸").stderr


def test_list_goes_on_behind_a_code(company: CommandLine, matches):
    for number in range(2, 6):
        company.ok("customer", "add", "--code", f"C{number}", "--name", f"n{number}")
    first = matches("customer", company.lines("customer", "list", "--limit", "2"))
    then = company.lines("customer", "list", "--limit", "2", "--after", first[-1]["code"])
    assert [card["code"] for card in first + then] == ["C1", "C2", "C3", "C4"]
    table = company.ok("customer", "list", "--limit", "2").stdout
    assert "--after C2" in table
    for order in ((), ("--sort", "name")):
        lost = company("customer", "list", "--after", "C22", *order)
        assert (lost.exit_code, lost.stdout) == (1, "")
        assert lost.stderr == "crm: there is no customer 'C22' (did you mean 'C2'?)\n"


@pytest.mark.parametrize("entity", ["customer", "contact", "interaction", "document", "actor", "approvals"])
def test_a_limit_that_no_database_can_count_to_is_refused(company: CommandLine, entity: str):
    assert company(entity, "list", "--limit", 2**63 - 1).exit_code == 0
    refused = company(entity, "list", "--limit", "9" * 30)
    assert refused.exit_code == 2
    assert "is too large; 9223372036854775807 is the largest" in refused.stderr


def test_a_version_that_no_database_can_count_to_is_refused(company: CommandLine):
    assert company("customer", "edit", "C1", "--name", "x", "--expect-version", 2**63).exit_code == 2


FILTERS = [
    ("region=华东", ["A", "B"]),
    ("region=", ["C1"]),
    ("kind=person", ["B"]),
    ("employees=40", ["A"]),
    ("employees=", ["B", "C1"]),
    ("registered_capital=12.5", ["A"]),
    ("website=a.b", ["B"]),
    ("parent=C1", ["A"]),
    ("parent=", ["B", "C1"]),
    ("parent=nobody", []),
    ("since=2024-03-01", ["B"]),
    ("lifecycle=prospect", ["B"]),
    ("code=A", ["A"]),
    ("name=' OR 1=1", []),
]


def test_list_filters_by_columns_and_attributes(company: CommandLine):
    company.ok(
        *("customer", "add", "--code", "A", "--name", "a", "--set", "region=华东", "--set", "employees=40"),
        *("--set", "registered_capital=12.5", "--set", "parent=C1"),
    )
    company.ok(
        *("customer", "add", "--code", "B", "--name", "b", "--set", "region=华东", "--kind", "person"),
        *("--set", "website=a.b", "--set", "since=2024-03-01", "--set", "lifecycle=prospect"),
    )
    for where, found in FILTERS:
        listed = company.lines("customer", "list", "--where", where)
        assert [card["code"] for card in listed] == found, where


def test_list_refuses_fields_that_it_cannot_filter_by(small: CommandLine):
    for where in ("contact=x", "customer_class=A", "uid=x", "archived=maybe"):
        result = small("customer", "list", "--where", where)
        assert result.exit_code in {1, 2}, where
        assert result.stderr.startswith("crm: ")


def test_a_list_in_bulk_needs_the_permission_and_is_recorded(small: CommandLine, make_app, read_log):
    from crmcore.app import create_app
    from crmcore.entities.tables import Customer
    from crmcore.testing import ACTOR

    app = create_app(small.folder or Path())
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"K{n:04}", "name": "x"} for n in range(700)])
    app.close()
    assert len(small.lines("customer", "list", "--limit", "100")) == 100
    assert read_log() == []
    assert len(small.lines("customer", "list", "--where", "name=x")) == 700
    ((what, entity, count, text),) = read_log()
    assert (what, entity, count) == ("list", "customer", 700)
    assert json.loads(text)["where"] == ["name=x"]
    small.ok("actor", "add", "rep1", "--role", "sales_representative")
    refused = small("customer", "list", "--json", "--actor", "rep1")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert len(small.lines("customer", "list", "--limit", "5", "--actor", "rep1")) == 5


def test_reading_a_sensitive_field_is_recorded(small: CommandLine, read_log):
    small.ok("customer", "show", "C1")
    assert read_log() == []
    small.ok("customer", "edit", "C1", "--set", "bank_account=123", "--set", "credit_standing=好")
    small.ok("customer", "show", "C1")
    small.lines("customer", "list")
    expected = ("sensitive", "customer", 1, "C1: bank_account,credit_standing")
    assert read_log() == [expected, expected]


def test_why_stands_in_the_change_log(small: CommandLine):
    import sqlalchemy as sa

    from crmcore.app import create_app

    small.ok("customer", "edit", "C1", "--set", "region=华东", "--reason", "调整区域")
    app = create_app(small.folder or Path())
    with app.read() as ctx:
        row = ctx.connection.execute(sa.text("SELECT reason, source FROM change_tx ORDER BY id DESC")).first()
    app.close()
    assert row is not None
    assert tuple(row) == ("调整区域", "cli")


SECTION = """
from crmcore.api import CardSection, hookimpl

DATA = {"grade": "A", "why": ["x", "y"], "amount_minor": 12345678, "currency": "JPY", "share": 0.1234,
        "period": ["2025-01-01", "2025-12-31"], "key": True, "nothing": None, "inner": 4711}
LABELS = {name: f"[{name}]" for name in DATA if name != "inner"}

@hookimpl
def card_sections(customer_ids, ctx):
    return [CardSection(i, "grade", "等级", DATA, LABELS) for i in customer_ids]
"""


def test_sections_of_plugins_stand_on_the_card(make_app, crm: CommandLine, install_plugin, matches):
    install_plugin("grades", SECTION)
    make_app(["grades"])
    card = matches("customer", crm.json("customer", "add", "--code", "C1", "--name", "x"))
    (section,) = card["sections"]
    assert [section[key] for key in ("plugin", "name", "title")] == ["grades", "grade", "等级"]
    assert section["data"]["amount_minor"] == 12345678
    assert section["data"]["period"] == ["2025-01-01", "2025-12-31"]
    assert crm.lines("customer", "list")[0]["sections"] == [section]
    shown = " ".join(crm.ok("customer", "show", "C1").stdout.split())
    for text in ("[why] x, y", "[amount_minor] 12,345,678 JPY", "[share] 12.34%", "[key] yes"):
        assert text in shown
    assert "[period] 2025-01-01 to 2025-12-31" in shown
    assert "4711" not in shown


def test_a_companys_own_fields_are_set_listed_and_filtered(make_app, crm: CommandLine, matches):
    app = make_app()
    own = {"properties": {"vip": {"title": "VIP", "description": "x", "type": "boolean"}}}
    (app.config.folder / "customer_card.schema.json").write_text(json.dumps(own), encoding="utf-8")
    card = matches("customer", crm.json("customer", "add", "--code", "C1", "--name", "x", "--set", "vip=是"))
    assert card["attributes"] == {"vip": True}
    assert len(crm.lines("customer", "list", "--where", "vip=true")) == 1
    assert crm.lines("customer", "list", "--where", "vip=false") == []
