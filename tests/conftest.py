"""What all tests here share beyond `crmcore.testing`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from crmcore.testing import ProcessRunner
from crmcore.testing.databases import _maintenance

# A busy computer is no failure: no example is timed.
settings.register_profile("crm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crm")


@pytest.fixture
def python(run_in_process: ProcessRunner) -> ProcessRunner:
    """Run a piece of Python in a process of its own, with the plugins that this test installed."""
    return run_in_process


@pytest.fixture
def empty_postgres(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Make PostgreSQL databases without a table, as `createdb` does; returns the address of each."""
    made: list[str] = []

    def make() -> str:
        server = sa.engine.make_url(request.getfixturevalue("postgres_server"))
        name = f"crm_{uuid.uuid4().hex[:12]}"
        with _maintenance(server.render_as_string(hide_password=False)) as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        made.append(name)
        plain = sa.URL.create(
            "postgresql", server.username, None, server.host, server.port, name, server.query
        )
        return plain.render_as_string()

    yield make
    for name in made:
        with _maintenance(request.getfixturevalue("postgres_server")) as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
