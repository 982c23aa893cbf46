"""What the tests share: a company that does as local_rules says."""

from __future__ import annotations

import json

import pytest

from crmcore.api import App
from crmcore.testing import AppMaker

SETTINGS = """
[strategies]
code_generator = "check_digit"
currency_rates = "treasury"
workdays = "six_days"

[plugins.local_rules]
rates_key = { env = "TREASURY_KEY" }
"""
RATES = {"2026-03": {"USD": "7.05", "EUR": "8.1"}}


@pytest.fixture
def company(make_app: AppMaker, database: str, monkeypatch: pytest.MonkeyPatch) -> App:
    """Return a workspace on each database, with a file of rates that nobody has signed."""
    monkeypatch.setenv("TREASURY_KEY", "correct horse")
    app = make_app(["local_rules"], database)
    with app.config.path.open("a", encoding="utf-8") as file:
        file.write(SETTINGS)
    app.refresh()
    (app.config.folder / "rates.json").write_text(json.dumps({"rates": RATES}), encoding="utf-8")
    return app
