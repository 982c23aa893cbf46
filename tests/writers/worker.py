"""One of several processes that write into the same company at once: `python worker.py KIND FOLDER SEED TURNS SAID`.

What was acknowledged is written to the file SAID, a JSON line each, after the acknowledgement and never before.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crmcore.app import App, create_app
from crmcore.builtin.exchange import engine
from crmcore.builtin.records.services import contacts, customers, interactions
from crmcore.builtin.records.services.values import By
from crmcore.cli.main import main
from crmcore.errors import StaleVersion
from crmcore.testing import ACTOR

BASE = 12
"""Customers B00 … that are there from the start, each with a contact P00 … and an interaction I00 …."""
SHARED = 40
"""Customers that both importers of customers bring, in different orders, with different regions."""
CHUNK = 25


class Worker:
    """What all kinds of writers need."""

    def __init__(self, folder: Path, seed: str, turns: int, said: Path) -> None:
        self.folder, self.seed, self.turns = folder, seed, turns
        self.random = random.Random(seed)
        self._said = said
        self.by = By(ACTOR, f"writer {seed}")
        self.app: App = create_app(folder)

    def say(self, what: str, **values: Any) -> None:
        """Note something that was acknowledged."""
        with self._said.open("a", encoding="utf-8") as file:
            print(json.dumps({"what": what, **values}), file=file)

    def crm(self, *words: object) -> Any:
        """Type a command; returns what it printed as JSON, or raises StaleVersion."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(["-C", str(self.folder), *map(str, words), "--json"], exit_process=False)
        if code == 1 and "was changed since you read it" in err.getvalue():
            raise StaleVersion(err.getvalue())
        if code or err.getvalue():
            raise SystemExit(f"crm {words} ended with {code}: {err.getvalue()}")
        lines = out.getvalue().splitlines()
        return json.loads(lines[0]) if len(lines) == 1 else [json.loads(line) for line in lines]

    def until_taken(self, edit: Callable[[], None]) -> int:
        """Make an edit again until nobody else was faster; returns how often somebody was."""
        for stale in range(10_000):
            try:
                edit()
            except StaleVersion:
                continue
            return stale
        raise SystemExit("somebody else was always faster")


def import_customers(w: Worker) -> None:
    """Import files of customers of one's own and of some that somebody else imports, too."""
    for turn in range(w.turns):
        shared = [f"S{n:03}" for n in range(SHARED)]
        w.random.shuffle(shared)
        own = [f"{w.seed}{turn}-{n:03}" for n in range(SHARED)]
        codes = [code for pair in zip(own, shared, strict=True) for code in pair]
        lines = [f"{code},Firm {code},{w.seed}{turn},{turn}" for code in codes]
        path = w.folder.parent / f"{w.seed}{turn}.csv"
        path.write_text("code,name,region,payment_days\n" + "\n".join(lines) + "\n", encoding="utf-8")
        done = w.crm("import", "customers", path)
        w.say("imported", codes=codes, region=f"{w.seed}{turn}", **done)


def import_people(w: Worker) -> None:
    """Import contacts, without codes, and interactions at customers whom others are editing."""
    for turn in range(w.turns):
        names = [f"Person {w.seed}{turn}-{n}" for n in range(2 * BASE)]
        people = [f"{name},B{n % BASE:02},139{n:08}" for n, name in enumerate(names)]
        talks = [f"B{n % BASE:02},phone,{w.seed}{turn}-{n},2026-01-02 10:00" for n in range(2 * BASE)]
        for entity, header, lines in (
            ("contacts", "name,customer,mobile", people),
            ("interactions", "customer,channel,subject,at", talks),
        ):
            path = w.folder.parent / f"{w.seed}{turn}-{entity}.csv"
            path.write_text("\n".join([header, *w.random.sample(lines, len(lines))]) + "\n", encoding="utf-8")
            done = w.crm("import", entity, path)
            w.say(f"imported {entity}", turn=turn, **done)


def count_customers(w: Worker) -> None:
    """Add one to a number on a card that others count up, too; half of it by the command line."""
    for turn in range(w.turns):
        code = f"B{w.random.randrange(3):02}"

        def edit(code: str = code, turn: int = turn) -> None:
            if turn % 2:
                card = w.crm("customer", "show", code)
                number = card["attributes"]["employees"] + 1
                version = card["version"]
                w.crm("customer", "edit", code, "--set", f"employees={number}", "--expect-version", version)
                return
            with w.app.read() as ctx:
                row = ctx.connection.exec_driver_sql(
                    f"SELECT attributes, version FROM customer WHERE code = '{code}'"  # noqa: S608  (ours)
                ).one()
            held = json.loads(row[0]) if isinstance(row[0], str) else row[0]
            values = {"employees": held["employees"] + 1}
            customers.edit(w.app, w.by, code, values, expect_version=row[1])

        w.say("counted", entity="customer", code=code, stale=w.until_taken(edit))


def count_people(w: Worker) -> None:
    """Count up the phone of contacts and the subject of interactions; add customers with codes of the pattern."""
    for turn in range(w.turns):
        number = w.random.randrange(3)

        def edit_contact(code: str = f"P{number:02}") -> None:
            found = w.crm("contact", "show", code)
            phone = str(int(found["phone"]) + 1)
            contacts.edit(w.app, w.by, code, {"phone": phone}, {}, expect_version=found["version"])

        def edit_interaction(code: str = f"I{number:02}") -> None:
            found = w.crm("interaction", "show", code)
            subject = str(int(found["subject"]) + 1)
            interactions.edit(w.app, w.by, code, {"subject": subject}, expect_version=found["version"])

        if turn % 2:
            w.say("counted", entity="contact", code=f"P{number:02}", stale=w.until_taken(edit_contact))
        else:
            stale = w.until_taken(edit_interaction)
            w.say("counted", entity="interaction", code=f"I{number:02}", stale=stale)
        code = customers.add(w.app, w.by, {"name": f"Added {w.seed}{turn}"})
        w.say("added", entity="customer", code=code)
        code = contacts.add(w.app, w.by, code, {"name": f"Person {w.seed}{turn}"}, {})
        w.say("added", entity="contact", code=code)


def archive(w: Worker) -> None:
    """Archive customers and take them back."""
    codes = [f"B{n:02}" for n in range(6, 12)]
    for turn in range(w.turns):
        customers.set_archived(w.app, w.by, w.random.sample(codes, 6), archived=turn % 2 == 0)
        w.say("archived" if turn % 2 == 0 else "restored", codes=codes)


def read(w: Worker) -> None:
    """Find, list, export, check, seal and hand changes to observers, while all the others write."""
    for turn in range(w.turns):
        found = w.crm("find", "Firm S001")
        w.say("found", count=len(found))
        path = w.folder.parent / f"export{w.seed}{turn}.csv"
        w.crm("export", "customers", path) if turn % 3 == 0 else None
        w.crm("jobs", "run", "deliver_changes")
        w.crm("jobs", "run", "seal_log")
        checked = w.crm("audit", "verify")
        if not checked["ok"]:
            raise SystemExit(f"the chain broke: {checked}")


KINDS = {
    f.__name__: f for f in (import_customers, import_people, count_customers, count_people, archive, read)
}


def run(kind: str, folder: str, seed: str, turns: str, said: str) -> None:
    """Do one kind of work."""
    worker = Worker(Path(folder), seed, int(turns), Path(said))
    engine.CHUNK_ROWS = CHUNK  # many chunks, so that others come in between
    KINDS[kind](worker)
    worker.app.close()


if __name__ == "__main__":
    run(*sys.argv[1:])
