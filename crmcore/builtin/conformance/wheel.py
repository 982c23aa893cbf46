"""Unpack a wheel that nobody vouches for: sizes, paths and kinds of its files are looked at before any is written."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from crmcore.errors import PluginError
from crmcore.i18n import _

MOST_FILES = 5_000
MOST_BYTES = 200 * 1024 * 1024
_PIECE = 1024 * 1024
_DEEPEST = 240


def unpack(path: Path, site: Path) -> None:
    """Unpack a wheel into a folder; PluginError where it is no wheel, too large, or would write elsewhere."""
    try:
        with zipfile.ZipFile(path) as wheel:
            members = wheel.infolist()
            _check(path, members)
            left = MOST_BYTES
            for member in members:
                if not member.is_dir():
                    left -= _extract(path, wheel, member, site, left)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError) as error:
        raise PluginError(_("{file} is no wheel: {error}").format(file=path, error=error)) from None


def _check(path: Path, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MOST_FILES or sum(member.file_size for member in members) > MOST_BYTES:
        raise too_large(path)
    for member in members:
        name = member.filename
        pure = PurePosixPath(name)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if (
            pure.is_absolute()
            or ".." in pure.parts
            or any(c in name for c in "\\:\0")
            or len(name) > _DEEPEST
            or kind not in {0, stat.S_IFREG, stat.S_IFDIR}
        ):
            raise PluginError(
                _("{file} holds {name!r}, which a wheel may not hold; nothing of it was used").format(
                    file=path, name=name
                )
            )


def _extract(path: Path, wheel: zipfile.ZipFile, member: zipfile.ZipInfo, site: Path, left: int) -> int:
    """Write one file; returns its size. What it really holds counts, not what the archive says of it."""
    target = site / member.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with wheel.open(member) as source, target.open("xb") as file:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > left:
                raise too_large(path)
            file.write(piece)
    return size


def too_large(path: Path) -> PluginError:
    """Return the error of a wheel or folder that holds too much."""
    return PluginError(
        _("{file} is too large for a plugin: more than {files} files or {size} MB").format(
            file=path, files=MOST_FILES, size=MOST_BYTES // 1024 // 1024
        )
    )
