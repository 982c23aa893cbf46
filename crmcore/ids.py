"""UUIDv7 (RFC 9562): unique anywhere, sorted by time of making."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def new_uids(count: int, now: datetime) -> list[str]:
    """Make `count` UUIDv7 texts for one moment, each with 74 random bits."""
    stamp = f"{int(now.timestamp() * 1000):012x}"
    head = f"{stamp[:8]}-{stamp[8:]}-7"
    noise = os.urandom(10 * count).hex()
    return [
        f"{head}{noise[i + 1 : i + 4]}-{'89ab'[int(noise[i + 4], 16) & 3]}{noise[i + 5 : i + 8]}-{noise[i + 8 : i + 20]}"
        for i in range(0, 20 * count, 20)
    ]
