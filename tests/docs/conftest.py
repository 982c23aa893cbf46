"""What documents are read with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.ready_crm import ready_crm


@pytest.fixture(scope="session")
def programs() -> Iterator[Path]:
    """Give a folder with a `crm` that does without the time of its imports, for all documents of this run."""
    with ready_crm() as folder:
        yield folder
