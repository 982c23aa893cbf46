"""crm.toml as a file: where it really lies, and the new one that waits beside it until the database commits."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from crmcore.errors import CrmError
from crmcore.files import write_atomically
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmcore.app import App


class TomlFile:
    """The company's crm.toml; where it is a link, what it points to is read and changed."""

    def __init__(self, app: App) -> None:
        """Look where it lies."""
        self.path = app.config.path.resolve()
        self._waiting = self.path.with_name(f".crm.toml.{os.getpid()}")

    def read(self) -> bytes:
        """Read it; refuse one that its owner protected from writing: to replace it would go round that."""
        if not self.path.stat().st_mode & 0o222:
            message = _("{file} is write-protected; allow writing first, or have it changed by who keeps it")
            raise CrmError(message.format(file=self.path))
        return self.path.read_bytes()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Take away what was prepared and did not take its place."""
        try:
            yield
        finally:
            self._waiting.unlink(missing_ok=True)

    def prepare(self, content: bytes) -> None:
        """Let the new one lie ready on disk, with the rights and the owner of the old one."""
        kept = self.path.stat()
        write_atomically(self._waiting, content, kept.st_mode & 0o777)
        now = self._waiting.stat()
        if os.name == "posix" and (now.st_uid, now.st_gid) != (kept.st_uid, kept.st_gid):
            with suppress(PermissionError):  # only root can give files away
                os.chown(self._waiting, kept.st_uid, kept.st_gid)

    def replace(self) -> None:
        """Let the new one, if there is one, take the old one's place."""
        if self._waiting.exists():
            self._waiting.replace(self.path)
