"""Which engines there are here, which one to take, and a bench on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.errors import CrmError, PluginError, UsageProblem
from crmcore.i18n import _
from crmcore.plugins.isolation import blaming

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.builtin.analytics.bench import Bench
    from crmcore.hookspecs import EngineFactory

_HOOK = "analytics_engine"
PYTHON = "python"
"""What plugins compute without a bench."""

_AUTO = "auto"
_MANY = 50_000
"""Customers from which `auto` takes DuckDB: starting it costs more than it gains below."""


def available_engines(app: App) -> tuple[str, ...]:
    """Return the names of the engines that could be opened here, `python` not among them."""
    return tuple(name for name in _offered(app) if _missing(app, name) is None)


def choose_engine(app: App, asked: str | None = None) -> str:
    """Return the engine to take: what was asked for, or else what crm.toml says; CrmError if it cannot be had.

    UsageProblem for a name that was asked for and that no plugin offers.

    `auto` is `duckdb` where it is installed and the company has more than 50,000 customers, otherwise `python`.
    """
    if asked and asked not in {_AUTO, PYTHON, *_offered(app)}:
        raise UsageProblem(_unknown(app, asked))
    name = asked or str(app.config.data["analytics"]["engine"])
    if name == _AUTO:
        name = "duckdb" if "duckdb" in available_engines(app) and _has_many_customers(app) else PYTHON
    if name != PYTHON:
        _engine(app, name)
    return name


@contextmanager
def open_bench(app: App, engine: str, plugin: str) -> Iterator[Bench]:
    """Open a bench on an engine by name; CrmError if there is none of that name or it lacks something."""
    with _engine(app, engine)(app, plugin) as bench:
        yield bench


def _engine(app: App, name: str) -> EngineFactory:
    offered = _offered(app)
    if name not in offered:
        raise CrmError(_unknown(app, name))
    missing = _missing(app, name)
    if missing is not None:
        raise CrmError(missing)
    return offered[name]


def _missing(app: App, name: str) -> str | None:
    plugin, offered = app.host.offers(_HOOK)[name]
    engine: Any = offered
    try:
        with blaming(plugin, _HOOK):
            missing: str | None = engine.missing(app)
    except PluginError as error:
        return str(error)
    return missing


def _unknown(app: App, name: str) -> str:
    known = ", ".join([_AUTO, PYTHON, *_offered(app)])
    return _("there is no engine {name!r}; known are {known}").format(name=name, known=known)


def _offered(app: App) -> dict[str, EngineFactory]:
    offers: dict[str, tuple[str, Any]] = app.host.offers(_HOOK)
    return {name: engine for name, (_plugin, engine) in offers.items()}


def _has_many_customers(app: App) -> bool:
    customers = app.core_tables["customer"].table
    some = sa.select(customers.c.id).limit(_MANY + 1).subquery()
    with app.read() as ctx:
        return (ctx.connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0) > _MANY
