"""Every bundled plugin keeps the rules: `crm plugins check`, as everybody runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmcore.builtin.conformance.running import check_plugin

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(p.parent.name for p in ROOT.glob("plugins/*/pyproject.toml"))


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("name", PLUGINS)
def test_a_bundled_plugin_keeps_the_rules(name, postgres_server, monkeypatch):
    monkeypatch.setenv("CRM_TEST_POSTGRES", postgres_server)
    found = check_plugin(name)
    assert {row["name"]: row["detail"] for row in found["checks"] if not row["ok"]} == {}
    details = {row["name"]: row["detail"] for row in found["checks"]}
    assert details["migrations on PostgreSQL"] != "not run"
