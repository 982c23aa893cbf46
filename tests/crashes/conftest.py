"""The world in which companies crash."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crashes.world import ForkServer, World


@pytest.fixture(scope="session")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("crashes")
    (folder / "told").mkdir()
    server = ForkServer(folder / "told")
    yield World(folder, server)
    server.end()


@pytest.fixture(scope="session")
def _served(_world: World, postgres_server: str, postgres_template: str) -> Iterator[None]:
    _world.serve(postgres_server, postgres_template)
    yield
    _world.end()


@pytest.fixture
def world(_world: World) -> World:
    """Return what makes companies on SQLite, for all tests of the run."""
    return _world


@pytest.fixture
def on(request: pytest.FixtureRequest, database: str) -> str:
    """Return the kind of database, ready to be used."""
    if database == "postgres":
        request.getfixturevalue("_served")
    return database
