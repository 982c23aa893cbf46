"""Which databases are a home for a company: no PostgreSQL that is too old, nothing whose migrations nobody knows."""

from __future__ import annotations

import sqlalchemy as sa

from crmcore.db import migrations
from crmcore.db.system import change_log
from crmcore.errors import CrmError
from crmcore.i18n import _

OLDEST = 15


def too_old(connection: sa.Connection) -> str | None:
    """Return the sentence about a PostgreSQL that is older than those that we promise; else None."""
    version = connection.dialect.server_version_info or ()
    if connection.dialect.name != "postgresql" or version >= (OLDEST,):
        return None
    message = _("PostgreSQL {version} is too old; take one of version {oldest} or newer")
    return message.format(version=".".join(map(str, version)), oldest=OLDEST)


def refuse_unfit(engine: sa.Engine) -> None:
    """Refuse a server that is too old, or tables without their versions, before anything is made there."""
    with engine.connect() as connection:
        sentence = too_old(connection) or without_versions(connection)
    if sentence:
        raise CrmError(sentence)


def without_versions(connection: sa.Connection) -> str | None:
    """Return the sentence about core tables of which nothing says at which migration they are; else None."""
    tables = set(sa.inspect(connection).get_table_names())
    versions = migrations.version_table(migrations.CORE)
    found = sorted(tables & {change_log.name, "customer"})
    if versions in tables or not found:
        return None
    message = _(
        "the database has tables ({tables}) but no {versions}, so nothing says how old they are; get the newest backup back with: crm db restore"
    )
    return message.format(tables=", ".join(found), versions=versions)
