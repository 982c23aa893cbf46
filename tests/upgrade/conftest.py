"""A company as it was frozen, brought back on either database."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore import app as app_module
from crmcore.testing import CommandLine, StandingClock
from tools.fixture_company import ACTOR, NOW

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())


@pytest.fixture(params=NAMES)
def frozen(request: pytest.FixtureRequest) -> Path:
    """Return the folder of a fixture: the test runs once on each."""
    return FIXTURES / str(request.param)


@pytest.fixture
def expected(frozen: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((frozen / "expected.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def _frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line look at the company when it was looked at before."""
    defaults: Any = app_module.create_app.__kwdefaults__
    monkeypatch.setitem(defaults, "clock", StandingClock(NOW))


@pytest.fixture
def company(
    frozen: Path,
    tmp_path: Path,
    crm: CommandLine,
    database: str,
    request: pytest.FixtureRequest,
    _frozen_clock: None,
) -> CommandLine:
    """Bring a frozen company back, as its administrator finds it after the programs were replaced."""
    folder = tmp_path / "company"
    shutil.copytree(frozen / "workspace", folder)
    script = gzip.decompress((frozen / f"{database}.sql.gz").read_bytes()).decode()
    if database == "sqlite":
        with closing(sqlite3.connect(folder / "crm.db")) as connection:
            connection.executescript(script)
        (folder / "crm.db").chmod(0o600)
    else:
        url = request.getfixturevalue("empty_postgres")
        _fill(url, script)
        path = folder / "crm.toml"
        text = path.read_text(encoding="utf-8").replace('url = "sqlite:///crm.db"', f'url = "{url}"')
        path.write_text(text, encoding="utf-8")
    crm.folder, crm.actor = folder, ACTOR
    return crm


def _fill(url: str, script: str) -> None:
    engine = sa.create_engine(sa.engine.make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute(script)
        driver.commit()
    engine.dispose()


@pytest.fixture
def empty_postgres(postgres_url: str) -> str:
    """Return the URL of a database without a table."""
    engine = sa.create_engine(sa.engine.make_url(postgres_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return postgres_url
