"""Rewards for the demo company; points come with its purchases."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_REWARDS = {"UMBRELLA": ("雨伞", 40), "KETTLE": ("电热水壶", 180), "TRIP": ("两日游", 2400)}


def write_rewards(path: Path, _rng: random.Random, _shared: Mapping[str, Any]) -> None:
    """Write the file that `crm import rewards` reads."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("奖品编号", "奖品名称", "积分"))
        writer.writerows((code, title, points) for code, (title, points) in _REWARDS.items())
