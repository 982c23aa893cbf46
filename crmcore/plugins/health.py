"""The last error of each plugin, kept in the database until it is released."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.db.base import text_of_time
from crmcore.db.system import plugin_health
from crmcore.errors import CrmError
from crmcore.text import printable

if TYPE_CHECKING:
    from datetime import datetime

    from crmcore.app import App

_LONGEST = 500


def described(error: BaseException, hook: str, at: datetime) -> dict[str, Any]:
    """Describe an error as `plugins list` shows it."""
    name = printable(type(error).__name__)
    return {"type": name, "message": message_of(error), "hook": hook, "at": text_of_time(at)}


def message_of(error: BaseException) -> str:
    """Return what an error says, even where saying it fails."""
    from crmcore.builtin.statements import said_of

    try:
        return printable(said_of(error))[:_LONGEST] or type(error).__name__
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  (a plugin's exception may have any __str__)
        return type(error).__name__


def record(app: App, name: str, error: BaseException, hook: str) -> dict[str, Any]:
    """Store a failure and count it, as soon as no transaction is open here."""
    shown = described(error, hook, app.clock())
    app.when_free(lambda: _store(app, name, shown))
    return shown


def _store(app: App, name: str, shown: dict[str, Any]) -> None:
    """Store a failure; a database that cannot be written does not hide the error itself."""
    from crmcore.plugins.host import FAILURES_UNTIL_QUARANTINE

    c = plugin_health.c
    with suppress(CrmError, sa.exc.DBAPIError), app.operations() as connection:
        known = connection.execute(sa.select(plugin_health).where(c.name == name)).first()
        failures = (known.failures if known else 0) + 1
        values = {
            "failures": failures,
            "quarantined": failures >= FAILURES_UNTIL_QUARANTINE,
            "error": shown,
        }
        if known:
            connection.execute(sa.update(plugin_health).where(c.name == name).values(values))
        else:
            connection.execute(sa.insert(plugin_health), {"name": name, **values})


def release(app: App, name: str) -> bool:
    """Forget a plugin's errors, so that it runs again and is told what was parked; False if there were none."""
    from crmcore.plugins.observers import deliver_again

    with app.operations() as connection:
        deliver_again(connection, name)
        return connection.execute(sa.delete(plugin_health).where(plugin_health.c.name == name)).rowcount > 0
