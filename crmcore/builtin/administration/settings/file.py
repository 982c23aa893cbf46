"""crm.toml as a file: where it really lies, and the new one that waits beside it until the database commits.

The name of the one that waits says which transaction it belongs to and which crm.toml it is to replace. So where a
process ends between the commit and the replacement, the next one that changes crm.toml completes what was begun.
"""

from __future__ import annotations

import errno
import os
import re
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.db.base import text_of_time
from crmcore.db.system import change_tx
from crmcore.errors import CrmError
from crmcore.files import alone_in, write_atomically
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from crmcore.app import App
    from crmcore.tx import Tx


class TomlFile:
    """The company's crm.toml; where it is a link, what it points to is read and changed."""

    def __init__(self, app: App) -> None:
        """Look where it lies."""
        self.path = app.config.path.resolve()
        self._app = app
        self._waiting: Path | None = None

    def read(self) -> bytes:
        """Read it; refuse one that its owner protected from writing: to replace it would go round that."""
        if not self.path.stat().st_mode & 0o222:
            message = _("{file} is write-protected; allow writing first, or have it changed by who keeps it")
            raise CrmError(message.format(file=self.path))
        return self.path.read_bytes()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Complete what an earlier run left, and what this one leaves if it fails; the folder must be ours alone."""
        self._finish()
        try:
            yield
        except BaseException:
            with suppress(Exception):  # what cannot be completed now is left for the next run
                self._finish()
            raise

    def prepare(self, tx: Tx, old: bytes, new: bytes) -> None:
        """Let the new one lie ready on disk until `tx` commits, with the rights and the owner of the old one."""
        kept = self.path.stat()
        self._waiting = self._beside(tx.id, tx.now, old)
        write_atomically(self._waiting, new, kept.st_mode & 0o777)
        now = self._waiting.stat()
        if os.name == "posix" and (now.st_uid, now.st_gid) != (kept.st_uid, kept.st_gid):
            with suppress(PermissionError):  # only root can give files away
                os.chown(self._waiting, kept.st_uid, kept.st_gid)

    def replace(self) -> None:
        """Let the new one, if this run prepared one, take the old one's place."""
        if self._waiting is None:
            return
        try:
            self._put(self._waiting)
        except OSError as error:
            message = _(
                "the change is in the database, but {file} could not be replaced ({reason}); copy {new} over it"
            )
            reason = error.strerror or error
            raise CrmError(message.format(file=self.path, reason=reason, new=self._waiting)) from error

    def leftovers(self) -> list[Path]:
        """Return what runs left that ended before they could replace it; the folder must be ours alone."""
        if os.name != "posix":  # where no folder is ever ours alone
            return [self._waiting] if self._waiting and self._waiting.exists() else []
        name = re.compile(rf"\.{{1,2}}{re.escape(self.path.name)}\.\d{{1,18}}(-[0-9a-f]+)?(\.\w+)?")
        return [path for path in self.path.parent.iterdir() if name.fullmatch(path.name)]

    def _finish(self) -> None:
        """Put there what was committed, unless somebody changed crm.toml since; take away all else."""
        for left in self.leftovers():
            if self._is_due(left):
                self._put(left)
            left.unlink(missing_ok=True)

    def _is_due(self, left: Path) -> bool:
        number = int(re.findall(r"\.(\d+)", left.name)[0])
        at = time_of(self._app, number)
        return at is not None and left == self._beside(number, at, self.path.read_bytes())

    def _beside(self, number: int, at: datetime, old: bytes) -> Path:
        digest = sha256(text_of_time(at).encode() + old).hexdigest()
        return self.path.with_name(f".{self.path.name}.{number}-{digest[:16]}")

    def _put(self, new: Path) -> None:
        try:
            new.replace(self.path)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            # It is mounted by itself, as into a container: nothing can take its place, so it is written over.
            with self.path.open("r+b") as file:
                file.write(new.read_bytes())
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
            new.unlink()


def time_of(app: App, number: int) -> datetime | None:
    """Return when the transaction of this number was; None if it was never committed."""
    with app.read() as ctx:
        return ctx.connection.scalar(sa.select(change_tx.c.at).where(change_tx.c.id == number))


def left_behind(app: App) -> list[Path]:
    """Return what ended runs left beside crm.toml and is not in it; nothing while somebody is changing it."""
    file = TomlFile(app)
    try:
        with alone_in(app.config.folder, wait=False):
            now = file.path.read_bytes()
            return [path for path in file.leftovers() if path.read_bytes() != now]
    except BlockingIOError:
        return []
