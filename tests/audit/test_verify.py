# ruff: noqa: S608  (hands that reach past the gate write their SQL as they like)
"""`crm audit verify` names what was done to the log past the gate, and finds nothing where nothing was done.

Two oracles share no code with it: what each test itself did with SQL, and `recomputed` below, which is written from
the format in docs/explanation/change-log.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crmcore.api import Customer
from crmcore.app import App
from crmcore.builtin.audit.verify import verify
from crmcore.testing import ACTOR, CommandLine

Rows = Callable[..., list[dict[str, Any]]]
Tamper = Callable[..., int]


def sha(*lines: object) -> str:
    return hashlib.sha256("\n".join(map(str, lines)).encode()).hexdigest()


def header(tx: dict[str, Any]) -> str:
    at = tx["at"] if isinstance(tx["at"], datetime) else datetime.fromisoformat(tx["at"]).replace(tzinfo=UTC)
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    parts = [tx["id"], moment, tx["actor"], tx["authenticated_as"], tx["reason"], tx["source"]]
    return json.dumps([str(part) for part in parts], ensure_ascii=False)


def recomputed(rows: Rows) -> bool:
    """Tell whether the log holds, by a computation of its own that reads everything into memory."""
    entries = rows("SELECT * FROM change_log ORDER BY seq")
    transactions = {tx["id"]: tx for tx in rows("SELECT * FROM change_tx")}
    chains = {number: sha(header(tx)) for number, tx in transactions.items()}
    for e in entries:
        if e["tx_id"] not in chains:
            return False
        images = (e["entity"], e["entity_id"], e["operation"], e["before"], e["after"])
        chains[e["tx_id"]] = sha(chains[e["tx_id"]], e["seq"], *images)
        if chains[e["tx_id"]] != e["hash"]:
            return False
    if any(chains[number] != tx["digest"] for number, tx in transactions.items()):
        return False
    last = "0" * 64
    for place, seal in enumerate(rows("SELECT * FROM change_seal ORDER BY position"), 1):
        tx = transactions.get(seal["tx_id"])
        if tx is None or seal["position"] != place:
            return False
        last = sha(last, header(tx), tx["digest"])
        if last != seal["seal"]:
            return False
    return True


def resealed(rows: Rows, tamper: Tamper, upwards_of: int) -> None:
    """Compute hashes and digests anew from an entry on, as a careful forger would, but leave the seals."""
    for tx in rows("SELECT * FROM change_tx ORDER BY id"):
        previous = sha(header(tx))
        for e in rows(f"SELECT * FROM change_log WHERE tx_id = {tx['id']} ORDER BY seq"):
            images = (e["entity"], e["entity_id"], e["operation"], e["before"], e["after"])
            previous = sha(previous, e["seq"], *images)
            if e["seq"] >= upwards_of:
                tamper(f"UPDATE change_log SET hash = '{previous}' WHERE seq = {e['seq']}")
        tamper(f"UPDATE change_tx SET digest = '{previous}' WHERE id = {tx['id']}")


def all_seals_anew(rows: Rows, tamper: Tamper) -> None:
    transactions = {tx["id"]: tx for tx in rows("SELECT * FROM change_tx")}
    last = "0" * 64
    for seal in rows("SELECT * FROM change_seal ORDER BY position"):
        tx = transactions[seal["tx_id"]]
        last = sha(last, header(tx), tx["digest"])
        tamper(f"UPDATE change_seal SET seal = '{last}' WHERE position = {seal['position']}")


def checked(crm: CommandLine, *words: str) -> tuple[int, dict[str, Any]]:
    done = crm("audit", "verify", *words, "--json")
    document = done.json()
    assert done.exit_code == (0 if document["ok"] else 1), done.stderr
    return done.exit_code, document


def test_a_log_that_nobody_touched_holds(worked: CommandLine, rows: Rows) -> None:
    code, found = checked(worked)
    (count,) = rows("SELECT count(*) AS n FROM change_log")
    assert recomputed(rows)
    assert (code, found) == (
        0,
        {
            "ok": True,
            "checked": count["n"],
            "unsealed": 0,
            "anchored_to": None,
            "first_bad": None,
            "problem": None,
        },
    )


def test_an_empty_log_holds(make_app: Callable[..., App], crm: CommandLine) -> None:
    app = make_app()
    with app.engine.connect() as connection, app.unguarded(connection), connection.begin():
        for table in ("change_log", "change_tx", "change_seal"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    assert checked(crm)[1]["checked"] == 0
    assert crm.json("audit", "anchor")["position"] == 0


def seq_of(rows: Rows, where: str) -> int:
    return int(rows(f"SELECT min(seq) AS seq FROM change_log WHERE {where}")[0]["seq"])


ENTRY = "operation = 'update'"
IN_THE_MIDDLE = "operation = 'archive' AND entity_id = (SELECT id FROM customer WHERE code = 'C')"
LAST_OF_A_TX = "operation = 'archive' AND entity_id = (SELECT id FROM customer WHERE code = 'D')"
FIRST_OF_A_TX = "operation = 'archive' AND entity_id = (SELECT id FROM customer WHERE code = 'B')"
ALONE = "operation = 'update' AND after LIKE '%\"3\"}'"
CHANGES = {
    "after": (ENTRY, "UPDATE change_log SET after = replace(after, '\"2\"', '\"9\"') WHERE seq = {seq}"),
    "before": (ENTRY, "UPDATE change_log SET before = '{{}}' WHERE seq = {seq}"),
    "before to nothing": (ENTRY, "UPDATE change_log SET before = NULL WHERE seq = {seq}"),
    "row": (ENTRY, "UPDATE change_log SET entity_id = 77 WHERE seq = {seq}"),
    "table": (ENTRY, "UPDATE change_log SET entity = 'contact' WHERE seq = {seq}"),
    "operation": (IN_THE_MIDDLE, "UPDATE change_log SET operation = 'restore' WHERE seq = {seq}"),
    "hash": (IN_THE_MIDDLE, "UPDATE change_log SET hash = '00' WHERE seq = {seq}"),
    "first of a transaction": (FIRST_OF_A_TX, "UPDATE change_log SET before = '{{}}' WHERE seq = {seq}"),
    "last of a transaction": (LAST_OF_A_TX, "UPDATE change_log SET before = '{{}}' WHERE seq = {seq}"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_entry_is_named(worked: CommandLine, rows: Rows, tamper: Tamper, what: str) -> None:
    where, statement = CHANGES[what]
    seq = seq_of(rows, where)
    assert tamper(statement.format(seq=seq)) == 1
    assert not recomputed(rows)
    _code, found = checked(worked)
    assert (found["ok"], found["first_bad"]) == (False, seq)
    assert f"entry {seq} " in found["problem"]


@pytest.mark.parametrize("column", ["actor", "authenticated_as", "reason", "source", "at"])
def test_a_changed_header_is_named_by_its_transaction(
    worked: CommandLine, rows: Rows, tamper: Tamper, column: str
) -> None:
    value = "2020-01-01 00:00:00.000000" if column == "at" else "somebody"
    tx = rows("SELECT * FROM change_tx ORDER BY id")[3]
    tamper(f"UPDATE change_tx SET {column} = '{value}' WHERE id = {tx['id']}")
    assert not recomputed(rows)
    _code, found = checked(worked)
    assert (found["ok"], found["first_bad"]) == (False, tx["first_seq"])
    assert f"header of transaction {tx['id']} " in found["problem"]


@pytest.mark.parametrize("where", [FIRST_OF_A_TX, IN_THE_MIDDLE, LAST_OF_A_TX, ALONE])
def test_a_removed_entry_is_named(worked: CommandLine, rows: Rows, tamper: Tamper, where: str) -> None:
    seq = seq_of(rows, where)
    assert tamper(f"DELETE FROM change_log WHERE seq = {seq}") == 1
    _code, found = checked(worked)
    assert (found["ok"], found["first_bad"]) == (False, seq)
    assert f"entry {seq} " in found["problem"]
    assert "missing" in found["problem"]


def test_the_newest_entry_without_its_header_taken_out_is_named(
    worked: CommandLine, rows: Rows, tamper: Tamper
) -> None:
    (newest,) = rows("SELECT max(seq) AS seq FROM change_log")
    tamper(f"DELETE FROM change_log WHERE seq = {newest['seq']}")
    assert checked(worked)[1]["first_bad"] == newest["seq"]


def test_entries_that_changed_places_are_named(worked: CommandLine, rows: Rows, tamper: Tamper) -> None:
    one, other = seq_of(rows, FIRST_OF_A_TX), seq_of(rows, IN_THE_MIDDLE)
    tamper(
        f"UPDATE change_log SET seq = -1 WHERE seq = {one}",
        f"UPDATE change_log SET seq = {one} WHERE seq = {other}",
        f"UPDATE change_log SET seq = {other} WHERE seq = -1",
    )
    assert not recomputed(rows)
    _code, found = checked(worked)
    assert (found["ok"], found["first_bad"]) == (False, one)


def test_entries_of_two_transactions_that_changed_places_are_named(
    worked: CommandLine, rows: Rows, tamper: Tamper
) -> None:
    one, other = seq_of(rows, ALONE), seq_of(rows, IN_THE_MIDDLE)
    tamper(
        f"UPDATE change_log SET seq = -1 WHERE seq = {one}",
        f"UPDATE change_log SET seq = {one} WHERE seq = {other}",
        f"UPDATE change_log SET seq = {other} WHERE seq = -1",
    )
    assert checked(worked)[1]["first_bad"] == one


@pytest.mark.parametrize("seq", [999, 0])
def test_an_inserted_entry_is_named(worked: CommandLine, rows: Rows, tamper: Tamper, seq: int) -> None:
    forged = (
        f"INSERT INTO change_log SELECT {seq}, tx_id, entity, entity_id, operation, before, after, hash"
        f" FROM change_log WHERE seq = {seq_of(rows, ENTRY)}"
    )
    assert tamper(forged) == 1
    _code, found = checked(worked)
    assert (found["ok"], found["first_bad"]) == (False, seq)
    assert f"entry {seq} was inserted" in found["problem"]


def test_an_entry_of_a_transaction_that_never_was_is_named(
    worked: CommandLine, rows: Rows, tamper: Tamper
) -> None:
    tamper(
        "INSERT INTO change_log SELECT 999, 998, entity, entity_id, operation, before, after, hash"
        f" FROM change_log WHERE seq = {seq_of(rows, ENTRY)}"
    )
    _code, found = checked(worked)
    assert (found["ok"], found["first_bad"]) == (False, 999)
    assert "998" in found["problem"]


def test_an_entry_put_into_the_place_of_a_removed_one_is_named(
    worked: CommandLine, rows: Rows, tamper: Tamper
) -> None:
    seq = seq_of(rows, IN_THE_MIDDLE)
    tamper(
        f"DELETE FROM change_log WHERE seq = {seq}",
        f"INSERT INTO change_log SELECT {seq}, tx_id, entity, entity_id, operation, before, after, hash"
        f" FROM change_log WHERE seq = {seq - 1}",
    )
    assert checked(worked)[1]["first_bad"] == seq


def test_a_removed_header_is_named(worked: CommandLine, rows: Rows, tamper: Tamper) -> None:
    tx = rows("SELECT * FROM change_tx ORDER BY id")[2]
    tamper(f"DELETE FROM change_tx WHERE id = {tx['id']}")
    _code, found = checked(worked)
    assert (found["ok"], found["first_bad"]) == (False, tx["first_seq"])
    assert str(tx["id"]) in found["problem"]


def test_a_transaction_taken_out_with_all_its_entries_is_named(
    worked: CommandLine, rows: Rows, tamper: Tamper
) -> None:
    tx = rows("SELECT * FROM change_tx ORDER BY id")[2]
    tamper(f"DELETE FROM change_log WHERE tx_id = {tx['id']}", f"DELETE FROM change_tx WHERE id = {tx['id']}")
    _code, found = checked(worked)
    assert (found["ok"], found["first_bad"]) == (False, tx["first_seq"])
    assert f"transaction {tx['id']} is missing" in found["problem"]


def test_a_transaction_of_which_only_the_header_is_left_is_named(
    worked: CommandLine, rows: Rows, tamper: Tamper
) -> None:
    tx = rows("SELECT * FROM change_tx ORDER BY id")[2]
    tamper(f"DELETE FROM change_log WHERE tx_id = {tx['id']}")
    assert checked(worked)[1]["first_bad"] == tx["first_seq"]


def test_a_transaction_taken_out_with_its_seal_is_named(
    worked: CommandLine, rows: Rows, tamper: Tamper
) -> None:
    tx = rows("SELECT * FROM change_tx ORDER BY id")[2]
    tamper(
        *(
            f"DELETE FROM {t} WHERE {c} = {tx['id']}"
            for t, c in (("change_log", "tx_id"), ("change_tx", "id"), ("change_seal", "tx_id"))
        )
    )
    _code, found = checked(worked)
    assert (found["ok"], found["first_bad"]) == (False, tx["first_seq"])
    assert "seal" in found["problem"]


def test_a_removed_seal_is_named(worked: CommandLine, rows: Rows, tamper: Tamper) -> None:
    seal = rows("SELECT * FROM change_seal ORDER BY position")[2]
    tamper(f"DELETE FROM change_seal WHERE position = {seal['position']}")
    (tx,) = rows(f"SELECT * FROM change_tx WHERE id = {seal['tx_id']}")
    _code, found = checked(worked)
    assert (found["ok"], found["first_bad"]) == (False, tx["first_seq"])


@pytest.mark.parametrize("table", ["change_seal", "change_tx", "change_log"])
def test_a_dropped_table_of_the_log_is_named(worked: CommandLine, tamper: Tamper, table: str) -> None:
    tamper(f"ALTER TABLE {table} RENAME TO away")
    _code, found = checked(worked)
    assert (found["ok"], found["checked"], found["first_bad"]) == (False, 0, None)
    assert found["problem"].startswith(f"missing tables: {table}; somebody dropped them")
    doctor = {check["name"]: check for check in worked("doctor", "--json").json()["checks"]}
    assert (doctor["database"]["ok"], doctor["database"]["detail"]) == (False, found["problem"])
    refused = worked(*(("customer", "add", "--name", "x") if table == "change_log" else ("audit", "anchor")))
    assert refused.exit_code == 1
    assert "a table is missing" in refused.stderr
    assert table in refused.stderr
    assert "see with: crm doctor" in refused.stderr


def test_a_dropped_table_of_rows_is_named(worked: CommandLine, tamper: Tamper) -> None:
    tamper("ALTER TABLE interaction RENAME TO away", "ALTER TABLE import_run RENAME TO away_too")
    assert checked(worked)[1]["ok"]
    result = worked("audit", "verify", "--rows", "--json")
    assert (result.exit_code, result.json()["ok"]) == (1, False)
    assert result.json()["problem"].startswith("missing tables: import_run, interaction; ")


def test_seals_moved_together_over_a_removed_one_are_named(
    worked: CommandLine, rows: Rows, tamper: Tamper
) -> None:
    seals = rows("SELECT * FROM change_seal ORDER BY position")
    tamper(f"DELETE FROM change_seal WHERE position = {seals[2]['position']}")
    for seal in seals[3:]:
        tamper(f"UPDATE change_seal SET position = position - 1 WHERE position = {seal['position']}")
    assert not checked(worked)[1]["ok"]


def test_a_changed_seal_is_named(worked: CommandLine, rows: Rows, tamper: Tamper) -> None:
    seal = rows("SELECT * FROM change_seal ORDER BY position")[2]
    tamper(f"UPDATE change_seal SET seal = '{'ab' * 32}' WHERE position = {seal['position']}")
    (tx,) = rows(f"SELECT * FROM change_tx WHERE id = {seal['tx_id']}")
    _code, found = checked(worked)
    assert (found["ok"], found["first_bad"]) == (False, tx["first_seq"])


def test_transactions_sealed_in_another_order_are_named(
    worked: CommandLine, rows: Rows, tamper: Tamper
) -> None:
    one, other = rows("SELECT * FROM change_seal ORDER BY position")[2:4]
    tamper(
        f"UPDATE change_seal SET tx_id = -1 WHERE position = {one['position']}",
        f"UPDATE change_seal SET tx_id = {one['tx_id']} WHERE position = {other['position']}",
        f"UPDATE change_seal SET tx_id = {other['tx_id']} WHERE position = {one['position']}",
    )
    assert not recomputed(rows)
    assert not checked(worked)[1]["ok"]


def test_a_rewritten_entry_with_hashes_computed_anew_breaks_its_seal(
    worked: CommandLine, rows: Rows, tamper: Tamper
) -> None:
    seq = seq_of(rows, IN_THE_MIDDLE)
    tamper(f"UPDATE change_log SET before = '{{}}' WHERE seq = {seq}")
    resealed(rows, tamper, seq)
    (entry,) = rows(f"SELECT * FROM change_log WHERE seq = {seq}")
    (tx,) = rows(f"SELECT * FROM change_tx WHERE id = {entry['tx_id']}")
    _code, found = checked(worked)
    assert (found["ok"], found["first_bad"]) == (False, tx["first_seq"])
    assert f"transaction {tx['id']} " in found["problem"]


def test_of_several_the_lowest_is_named(worked: CommandLine, rows: Rows, tamper: Tamper) -> None:
    low, high = seq_of(rows, ENTRY), seq_of(rows, LAST_OF_A_TX)
    for seq in (low, high):
        tamper(f"UPDATE change_log SET before = '{{}}' WHERE seq = {seq}")
    assert checked(worked)[1]["first_bad"] == low


# -- what only an anchor shows -----------------------------------------------------------------------------------


@pytest.fixture
def anchor(worked: CommandLine, tmp_path: Any) -> str:
    path = tmp_path / "anchor.json"
    path.write_text(worked.ok("audit", "anchor", "--json").stdout, encoding="utf-8")
    return str(path)


def cut_tail(rows: Rows, tamper: Tamper) -> int:
    """Cut off the newest transaction with its seal; returns the place of its first entry."""
    tx = rows("SELECT * FROM change_tx ORDER BY first_seq")[-1]
    tamper(
        *(
            f"DELETE FROM {t} WHERE {c} = {tx['id']}"
            for t, c in (("change_log", "tx_id"), ("change_tx", "id"), ("change_seal", "tx_id"))
        )
    )
    return int(tx["first_seq"])


def test_a_cut_tail_is_not_seen_from_inside(worked: CommandLine, rows: Rows, tamper: Tamper) -> None:
    cut_tail(rows, tamper)
    assert recomputed(rows)
    assert checked(worked)[1]["ok"], "a shorter log is a whole log; the documents say so"


def test_a_cut_tail_is_seen_with_an_anchor(
    worked: CommandLine, anchor: str, rows: Rows, tamper: Tamper
) -> None:
    first = cut_tail(rows, tamper)
    _code, found = checked(worked, "--anchor", anchor)
    assert (found["ok"], found["first_bad"], found["anchored_to"]) == (False, first, None)
    assert "cut off" in found["problem"]


def test_a_log_written_anew_as_a_whole_is_seen_with_an_anchor_alone(
    worked: CommandLine, anchor: str, rows: Rows, tamper: Tamper
) -> None:
    seq = seq_of(rows, IN_THE_MIDDLE)
    tamper(f"UPDATE change_log SET before = '{{}}' WHERE seq = {seq}")
    resealed(rows, tamper, seq)
    all_seals_anew(rows, tamper)
    assert recomputed(rows)
    assert checked(worked)[1]["ok"]
    _code, found = checked(worked, "--anchor", anchor)
    assert not found["ok"]
    assert "anchor" in found["problem"]


def test_an_anchor_confirms_what_came_before_it_and_says_nothing_of_what_came_after(
    worked: CommandLine, anchor: str, app: App, seal: Callable[[], int], rows: Rows, tamper: Tamper
) -> None:
    position = json.loads(Path(anchor).read_text(encoding="utf-8"))["position"]
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "E", "name": "e"}])
    seal()
    assert checked(worked, "--anchor", anchor)[1]["anchored_to"] == position
    cut_tail(rows, tamper)
    assert checked(worked, "--anchor", anchor)[1]["ok"], "what was cut off came after the anchor"


def test_an_anchor_of_another_company_is_told_as_such(
    worked: CommandLine, anchor: str, make_app: Callable[..., App]
) -> None:
    other = make_app()
    for code in range(9):
        with other.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": str(code), "name": "x"}])
    _code, found = checked(worked, "--anchor", anchor)
    assert not found["ok"]
    assert "another database" in found["problem"]


# -- a log in use ------------------------------------------------------------------------------------------------


def test_what_postgresql_has_not_sealed_yet_is_counted_and_checked(
    worked: CommandLine, app: App, database: str, rows: Rows, tamper: Tamper
) -> None:
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "E", "name": "e"}])
    _code, found = checked(worked)
    assert (found["ok"], found["unsealed"]) == (True, 1 if database == "postgres" else 0)
    (newest,) = rows("SELECT max(seq) AS seq FROM change_log")
    tamper(f"UPDATE change_log SET after = '{{}}' WHERE seq = {newest['seq']}")
    assert checked(worked)[1]["first_bad"] == newest["seq"]


def test_a_transaction_written_from_outside_on_sqlite_is_named(
    make_app: Callable[..., App], crm: CommandLine
) -> None:
    app = make_app()
    with app.engine.connect() as connection, app.unguarded(connection), connection.begin():
        previous = header(
            {"id": 99, "at": "2026-01-01", "actor": "x", "authenticated_as": "x"}
            | dict.fromkeys(("reason", "source"), "")
        )
        digest = sha(sha(previous), 999, "customer", 1, "delete", "{}", None)
        connection.exec_driver_sql(
            "INSERT INTO change_tx VALUES (99, '2026-01-01 00:00:00.000000', 'x', 'x', '', '', NULL, 1, 999, 999, ?)",
            (digest,),
        )
        connection.exec_driver_sql(
            "INSERT INTO change_log VALUES (999, 99, 'customer', 1, 'delete', '{}', NULL, ?)", (digest,)
        )
    _code, found = checked(crm)
    assert (found["ok"], found["first_bad"], found["unsealed"]) == (False, 999, 1)


def test_two_transactions_that_interleave_hold(app: App, seal: Callable[[], int], database: str) -> None:
    """On PostgreSQL the places of one transaction lie between those of another."""
    if database == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    from threading import Thread

    def other() -> None:
        with app.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": "other", "name": "x"}])

    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "first", "name": "x"}])
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "one", "name": "x"}])
        thread = Thread(target=other, daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive(), "one writer waits for the other"
        tx.insert(Customer, [{"code": "two", "name": "x"}])
    assert verify(app).unsealed == 4
    seal()
    verdict = verify(app)
    assert (verdict.ok, verdict.unsealed) == (True, 0)


def test_an_entry_removed_from_between_those_of_another_is_named(
    app: App, seal: Callable[[], int], database: str, tamper: Tamper, rows: Rows
) -> None:
    test_two_transactions_that_interleave_hold(app, seal, database)
    seq = seq_of(rows, "after LIKE '%\"two\"%'")
    tamper(f"DELETE FROM change_log WHERE seq = {seq}")
    assert verify(app).first_bad == seq


def test_people_read_one_sentence(worked: CommandLine, rows: Rows, tamper: Tamper) -> None:
    done = worked.ok("audit", "verify")
    assert "as it was written" in done.stdout
    assert "--anchor" in done.stdout, "what cannot be seen is said"
    seq = seq_of(rows, ENTRY)
    tamper(f"UPDATE change_log SET before = '{{}}' WHERE seq = {seq}")
    done = worked("audit", "verify")
    assert (done.exit_code, done.stderr) == (1, "")
    assert f"entry {seq} (customer 1, update)" in done.stdout


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE change_log SET before = 'None' WHERE operation = 'create' AND seq = 3", 3),
        ("UPDATE change_log SET after = 'None' WHERE seq = 4", 4),
    ],
)
def test_nothing_is_not_the_word_for_it(
    worked: CommandLine, tamper: Tamper, statement: str, place: int
) -> None:
    assert tamper(statement)
    done = worked("audit", "verify", "--json")
    assert (done.exit_code, done.json()["first_bad"]) == (1, place)


def test_a_range_that_is_said_to_be_one_row_is_found(
    worked: CommandLine, tamper: Tamper, database: str
) -> None:
    if database != "sqlite":
        pytest.skip("a column of numbers holds numbers only")
    tamper("UPDATE change_log SET entity_id = 'None' WHERE seq = 2")
    assert worked("audit", "verify", "--json").json()["first_bad"] == 2


def test_a_header_that_cannot_be_read_is_named(
    worked: CommandLine, tamper: Tamper, rows: Rows, database: str
) -> None:
    if database != "sqlite":
        pytest.skip("a column of moments holds moments only")
    named = rows("SELECT id, first_seq FROM change_tx WHERE entries = 3")[0]
    tamper(f"UPDATE change_tx SET at = 'junk' WHERE id = {named['id']}")
    verdict = worked("audit", "verify", "--json").json()
    assert (verdict["ok"], verdict["first_bad"]) == (False, named["first_seq"])
    assert "the header of transaction" in verdict["problem"]
