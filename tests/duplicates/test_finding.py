"""Pairs found, kept up to date with what changes, and decided upon."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Actor, Customer
from crmcore.app import App
from crmcore.builtin.administration.settings.document import changed
from crmcore.builtin.duplicates import after_import, alike, candidates, keeping
from crmcore.builtin.duplicates.deciding import never, take_back
from crmcore.builtin.duplicates.finding import Found, find_pairs
from crmcore.builtin.duplicates.keeping import refresh
from crmcore.builtin.duplicates.listing import list_pairs
from crmcore.builtin.duplicates.tables import keys
from crmcore.entities.lookup import find_customer
from crmcore.entities.tables import Contact, ContactFirm
from crmcore.errors import Refused, StaleVersion, UsageProblem
from crmcore.testing import ACTOR, CommandLine, StandingClock, open_workspace
from tests.duplicates.conftest import FIRMS, matches

Take = Callable[..., dict[str, Any]]


def listed(app: App, limit: str = "likely", state: str = "open") -> dict[tuple[str, str], dict[str, Any]]:
    with app.read("duplicates", ACTOR) as ctx:
        return {(p["a"], p["b"]): matches(p) for p, *_ in list_pairs(ctx, limit=limit, state=state)}


def all_keys(app: App) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    with app.read() as ctx:
        for key, number in ctx.connection.execute(sa.select(keys.c.key, keys.c.customer_id)):
            found.setdefault(number, set()).add(key)
    return found


def edit(app: App, code: str, **values: Any) -> None:
    with app.write(ACTOR) as tx:
        tx.update(Customer, [(find_customer(tx.connection, code), values)])


@pytest.fixture
def no_rapidfuzz(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have rapidfuzz gone."""
    real = importlib.util.find_spec
    monkeypatch.setattr(alike, "find_spec", lambda name: None if name == "rapidfuzz" else real(name))


def test_pairs_are_found_explained_and_kept(company: App) -> None:
    found = find_pairs(company, ACTOR)
    assert (found.new, found.changed, found.gone) == (2, 0, 0)
    pairs = listed(company)
    assert set(pairs) == {("C1", "C2"), ("P1", "P2")}
    pair = pairs["C1", "C2"]
    assert (pair["score"], pair["certainty"], pair["state"]) == (95, "certain", "open")
    assert pair["why"][0] == {
        "kind": "name",
        "score": 45,
        "a": "杭州腾达食品有限公司",
        "b": "腾达食品（杭州）股份有限公司",
    }
    assert sum(reason["score"] for reason in pair["why"]) == pair["score"]
    assert set(listed(company, "possible")) == set(pairs)


def test_a_persons_number_stands_in_no_explanation(company: App) -> None:
    find_pairs(company, ACTOR)
    text = str(listed(company)["P1", "P2"])
    assert "110…2X" in text
    assert "19491231" not in text


def test_looking_again_changes_nothing(company: App) -> None:
    find_pairs(company, ACTOR)
    before = listed(company, "possible")
    again = find_pairs(company, ACTOR)
    assert (again.new, again.changed, again.gone) == (0, 0, 0)
    assert listed(company, "possible") == before


def test_what_changes_is_seen_the_next_time(company: App) -> None:
    find_pairs(company, ACTOR)
    edit(company, "C3", phone="(0571)01234567")
    found = find_pairs(company, ACTOR)
    assert {("C1", "C3"), ("C2", "C3")} <= set(listed(company))
    assert found.new + found.changed >= 2
    edit(company, "C3", phone=None, name="宁波清风五金有限公司")
    assert find_pairs(company, ACTOR).gone >= 2
    assert not [pair for pair in listed(company, "possible") if "C3" in pair]


def test_a_new_contact_makes_a_pair_likely(company: App) -> None:
    find_pairs(company, ACTOR)
    assert ("C3", "C5") not in listed(company, "possible")
    with company.write(ACTOR) as tx:
        person = tx.insert(Contact, [{"code": "T9", "name": "赵六", "mobile": "10200000009"}])[0]
        ids = [find_customer(tx.connection, code) for code in ("C1", "C5")]
        tx.insert(ContactFirm, [{"contact_id": person, "customer_id": i, "roles": []} for i in ids])
    find_pairs(company, ACTOR)
    kinds = {reason["kind"] for reason in listed(company)["C1", "C5"]["why"]}
    assert {"name", "mobile", "contact", "other_place"} <= kinds


def test_archived_customers_and_their_pairs_are_left_out(company: App) -> None:
    find_pairs(company, ACTOR)
    with company.write(ACTOR) as tx:
        tx.archive(Customer, [find_customer(tx.connection, "C2")])
    assert ("C1", "C2") not in listed(company)
    find_pairs(company, ACTOR)
    with company.write(ACTOR) as tx:
        tx.restore(Customer, [find_customer(tx.connection, "C2")])
    find_pairs(company, ACTOR)
    assert ("C1", "C2") in listed(company)


def test_the_keys_follow_every_change_as_if_they_were_made_anew(company: App) -> None:
    refresh(company)
    edit(company, "C1", tax_id=None, attributes={"address": "杭州市文三路9号"})
    with company.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "N1", "name": "新客户有限公司", "phone": "0571-09998887"}])
        tx.archive(Customer, [find_customer(tx.connection, "C4")])
    assert refresh(company) == 3
    kept = all_keys(company)
    assert refresh(company) == 0
    assert refresh(company, anew=True) == 8
    assert all_keys(company) == kept


def test_who_was_interrupted_goes_on_where_it_was(company: App, monkeypatch: pytest.MonkeyPatch) -> None:
    refresh(company)
    whole = all_keys(company)
    monkeypatch.setattr(keeping, "CHUNK", 2)
    put, calls = keeping._put, []

    def dies(app: App, ids: Any) -> None:
        calls.append(ids)
        if len(calls) == 3:
            raise KeyboardInterrupt
        put(app, ids)

    monkeypatch.setattr(keeping, "_put", dies)
    with pytest.raises(KeyboardInterrupt):
        refresh(company, anew=True)
    with company.read() as ctx:
        assert not keeping.is_kept(ctx.connection)
    assert refresh(company) == len(whole) - 4
    assert all_keys(company) == whole
    with company.read() as ctx:
        assert keeping.is_kept(ctx.connection)


def test_only_pairs_of_what_changed_since_are_looked_at(
    company: App, clock: StandingClock, make_app: Any
) -> None:
    with company.read() as ctx:
        today = ctx.today
    company.clock = lambda: clock() + timedelta(days=10)
    edit(company, "C2", short_name="腾达")
    found = find_pairs(company, ACTOR, since=today + timedelta(days=5))
    assert found.judged >= 1
    assert set(listed(company)) == {("C1", "C2")}
    find_pairs(company, ACTOR)
    before = set(listed(company))
    assert find_pairs(company, ACTOR, since=today + timedelta(days=30)) == Found(0, 0, 0, 0)
    assert set(listed(company)) == before


@pytest.mark.usefixtures("no_rapidfuzz")
def test_without_rapidfuzz_equal_keys_are_found_and_it_is_said(company: App) -> None:
    find_pairs(company, ACTOR)
    assert set(listed(company)) == {("C1", "C2"), ("P1", "P2")}
    assert [w for w in company.warnings if "pip install 'crmcore[duplicates]'" in w]


def test_exact_leaves_pairs_that_are_only_similar_alone(company: App) -> None:
    edit(company, "C1", attributes={"address": "文三路12号5室"})
    find_pairs(company, ACTOR)
    similar = set(listed(company, "possible"))
    assert ("C1", "C3") in similar
    find_pairs(company, ACTOR, exact=True)
    assert set(listed(company, "possible")) == similar


def test_a_key_that_too_many_share_makes_no_pairs(
    make_app: Callable[..., App], take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "MOST_SHARING", 5)
    app = make_app()
    take(app, [{"code": f"S{n}", "name": f"第{n}号示例", "phone": "0571-00000000"} for n in range(6)])
    assert find_pairs(app, ACTOR, exact=True).judged == 0
    assert find_pairs(app, ACTOR, exact=True, since=app.clock().date() - timedelta(days=1)).judged == 0


def test_a_reason_about_a_person_is_in_the_change_log_only_under_their_key(company: App) -> None:
    find_pairs(company, ACTOR)
    never(company, ACTOR, ("P1", "P2"), "father and son")
    never(company, ACTOR, ("C4", "P2"), "his shop")
    with company.read() as ctx:
        query = sa.text("SELECT after FROM change_log WHERE entity = 'duplicate_pair'")
        text = "".join(ctx.connection.scalars(query))
    assert "father" not in text
    assert "his shop" not in text
    assert listed(company, state="never")["P1", "P2"]["reason"] == "father and son"


def test_two_who_look_at_the_same_time_find_each_pair_once(
    company: App, reopen: Callable[[App], App], take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(after_import, "MOST_NEW", 0)
    take(
        company,
        [
            {"code": f"{side}{n}", "name": f"示例{n}号商贸有限公司", "phone": f"0571-0{n:07}"}
            for n in range(40)
            for side in "AB"
        ],
    )
    apps = [company, reopen(company)]
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(find_pairs, app, ACTOR) for app in apps]
        new = sum(run.result().new for run in runs)
    assert new == len(listed(company, "possible")) == 42


def test_a_restored_company_has_its_pairs_and_makes_its_keys_anew(
    make_app: Callable[..., App], crm: CommandLine, take: Take, tmp_path: Path
) -> None:
    app = make_app()
    take(app, FIRMS)
    find_pairs(app, ACTOR)
    never(app, ACTOR, ("P1", "P2"), "father and son")
    crm.ok("db", "backup", tmp_path / "backup")
    crm.ok("db", "restore", tmp_path / "backup", "--to", tmp_path / "again")
    restored = open_workspace(tmp_path / "again")
    assert all_keys(restored) == {}
    assert find_pairs(restored, ACTOR)[1:] == (0, 0, 0)
    assert set(listed(restored)) == {("C1", "C2")}
    assert set(listed(restored, state="never")) == {("P1", "P2")}
    assert all_keys(restored) == all_keys(app)


@pytest.mark.postgres
@pytest.mark.parametrize("most", [5, 5_000], ids=["among many", "among few"])
def test_in_a_copy_new_rows_are_compared_at_once(
    company: App,
    empty_postgres: Callable[[], str],
    crm: CommandLine,
    take: Take,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    find_pairs(company, ACTOR)
    url = empty_postgres()
    crm.ok("db", "copy", "--to", url)
    company.close()
    path = company.config.path
    path.write_bytes(changed(path.read_bytes(), ("database", "url"), url))
    monkeypatch.setattr(after_import, "MOST_WITHOUT_KEYS", most)
    with closing(open_workspace(company.config.folder)) as copy:
        assert all_keys(copy) == {}
        told = take(copy, [{"code": "N1", "name": "宁波大海建材集团", "phone": "0574 07654321"}])["warnings"]
        assert [w for w in told if "such as C4 and N1 (certain)" in w]
        assert find_pairs(copy, ACTOR)[1:] == (0, 0, 0)
        assert set(listed(copy)) == {("C1", "C2"), ("C4", "N1"), ("P1", "P2")}


def test_an_open_pair_does_not_hold_an_import_back(company: App, crm: CommandLine) -> None:
    find_pairs(company, ACTOR)
    done = crm.json("imports", "undo", 1)
    assert (done["removed"], done["conflicts"]) == (11, [])
    assert listed(company) == {}


def test_a_decision_on_a_pair_is_kept_when_an_import_is_taken_back(company: App, crm: CommandLine) -> None:
    find_pairs(company, ACTOR)
    never(company, ACTOR, ("C1", "C2"), "two brothers")
    done = crm.json("imports", "undo", 1)
    assert {one["key"] for one in done["conflicts"]} == {"C1", "C2"}
    assert ("C1", "C2") in listed(company, state="never")


def test_the_job_does_the_same(company: App, crm: CommandLine) -> None:
    assert crm.json("jobs", "run", "find_duplicates")["summary"] == {
        "judged": 4,
        "new": 2,
        "changed": 0,
        "gone": 0,
    }
    assert set(listed(company)) == {("C1", "C2"), ("P1", "P2")}


def test_finding_needs_the_right_to_write(company: App) -> None:
    with company.write(ACTOR, permission="actors.manage") as tx:
        tx.insert(Actor, [{"code": "guest", "name": "guest", "roles": ["reader"]}])
    with pytest.raises(Refused, match="may not change customers"):
        find_pairs(company, "guest")
    assert listed(company) == {}


def test_two_that_are_two_stay_so_until_that_is_taken_back(company: App) -> None:
    find_pairs(company, ACTOR)
    never(company, ACTOR, ("C2", "C1"), "two brothers")
    assert ("C1", "C2") not in listed(company)
    edit(company, "C2", short_name="腾达")
    find_pairs(company, ACTOR)
    assert ("C1", "C2") not in listed(company)
    decided = listed(company, state="never")["C1", "C2"]
    assert (decided["reason"], decided["decided_by"]) == ("two brothers", ACTOR)
    take_back(company, ACTOR, ("C1", "C2"))
    again = listed(company)["C1", "C2"]
    assert (again["reason"], again["decided_by"], again["decided_at"]) == (None, None, None)
    with pytest.raises(Refused, match="nothing to take back"):
        take_back(company, ACTOR, ("C1", "C2"))


def test_two_may_be_told_apart_before_they_are_found(company: App) -> None:
    never(company, ACTOR, ("C1", "C2"), "I know them")
    never(company, ACTOR, ("C1", "C4"), "not alike at all")
    find_pairs(company, ACTOR)
    assert ("C1", "C2") not in listed(company)
    assert listed(company, state="never")["C1", "C4"]["score"] == 0


def test_a_decision_on_a_pair_that_changed_meanwhile_is_refused(company: App) -> None:
    find_pairs(company, ACTOR)
    with pytest.raises(StaleVersion):
        never(company, ACTOR, ("C1", "C2"), "x", expect_version=7)
    never(company, ACTOR, ("C1", "C2"), "x", expect_version=1)
    with pytest.raises(StaleVersion):
        take_back(company, ACTOR, ("C1", "C2"), expect_version=1)
    with pytest.raises(UsageProblem, match="name two"):
        never(company, ACTOR, ("C1", "C1"), "x")


def test_every_decision_stands_in_the_change_log(company: App) -> None:
    find_pairs(company, ACTOR)
    never(company, ACTOR, ("C1", "C2"), "two brothers")
    with company.read() as ctx:
        query = sa.text(
            "SELECT operation, after FROM change_log WHERE entity = 'duplicate_pair' ORDER BY seq"
        )
        entries = ctx.connection.execute(query).all()
    assert [entry.operation for entry in entries] == ["create"] * 2 + ["update"]
    assert '"state":"never"' in entries[-1].after
    assert "腾达" not in "".join(entry.after for entry in entries)  # a pair holds no value of a customer
