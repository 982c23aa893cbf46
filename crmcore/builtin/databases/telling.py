"""Say in one sentence what a database or a disk has against being read or written."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crmcore.builtin.databases.folders import PART
from crmcore.errors import CrmError
from crmcore.i18n import _

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def told(what: object) -> Iterator[None]:
    """Turn the errors of disks and databases into CrmError; `what` was being read or written."""
    try:
        yield
    except CrmError:
        raise
    except sa.exc.DBAPIError as error:
        raise _sentence(what, error.orig or error) from error
    except (OSError, sqlite3.Error, sa.exc.SQLAlchemyError, ValueError, RecursionError) as error:
        raise _sentence(what, error) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "psycopg":
            raise
        raise _sentence(what, error) from error


def _sentence(what: object, error: BaseException | Any) -> CrmError:
    text = next(iter(str(error).splitlines()), "") or type(error).__name__
    full = isinstance(error, OSError) and error.errno in _FULL
    if full or "disk is full" in text or "No space left" in text:
        return CrmError(_("the disk is full; nothing of this step was written; make room and try again"))
    if isinstance(error, OSError):
        text = error.strerror or text
        what = _place(error.filename) or what
    message = _("{what} cannot be read or written: {error}; nothing was kept")
    return CrmError(message.format(what=what, error=text))


def _place(name: object) -> str | None:
    """Return the path that the system speaks of; of what is not in its place yet the folder where it will be."""
    if not isinstance(name, str):
        return None
    path = Path(name)
    unfinished = [place for place in (path, *path.parents) if f".{PART}-" in place.name]
    return str(unfinished[-1].parent if unfinished else path)
