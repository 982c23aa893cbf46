"""What a plugin does in a company: it is used, its writes are logged, it leaves nothing, its hooks work on batches."""

from __future__ import annotations

import pytest

from crmcore.builtin.conformance import batches, using
from crmcore.builtin.conformance.batches import check_batches, check_time
from crmcore.builtin.conformance.findings import NotRun
from crmcore.builtin.conformance.leaving import check_uninstall
from crmcore.builtin.conformance.logged import check_log
from crmcore.builtin.conformance.using import check_use


@pytest.mark.slow
def test_a_plugin_that_keeps_the_rules_is_used_logged_and_uninstalled(subject, stamps):
    plugin = subject(stamps)
    ok, detail = check_use(plugin)
    assert ok, detail
    assert detail.endswith("other plugins: none")
    ok, detail = check_log(plugin)
    assert ok, detail
    assert detail == "40 entries, 10 rows"
    assert check_uninstall(plugin) == (True, "nothing is left")


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "plugin.py",
            "def stamps_report(ctx, parameters):",
            "def stamps_report(ctx, parameters):\n    1 / 0",
            "report stamps: ",
        ),
        ("plugin.py", '"count", _("Number"), "integer"', '"count", _("Number"), "date"', "report stamps: "),
        (
            "plugin.py",
            "def give_more(app, actor):",
            "def give_more(app, actor):\n    raise ValueError('no')",
            "job stamps_double: ValueError: no",
        ),
        (
            "plugin.py",
            "def give_more(app, actor):",
            "def give_more(app, actor):\n    return {'object': app}",
            "job stamps_double: TypeError",
        ),
        (
            "plugin.py",
            "def load(tx, rows, ctx):",
            "def load(tx, rows, ctx):\n    rows[0].values['none']",
            "import stamps (required): ",
        ),
        (
            "plugin.py",
            "def export(ctx):",
            "def export(ctx):\n    yield {'count': 1}\n    raise OSError('gone')",
            "export stamps: ",
        ),
        (
            "plugin.py",
            "def card_sections(customer_ids, ctx):",
            "def card_sections(customer_ids, ctx):\n    return [None]",
            "card_sections: TypeError",
        ),
        (
            "plugin.py",
            "def work_items(actor, ctx):",
            "def work_items(actor, ctx):\n    raise SystemExit",
            "work_items: SystemExit",
        ),
        (
            "plugin.py",
            "def observe_changes(changes):",
            "def observe_changes(changes):\n    changes[0].nothing",
            "observe_changes: AttributeError",
        ),
        (
            "plugin.py",
            "def validate_changes(changes):",
            "def validate_changes(changes):\n    raise KeyError('x')",
            "KeyError",
        ),
        (
            "cli.py",
            "def show(code):",
            "def show(code):\n    pass\nshow.params[0].make_metavar = None\ndef other(code):",
            "crm stamps show --help",
        ),
    ],
)
def test_what_raises_when_it_is_used_fails(subject, stamps, file, old, new, told):
    ok, detail = check_use(subject(stamps.change(file, old, new)))
    assert not ok
    assert told in detail


def test_a_write_round_the_gate_fails_when_it_is_used(subject, stamps):
    new = """def give_more(app, actor):
    import sqlalchemy as sa
    with app.read("stamps") as ctx:
        ctx.connection.execute(sa.text("DELETE FROM stamps_stamp"))
    return {}
"""
    ok, detail = check_use(subject(stamps.change("plugin.py", "def give_more(app, actor):\n", new)))
    assert not ok
    assert "job stamps_double: " in detail


def test_to_refuse_with_a_sentence_is_no_fault(subject, stamps):
    new = 'def give_more(app, actor):\n    from crmcore.api import Refused\n    raise Refused("not today")\n'
    assert check_use(subject(stamps.change("plugin.py", "def give_more(app, actor):\n", new)))[0]


def test_what_needs_a_plugin_that_it_does_not_require_fails_alone(subject, stamps):
    new = "def stamps_report(ctx, parameters):\n    ctx.connection.exec_driver_sql('SELECT * FROM ledger_product')\n"
    ok, detail = check_use(subject(stamps.change("plugin.py", "def stamps_report(ctx, parameters):\n", new)))
    assert not ok
    assert "report stamps: " in detail


def test_required_plugins_are_enabled_with_it(subject, stamps):
    new = "def stamps_report(ctx, parameters):\n    ctx.connection.exec_driver_sql('SELECT * FROM ledger_product')\n"
    stamps.change("plugin.py", "def stamps_report(ctx, parameters):\n", new)
    ok, detail = check_use(subject(stamps.declare(requires=["trade_ledger"])))
    assert ok, detail
    assert detail.endswith("other plugins: trade_ledger")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('return Report(_("Stamps"), ', 'return Report("All stamps", ', "'All stamps'"),
        ('"integer"), Column("count", _("Number")', '"integer"), Column("count", "How many"', "'How many'"),
        ('Table("stamps", "", columns', 'Table("stamps", "By name", columns', "'By name'"),
        ('ReportSpec("stamps", N_("Stamps")', 'ReportSpec("stamps", "Of all"', "'Of all'"),
        (
            "columns, rows),))",
            'columns, rows),), notes=(f"it has {len(rows)} rows", "ABC", "kg"))',
            "'it has ",
        ),
        ("columns, rows),))", "columns, rows),), notes=(EARLY,))\n\nEARLY = _('Number')", "'Number'"),
    ],
)
def test_words_of_a_report_that_stay_english_fail(subject, stamps, old, new, told):
    ok, detail = check_use(subject(stamps.change("plugin.py", old, new)))
    assert not ok
    assert f"report stamps: shown in Chinese as in English: {told}" in detail
    assert "'ABC'" not in detail


def test_words_that_are_translated_as_they_stand_are_no_fault(subject, stamps):
    stamps.change("plugin.py", "columns, rows),))", "columns, rows),), notes=(_('Gini'),))")
    stamps.translations["Gini"] = "Gini"
    ok, detail = check_use(subject(stamps))
    assert ok, detail


RAW = """def give_more(app, actor):
    with app.write(actor, "one more", "job", plugin="stamps") as tx:
        tx.connection.connection.driver_connection.execute({statement!r}).close()
    return {{}}


def kept(app, actor):
"""


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM stamps_stamp", "table stamps_stamp: 0 rows are there, 10 after the change log"),
        (
            "INSERT INTO stamps_stamp (customer_id, count, version) VALUES (1, 1, 1)",
            "table stamps_stamp: 13 rows are there, 10 after the change log (not logged: 3, gone: 0)",
        ),
        ("UPDATE stamps_stamp SET count = 77", "10 rows hold other values than the change log says"),
        (
            (
                "INSERT INTO actor (uid, code, kind, name, roles, version)"
                " VALUES (hex(randomblob(8)), hex(randomblob(8)), 'human', 'x', '[]', 1)"
            ),
            "table actor: 4 rows are there, 1 after the change log",
        ),
    ],
)
def test_rows_that_the_change_log_does_not_know_fail(subject, stamps, statement, told):
    stamps.change("plugin.py", "def give_more(app, actor):\n", RAW.format(statement=statement))
    ok, detail = check_log(subject(stamps))
    assert not ok
    assert told in detail


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "migrations/0001_stamps.py",
            "def upgrade():",
            "def upgrade():\n    op.execute('CREATE VIEW every_stamp AS SELECT 1')",
            "view every_stamp is left",
        ),
        (
            "migrations/0001_stamps.py",
            "def upgrade():",
            "def upgrade():\n    op.create_index('ix_stamps_regions', 'customer', ['region'])",
            "index ix_stamps_regions is left",
        ),
        (
            "plugin.py",
            "def give_more(app, actor):",
            "def give_more(app, actor):\n    app.config.folder.joinpath('stamps.txt').write_text('')",
            "stamps.txt is left",
        ),
    ],
)
def test_what_stays_behind_fails(subject, stamps, file, old, new, told):
    ok, detail = check_uninstall(subject(stamps.change(file, old, new)))
    assert not ok
    assert told in detail


def test_facts_that_nobody_provides_are_lent_so_that_reports_have_something_to_reckon_with(subject, stamps):
    new = """def stamps_report(ctx, parameters):
    for fact in ("purchases", "receivables", "products", "stock", "complaints", "credit_limits"):
        assert len(ctx.connection.execute(ctx.facts.select(fact)).first()) > 3
    raise ValueError("all are there")
"""
    ok, detail = check_use(subject(stamps.change("plugin.py", "def stamps_report(ctx, parameters):\n", new)))
    assert not ok
    assert detail.count("report stamps: ") == 1, "without them the report refuses with a sentence"
    assert "all are there" in detail


@pytest.fixture
def few(monkeypatch):
    """Let the batches be small: what they are compared by does not change with their number."""
    monkeypatch.setattr(batches, "MANY", 60)
    monkeypatch.setattr(batches, "PART", 20)


@pytest.mark.usefixtures("few")
def test_hooks_that_work_on_batches_pass(subject, stamps):
    plugin = subject(stamps)
    ok, detail = check_batches(plugin)
    assert ok, detail
    assert detail == "hooks: card_sections, validate_changes, observe_changes; 60 records"


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("hook", "new", "told"),
    [
        ("card_sections(customer_ids, ctx)", "customer_ids[0]", "card_sections with 0 records: IndexError"),
        (
            "card_sections(customer_ids, ctx)",
            "assert len(customer_ids) < 60",
            "card_sections with 60 records: AssertionError",
        ),
        (
            "card_sections(customer_ids, ctx)",
            "return [CardSection(len(customer_ids), 'n', 'n', {}) for i in customer_ids]",
            "card_sections: 60 results for 60 records at once, other ones (60) in batches",
        ),
        (
            "card_sections(customer_ids, ctx)",
            "return [CardSection(1, 'n', 'n', {})]",
            "card_sections returns something for no record",
        ),
        (
            "card_sections(customer_ids, ctx)",
            "return customer_ids",
            "card_sections returned a int, expected CardSection",
        ),
        (
            "validate_changes(changes)",
            "return [Refusal(0, 'no')] * (len(changes) > 30)",
            "validate_changes: 1 results for 60 records at once, other ones (0) in batches",
        ),
        ("work_items(actor, ctx)", "rows_of(ctx)[0]", "work_items with 0 records: IndexError"),
        ("alerts(ctx)", "assert len(rows_of(ctx)) < 60", "alerts with 60 records: AssertionError"),
        (
            "observe_changes(changes)",
            "assert len(changes) != 1",
            "observe_changes with 1 records: AssertionError",
        ),
    ],
)
def test_a_hook_that_does_not_work_on_batches_fails(subject, stamps, hook, new, told):
    ok, detail = check_batches(
        subject(stamps.change("plugin.py", f"def {hook}:\n", f"def {hook}:\n    {new}\n"))
    )
    assert not ok
    assert told in detail


EACH = """
    import sqlalchemy as sa
    for _each in ctx.connection.execute(sa.text("SELECT id FROM customer")).all():
        ctx.connection.execute(sa.text("SELECT 1"))
"""
ONE_BY_ONE = """
    import sqlalchemy as sa
    for number in customer_ids:
        ctx.connection.execute(sa.text("SELECT 1"))
"""


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("hook", "new", "told"),
    [
        (
            "card_sections(customer_ids, ctx)",
            ONE_BY_ONE,
            "card_sections sends 21 statements to the database for 20 records; 7 are allowed: ",
        ),
        (
            "work_items(actor, ctx)",
            EACH,
            "work_items sends 63 statements to the database for 60 records; 9 are allowed: ",
        ),
        (
            "alerts(ctx)",
            EACH,
            "alerts sends 63 statements to the database for 60 records; 9 are allowed: ",
        ),
    ],
)
def test_a_hook_that_asks_the_database_for_each_record_fails(subject, stamps, hook, new, told):
    ok, detail = check_batches(subject(stamps.change("plugin.py", f"def {hook}:\n", f"def {hook}:{new}")))
    assert not ok
    assert told in detail


def test_a_hook_may_ask_in_batches_of_five_hundred(subject, stamps, few, monkeypatch):
    monkeypatch.setattr(batches, "BATCH", 5)
    new = ONE_BY_ONE.replace("in customer_ids", "in customer_ids[::5]")
    stamps.change(
        "plugin.py", "def card_sections(customer_ids, ctx):\n", f"def card_sections(customer_ids, ctx):{new}"
    )
    ok, detail = check_batches(subject(stamps))
    assert ok, detail


def test_refusals_of_batches_count_from_the_beginning(subject, stamps, few):
    new = "def validate_changes(changes):\n    return [Refusal(i, 'no') for i, c in enumerate(changes) if c.id % 7 == 0]\n"
    assert check_batches(subject(stamps.change("plugin.py", "def validate_changes(changes):\n", new)))[0]


SQUARE = """def card_sections(customer_ids, ctx):
    for number in customer_ids:
        number in list(customer_ids[::2])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("new", "right"), [("def card_sections(customer_ids, ctx):\n", True), (SQUARE, False)]
)
def test_time_that_grows_with_the_square_fails_and_linear_time_passes(subject, stamps, new, right):
    plugin = subject(stamps.change("plugin.py", "def card_sections(customer_ids, ctx):\n", new))
    ok, detail = check_time(plugin)
    assert ok is right, detail
    if not right:
        assert "card_sections: a record takes" in detail


def test_what_was_never_used_is_not_looked_at_for_traces(subject, stamps):
    plugin = subject(stamps)
    plugin.failed.add("use alone")
    for check in (check_log, check_uninstall, check_batches):
        with pytest.raises(NotRun):
            check(plugin)
    assert using.USED not in plugin.kept
