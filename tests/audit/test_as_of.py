"""`crm customer show --as-of`: the card as it was known at the end of a day of the company."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from crmcore.api import Contact, Customer
from crmcore.app import App
from crmcore.builtin.audit.past import end_of
from crmcore.entities.tables import ContactFirm
from crmcore.testing import ACTOR, CommandLine


@pytest.fixture
def company(app: App, crm: CommandLine) -> CommandLine:
    """Return the command line in a company whose clock stands at 09:00 in Shanghai on 2 March 2026."""
    crm.ok("customer", "add", "--code", "C1", "--name", "甲公司", "--set", "phone=1", "--set", "fax=7")
    return crm


def card(crm: CommandLine, code: str = "C1", day: object = None) -> Any:
    return crm.json("customer", "show", code, *(("--as-of", day) if day else ()))


def today(clock: Any) -> date:
    return clock.now.astimezone(ZoneInfo("Asia/Shanghai")).date()  # type: ignore[no-any-return]


def test_the_card_of_a_past_day_is_what_was_shown_on_it(company: CommandLine, clock: Any) -> None:
    seen = {}
    for number in range(4):
        seen[today(clock)] = card(company)
        clock.move(days=1)
        company.ok("customer", "edit", "C1", "--set", f"phone=9{number}", "--set", f"region=R{number}")
        if number == 1:
            company.ok("contact", "add", "C1", "--code", "P1", "--name", "李四", "--role", "decides")
            company.ok("customer", "edit", "C1", "--set", "fax=")
        if number == 2:
            company.ok("contact", "edit", "P1", "--phone", "5", "--role", "uses")
            company.ok("customer", "archive", "C1")
    for day, shown in seen.items():
        assert card(company, day=day) == shown, day
    assert card(company, day=today(clock)) == card(company)


def test_a_day_counts_to_its_end_in_the_company_s_time_zone(company: CommandLine, clock: Any) -> None:
    clock.now = datetime(2026, 3, 5, 15, 59, 59, 999_999, tzinfo=UTC)  # 23:59:59.999999 in Shanghai
    company.ok("customer", "edit", "C1", "--set", "phone=late")
    clock.now = datetime(2026, 3, 5, 16, 0, 0, tzinfo=UTC)  # midnight: the sixth of March
    company.ok("customer", "edit", "C1", "--set", "phone=next")
    assert card(company, day="2026-03-04")["phone"] == "1"
    assert card(company, day="2026-03-05")["phone"] == "late"
    assert card(company, day="2026-03-06")["phone"] == "next"


def test_the_end_of_a_day_is_right_where_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert end_of(date(2026, 3, 29), berlin) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert end_of(date(2026, 10, 25), berlin) == datetime(2026, 10, 25, 23, tzinfo=UTC)


def test_a_customer_who_was_not_there_yet_is_told_in_one_sentence(company: CommandLine) -> None:
    done = company("customer", "show", "C1", "--as-of", "2026-03-01")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "'C1' was not known on 2026-03-01" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_code_that_never_was_is_told(company: CommandLine) -> None:
    done = company("customer", "show", "NOPE", "--as-of", "2026-03-02")
    assert done.exit_code == 1
    assert "'NOPE'" in done.stderr


def test_a_day_to_come_is_a_mistake_in_typing(company: CommandLine) -> None:
    done = company("customer", "show", "C1", "--as-of", "2026-03-03")
    assert done.exit_code == 2
    assert "2026-03-03" in done.stderr
    assert company("customer", "show", "C1", "--as-of", "yesterday").exit_code == 2


def test_a_customer_who_was_removed_is_shown_as_of_the_day_before(
    company: CommandLine, app: App, clock: Any
) -> None:
    company.ok("contact", "add", "C1", "--code", "P1", "--name", "李四")
    shown, day = card(company), today(clock)
    clock.move(days=1)
    with app.write(ACTOR, "undone", "undo:1") as tx:
        tx.delete(ContactFirm, [1])
        tx.delete(Contact, [1])
        tx.delete(Customer, [1])
    assert company("customer", "show", "C1").exit_code == 1
    assert card(company, day=day) == shown
    assert company("customer", "show", "C1", "--as-of", today(clock)).exit_code == 1


def test_a_contact_whose_place_was_removed_is_on_the_card_of_then(
    company: CommandLine, app: App, clock: Any
) -> None:
    company.ok("contact", "add", "C1", "--code", "P1", "--name", "李四")
    shown, day = card(company), today(clock)
    clock.move(days=1)
    with app.write(ACTOR) as tx:
        tx.delete(ContactFirm, [1])
    assert card(company)["contacts"] == []
    assert card(company, day=day) == shown


def test_a_contact_moved_by_the_gate_to_another_customer_is_on_the_card_of_then(
    company: CommandLine, app: App, clock: Any
) -> None:
    company.ok("customer", "add", "--code", "C2", "--name", "b")
    company.ok("contact", "add", "C1", "--code", "P1", "--name", "李四")
    first, second, day = card(company), card(company, "C2"), today(clock)
    clock.move(days=1)
    with app.write(ACTOR, "merged") as tx:
        tx.update(ContactFirm, [(1, {"customer_id": 2})])
    assert (card(company, day=day), card(company, "C2", day)) == (first, second)
    assert [c["code"] for c in card(company, "C2")["contacts"]] == ["P1"]


def test_who_had_left_and_who_was_archived_are_as_they_were(company: CommandLine, clock: Any) -> None:
    for code in ("P1", "P2", "P3"):
        company.ok("contact", "add", "C1", "--code", code, "--name", code)
    shown, day = card(company), today(clock)
    clock.move(days=1)
    company.ok("contact", "leave", "P1", "--until", day)
    company.ok("contact", "archive", "P2")
    assert [c["code"] for c in card(company)["contacts"]] == ["P3", "P1"]
    assert card(company, day=day) == shown


def test_codes_are_those_of_then(company: CommandLine, clock: Any) -> None:
    company.ok("customer", "add", "--code", "G", "--name", "group")
    company.ok("customer", "edit", "C1", "--set", "parent=G")
    shown, day = card(company), today(clock)
    clock.move(days=1)
    company.ok("customer", "edit", "G", "--code", "GROUP")
    company.ok("customer", "edit", "C1", "--code", "NEW")
    assert card(company, "NEW", day) == shown
    assert card(company, "C1", day) == shown, "the code of then finds it too"
    assert shown["parent"] == "G"


def test_dates_and_sections_are_of_the_day(company: CommandLine, clock: Any) -> None:
    company.ok("customer", "edit", "C1", "--set", "since=2020-01-05")
    day = today(clock)
    clock.move(days=1)
    company.ok("customer", "edit", "C1", "--set", "since=2021-02-06")
    assert card(company, day=day)["since"] == "2020-01-05"


def test_plugins_are_asked_about_the_day(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, clock: Any, database: str
) -> None:
    code = (
        "from crmcore.api import CardSection, hookimpl\n"
        "@hookimpl\n"
        "def card_sections(customer_ids, as_of, ctx):\n"
        "    return [CardSection(i, 'day', 'Day', {'as_of': str(as_of)}) for i in customer_ids]\n"
    )
    install_plugin("days", code)
    make_app(["days"], database=database)
    crm.ok("customer", "add", "--code", "C1", "--name", "a")
    day = today(clock)
    clock.move(days=3)
    assert [s["data"] for s in card(crm)["sections"]] == [{"as_of": "None"}]
    assert [s["data"] for s in card(crm, day=day)["sections"]] == [{"as_of": str(day)}]
    assert [s["data"] for s in card(crm, day=today(clock))["sections"]] == [{"as_of": str(today(clock))}]


def test_people_read_which_day_it_is_of(company: CommandLine, clock: Any) -> None:
    day = today(clock)
    clock.move(days=1)
    company.ok("customer", "edit", "C1", "--set", "phone=2")
    shown = company.ok("customer", "show", "C1", "--as-of", day).stdout
    assert f"As known at the end of {day}:" in shown
    assert "甲公司" in shown


def test_sensitive_fields_of_then_are_recorded_as_read(company: CommandLine, clock: Any, rows: Any) -> None:
    company.ok("customer", "edit", "C1", "--set", "bank_account=123")
    day = today(clock)
    clock.move(days=1)
    company.ok("customer", "edit", "C1", "--set", "bank_account=")
    company.ok("customer", "show", "C1")
    assert rows("SELECT * FROM read_log") == []
    company.ok("customer", "show", "C1", "--as-of", day)
    assert [row["filter"] for row in rows("SELECT * FROM read_log")] == ["C1: bank_account"]


# -- natural persons ---------------------------------------------------------------------------------------------


def test_a_natural_person_is_shown_as_they_were(company: CommandLine, clock: Any) -> None:
    company.ok("customer", "add", "--code", "N1", "--name", "张三", "--kind", "person", "--set", "phone=139")
    shown, day = card(company, "N1"), today(clock)
    clock.move(days=1)
    company.ok("customer", "edit", "N1", "--name", "张三丰", "--set", "phone=138", "--set", "address=x")
    assert card(company, "N1", day) == shown


def test_an_erased_person_is_shown_as_they_are_now(company: CommandLine, clock: Any, app: App) -> None:
    company.ok("customer", "add", "--code", "N1", "--name", "张三", "--kind", "person", "--set", "region=A")
    day = today(clock)
    clock.move(days=1)
    company.ok("customer", "edit", "N1", "--name", "(erased)", "--set", "region=B")
    with app.engine.connect() as connection, app.unguarded(connection), connection.begin():
        connection.execute(sa.text("UPDATE person_key SET key = NULL WHERE entity = 'customer'"))
    shown = card(company, "N1", day)
    assert (shown["name"], shown["region"]) == ("(erased)", "A")
    clock.move(days=1)
    with app.write(ACTOR) as tx:
        tx.delete(Customer, [2])
    gone = card(company, "N1", day)
    assert (gone["name"], gone["region"]) == (None, "A")
    company.ok("customer", "show", "N1", "--as-of", day)
    company.ok("history", "N1")
    assert company.json("audit", "verify")["ok"]


def test_a_firm_that_became_a_person_is_shown_as_a_firm(company: CommandLine, clock: Any) -> None:
    shown, day = card(company), today(clock)
    clock.move(days=1)
    company.ok("customer", "edit", "C1", "--kind", "person", "--name", "张三")
    assert card(company, day=day) == shown


def test_an_edit_taken_back_many_times_is_counted_in_the_version(
    company: CommandLine, app: App, clock: Any
) -> None:
    for number in range(3):
        clock.now += timedelta(days=1)
        with app.write(ACTOR) as tx:
            tx.update(Customer, [(1, {"phone": f"a{number}"})])
            tx.update(Customer, [(1, {"phone": f"b{number}"})])
    assert [card(company, day=f"2026-03-0{day}")["version"] for day in (2, 3, 4, 5)] == [1, 3, 5, 7]


def test_a_code_means_whoever_had_it_on_the_day(company: CommandLine, clock: Any) -> None:
    first = today(clock)
    before = card(company)
    clock.move(days=2)
    company.ok("customer", "edit", "C1", "--code", "C1old")
    company.ok("customer", "add", "--code", "C1", "--name", "Another")
    assert card(company, "C1", first) == before
    assert card(company, "C1old", first) == before
    assert card(company)["name"] == "Another"


def test_a_customer_taken_back_and_imported_again_was_there_both_times(
    company: CommandLine, clock: Any, tmp_path: Any
) -> None:
    file = tmp_path / "w.csv"
    file.write_text("code,name\nW1,Only once\n", encoding="utf-8")
    first = today(clock)
    number = company.json("import", "customers", str(file))["import"]
    clock.move(days=1)
    company.ok("imports", "undo", str(number))
    clock.move(days=1)
    file.write_text("code,name\nW1,Twice\n", encoding="utf-8")
    company.ok("import", "customers", str(file))
    assert card(company, "W1", first)["name"] == "Only once"
    assert card(company, "W1")["name"] == "Twice"
    names = [
        (line["before"], line["after"]) for line in company.lines("history", "W1") if line["field"] == "name"
    ]
    assert names == [(None, "Only once"), ("Only once", None), (None, "Twice")]
