"""Writers who meet: who waits, who does it again, and what somebody is told who waited for too long."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.builtin.again import again
from crmcore.builtin.exchange import engine
from crmcore.builtin.exchange.customers import CustomerLoader
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.builtin.exchange.services import resume_import, run_import
from crmcore.builtin.exchange.understanding import Options, find_importable, understand
from crmcore.builtin.records.services import actors, contacts, customers, interactions
from crmcore.builtin.records.services.values import By
from crmcore.db import engine as database_engine
from crmcore.db.engine import sqlite_path
from crmcore.db.rows import Rows
from crmcore.entities.lookup import find_customer
from crmcore.errors import CrmError, Refused
from crmcore.testing import ACTOR, CommandLine
from tests.writers.conftest import fill, place_of
from tests.writers.oracle import Company

BY = By(ACTOR, "many writers")
BUSY = "the database is busy with another writer; try again in a moment"
on_postgres = pytest.mark.parametrize("database", [pytest.param("postgres", marks=pytest.mark.postgres)])
"""On SQLite one writer at a time is in, and nobody meets anybody."""


class Together:
    """Runs calls in threads at the same time; keeps what each returned or raised."""

    def __init__(self) -> None:
        self.results: dict[int, Any] = {}

    def __call__(self, *calls: Callable[[], Any]) -> list[Any]:
        """Run them to their ends; an error is a result."""
        threads = [threading.Thread(target=self._call, args=pair) for pair in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads), "somebody waits for good"
        return [self.results[place] for place in range(len(calls))]

    def _call(self, place: int, call: Callable[[], Any]) -> None:
        try:
            self.results[place] = call()
        except Exception as error:  # noqa: BLE001  (whatever it is, the test looks at it)
            self.results[place] = error


@pytest.fixture
def together() -> Together:
    return Together()


@pytest.fixture
def imported(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Import a text as customers; (app, name, text, **options) → result."""

    def run(app: App, name: str, text: str, **options: Any) -> dict[str, Any]:
        path = tmp_path / f"{name}.csv"
        path.write_text(text, encoding="utf-8")
        what = understand(app, find_importable(app, "customers"), path, ColumnMapping(), Options())
        try:
            return run_import(app, ACTOR, what, **options)
        finally:
            what.table.close()

    return run


def region(app: App, code: str) -> str:
    """Return one column of one customer, read by plain SQL."""
    found: str = next(row["region"] for row in Company(place_of(app)).rows("customer") if row["code"] == code)
    return found


# -- SQLite: one at a time -----------------------------------------------------------------------------------------------


@pytest.fixture
def held(make_app: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[App, sqlite3.Connection]]:
    """Return a company whose writers wait a fifth of a second, and a connection of somebody else."""
    monkeypatch.setattr(database_engine, "BUSY_SECONDS", 0.2)
    app = fill(make_app(standing_clock=False))
    other = sqlite3.connect(str(sqlite_path(app.config)), isolation_level=None)
    yield app, other
    other.close()


@pytest.mark.parametrize(
    "words",
    [
        "customer add --name New",
        "customer edit B00 --set region=East",
        "customer archive B00",
        "contact edit P00 --phone 5",
        "interaction done I00",
        "actor grant tester reader",
        "search rebuild",
        "jobs run deliver_changes",
    ],
)
def test_who_waits_for_too_long_is_told_in_a_sentence_and_nothing_is_written(
    held: tuple[App, sqlite3.Connection], crm: CommandLine, words: str
) -> None:
    app, other = held
    before = Company(place_of(app)).rows("change_log", "seq")
    other.execute("BEGIN IMMEDIATE")
    result = crm(*words.split())
    other.execute("ROLLBACK")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"crm: {BUSY}\n")
    assert Company(place_of(app)).rows("change_log", "seq") == before
    assert Company(place_of(app)).problems() == []
    crm.ok(*words.split())


def test_reading_goes_on_while_somebody_holds_the_lock(
    held: tuple[App, sqlite3.Connection], crm: CommandLine
) -> None:
    _app, other = held
    other.execute("BEGIN IMMEDIATE")
    for words in ("customer show B00", "customer list", "find Base", "history B00", "audit verify"):
        crm.ok(*words.split())
    other.execute("ROLLBACK")


def test_an_import_that_waits_for_too_long_stops_behind_a_whole_chunk_and_goes_on(
    held: tuple[App, sqlite3.Connection], imported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, other = held
    monkeypatch.setattr(engine, "CHUNK_ROWS", 10)
    text = "code,name\n" + "".join(f"N{n:02},New {n}\n" for n in range(25))

    def hold(_rows: int) -> None:
        if not other.in_transaction:
            other.execute("BEGIN IMMEDIATE")

    with pytest.raises(CrmError) as raised:
        imported(app, "n", text, progress=hold)
    other.execute("ROLLBACK")
    assert str(raised.value) == f"{BUSY}; import 1 stopped after 10 rows; go on with: crm imports resume 1"
    codes = [row["code"] for row in Company(place_of(app)).rows("customer") if row["code"].startswith("N")]
    assert codes == [f"N{n:02}" for n in range(10)]
    assert resume_import(app, ACTOR, 1)["created"] == 25
    assert Company(place_of(app)).problems() == []


IMPORT = """
import sys
from crmcore.builtin.exchange import engine
from crmcore.cli.main import main
engine.CHUNK_ROWS = 250
main(["-C", sys.argv[1], "import", "customers", sys.argv[2], "--json"])
"""


def test_a_single_edit_goes_before_the_chunks_of_long_work(
    make_app: Any, tmp_path: Path, start_code: Callable[..., subprocess.Popen[str]]
) -> None:
    app = fill(make_app(standing_clock=False))
    running = []
    for name in "XY":
        path = tmp_path / f"{name}.csv"
        path.write_text("code,name\n" + "".join(f"{name}{n},{name} {n}\n" for n in range(4_000)))
        running.append(start_code(IMPORT, app.config.folder, path))
    waited: list[int] = []
    while any(process.poll() is None for process in running):
        before = chunks(app)
        customers.edit(app, BY, "B00", {"region": str(len(waited))})
        if before:
            waited.append(chunks(app, until_last_edit=True) - before)
    for process in running:
        assert (process.communicate()[1], process.returncode) == ("", 0)
    assert len(waited) > 5
    # One that is under way, and one of each other process that looked just before the edit came.
    assert max(waited) <= 2 * len(running), waited


def chunks(app: App, *, until_last_edit: bool = False) -> int:
    """Count the chunks of imports that are in, or that were in when the last edit was."""
    transactions = Company(place_of(app)).rows("change_tx")
    if until_last_edit:
        last = max(tx["id"] for tx in transactions if tx["reason"] == BY.reason)
        transactions = [tx for tx in transactions if tx["id"] < last]
    return sum(tx["source"].startswith("import:") for tx in transactions)


# -- PostgreSQL: those who meet ------------------------------------------------------------------------------------------


@on_postgres
def test_of_two_who_wait_for_each_other_one_does_it_again(
    company: App, reopen: Any, together: Together
) -> None:
    entered = threading.Barrier(2, timeout=20)
    first_time = threading.local()

    def cross(app: App, first: str, second: str) -> None:
        with app.write(*BY) as tx:
            for code in (first, second):
                number = find_customer(tx.connection, code)
                tx.update(Customer, [(number, {"region": first})])
                if not hasattr(first_time, "over"):
                    first_time.over = True
                    entered.wait()

    other = reopen(company)
    results = together(lambda: again(cross)(company, "B00", "B01"), lambda: again(cross)(other, "B01", "B00"))
    assert results == [None, None]
    assert region(company, "B00") == region(company, "B01"), "one of them came last, with both rows"
    assert Company(place_of(company)).problems() == []


@on_postgres
def test_who_does_not_do_it_again_is_told_in_a_sentence(
    company: App, reopen: Any, together: Together
) -> None:
    entered = threading.Barrier(2, timeout=20)

    def cross(app: App, *codes: str) -> None:
        with app.write(*BY) as tx:
            for code in codes:
                tx.update(Customer, [(find_customer(tx.connection, code), {"region": codes[0]})])
                entered.wait() if code == codes[0] else None

    other = reopen(company)
    results = together(lambda: cross(company, "B00", "B01"), lambda: cross(other, "B01", "B00"))
    (error,) = [result for result in results if result is not None]
    assert isinstance(error, CrmError)
    assert str(error) == BUSY
    assert region(company, "B00") == region(company, "B01")


@on_postgres
def test_two_imports_that_wait_for_each_others_codes_both_end_well(
    company: App, reopen: Any, together: Together, imported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, first_time, insert = threading.Barrier(2, timeout=20), threading.local(), Rows.insert

    def slowly(rows: Any, info: Any, ids: Any, columns: Any) -> None:
        for place in range(len(ids)):
            part = slice(place, place + 1)
            insert(rows, info, ids[part], columns[part])
            if info.entity == "customer" and not hasattr(first_time, "over"):
                first_time.over = True
                entered.wait()

    monkeypatch.setattr(Rows, "insert", slowly)
    other = reopen(company)
    results = together(
        lambda: imported(company, "a", "code,name,region\nN1,One,A\nN2,Two,A\nbad code \x01,Three,A\n"),
        lambda: imported(other, "b", "code,name,region\nN2,Two,B\nN1,One,B\n"),
    )
    assert sorted((r["created"], r["updated"]) for r in results) == [(0, 2), (2, 0)]
    assert region(company, "N1") == region(company, "N2")
    rejects = Path(results[0]["rejects_file"]).read_text(encoding="utf-8-sig").splitlines()
    assert len(rejects) == 2, "a heading and the one bad row, once"
    assert Company(place_of(company)).problems() == []


def test_an_edit_between_the_look_and_the_write_of_an_import_is_not_lost(
    company: App, reopen: Any, imported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited, edit_customers, other = threading.Event(), CustomerLoader._edit, reopen(company)

    def edit() -> None:
        customers.edit(other, BY, "B00", {"region": "edited", "employees": 7})
        edited.set()

    thread = threading.Thread(target=edit)

    def look_wait_and_write(*arguments: Any) -> None:
        thread.start()
        edited.wait(0.5)  # where it could come in between, it would now
        edit_customers(*arguments)

    monkeypatch.setattr(CustomerLoader, "_edit", look_wait_and_write)
    imported(company, "b00", "code,name,region,employees\nB00,Base 0,imported,0\n")
    thread.join(20)
    (row,) = [row for row in Company(place_of(company)).rows("customer") if row["code"] == "B00"]
    both = (row["region"], row["attributes"]["employees"])
    assert both in {("edited", 7), ("imported", 0)}, "one after the other, never half of each"
    assert Company(place_of(company)).problems() == []


@pytest.mark.postgres
def test_writers_of_different_rows_do_not_wait_even_for_the_very_first(
    make_app: Any, reopen: Any, together: Together
) -> None:
    first = make_app(database="postgres", standing_clock=False)
    second = reopen(first)

    def write() -> str:
        with second.write(*BY) as tx:
            tx.insert(Customer, [{"code": "B", "name": "B"}])
        return "not waited"

    with first.write(*BY) as tx:
        tx.insert(Customer, [{"code": "A", "name": "A"}])
        assert together(write) == ["not waited"]
    assert Company(place_of(first)).problems() == []
    with first.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM search_state WHERE name = 'built'")) == 1


@on_postgres
def test_what_hangs_on_a_customer_is_written_while_the_customer_is_edited(
    company: App, reopen: Any, together: Together
) -> None:
    other = reopen(company)
    with company.write(*BY) as tx:
        tx.update(Customer, [(find_customer(tx.connection, "B00"), {"region": "East"})])
        talk = {"channel": "phone", "subject": "x"}
        (code,) = together(lambda: interactions.add(other, BY, "B00", talk))
    assert str(code).startswith("I")


# -- both: what is decided by looking ------------------------------------------------------------------------------------


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], None]:
    """Have two who come to a function of a module go on from it together, where nothing keeps them apart."""

    def meet(module: Any, name: str) -> None:
        both, original = threading.Barrier(2), getattr(module, name)

        def looked(*arguments: Any) -> Any:
            found = original(*arguments)
            with suppress(threading.BrokenBarrierError):
                both.wait(0.5)
            return found

        monkeypatch.setattr(module, name, looked)

    return meet


def test_roles_that_two_grant_at_once_are_both_there(
    company: App, reopen: Any, together: Together, meeting: Any
) -> None:
    actors.add(company, BY, {"code": "li", "name": "Li"})
    other = reopen(company)
    meeting(actors, "find_row")
    results = together(
        lambda: actors.grant(company, BY, "li", "reader"),
        lambda: actors.grant(other, BY, "li", "service_desk"),
    )
    assert results == [None, None]
    (row,) = [row for row in Company(place_of(company)).rows("actor") if row["code"] == "li"]
    assert row["roles"] == ["reader", "service_desk"]


def test_of_two_administrators_who_revoke_each_other_one_stays(
    company: App, reopen: Any, together: Together, meeting: Any
) -> None:
    actors.add(company, BY, {"code": "li", "name": "Li", "roles": ["administrator"]})
    other = reopen(company)
    meeting(actors, "_require_administrator")
    results = together(
        lambda: actors.revoke(company, BY, ACTOR, "administrator"),
        lambda: actors.revoke(other, By("li"), "li", "administrator"),
    )
    assert [type(r) for r in results if r is not None] == [Refused]
    left = [row for row in Company(place_of(company)).rows("actor") if "administrator" in row["roles"]]
    assert len(left) == 1


def test_one_person_is_put_at_one_customer_once(
    company: App, reopen: Any, together: Together, meeting: Any
) -> None:
    other = reopen(company)
    meeting(contacts, "_places")
    results = together(*(lambda a=a: contacts.join(a, BY, "P00", "B05", {}) for a in (company, other)))
    assert sorted(map(str, results)) == [
        "None",
        "the contact works there already; change the place with: crm contact edit",
    ]
    assert Company(place_of(company)).problems() == []


def test_one_code_that_two_give_at_once_is_refused_in_a_sentence(
    company: App, reopen: Any, together: Together, meeting: Any
) -> None:
    other = reopen(company)
    meeting(customers, "require_free")
    new = {"code": "SAME", "name": "x"}
    results = together(*(lambda a=a: customers.add(a, BY, new) for a in (company, other)))
    assert sorted(map(str, results)) == ["SAME", "there is a customer 'SAME' already; choose another code"]


def test_customers_never_become_their_own_ancestors(
    company: App, reopen: Any, together: Together, meeting: Any
) -> None:
    other = reopen(company)
    meeting(customers, "_parent")
    results = together(
        lambda: customers.edit(company, BY, "B00", {"parent": "B01"}),
        lambda: customers.edit(other, BY, "B01", {"parent": "B00"}),
    )
    assert [str(r) for r in results if isinstance(r, Exception)] in (
        ["parent = 'B01' is not allowed: the customer would be its own ancestor"],
        ["parent = 'B00' is not allowed: the customer would be its own ancestor"],
    )
