"""A suite of somebody else, in a folder of its own, with nothing but crmcore.testing."""

import os
import subprocess
import sys

import pytest

PROJECT = """
[project]
name = "crmcore-stamps"
version = "1.0"
"""
CODE = """
from crmcore.api import CardSection, Refusal, hookimpl

@hookimpl
def card_sections(customer_ids, ctx):
    return [CardSection(i, "stamps", "Stamps", {"today": ctx.today}) for i in customer_ids]

@hookimpl
def validate_changes(changes, ctx):
    return [Refusal(i, f"{ctx.actor} may not") for i, c in enumerate(changes) if ctx.actor == "li"]
"""
SUITE = '''
"""Each fixture of the kit, as its documentation says."""

import pytest

from crmcore.api import Customer
from crmcore.testing import ACTOR


def test_cards(small_company, database, crm, clock):
    company = small_company(["stamps"], database)
    clock.move(days=1)
    with company.app.read(actor=ACTOR) as ctx:
        found = company.app.host.contribute("card_sections", ctx.connection, ACTOR,
                                            customer_ids=list(company.customers.values()), as_of=None)
    assert [s.data["today"].isoformat() for s in found] == ["2026-03-03"] * 30


def test_actors(make_app, crm):
    make_app(["stamps"])
    crm.ok("customer", "add", "--name", "A", "--code", "A1")
    with crm.as_actor("li", roles=["sales_representative"]):
        assert "li may not [stamps]" in crm("customer", "edit", "A1", "--set", "phone=1").stderr


def test_faults(make_app, gate_faults):
    app = make_app(["stamps"])
    with gate_faults.fail("log", error=OSError("gone")), pytest.raises(OSError), app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A1", "name": "A"}])


def crash(folder):
    from crmcore.api import Customer
    from crmcore.testing import ACTOR, GateFaults, open_workspace

    with GateFaults().kill("commit"), open_workspace(folder).write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A1", "name": "A"}])


def test_crashes(make_app, run_in_process, crm):
    app = make_app(["stamps"])
    assert run_in_process(crash, app.config.folder).exit_code == -9
    assert crm.lines("customer", "list") == []


def test_another_plugin(make_app, install_plugin, crm):
    install_plugin("other", "from crmcore.api import hookimpl")
    make_app(["stamps", "other"])
    assert {p["name"] for p in crm.lines("plugins", "list") if p["state"] == "enabled"} == {"stamps", "other"}
'''


@pytest.mark.slow
@pytest.mark.postgres
def test_a_suite_of_somebody_else_passes(tmp_path, postgres_server):
    package = tmp_path / "crmcore_stamps"
    info = tmp_path / "crmcore_stamps-1.0.dist-info"
    for folder in (package, info, tmp_path / "tests"):
        folder.mkdir()
    (package / "__init__.py").write_text("")
    (package / "plugin.py").write_text(CODE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crmcore-stamps\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[crmcore.plugins]\nstamps = crmcore_stamps.plugin\n")
    (info / "RECORD").write_text("crmcore_stamps/plugin.py,,\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "tests" / "test_stamps.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "CRM_TEST_POSTGRES": postgres_server},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
