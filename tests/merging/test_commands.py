"""`crm duplicates merge` and `unmerge` as people and scripts see them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from crmcore.builtin.administration.published import published_schemas
from crmcore.testing import CommandLine, SmallCompany


def valid(schema: str, document: Any) -> Any:
    rules = json.loads(published_schemas()[f"{schema}.schema.json"].read_bytes())
    Draft202012Validator(rules).validate(document)
    return document


def test_without_yes_the_plan_is_shown_and_nothing_is_done(company: SmallCompany, crm: CommandLine, contents):
    before = contents(company.app)
    crm.ok("customer", "edit", "K004", "--set", "phone=")
    shown = crm("duplicates", "merge", "K005", "K004", "--reason", "the same", "--json")
    assert shown.exit_code == 3
    assert shown.stderr == "crm: nothing was merged yet; do it with --yes\n"
    plan = valid("duplicate_merge", json.loads(shown.stdout))
    assert (plan["from"], plan["into"], plan["done"], plan["versions"]) == (
        "K005",
        "K004",
        False,
        {"from": 1, "into": 2},
    )
    assert {f["field"]: (f["from"], f["into"], f["stays"]) for f in plan["fields"]}["phone"] == (
        "0571-00000005",
        None,
        "filled",
    )
    assert {f["stays"] for f in plan["fields"] if f["field"] == "name"} == {"kept"}
    assert [(m["table"], m["rows"]) for m in plan["moved"]] == [("contact_firm", 1), ("interaction", 2)]
    crm.ok("customer", "edit", "K004", "--set", "phone=0571-00000004")
    assert contents(company.app) == before


def test_what_is_done_is_what_the_plan_said(company: SmallCompany, crm: CommandLine, do_merge):
    plan = json.loads(crm("duplicates", "merge", "K005", "K004", "--reason", "x", "--json").stdout)
    done = valid("duplicate_merge", do_merge("K005", "K004"))
    assert done == {**plan, "done": True}


def test_a_reader_of_chinese_sees_no_stored_word(company: SmallCompany, crm: CommandLine):
    crm.ok("customer", "edit", "K005", "--set", "lifecycle=former")
    shown = crm("duplicates", "merge", "K005", "K004", "--reason", "x", env={"CRM_LANG": "zh_CN"}).stdout
    assert "旧客户" in shown
    assert "former" not in shown


def test_for_people_the_plan_is_a_table_and_the_way_back_is_told(company: SmallCompany, crm: CommandLine):
    shown = crm("duplicates", "merge", "K005", "K004", "--reason", "x")
    assert "K005 would be merged into K004:" in shown.stdout
    done = crm.ok("duplicates", "merge", "K005", "K004", "--reason", "x", "--yes").stdout
    assert "K005 was merged into K004." in done
    assert "crm duplicates unmerge K005" in done
    back = crm.ok("duplicates", "unmerge", "K005", "--reason", "y").stdout
    assert back.startswith("K005 is a customer of its own again, no part of K004.")


def test_both_codes_find_the_one_customer(company: SmallCompany, crm: CommandLine, do_merge, do_unmerge):
    do_merge("K005", "K004")
    for code in ("K004", "K005"):
        assert [hit["code"] for hit in crm.lines("find", code)] == ["K004"]
        card = valid("customer", crm.json("customer", "show", code))
        assert (card["code"], card["merged_from"]) == ("K004", ["K005"])
    told = crm.ok("customer", "show", "K005").stdout
    assert told.startswith("K005 was merged into K004:\nK004 ")
    assert "Merged from" in told
    do_unmerge("K005")
    assert [hit["code"] for hit in crm.lines("find", "K005")] == ["K005"]
    assert crm.json("customer", "show", "K005")["code"] == "K005"
    assert crm.json("customer", "show", "K004")["merged_from"] == []


def test_commands_that_name_the_old_code_work_on_the_remaining_customer(
    company: SmallCompany, crm: CommandLine, do_merge
):
    do_merge("K005", "K004")
    made = crm.json("interaction", "add", "K005", "--channel", "phone", "--subject", "s")
    assert made["customer"] == "K004"
    assert crm.json("customer", "edit", "K006", "--set", "parent=K005")["parent"] == "K004"
    assert {i["customer"] for i in crm.lines("interaction", "list", "--customer", "K005")} == {"K004"}


@pytest.mark.parametrize(
    "words", [("edit", "K005", "--set", "region=X"), ("archive", "K005"), ("restore", "K005")]
)
def test_the_merged_customer_itself_is_edited_no_more(
    company: SmallCompany, crm: CommandLine, do_merge, words
):
    do_merge("K005", "K004")
    refused = crm("customer", *words)
    assert refused.exit_code == 1
    assert refused.stderr == (
        "crm: customer 'K005' was merged into 'K004'; edit that one, or take the merge back with: crm duplicates unmerge K005\n"
    )


def test_the_history_of_both_tells_of_the_merge(
    company: SmallCompany, crm: CommandLine, do_merge, do_unmerge
):
    do_merge("K005", "K004")
    do_unmerge("K005")
    lines = crm.lines("history", "K004", "--limit", "1000")
    merge = {
        line["field"]: line["after"]
        for line in lines
        if line["entity"] == "customer_merge" and line["before"] is None
    }
    assert (merge["from"], merge["into"], merge["reason"]) == ("K005", "K004", "the same firm")
    own = crm.lines("history", "K005", "--limit", "1000")
    archived = [
        line["reason"] for line in own if line["entity"] == "customer" and line["field"] == "archived_at"
    ]
    assert archived == ["merge K005 into K004", "unmerge K005"]
    crm.ok("audit", "verify")


def test_fields_are_taken_from_whom_people_choose(
    company: SmallCompany, crm: CommandLine, do_merge, do_unmerge
):
    crm.ok("customer", "edit", "K005", "--set", "address=here")
    crm.ok("customer", "edit", "K004", "--set", "address=there")
    done = do_merge("K005", "K004", "--take", "phone=K005", "--take", "address=K005", "--take", "name=K004")
    assert {f["field"] for f in done["fields"] if f["stays"] == "taken"} == {"phone", "address"}
    card = crm.json("customer", "show", "K004")
    assert (card["phone"], card["attributes"]["address"]) == ("0571-00000005", "here")
    assert do_unmerge("K005")["conflicts"] == []
    card = crm.json("customer", "show", "K004")
    assert (card["phone"], card["attributes"]["address"]) == ("0571-00000004", "there")


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["K005", "K005"], 1, "'K005' cannot be merged with itself; name two customers"),
        (["P001", "K004"], 1, "'P001' and 'K004' are a person and a firm, which are never one"),
        (
            ["K005", "K028"],
            1,
            "'K028' is archived and cannot remain; take it back first with: crm customer restore K028",
        ),
        (["K005", "K404"], 1, "there is no customer 'K404'"),
        (
            ["K005", "K004", "--expect-version", "K005=7"],
            1,
            "customer K005 was changed since you read it (version 1, you saw 7)",
        ),
        (
            ["K005", "K004", "--expect-version", "K006=1"],
            2,
            "--expect-version K006=1 is of none of the two customers",
        ),
        (["K005", "K004", "--expect-version", "K005"], 2, "write CODE=N"),
        (["K005", "K004", "--expect-version", "K005=-1"], 2, "write CODE=N"),
        (["K005", "K004", "--take", "phone"], 2, "--take 'phone': write FIELD=CODE"),
        (["K005", "K004", "--take", "phone=K006"], 2, "--take phone=K006: name K005 or K004"),
        (
            ["K005", "K004", "--take", "code=K005"],
            2,
            "--take code: this field is not one of those that are chosen",
        ),
        (["K005", "K004", "--take", "tax_id=K005"], 1, "--take tax_id: K005 has none"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    company: SmallCompany, crm: CommandLine, contents, options, code, told
):
    before = contents(company.app)
    for more in ([], ["--yes"]):
        refused = crm("duplicates", "merge", *options, "--reason", "x", *more)
        assert (refused.exit_code, told in refused.stderr) == (code, True), refused.stderr
    assert contents(company.app) == before


def test_a_reason_is_needed_and_the_right_to_merge(company: SmallCompany, crm: CommandLine):
    assert crm("duplicates", "merge", "K005", "K004", "--reason", " ").exit_code == 2
    assert crm("duplicates", "merge", "K005", "K004").exit_code == 2
    with crm.as_actor("small", roles=["sales_representative"]):
        refused = crm("duplicates", "merge", "K005", "K004", "--reason", "x")
    assert "actor 'small' may not merge customers" in refused.stderr


def test_the_version_that_people_saw_is_heeded(company: SmallCompany, crm: CommandLine, do_merge):
    assert do_merge("K005", "K004", "--expect-version", "K005=1", "--expect-version", "K004=1")["done"]


def test_an_unmerge_of_who_was_not_merged_says_so(
    company: SmallCompany, crm: CommandLine, do_merge, do_unmerge
):
    refused = crm("duplicates", "unmerge", "K005", "--reason", "x")
    assert refused.exit_code == 1
    assert "'K005' was not merged into another customer; crm history K005 tells" in refused.stderr
    do_merge("K005", "K004")
    valid("duplicate_unmerge", do_unmerge("K005"))
    assert crm("duplicates", "unmerge", "K005", "--reason", "x").exit_code == 1


def test_sensitive_values_that_a_plan_shows_are_recorded(company: SmallCompany, crm: CommandLine):
    field = next(
        f.name for f in company.app.catalogue.fields.values() if f.sensitive and f.source == "attribute"
    )
    crm.ok("customer", "edit", "P001", "--set", f"{field}=1000")
    crm("duplicates", "merge", "P001", "P002", "--reason", "x")
    assert next((r["what"], r["filter"]) for r in crm.lines("audit", "reads")) == (
        "sensitive",
        f"P001…P002: {field}",
    )
