"""UUIDv7 (RFC 9562): unique anywhere, sorted by time of making."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_VARIANT = bytes(octet & 0x3F | 0x80 for octet in range(256))
"""An octet → the same with the two bits that say whose UUID it is."""


def new_uids(count: int, now: datetime) -> list[str]:
    """Make `count` UUIDv7 texts for one moment, each with 74 random bits."""
    stamp = f"{int(now.timestamp() * 1000):012x}"
    head = f"{stamp[:8]}-{stamp[8:]}-7"
    octets = bytearray(os.urandom(10 * count))
    octets[2::10] = octets[2::10].translate(_VARIANT)
    noise = octets.hex()
    return [
        f"{head}{noise[i + 1 : i + 4]}-{noise[i + 4 : i + 8]}-{noise[i + 8 : i + 20]}"
        for i in range(0, 20 * count, 20)
    ]
