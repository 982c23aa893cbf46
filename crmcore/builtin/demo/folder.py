"""The demo's folder: made, or emptied and made again; no other folder is ever touched."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from crmcore.errors import CrmError, Guarded
from crmcore.i18n import translator

if TYPE_CHECKING:
    from pathlib import Path

MARKER = ".crm-demo"
_CONTENT = "This folder was made by `crm demo`; `crm demo --force` deletes all that is in it.\n"

_ = translator("crmcore")


def is_demo(directory: Path) -> bool:
    """Tell whether a folder was made by `crm demo`."""
    marker = directory / MARKER
    return marker.is_file() and marker.read_bytes() == _CONTENT.encode()


def prepare(directory: Path, *, force: bool) -> None:
    """Make the folder, empty but for the marker.

    Guarded if a demo is there and `force` is not given; CrmError if anything else is there, `force` or not.
    """
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise CrmError(
            _("{folder} is no ordinary folder; choose another with --dir").format(folder=directory)
        )
    if is_demo(directory):
        if not force:
            raise Guarded(
                _("there is a demo in {folder} already; to delete it and start afresh, add --force").format(
                    folder=directory
                )
            )
        _empty(directory)
    elif directory.exists() and any(directory.iterdir()):
        raise CrmError(
            _("{folder} holds something that crm demo did not make; choose another folder with --dir").format(
                folder=directory
            )
        )
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARKER).write_bytes(_CONTENT.encode())


def _empty(directory: Path) -> None:
    """Delete all but the marker: a deletion that is interrupted can be repeated."""
    for path in directory.iterdir():
        if path.name == MARKER:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
