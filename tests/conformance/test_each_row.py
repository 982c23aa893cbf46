"""Each row of `crm plugins check` can fail alone: the same plugin, broken in one place, fails that row and no other."""

from __future__ import annotations

import pytest

from crmcore.builtin.conformance import batches
from crmcore.builtin.conformance.child import made
from crmcore.builtin.conformance.order import CHECKS, OUTPUT, POSTGRES, ROWS

LONG = {"batches", "linear time"}
REPORT = "def stamps_report(ctx, parameters):\n"
JOB = "def give_more(app, actor):\n"
CARDS = "def card_sections(customer_ids, ctx):\n"
RAW = (
    '    with app.write(actor, "one more", "job", plugin="stamps") as tx:\n'
    '        tx.connection.connection.driver_connection.execute("DELETE FROM stamps_stamp").close()\n'
    "    return {}\n"
)
BREAKS = {
    "manifest": lambda s: s.declare(descripton="Gives stamps."),
    "settings": lambda s: s.set(lambda schema: schema["properties"]["enough"].update(default=0)),
    "catalogues": lambda s: setattr(s, "untranslated", ("Give stamps",)),
    "imports": lambda s: s.hook("def unused():\n    from crmcore.app import App"),
    "hooks": lambda s: s.hook("def service_policies(customer_ids):\n    return []"),
    "import budget": lambda s: s.hook("import openpyxl"),
    "names": lambda s: s.declare(permissions=[{"name": "give", "title": "Give stamps"}]),
    "commands": lambda s: s.change("cli.py", ', help=N_("Show the stamps of a customer.")', ""),
    "migrations on SQLite": lambda s: s.change(
        "migrations/0002_phone.py",
        "def upgrade():",
        'def upgrade():\n    if op.get_bind().dialect.name == "sqlite":\n        op.execute("DELETE FROM stamps_stamp")',
    ),
    POSTGRES: lambda s: s.change(
        "migrations/0002_phone.py",
        "def upgrade():",
        'def upgrade():\n    if op.get_bind().dialect.name == "postgresql":\n        op.execute("DELETE FROM stamps_stamp")',
    ),
    "personal data": lambda s: s.declare(references_customers=False),
    "use alone": lambda s: s.change("plugin.py", REPORT, REPORT + "    return 1 / 0\n"),
    "change log": lambda s: s.change("plugin.py", JOB, JOB + RAW),
    "merging": lambda s: s.change(
        "plugin.py", 'return [move_rows(tx, Stamp, "customer_id", moves)]', "return []"
    ),
    "uninstall": lambda s: s.change(
        "plugin.py", JOB, JOB + '    app.config.folder.joinpath("stamps.txt").write_text("")\n'
    ),
    "batches": lambda s: s.change(
        "plugin.py", CARDS, CARDS + '    assert len(customer_ids) < 10_000, "too many"\n'
    ),
    "linear time": lambda s: s.change(
        "plugin.py", CARDS, CARDS + "    for number in customer_ids:\n        -number in list(customer_ids)\n"
    ),
}


def test_there_is_a_break_for_each_row():
    assert [*BREAKS, OUTPUT] == list(ROWS), "what is printed is looked at in test_processes.py"


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("row", BREAKS)
def test_a_plugin_broken_in_one_place_fails_one_row(row, stamps, subject, postgres_server, monkeypatch):
    if row not in LONG:  # ten thousand records do not change what the other rows say
        monkeypatch.setattr(batches, "MANY", 40)
        monkeypatch.setattr(batches, "PART", 20)
    BREAKS[row](stamps)
    plugin = subject(stamps, postgres=postgres_server if row == POSTGRES else "")
    wrong = {}
    for name in CHECKS:
        ok, detail = made(name, plugin)
        if not ok:
            plugin.failed.add(name)
            wrong[name] = detail
    assert [name for name in wrong if not wrong[name].startswith("not run")] == [row], wrong
