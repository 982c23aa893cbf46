"""What moves, what comes back, and what is left alone because somebody changed it since."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App, Customer, Interaction
from crmcore.builtin.duplicates.deciding import never, take_back
from crmcore.builtin.duplicates.finding import find_pairs
from crmcore.builtin.duplicates.listing import list_pairs
from crmcore.entities.tables import Contact, ContactFirm, Document
from crmcore.errors import Refused
from crmcore.testing import ACTOR, CommandLine, SmallCompany
from tests.merging.conftest import merged, unmerged


def owners(app: App, model: Any, *codes: str) -> list[str]:
    """Return whose rows are, by their codes."""
    table, customers = model.__table__, Customer.__table__  # type: ignore[attr-defined]
    query = sa.select(table.c.code, customers.c.code.label("owner")).join(
        customers, customers.c.id == table.c.customer_id
    )
    with app.read() as ctx:
        found = {row.code: row.owner for row in ctx.connection.execute(query)}
    return [found[code] for code in codes]


def row_of(app: App, model: Any, **where: Any) -> Any:
    table = model.__table__
    with app.read() as ctx:
        return ctx.connection.execute(
            sa.select(table).where(*(table.c[n] == v for n, v in where.items()))
        ).first()


def edit(app: App, model: Any, number: int, **values: Any) -> None:
    with app.write(ACTOR, "by hand") as tx:
        tx.update(model, [(number, values)])


def test_everything_moves_and_comes_back(company: SmallCompany, contents):
    app, ids = company.app, company.customers
    with app.write(ACTOR) as tx:
        values = {"drawer": "contracts", "title": "t", "file_name": "f", "sha256": "0" * 64, "size": 1}
        tx.insert(Document, [{"code": "D1", "customer_id": ids["K005"], **values}])
        tx.update(Customer, [(ids["K007"], {"parent_id": ids["K005"]})])
    before = contents(app)
    done = merged(app, "K005", "K004").as_json(done=True)
    assert {(m["table"], m["column"]): m["rows"] for m in done["moved"]} == {
        ("contact_firm", "customer_id"): 1,
        ("customer", "parent_id"): 1,
        ("document", "customer_id"): 1,
        ("interaction", "customer_id"): 2,
    }
    assert owners(app, Document, "D1") == ["K004"]
    assert owners(app, Interaction, "I004", "I034") == ["K004", "K004"]
    assert row_of(app, Customer, code="K007").parent_id == ids["K004"]
    assert row_of(app, Customer, code="K005").archived_at is not None
    assert unmerged(app, "K005")["conflicts"] == []
    assert contents(app) == before


def test_what_was_made_since_stays(company: SmallCompany, crm: CommandLine, contents):
    merged(company.app, "K005", "K004")
    made = crm.json("interaction", "add", "K005", "--channel", "phone", "--subject", "since")
    assert unmerged(company.app, "K005")["conflicts"] == []
    assert owners(company.app, Interaction, made["code"], "I004") == ["K004", "K005"]


def test_what_was_changed_since_is_told_and_left(company: SmallCompany, clock):
    app, ids = company.app, company.customers
    edit(app, Customer, ids["K004"], phone=None, region=None)
    merged(app, "K005", "K004")
    edit(app, Interaction, company.interactions["I004"], customer_id=ids["K009"], subject="other")
    edit(app, Interaction, company.interactions["I034"], subject="edited")
    edit(app, Customer, ids["K004"], phone="1")
    result = unmerged(app, "K005")
    day = clock().astimezone(app.config.timezone).date()
    assert result["conflicts"] == [
        {"entity": "customer", "key": "K004", "field": "phone", "why": f"changed since by tester on {day}"},
        {
            "entity": "interaction",
            "key": "I004",
            "field": "customer",
            "why": f"changed since by tester on {day}",
        },
    ]
    assert row_of(app, Customer, code="K004").phone == "1"
    assert row_of(app, Customer, code="K004").region is None
    assert owners(app, Interaction, "I004", "I034") == ["K009", "K005"]
    assert row_of(app, Interaction, code="I034").subject == "edited"


def test_a_row_deleted_since_is_no_conflict(company: SmallCompany):
    merged(company.app, "K005", "K004")
    with company.app.write(ACTOR) as tx:
        tx.delete(Interaction, [company.interactions["I004"]])
    assert unmerged(company.app, "K005")["conflicts"] == []


def test_a_person_at_both_firms_is_there_once_with_all_roles(company: SmallCompany, contents):
    app, ids = company.app, company.customers
    person = company.contacts["C005"]
    with app.write(ACTOR) as tx:
        place = {"contact_id": person, "customer_id": ids["K004"], "roles": ["uses"], "position": "buyer"}
        tx.insert(ContactFirm, [place, {**place, "since": date(2020, 1, 1), "until": date(2021, 1, 1)}])
    before = contents(app)
    (moved,) = [m for m in merged(app, "K005", "K004").moved if m.table == "contact_firm"]
    assert (moved.rows, moved.removed) == (0, 1)
    with app.read() as ctx:
        c = ContactFirm.__table__.c  # type: ignore[attr-defined]
        query = sa.select(c.roles, c.until).where(c.contact_id == person, c.customer_id == ids["K004"])
        assert ctx.connection.execute(query.order_by(c.id)).all() == [
            (["uses", "decides"], None),
            (["uses"], date(2021, 1, 1)),
        ]
    assert unmerged(app, "K005")["conflicts"] == []
    assert contents(app) == before


def test_a_place_that_was_joined_comes_back_only_with_its_person(company: SmallCompany):
    app, ids = company.app, company.customers
    with app.write(ACTOR) as tx:
        (person,) = tx.insert(Contact, [{"code": "X1", "name": "示例"}])
        tx.insert(ContactFirm, [{"contact_id": person, "customer_id": ids[c]} for c in ("K004", "K005")])
    merged(app, "K005", "K004")
    with app.write(ACTOR) as tx:
        c = ContactFirm.__table__.c  # type: ignore[attr-defined]
        tx.delete(ContactFirm, tx.connection.scalars(sa.select(c.id).where(c.contact_id == person)).all())
        tx.delete(Contact, [person])
    (conflict,) = unmerged(app, "K005")["conflicts"]
    assert (conflict["entity"], conflict["why"]) == ("contact_firm", "what it pointed to is no longer there")


def test_a_daughter_takes_the_place_of_its_head(company: SmallCompany, contents):
    app, ids = company.app, company.customers
    before = contents(app)
    merged(app, "K001", "K002")  # K002 and K003 belong to K001
    assert row_of(app, Customer, code="K002").parent_id is None
    assert row_of(app, Customer, code="K003").parent_id == ids["K002"]
    assert unmerged(app, "K001")["conflicts"] == []
    assert contents(app) == before


def test_a_head_takes_in_its_daughter(company: SmallCompany, contents):
    app = company.app
    before = contents(app)
    merged(app, "K002", "K001")
    assert row_of(app, Customer, code="K001").parent_id is None
    unmerged(app, "K002")
    assert contents(app) == before


def test_two_persons_may_be_one_and_each_keeps_its_key(company: SmallCompany, crm: CommandLine, contents):
    app, ids = company.app, company.customers
    crm.ok("customer", "edit", "P001", "--set", "address=old town")
    before = contents(app)
    merged(app, "P001", "P002")
    assert crm.json("customer", "show", "P002")["attributes"]["address"] == "old town"
    log = sa.text(
        "SELECT after FROM change_log WHERE entity = 'customer' AND entity_id = :id ORDER BY seq DESC"
    )
    with app.read() as ctx:
        after = str(ctx.connection.scalars(log, {"id": ids["P002"]}).first())
    assert "old town" not in after
    assert f"customer:{ids['P002']}" in after
    with app.read() as ctx:
        from crmcore.builtin.duplicates.heirs import merged_into

        assert merged_into(ctx.connection, ids.values()) == {ids["P002"]: [ids["P001"]]}
        reason = sa.text("SELECT after FROM change_log WHERE entity = 'customer_merge'")
        assert "the same firm" not in ctx.connection.scalar(reason), "why may tell of a person"
    assert unmerged(app, "P001")["conflicts"] == []
    assert contents(app) == before
    with app.read() as ctx:
        held = ctx.connection.execute(sa.text("SELECT state, customer_id, reason FROM customer_merge")).all()
    assert held == [("reversed", None, None)]
    reasons = [line["after"] for line in crm.lines("history", "P002") if line["field"] == "reason"]
    assert reasons == ["the same firm", "two firms after all", None]


def test_an_archived_customer_may_go_and_is_archived_again(company: SmallCompany, contents):
    before = contents(company.app)
    merged(company.app, "K028", "K004")
    unmerged(company.app, "K028")
    assert contents(company.app) == before


def test_merges_of_merges_go_along(company: SmallCompany, crm: CommandLine, contents):
    app = company.app
    start = contents(app)
    merged(app, "K005", "K004")
    middle = contents(app)
    merged(app, "K004", "K006")
    assert crm.json("customer", "show", "K005")["code"] == "K006"
    assert crm.json("customer", "show", "K006")["merged_from"] == ["K005", "K004"]
    assert [hit["code"] for hit in crm.lines("find", "K005")] == ["K006"]
    assert owners(app, Interaction, "I003", "I004", "I005") == ["K006"] * 3
    with pytest.raises(
        Refused, match=r"'K004', into which 'K005' was merged, was merged into 'K006' since; take that"
    ):
        unmerged(app, "K005")
    assert unmerged(app, "K004")["conflicts"] == []
    assert contents(app) == middle
    assert unmerged(app, "K005")["conflicts"] == []
    assert contents(app) == start


def test_merges_into_one_customer_are_taken_back_in_any_order(company: SmallCompany, contents):
    app = company.app
    edit(app, Customer, company.customers["K004"], phone=None)
    start = contents(app)
    merged(app, "K005", "K004")
    merged(app, "K006", "K004")
    assert unmerged(app, "K005")["conflicts"] == []
    assert unmerged(app, "K006")["conflicts"] == []
    assert contents(app) == start


def test_who_was_merged_once_can_be_merged_again(company: SmallCompany, contents):
    app = company.app
    start = contents(app)
    for remaining in ("K004", "K006", "K004"):
        merged(app, "K005", remaining)
        assert unmerged(app, "K005")["conflicts"] == []
        assert contents(app) == start


def test_whoever_was_merged_is_not_merged_again(company: SmallCompany):
    merged(company.app, "K005", "K004")
    with pytest.raises(Refused, match="'K005' was merged into 'K004' already"):
        merged(company.app, "K005", "K006")
    with pytest.raises(Refused, match="'K005' was merged into 'K004'; merge 'K006' into that one"):
        merged(company.app, "K006", "K005")


def test_cards_of_before_show_both_as_they_were(company: SmallCompany, crm: CommandLine, clock):
    day = clock().astimezone(company.app.config.timezone).date().isoformat()
    cards = {code: crm.json("customer", "show", code, "--as-of", day) for code in ("K004", "K005")}
    clock.move(days=2)
    merged(company.app, "K005", "K004")
    between = clock().astimezone(company.app.config.timezone).date().isoformat()
    clock.move(days=2)
    for code, card in cards.items():
        assert crm.json("customer", "show", code, "--as-of", day) == card
    assert crm.json("customer", "show", "K004", "--as-of", between)["merged_from"] == ["K005"]
    unmerged(company.app, "K005")
    assert crm.json("customer", "show", "K004", "--as-of", between)["merged_from"] == ["K005"]
    assert crm.json("customer", "show", "K004", "--as-of", day) == cards["K004"]


def test_the_pair_that_was_found_is_closed_and_open_again(company: SmallCompany, contents):
    from crmcore.builtin.duplicates.tables import DuplicatePair

    app, ids = company.app, company.customers
    with app.write(ACTOR) as tx:
        pairs = [("K004", "K005"), ("K005", "K006")]
        tx.insert(DuplicatePair, [{"low_id": ids[low], "high_id": ids[high]} for low, high in pairs])
    before = contents(app)
    done = merged(app, "K005", "K004").as_json(done=True)
    assert {m["column"]: m["kept"] for m in done["moved"] if m["table"] == "duplicate_pair"} == {
        "low_id": 1,
        "high_id": 1,
    }
    states = [row["state"] for row in contents(app)["duplicate_pair"]]
    assert states == ["merged", "open"]
    assert unmerged(app, "K005")["conflicts"] == []
    assert contents(app) == before


def states(app: App) -> dict[tuple[str, str], tuple[str, str | None]]:
    """Return what is kept of pairs, by their codes."""
    with app.read("duplicates", ACTOR) as ctx:
        return {
            (pair["a"], pair["b"]): (state, pair["reason"])
            for state in ("open", "never", "merged")
            for pair, *_cards in list_pairs(ctx, limit="possible", state=state)
        }


@pytest.mark.parametrize("found_before", [True, False])
def test_who_was_held_apart_from_one_is_held_apart_from_the_other(
    company: SmallCompany, contents, *, found_before: bool
):
    app = company.app
    with app.write(ACTOR) as tx:
        same = {"name": "杭州示例食品有限公司", "phone": "0571-01234567"}
        tx.insert(Customer, [{"code": code, **same} for code in ("X1", "X2", "X3")])
    never(app, ACTOR, ("X1", "X3"), "two brothers")
    if found_before:
        find_pairs(app, ACTOR)
    before = contents(app)
    merged(app, "X1", "X2")
    assert states(app)["X2", "X3"] == ("never", "two brothers")
    find_pairs(app, ACTOR)
    assert states(app)["X2", "X3"] == ("never", "two brothers")
    with pytest.raises(
        Refused, match=r"said that 'X3' and 'X2' are never one \(two brothers\); .*never X3 X2"
    ):
        merged(app, "X3", "X2")
    assert unmerged(app, "X1")["conflicts"] == []
    if found_before:
        assert contents(app) == before
    take_back(app, ACTOR, ("X1", "X3"))
    merged(app, "X3", "X1")


def test_a_decision_goes_along_a_chain_and_back(company: SmallCompany, contents):
    app = company.app
    never(app, ACTOR, ("K001", "K004"), "they differ")
    before = contents(app)
    for gone, into in (("K001", "K002"), ("K002", "K003")):
        merged(app, gone, into)
    assert states(app)["K003", "K004"] == ("never", "they differ")
    for gone in ("K002", "K001"):
        assert unmerged(app, gone)["conflicts"] == []
    assert contents(app) == before
