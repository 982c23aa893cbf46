"""An undo as work that can be interrupted, killed, refused and asked for twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App, Customer
from crmcore.builtin.exchange.api import interrupted_imports
from crmcore.builtin.exchange.runs import load_run, lock_of, note, true_state
from crmcore.builtin.exchange.services import resume_import
from crmcore.builtin.exchange.undo import undo_import
from crmcore.errors import CrmError
from crmcore.testing import ACTOR, AppOpener, CommandLine, GateFaults, PluginInstaller, ProcessRunner

Make = Callable[..., App]
Import = Callable[..., int]
CHUNK = 4
ROWS = 18
FIRST = "code,name,phone\n" + "".join(f"K{i:02},old {i},{i}\n" for i in range(1, ROWS, 2))
SECOND = "code,name,phone,contact,parent\n" + "".join(
    f"K{i:02},new {i},0{i},{f'示例{i}' if i % 3 == 0 else ''},{'K18' if i == 2 else ''}\n"
    for i in range(1, ROWS + 1)
)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("crmcore.builtin.exchange.engine.CHUNK_ROWS", CHUNK)


@pytest.fixture
def company(make_app: Make, load: Import, database: str) -> App:
    """Return a company into which a second import came, of which somebody changed a row."""
    app = make_app(database=database, standing_clock=False)
    load(app, "customers", FIRST)
    return app


def change(app: App, code: str, **values: Any) -> None:
    table = Customer.__table__  # type: ignore[attr-defined]
    with app.write(ACTOR, "by hand") as tx:
        number = tx.connection.scalar(sa.select(table.c.id).where(table.c.code == code))
        assert number
        tx.update(Customer, [(number, values)])


def load_run_numbers(app: App) -> list[int]:
    """Return the imports that somebody has begun to take back."""
    with app.read() as ctx:
        return list(ctx.connection.scalars(sa.text("SELECT id FROM import_run WHERE state LIKE 'und%'")))


def undo_and_die(folder: str, number: str, moment: str, place: str) -> None:
    from crmcore.app import create_app
    from crmcore.builtin.exchange.undo import undo_import as undo
    from crmcore.testing import ACTOR as WHO
    from crmcore.testing import GateFaults as Faults

    with Faults().kill(moment, int(place)):  # type: ignore[arg-type]
        app = create_app(folder)
        undo(app, WHO, int(number))
        app.close()


@pytest.fixture
def whole(make_app: Make, load: Import, contents) -> tuple[Any, dict[str, Any]]:
    """Return what an uninterrupted undo leaves and says."""
    app = make_app()
    load(app, "customers", FIRST)
    number = load(app, "customers", SECOND)
    change(app, "K03", phone="changed")
    change(app, "K04", phone="changed")
    result = undo_import(app, ACTOR, number)
    return comparable(contents(app)), result


def comparable(found: Any) -> Any:
    rows = found["customer"]
    codes = {row["id"]: row["code"] for row in rows}
    customers = [{**row, "parent_id": codes.get(row["parent_id"]), "id": 0, "uid": ""} for row in rows]
    return customers, [row["name"] for row in found["contact"]], len(found["contact_firm"])


def told(result: dict[str, Any]) -> Any:
    return {**result, "conflicts": [{**c, "why": ""} for c in result["conflicts"]]}


@pytest.mark.parametrize("moment", ["delete", "commit"])
def test_killed_anywhere_and_begun_again_it_ends_as_an_uninterrupted_one(
    company: App,
    load: Import,
    contents,
    whole: tuple[Any, dict[str, Any]],
    run_in_process: ProcessRunner,
    moment: str,
):
    expected, result = whole
    number = load(company, "customers", SECOND)
    change(company, "K03", phone="changed")
    change(company, "K04", phone="changed")
    folder, kills = company.config.folder, 0
    first = 2 if moment == "commit" else 1  # the first commit only looks whether one may
    # Each process dies a moment later than the one before, counted from where that one had come to.
    while (ended := run_in_process(undo_and_die, folder, number, moment, first + kills)).exit_code == -9:
        kills += 1
        run = load_run(company, number)
        assert (run.state, true_state(company, run)) == ("undoing", "undo_stopped")
        assert kills < 20
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert kills >= 2
    assert load_run(company, number).state == "partly_undone"
    assert comparable(contents(company)) == expected
    run = load_run(company, number)
    assert {name: run.counts[f"undo_{name}"] for name in ("restored", "removed")} == {
        name: result[name] for name in ("restored", "removed")
    }
    assert told(undo_import(company, ACTOR, number)) == {**told(result), "restored": 0, "removed": 0}


@pytest.mark.parametrize("place", [2, 3, 4, 5, 6])
def test_stopped_in_each_chunk_it_goes_on_and_says_the_whole(
    company: App,
    load: Import,
    contents,
    whole: tuple[Any, dict[str, Any]],
    gate_faults: GateFaults,
    place: int,
):
    expected, result = whole
    number = load(company, "customers", SECOND)
    change(company, "K03", phone="changed")
    change(company, "K04", phone="changed")
    with (
        gate_faults.fail("commit", place, KeyboardInterrupt()),
        pytest.raises(
            CrmError, match=f"^the undo of import {number} stopped; go on with: crm imports undo {number}$"
        ),
    ):
        undo_import(company, ACTOR, number)
    assert load_run(company, number).state == "undo_stopped"
    assert told(undo_import(company, ACTOR, number)) == told(result)
    assert comparable(contents(company)) == expected


def test_a_full_disk_stops_it_with_a_sentence(company: App, load: Import, gate_faults: GateFaults):
    number = load(company, "customers", SECOND)
    with (
        gate_faults.disk_full("delete", 2),
        pytest.raises(CrmError, match=r"(disk|device).*crm imports undo 2"),
    ):
        undo_import(company, ACTOR, number)
    assert undo_import(company, ACTOR, number)["conflicts"] == []


def test_an_interrupted_import_can_be_undone_and_then_not_resumed(
    company: App, load: Import, contents, gate_faults: GateFaults
):
    before = contents(company)
    with gate_faults.fail("commit", 3, KeyboardInterrupt()), pytest.raises(CrmError, match="resume 2"):
        load(company, "customers", SECOND)
    assert interrupted_imports(company) == [2]
    assert undo_import(company, ACTOR, 2)["conflicts"] == []
    assert contents(company) == before
    assert interrupted_imports(company) == []
    with pytest.raises(CrmError, match=r"^import 2 was taken back; import the file again"):
        resume_import(company, ACTOR, 2)


def test_a_running_import_is_refused(company: App, load: Import):
    number = load(company, "customers", SECOND)
    note(company, number, state="running")
    lock = lock_of(company, number)
    assert lock.acquire()
    with pytest.raises(CrmError, match=f"^import {number} is still running on .*; wait for its end, or stop"):
        undo_import(company, ACTOR, number)
    lock.release()
    assert undo_import(company, ACTOR, number)["conflicts"] == []


def test_of_two_undos_at_once_one_is_refused_or_finds_nothing(
    company: App, load: Import, reopen: AppOpener, contents
):
    before = contents(company)
    number = load(company, "customers", SECOND)
    start, ended = Barrier(2), list[Any]()

    def undo(app: App) -> None:
        start.wait()
        try:
            ended.append(undo_import(app, ACTOR, number))
        except CrmError as error:
            ended.append(str(error))

    threads = [Thread(target=undo, args=(reopen(company),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [text for text in ended if isinstance(text, str)]
    done = [result for result in ended if isinstance(result, dict)]
    assert all("is being undone on" in text for text in refused), refused
    assert sum(result["removed"] for result in done) == 9 + 6 + 6  # firms, people and their places
    assert contents(company) == before
    assert load_run(company, number).state == "undone"


def test_who_may_not_import_may_not_undo(company: App, load: Import, crm: CommandLine):
    number = load(company, "customers", SECOND)
    with crm.as_actor("li", roles=["sales_representative"]):
        result = crm("imports", "undo", number)
    assert result.exit_code == 1
    assert "may not import files" in result.stderr
    assert load_run(company, number).state == "done"


def test_an_unknown_import_is_named(company: App, crm: CommandLine):
    result = crm("imports", "undo", 99)
    assert (result.exit_code, result.stderr) == (
        1,
        "crm: there is no import 99; see: crm imports list\n",
    )
    assert crm("imports", "undo", "x").exit_code == 2
    assert not load_run_numbers(company)


GUARD = """
from crmcore.api import Refusal, hookimpl

@hookimpl
def validate_changes(changes, ctx):
    for place, change in enumerate(changes):
        before = change.before or {}
        if change.operation == "delete" and before.get("code") == "K04":
            yield Refusal(place, "K04 is in the contract")
        if change.operation == "update" and (change.after or {}).get("name") == "old 5":
            yield Refusal(place, "no old names", "name")
"""


def test_what_a_plugin_refuses_is_a_conflict_that_names_it(
    make_app: Make, load: Import, install_plugin: PluginInstaller, database: str
):
    install_plugin("guard", GUARD)
    app = make_app(["guard"], database)
    load(app, "customers", FIRST)
    number = load(app, "customers", SECOND.replace("K18", "K04"))
    result = undo_import(app, ACTOR, number)
    assert [tuple(c.values()) for c in result["conflicts"]] == [
        ("customer", "K04", "code", "K04 is in the contract [guard]"),
        ("customer", "K05", "name", "no old names [guard]"),
        ("customer", "K05", "phone", "no old names [guard]"),
    ]
    with app.read() as ctx:
        codes = set(ctx.connection.scalars(sa.text("SELECT code FROM customer")))
    assert codes == {"K04", *(f"K{i:02}" for i in range(1, ROWS, 2))}


def test_an_import_of_a_disabled_plugin_is_refused(
    make_app: Make, load: Import, crm: CommandLine, database: str
):
    pytest.importorskip("crmcore_trade_ledger")
    app = make_app(["trade_ledger"], database)
    number = load(app, "products", "code,name\nX,Ix\n")
    crm.ok("plugins", "disable", "trade_ledger")
    result = crm("imports", "undo", number)
    assert result.exit_code == 1
    assert (
        "import 1 was made with plugin trade_ledger, which is not enabled; enable it first" in result.stderr
    )


def test_observers_are_told_of_an_undo(
    make_app: Make, load: Import, install_plugin: PluginInstaller, database: str, tmp_path: Path
):
    seen = tmp_path / "seen.jsonl"
    install_plugin(
        "watcher",
        "import json\nfrom crmcore.api import hookimpl\n\n@hookimpl\ndef observe_changes(changes, ctx):\n"
        f"    with open({str(seen)!r}, 'a') as file:\n"
        "        for change in changes:\n"
        "            print(json.dumps([change.entity, change.operation]), file=file)\n",
    )
    app = make_app(["watcher"], database)
    number = load(app, "customers", "code,name\nK1,Eins\n")
    undo_import(app, ACTOR, number)
    told_of = [json.loads(line) for line in seen.read_text().splitlines()]
    assert [change for change in told_of if change[0] == "customer"] == [
        ["customer", "create"],
        ["customer", "delete"],
    ]
