"""Which versions of PostgreSQL are a home for a company."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    import sqlalchemy as sa

OLDEST = 15


def too_old(connection: sa.Connection) -> str | None:
    """Return the sentence about a PostgreSQL that is older than those that we promise; else None."""
    version = connection.dialect.server_version_info or ()
    if connection.dialect.name != "postgresql" or version >= (OLDEST,):
        return None
    message = _("PostgreSQL {version} is too old; take one of version {oldest} or newer")
    return message.format(version=".".join(map(str, version)), oldest=OLDEST)


def refuse_too_old(engine: sa.Engine) -> None:
    """Refuse such a server before anything is made on it."""
    if engine.dialect.name != "postgresql":
        return
    with engine.connect() as connection:
        sentence = too_old(connection)
    if sentence:
        raise CrmError(sentence)
