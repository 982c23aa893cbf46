"""Copies given away, and what is confidential to the customer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crmcore.api import customer_ids, documents_for
from crmcore.builtin.documents.rules import told_names

from .test_loans import matches, refused


def test_a_copy_that_is_handed_out_is_written_down_for_good(company, crm):
    words = ("D000001", "--to", "律师事务所 周律师", "--reason", "诉讼材料")
    made = matches(crm.json("document", "hand-out", *words, "--actor", "rep"), "document_hand_out")
    assert (made["recipient"], made["handed_out_by"], made["reason"]) == (
        "律师事务所 周律师",
        "rep",
        "诉讼材料",
    )
    assert made["sha256"] == crm.json("document", "show", "D000001")["sha256"]
    assert matches(crm.lines("document", "hand-outs"), "document_hand_out") == [made]
    assert crm.lines("document", "hand-outs", "--document", "D000002") == []
    assert crm.lines("document", "hand-outs", "--customer", "C1") == [made]
    assert "周律师" in crm.ok("document", "hand-outs").stdout
    crm.ok("document", "edit", "D000001", "--confidential", "--title", "新名")
    (later,) = crm.lines("document", "hand-outs")
    assert later["confidential"] is False, "as it was then"
    assert crm("document", "hand-out", "D000001", "--to", "x").exit_code == 2
    assert "reason" in refused(crm, "document", "hand-out", "D000001", "--to", "x", "--reason", " ")
    assert "recipient" in refused(crm, "document", "hand-out", "D000001", "--to", " ", "--reason", "y")


def test_what_is_confidential_never_goes_to_its_own_customer(company, crm):
    for whom in ("C1", "示例商贸", "示例商贸有限公司 王经理", "示例 商贸", "p1", "李小红女士"):
        said = refused(crm, "document", "hand-out", "D000002", "--to", whom, "--reason", "y")
        assert "what is confidential never goes to its own customer" in said, whom
    assert crm.lines("document", "hand-outs") == []
    assert (
        crm.json("document", "hand-out", "D000002", "--to", "法院", "--reason", "y")["confidential"] is True
    )
    crm.ok("document", "hand-out", "D000001", "--to", "示例商贸", "--reason", "their own copy")


def test_a_customer_that_was_merged_is_still_the_customer(company, crm):
    crm.ok("customer", "add", "--code", "C8", "--name", "旧示例公司")
    crm.ok("customer", "add", "--code", "C9", "--name", "新示例公司")
    crm.ok("duplicates", "merge", "C1", "C9", "--yes", "--reason", "same")
    loans = crm.json("document", "show", "D000002")
    assert loans["customer"] == "C9"
    for whom in ("C9", "C1", "新示例公司", "示例商贸"):
        refused(crm, "document", "hand-out", "D000002", "--to", whom, "--reason", "y")
    refused(crm, "document", "hand-out", "D000002", "--to", "李小红", "--reason", "y")


def test_renderers_for_a_customer_get_nothing_confidential(company, crm, lent):
    lent("D000001")
    with company.read() as ctx:
        number = customer_ids(ctx.connection, ["C1"])["C1"]
        ours = documents_for(ctx, [number], for_customer=False)[number]
        theirs = documents_for(ctx, [number], for_customer=True)[number]
        assert documents_for(ctx, [number + 1_000], for_customer=True) == {}
    assert [one["code"] for one in ours] == ["D000001", "D000002"]
    assert [(one["code"], one["loan"]) for one in theirs] == [("D000001", None)]
    assert ours[0]["loan"]["borrower"] == "rep"


def test_the_card_counts_drawers_and_names_who_holds_papers(company, crm, lent):
    lent("D000001")
    (section,) = [s for s in crm.json("customer", "show", "C1")["sections"] if s["plugin"] == "documents"]
    assert section["data"] == {
        "basic": 1,
        "contracts_orders": 1,
        "confidential": 1,
        "out": ["D000001 with rep until 2026-03-16"],
    }
    crm.ok("customer", "add", "--code", "C7", "--name", "x")
    assert crm.json("customer", "show", "C7")["sections"] == []


def test_moved_and_listed_by_drawer_and_mark(company, crm):
    edited = matches(crm.json("document", "edit", "D000001", "--drawer", "trading_record"), "document")
    assert (edited["drawer"], edited["version"]) == ("trading_record", 2)
    codes = lambda *words: [one["code"] for one in crm.lines("document", "list", *words)]  # noqa: E731
    assert codes("--drawer", "trading_record") == ["D000001"]
    assert codes("--confidential") == ["D000002"]
    assert codes("--not-confidential") == ["D000001", "D000003"]
    crm.ok("document", "archive", "D000003")
    assert codes("--archived") == ["D000003"]
    refused(crm, "document", "edit", "D000001", "--title", "x", "--expect-version", 1)
    refused(crm, "document", "edit", "D000001", "--title", " ")
    assert crm("document", "edit", "D000001").exit_code == 2
    assert crm.json("document", "edit", "D000002", "--not-confidential")["confidential"] is False


def test_a_missing_and_a_damaged_file_are_named(small, crm):
    assert crm.ok("document", "check").stdout == "3 files are whole.\n"
    papers = crm.lines("document", "list")
    paths = [small.config.folder / "files" / p["sha256"][:2] / p["sha256"][2:] for p in papers]
    paths[0].unlink()
    paths[1].write_text("x" * papers[1]["size"])
    result = crm("document", "check", "--json")
    assert result.exit_code == 1
    assert "2 of 3" in result.stderr
    found = matches(result.lines(), "document_stored")
    assert {one["code"]: one["state"] for one in found} == {"D000001": "missing", "D000002": "damaged"}
    assert crm("document", "check", "D000003").exit_code == 0
    assert crm("document", "check", "D000001").exit_code == 1
    (check,) = [one for one in crm("doctor", "--json").json()["checks"] if one["name"] == "documents"]
    assert check["ok"] is False
    assert "D000001" in check["detail"]


def test_a_person_is_given_and_forgotten_what_was_lent_and_handed_out(company, crm, lent):
    lent("D000003", "--reason", "住院")
    crm.ok("document", "hand-out", "D000003", "--to", "医院 张主任", "--reason", "证明")
    given_away = crm.ok("person", "export", "C2").stdout
    assert "住院" in given_away
    assert "张主任" in given_away
    crm.ok("person", "erase", "C2", "--reason", "asks for it", "--yes")
    (loan,) = crm.lines("document", "loans", "--all")
    (copy,) = crm.lines("document", "hand-outs")
    assert (loan["purpose"], copy["recipient"], copy["reason"]) == (None, "(erased)", None)


names = st.text("甲乙丙丁 abcABＡ", min_size=2, max_size=6).filter(lambda t: len("".join(t.split())) > 1)


@given(names, st.text("子丑寅 x", max_size=5), st.text("子丑寅 x", max_size=5))
def test_a_name_is_found_wherever_it_stands(name, before, after):
    assert told_names(before + name.upper() + after, [name]) == [name]
    assert told_names(before + after, [name]) == []


def test_a_card_for_the_customer_says_nothing_of_the_file_of_documents(small, crm, lent):
    lent("D000001")
    words = ("report", "run", "customer_card", "--param", "customer=C1", "--json")
    assert "D000001 with rep" in crm.ok(*words).stdout
    theirs = crm.ok(*words, "--param", "for=customer").stdout
    assert "示例商贸有限公司" in theirs
    for word in ("D00000", "信用评语", "rep "):
        assert word not in theirs
