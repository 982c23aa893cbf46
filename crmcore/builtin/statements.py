"""What a database says to a statement, without the statement."""

from __future__ import annotations

import sqlalchemy as sa

from crmcore.db.engine import database_sentence


def said_of(error: BaseException) -> object:
    """Return what to tell of an error: a sentence where the database fails, its own words where the statement is wrong.

    Neither the statement nor SQLAlchemy's remarks on it are told. Errors that are no database's speak for themselves.
    """
    if not isinstance(error, sa.exc.DBAPIError):
        return error
    cause = error.orig
    words = next(iter(str(cause).splitlines()), type(cause).__name__)
    if "no such table" in words or getattr(cause, "sqlstate", "") == "42P01":
        return database_sentence(error)
    wrong = getattr(cause, "sqlite_errorname", "") == "SQLITE_ERROR"  # PostgreSQL's are ProgrammingErrors
    return database_sentence(error) if isinstance(error, sa.exc.OperationalError) and not wrong else words
