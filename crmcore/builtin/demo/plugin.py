"""Built-in plugin `demo`: customers, contacts and interactions to try the product on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmcore.hookspecs import hookimpl
from crmcore.plugins.types import DemoFile

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path


@hookimpl
def demo_data() -> list[DemoFile]:
    """Return the files of the two data sets."""
    return [
        DemoFile(10, "customers", "customers.csv", _later("write_customers")),
        DemoFile(11, "contacts", "contacts.csv", _later("write_contacts")),
        DemoFile(12, "interactions", "interactions.csv", _later("write_interactions")),
        DemoFile(10, "customers", "customers.csv", _later("write_cdnow_customers"), dataset="cdnow"),
        DemoFile(30, "purchases", "purchases.csv", _later("write_cdnow_purchases"), dataset="cdnow"),
    ]


def _later(name: str) -> Callable[[Path, random.Random, dict[str, Any]], None]:
    """Import the generators when they are called: this module is loaded at every start."""

    def write(path: Path, rng: random.Random, shared: dict[str, Any]) -> None:
        from crmcore.builtin.demo import files

        getattr(files, name)(path, rng, shared)

    return write
