"""What is imported: hooks, import budget, names, commands."""

from __future__ import annotations

import pytest

from crmcore.builtin.conformance.budget import check_budget
from crmcore.builtin.conformance.child import made
from crmcore.builtin.conformance.commands import check_commands
from crmcore.builtin.conformance.findings import NotRun
from crmcore.builtin.conformance.loading import check_hooks
from crmcore.builtin.conformance.naming import check_names


@pytest.mark.parametrize("check", [check_hooks, check_names, check_commands])
def test_a_plugin_that_keeps_the_rules_passes(subject, stamps, check):
    assert check(subject(stamps))[0]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "@hookimpl\ndef card_section(customer_ids): ...",
            "has no hook 'card_section' (did you mean 'card_sections'?)",
        ),
        ("@hookimpl\ndef service_policies(customers): ...", "customers"),
        ("@hookimpl(wrapper=True)\ndef service_policies(customer_ids):\n    yield", "may not be a wrapper"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_module_that_cannot_be_loaded_fails(subject, stamps, code, told):
    ok, detail = made("hooks", subject(stamps.hook(code)))
    assert not ok
    assert told in detail


def test_a_hook_that_nobody_marked_fails(subject, stamps):
    ok, detail = check_hooks(subject(stamps.hook("def service_policies(customer_ids):\n    return []")))
    assert not ok
    assert "crmcore_stamps.plugin has a function service_policies without @hookimpl" in detail


def test_an_unknown_fact_fails(subject, stamps):
    code = "from crmcore.api import FactProvider\n@hookimpl\ndef facts():\n    return [FactProvider('weather', lambda s: None)]"
    ok, detail = check_hooks(subject(stamps.hook(code)))
    assert not ok
    assert detail.startswith("there is no fact 'weather'; known are purchases")


def test_a_registration_of_something_else_fails(subject, stamps):
    stamps.change(
        "plugin.py", 'return [JobSpec("stamps_double"', 'return ["double"] or [JobSpec("stamps_double"'
    )
    with pytest.raises(TypeError, match="jobs returned a str, expected JobSpec"):
        check_hooks(subject(stamps))


def test_a_plugin_without_hooks_and_commands_does_nothing(subject, stamps, install_plugin):
    from crmcore.builtin.conformance.subject import Subject

    install_plugin("idle", "")
    ok, detail = check_hooks(Subject("idle", subject(stamps).folder))
    assert (ok, detail) == (False, "it has no hook, and no command either; mark its functions with @hookimpl")


def test_light_modules_are_within_the_budget(subject, stamps):
    ok, detail = check_budget(subject(stamps))
    assert ok, detail
    assert detail.startswith("modules: crmcore_stamps.plugin ")
    assert "crmcore_stamps.cli" in detail


@pytest.mark.parametrize(("file", "module"), [("plugin.py", "plugin"), ("cli.py", "cli")])
def test_a_heavy_import_fails_in_the_plugins_module_and_in_that_of_a_command(subject, stamps, file, module):
    stamps.files[file] = stamps.files[file].replace("from crmcore.api", "import duckdb\nfrom crmcore.api", 1)
    ok, detail = check_budget(subject(stamps))
    assert not ok
    assert f"importing crmcore_stamps.{module} imports duckdb; import them in the function" in detail


def test_too_many_modules_fail(subject, stamps):
    imports = "; ".join(f"import crmcore_stamps.m{number}" for number in range(160))
    stamps.files.update({f"m{number}.py": "" for number in range(160)})
    stamps.files["plugin.py"] = f"{imports}\n{stamps.files['plugin.py']}"
    ok, detail = check_budget(subject(stamps))
    assert not ok
    assert "allowed are 150" in detail


def test_the_budget_of_what_cannot_be_loaded_is_not_measured(subject, stamps):
    looked = subject(stamps)
    looked.failed.add("hooks")
    with pytest.raises(NotRun, match="the check 'hooks' failed"):
        check_budget(looked)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("tables.py", '"stamps_stamp"', '"card_stamp"', "table 'card_stamp' must begin with 'stamps_'"),
        ("tables.py", '{"sqlite_autoincrement": True}', "{}", "must set sqlite_autoincrement"),
        (
            "tables.py",
            '{"sqlite_autoincrement": True}',
            '(__import__("sqlalchemy").Index("by_count", "count"), {"sqlite_autoincrement": True})',
            "Index 'by_count' of table 'stamps_stamp' must begin with 'stamps_'",
        ),
        (
            "tables.py",
            '{"sqlite_autoincrement": True}',
            '(__import__("sqlalchemy").UniqueConstraint("count", name="once"), {"sqlite_autoincrement": True})',
            "UniqueConstraint 'once' of table 'stamps_stamp' must begin with 'stamps_'",
        ),
        ("plugin.json", '"stamps.give"', '"give"', "permission 'give' must begin with 'stamps.'"),
        ("plugin.py", '"stamps_double"', '"Double It"', "jobs: 'Double It' may only have"),
        ("plugin.py", '"stamps_double"', '"seal_log"', "jobs: 'seal_log' is a name of crmcore's own"),
        (
            "plugin.py",
            'Importable("stamps"',
            'Importable("customers"',
            "importables: 'customers' is a name of",
        ),
        (
            "plugin.py",
            'return [ReportSpec("stamps"',
            'return 2 * [ReportSpec("stamps"',
            "reports: 'stamps' is there 2 times",
        ),
    ],
)
def test_a_name_that_is_not_the_plugins_own_fails(subject, stamps, file, old, new, told):
    ok, detail = check_names(subject(stamps.change(file, old, new)))
    assert not ok
    assert told in detail


SEARCHED = """@hookimpl
def search_terms():
    from crmcore.api import Customer, SearchTerms

    from .tables import Stamp

    return [SearchTerms({table}, "Stamp", keys=("{column}",), customer="{customer}")]


@hookimpl
def importables():
"""


@pytest.mark.parametrize(
    ("table", "column", "customer", "told"),
    [
        ("Stamp", "phone", "customer_id", ""),
        ("Stamp", "number", "customer_id", "search_terms: table stamps_stamp has no column number"),
        ("Stamp", "phone", "owner_id", "search_terms: table stamps_stamp has no column owner_id"),
        ("Customer", "phone", "id", "search_terms: table customer is registered twice"),
    ],
)
def test_only_columns_that_there_are_can_be_searched(subject, stamps, table, column, customer, told):
    hook = SEARCHED.format(table=table, column=column, customer=customer)
    ok, detail = check_names(subject(stamps.change("plugin.py", "@hookimpl\ndef importables():\n", hook)))
    assert (ok, told in detail) == (not told, True)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "plugin.json",
            "crmcore_stamps.cli:stamps",
            "crmcore_stamps.cli:nothing",
            "crm stamps: AttributeError",
        ),
        (
            "plugin.json",
            "crmcore_stamps.cli:stamps",
            "crmcore_stamps.cli:echo",
            "function is not a click command",
        ),
        ("cli.py", "import click", "import click, no_such_module", "crm stamps: ModuleNotFoundError"),
        ("cli.py", ', help=N_("Show the stamps of a customer.")', "", "crm stamps show has no help"),
        (
            "cli.py",
            'cls=Group, help=N_("Stamps: show")',
            'cls=Group, help=N_("Stamps: show"), lazy={"more": (N_("More"), "crmcore_stamps.more:more")}',
            "crm stamps more: ModuleNotFoundError",
        ),
    ],
)
def test_a_command_that_does_not_load_fails(subject, stamps, file, old, new, told):
    ok, detail = check_commands(subject(stamps.change(file, old, new)))
    assert not ok
    assert told in detail
