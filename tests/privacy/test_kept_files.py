"""Rejected rows of imports: those of the person go in whatever writing, those of others stay."""

from __future__ import annotations

from pathlib import Path

from crmcore.api import Customer
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

from .conftest import places_with

ROWS = {
    "爨　邯郸": "a blank in the name",
    "１３７１２３４９８７６": "full width",
    "+86 137-1234-9876": "with country and dashes",
    "(137)12349876": "with brackets",
    "LONGLONG@geheim.example": "in capitals",
}
OTHERS = {
    "增值税专用发票": "kind of invoice",
    "中国工商银行杭州分行": "bank",
    "137123498761": "another number",
}


def test_rows_of_the_person_go_in_any_writing_and_rows_of_others_stay(
    people: App, crm: CommandLine, tmp_path: Path
) -> None:
    shared = {"invoice_type": "增值税专用发票", "bank": "中国工商银行杭州分行"}
    with people.write(ACTOR) as tx:
        tx.update(Customer, [(3, {"attributes": shared})])
    lines = [f"X{i},不相干{i},nobody,{text}" for i, text in enumerate([*ROWS, *OTHERS])]
    file = tmp_path / "people.csv"
    file.write_text("code,name,customer,phone\n" + "\n".join(lines) + "\n", encoding="utf-8")
    assert crm("import", "contacts", file).exit_code in {0, 1}
    assert len(places_with(people, list(ROWS))) >= len(ROWS), "else what follows proves nothing"
    done = crm.json("person", "erase", "C1", "P1", "--reason", "asked", "--yes")
    assert done["files"]["rejected_rows"] == len(ROWS)
    (left,) = [p.read_text("utf-8") for p in people.config.folder.glob("imports/*") if p.suffix != ".lock"]
    assert not [text for text in ROWS if text in left]
    assert not [text for text in OTHERS if text not in left]


def test_an_import_that_was_begun_goes_on_after_somebody_was_erased(
    people: App, crm: CommandLine, tmp_path: Path
) -> None:
    """A person may be called what the product calls something: that it stays able to read its own records."""
    with people.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "N1", "kind": "person", "name": "name", "short_name": "customers"}])
    file = tmp_path / "c.csv"
    file.write_text("code,name\nF7,一号公司\n", encoding="utf-8")
    number = crm("import", "customers", file, "--json").json()["import"]
    crm.ok("person", "erase", "N1", "--reason", "asked", "--yes")
    (run,) = [line for line in crm.lines("imports", "list") if line["import"] == number]
    assert run["entity"] == "customers"
    crm.ok("imports", "undo", number)
    assert crm("customer", "show", "F7").exit_code == 1
