"""What killed processes left in the company's folder while they wrote a file that is made anew at any time."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"\..+\.[a-z0-9_]{8}")
"""As `write_atomically` names a file until it takes its place."""
_OLD_SECONDS = 3600.0
"""Nobody writes so long at one."""


def leftovers(folder: Path) -> list[Path]:
    """Return files that were begun more than an hour ago and never took their place."""
    before = time.time() - _OLD_SECONDS
    found = (path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_file())
    return sorted(path for path in found if path.stat().st_mtime < before)
