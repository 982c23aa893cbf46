"""The job `backup`: a backup counts only once it was restored and found whole; then old ones are deleted.

Until then it is called `unverified-…`: a drill that fails leaves it there to be looked at, and the older ones are kept.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App

_VERIFIED = re.compile(r"backup-\d{8}T\d{6}Z")
_OTHER = re.compile(r"(?:unverified|deleting)-\d{8}T\d{6}Z")
_DRILL = ".crm-drill-"


def back_up_and_drill(app: App, actor: str) -> dict[str, Any]:
    """Make a backup, restore it, compare, and delete what is older than the settings keep; returns what was done."""
    from crmcore.builtin.databases.backing_up import back_up

    settings = app.settings("jobs")
    folder = app.config.folder / Path(settings["backup_folder"]).expanduser()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = f"{app.clock():%Y%m%dT%H%M%SZ}"
    unverified, backup = folder / f"unverified-{stamp}", folder / f"backup-{stamp}"
    if backup.exists():
        raise CrmError(_("{path} already exists; run the job again in a second").format(path=backup))
    left = [path for path in _named(folder, _OTHER) if path != unverified]
    if unverified.exists():
        shutil.rmtree(unverified)
    content = back_up(app, actor, unverified)
    entries = _drill(app, actor, unverified, content)
    unverified.rename(backup)
    old = _named(folder, _VERIFIED)[: -settings["backups_kept"]]
    for path in (*old, *left):
        _delete(path)
    return {
        "backup": str(backup),
        "rows": content["rows"],
        "files": content["files"]["count"],
        "log_entries_verified": entries,
        "deleted": [path.name for path in old],
    }


def _named(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    """Return the folders whose names are of one kind, the oldest first; what lies there else is not ours."""
    found = (path for path in folder.iterdir() if pattern.fullmatch(path.name))
    return sorted((path for path in found if path.is_dir() and not path.is_symlink()), key=_stamp)


def _stamp(path: Path) -> str:
    return path.name.partition("-")[2]


def _delete(path: Path) -> None:
    """Delete a folder; whatever ends this on the way, what is left is no longer called a backup."""
    going = path.with_name(f"deleting-{_stamp(path)}")
    if going != path:
        path.rename(going)
    shutil.rmtree(going)


def _drill(app: App, actor: str, backup: Path, content: dict[str, Any]) -> int:
    """Restore a backup into a folder of its own, open it, and compare; returns how many entries of its log are whole."""
    from crmcore.app import create_app
    from crmcore.builtin.audit.verify import verify
    from crmcore.builtin.databases.restoring import restore
    from crmcore.config import load_config

    with _room(app.config.folder) as room:
        done = restore(backup, room, None, app.warn, plugins=not app.no_plugins, actor=actor)
        restored = create_app(load_config(room), no_plugins=True)
        try:
            if not done["erased_again"]:
                _compare(restored, content)
            verdict = verify(restored)
        finally:
            restored.close()
    if not verdict.ok:
        message = _("the backup {path} was restored, but its change log is not whole: {problem}")
        raise CrmError(message.format(path=backup, problem=verdict.problem))
    return verdict.checked


def _compare(restored: App, content: dict[str, Any]) -> None:
    """Count the rows of what was restored; what the company is made of must be there to the last row."""
    with restored.read() as ctx:
        for table in content["tables"]:
            found = ctx.connection.scalar(
                sa.select(sa.func.count()).select_from(sa.table(str(table["name"])))
            )
            if found != table["rows"]:
                message = _("table {table} of the restored backup has {found} rows, not {wanted}")
                raise CrmError(message.format(table=table["name"], found=found, wanted=table["rows"]))


@contextmanager
def _room(company: Path) -> Iterator[Path]:
    """Give the name of a folder to restore into, on the company's own disk; what killed drills left is taken away."""
    for left in company.glob(f"{_DRILL}*"):
        shutil.rmtree(left, ignore_errors=True)
    above = Path(mkdtemp(prefix=_DRILL, dir=company))
    try:
        yield above / "company"
    finally:
        shutil.rmtree(above, ignore_errors=True)
