"""The list of erasures beside the database: a backup from before an erasure brings nobody back, for it is held against it.

One line per person with kind and uid, which is a number without meaning; no value of theirs. The list lies in the
company's folder (and so in every backup); a copy elsewhere is worth having: without any list an older backup is only a
backup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.privacy.persons import erasures
from crmcore.db.base import dumps
from crmcore.errors import CrmError
from crmcore.files import write_atomically
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App

FILE = "erasures.jsonl"
MOST_BYTES = 256 * 1024 * 1024
_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Erased = dict[str, str]
"""uid → entity."""


def write(app: App) -> None:
    """Write the list anew: what it held, and what the database knows."""
    add(app.config.folder, known(app))


def add(folder: Path, more: Erased) -> None:
    """Add persons to the list of a company's folder; where it lists nobody and there is nobody to add, none is made."""
    path = folder / FILE
    listed = {**(read(path) if path.exists() else {}), **more}
    lines = [dumps({"uid": uid, "entity": listed[uid]}) + "\n" for uid in sorted(listed)]
    content = "".join(lines).encode()
    if content != (path.read_bytes() if path.exists() else b""):
        write_atomically(path, content)


def known(app: App) -> Erased:
    """Return the erasures that the database knows, those among them that are not ended."""
    with app.read("privacy") as ctx:
        return {row.person_uid: row.entity for row in ctx.connection.execute(sa.select(erasures))}


def lacking(app: App) -> int:
    """Return how many of those whom the database knows as erased are not on the list."""
    path = app.config.folder / FILE
    return len(known(app).keys() - (read(path) if path.exists() else {}).keys())


def read(path: Path) -> Erased:
    """Read a list; CrmError for a file that is none."""
    if path.stat().st_size > MOST_BYTES:
        raise _damaged(path, _("it is too long"))
    found: Erased = {}
    for number, line in enumerate(path.read_bytes().decode("utf-8", errors="replace").splitlines(), 1):
        value = _value(line)
        uid, entity = value.get("uid"), value.get("entity")
        if not isinstance(uid, str) or not _UID.fullmatch(uid) or entity not in {"contact", "customer"}:
            raise _damaged(path, _("line {line} is none of its lines").format(line=number))
        found[uid] = entity
    return found


def _value(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_all(paths: Iterable[Path]) -> Erased:
    """Read several lists into one."""
    found: Erased = {}
    for path in paths:
        found |= read(path)
    return found


def _damaged(path: Path, reason: str) -> CrmError:
    message = _("{file} is no list of erasures: {reason}; take it from a backup or from where it was kept")
    return CrmError(message.format(file=path, reason=reason))
