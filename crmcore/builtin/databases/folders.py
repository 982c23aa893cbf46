"""A folder that appears whole or not at all, and the files of a company that go into it."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import IO, Any

from crmcore.builtin.exchange.runs import FOLDER as IMPORTS
from crmcore.builtin.privacy.erasure_list import FILE as ERASURES
from crmcore.catalogue import COMPANY_FIELDS
from crmcore.config import FILE_NAME
from crmcore.errors import CrmError
from crmcore.files import alone_in, sync_folder
from crmcore.i18n import _
from crmcore.text import printable

SINGLE = (FILE_NAME, COMPANY_FIELDS, ERASURES)
FOLDERS = ("files", IMPORTS)
_BLOCK = 1 << 20
PART = "part"
"""In the names of folders that are being made."""
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}
_SPECIAL = frozenset("\0" if os.name == "posix" else "\0\\:")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a new folder beside the wanted one, for its owner alone; it takes that place once it is on disk."""
    folder = Path(os.path.abspath(folder))  # noqa: PTH100  (a link in the last place is refused, not followed)
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise _not_empty(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with part_beside(folder) as part:
        yield part
        for place, _inner, _names in os.walk(part):
            sync_folder(Path(place))
        try:
            if folder.exists():
                folder.rmdir()
            part.rename(folder)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            raise _not_empty(folder) from None  # another one was there first
        sync_folder(folder.parent)


def _not_empty(folder: Path) -> CrmError:
    return CrmError(_("{folder} is not empty; choose a new folder").format(folder=folder))


def refuse_inside(company: Path, target: Path) -> None:
    """Refuse a place among the company's own files: later backups would hold this one."""
    target = target.resolve()
    for top in (company / name for name in FOLDERS):
        if top.exists() and any(
            place.exists() and place.samefile(top) for place in (target, *target.parents)
        ):
            message = _("{folder} lies in {top}, which every backup holds; choose a folder outside")
            raise CrmError(message.format(folder=target, top=top))


@contextmanager
def part_beside(target: Path) -> Iterator[Path]:
    """Give a new folder beside a place, to make in it what goes there; what is left in it goes away at the end."""
    with alone_in(target.parent):
        _sweep(target)
        part = Path(tempfile.mkdtemp(prefix=_prefix(target), dir=target.parent))
        mark = os.open(part, os.O_RDONLY) if os.name == "posix" else None
        _lock(mark)
    try:
        yield part
    finally:
        rmtree(part, ignore_errors=True)
        if mark is not None:
            os.close(mark)


def _prefix(folder: Path) -> str:
    return f".{folder.name}.{PART}-"


def _sweep(folder: Path) -> None:
    """Take away what killed processes left; what a living one is at work on is locked by it."""
    for part in folder.parent.glob(f"{_escaped(_prefix(folder))}*"):
        if os.name != "posix" or part.is_symlink() or not part.is_dir():
            continue
        with suppress(OSError):
            mark = os.open(part, os.O_RDONLY)
            try:
                _lock(mark)
                rmtree(part, ignore_errors=True)
            finally:
                os.close(mark)


def _escaped(text: str) -> str:
    import glob

    return glob.escape(text)


def _lock(descriptor: int | None) -> None:
    """Hold a folder as long as this process has it open; OSError where another one does."""
    if descriptor is not None:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def company_files(folder: Path) -> Iterator[tuple[tuple[str, ...], Path, tuple[str, ...]]]:
    """Give every file that belongs to a company: the parts of its path, and a folder with the parts from there.

    What begins with a dot and locks do not belong to it. crm.toml, the card and the two folders may be links to another
    place; what else is no plain file is refused, since a backup without it would not be whole.
    """
    for name in SINGLE:
        if os.path.lexists(folder / name):
            real = _real(folder / name)
            _refuse_odd(real, name, stat.S_ISREG)
            yield (name,), real.parent, (real.name,)
    for top in FOLDERS:
        if os.path.lexists(folder / top):
            real = _real(folder / top)
            for inner in _files_in(real):
                yield (top, *inner), real, inner


def _files_in(top: Path) -> Iterator[tuple[str, ...]]:
    for place, inner, names in os.walk(top, onerror=_refuse_unread(top)):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in inner:
            _refuse_odd(Path(place, name), name, stat.S_ISDIR)
        for name in sorted(names):
            if name.startswith(".") or name.endswith(".lock"):
                continue
            _refuse_odd(Path(place, name), name, stat.S_ISREG)
            yield (*Path(place).relative_to(top).parts, name)


def _refuse_unread(top: Path) -> Callable[[OSError], None]:
    def refuse(error: OSError) -> None:
        gone = isinstance(error, FileNotFoundError) and error.filename != str(top)
        if not gone:  # what goes away meanwhile is not of this backup
            raise error

    return refuse


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path, strict=True))


def _refuse_odd(path: Path, name: str, wanted: Callable[[int], bool]) -> None:
    """Refuse a link, what is no plain file or folder, and a name that a list of files cannot hold."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if wanted(mode) and _may_be(name):
        return
    if stat.S_ISLNK(mode):
        message = _("{path} is a link, so the backup would not hold what it leads to; put that in its place")
    else:
        message = _(
            "{path} is no plain file, or its name has odd characters: the backup would lack it; take it away"
        )
    raise CrmError(message.format(path=printable(str(path))))


def _may_be(part: str) -> bool:
    """Say whether a name is one that a list of files can hold."""
    return bool(part) and part[0] != "." and not set(part) & _SPECIAL and part.isprintable()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, all for their owner alone."""
    for place in (*reversed(folder.parents), folder):
        if not place.exists():
            place.mkdir(mode=0o700, exist_ok=True)


def copy_file(source: IO[bytes], target: Path) -> dict[str, Any]:
    """Copy a file through to the disk, readable by its owner alone; returns its size and SHA-256."""
    make_folder(target.parent)
    digest, size = sha256(), 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while block := source.read(_BLOCK):
            file.write(block)
            digest.update(block)
            size += len(block)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": size, "sha256": digest.hexdigest()}


@contextmanager
def opened_inside(folder: Path, parts: tuple[str, ...]) -> Iterator[IO[bytes]]:
    """Open a plain file in a folder from outside, through no link on the way."""
    follow = getattr(os, "O_NOFOLLOW", 0)
    if os.name != "posix":
        with folder.joinpath(*parts).open("rb") as file:
            yield file
        return
    place = os.open(folder, os.O_RDONLY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | follow, dir_fd=place)
            os.close(place)
            place = inner
        descriptor = os.open(parts[-1], os.O_RDONLY | os.O_NONBLOCK | follow, dir_fd=place)
    except OSError as error:
        error.filename = str(folder.joinpath(*parts))
        raise
    finally:
        os.close(place)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, _("it is no plain file"))
        yield file


def sum_of(file: IO[bytes]) -> dict[str, Any]:
    """Return size and SHA-256 of what is left of a file."""
    digest, size = sha256(), 0
    while block := file.read(_BLOCK):
        digest.update(block)
        size += len(block)
    return {"bytes": size, "sha256": digest.hexdigest()}


def listed(line: bytes) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Read a line of the list of files; ValueError for what is no file of a company."""
    value = json.loads(line)
    text, size, digest = value["path"], value["bytes"], value["sha256"]
    parts = tuple(str(text).split("/"))
    inside = (parts[0] in FOLDERS and len(parts) > 1) or (len(parts) == 1 and parts[0] in SINGLE)
    if not inside or not all(map(_may_be, parts)) or type(size) is not int or type(digest) is not str:
        raise ValueError(_("{value} is no file of a company").format(value=str(text)[:100]))
    return parts, {"bytes": size, "sha256": digest}
