"""Workspaces that are made once in a run and copied for each test: to make one takes longer than most tests."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Hashable
from functools import cached_property
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from crmcore.testing.databases import Databases, databases_of

if TYPE_CHECKING:
    from crmcore.app import App

Builder = Callable[[Path, str | None], "App"]
"""(folder, URL of a PostgreSQL database with the core's tables or None) → the workspace made there."""


class _Template(NamedTuple):
    folder: Path
    database: str | None


class Templates:
    """The workspaces made so far in this run, closed."""

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        """Keep them in an empty folder; `request` gives PostgreSQL once one of them needs it."""
        self._folder = folder
        self._request = request
        self._made: dict[Hashable, _Template] = {}

    @cached_property
    def lasting(self) -> set[str]:
        """The plugins that are installed for the whole run, not below pytest's own folder."""
        from crmcore.plugins.discovery import GROUP

        own = self._folder.parent
        path = [place for place in sys.path if not Path(place).is_relative_to(own)]
        return {
            entry.name
            for distribution in distributions(path=path)
            for entry in distribution.entry_points.select(group=GROUP)
        }

    def copy(self, key: Hashable, folder: Path, database: str, build: Builder) -> str | None:
        """Copy a workspace to a new folder and a new database; build it where no test of the run has done so yet.

        key: tells it from others on the same kind of database. Returns the name of the new PostgreSQL database, or None.
        """
        from crmcore.db import migrations

        # What a test sets in the environment, or in the place of the core's migrations, is part of what it asks for.
        environment = sorted(item for item in os.environ.items() if item[0].startswith("CRM_"))
        key = (key, database, migrations.CORE_FOLDER, *environment)
        if key not in self._made:
            self._made[key] = self._build(database, build)
        template = self._made[key]
        shutil.copytree(template.folder, folder)
        if template.database is None:
            return None
        name = self.databases.make(template.database)
        config = folder / "crm.toml"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace(template.database, name), encoding="utf-8")
        return name

    @property
    def databases(self) -> Databases:
        """The databases of the run's PostgreSQL, which is started for the first of them."""
        self._request.getfixturevalue("postgres_template")  # and drops what is left at the end of the run
        return databases_of(self._request.getfixturevalue("postgres_server"))

    def _build(self, database: str, build: Builder) -> _Template:
        folder = self._folder / str(len(list(self._folder.iterdir())))
        name = self.databases.make(self.databases.core) if database == "postgres" else None
        build(folder, self.databases.url(name) if name else None).close()
        return _Template(folder, name)


@pytest.fixture(scope="session")
def workspace_templates(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Templates:
    """Return the workspaces that the tests of this run copy."""
    return Templates(tmp_path_factory.mktemp("templates"), request)
