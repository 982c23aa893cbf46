"""The three example plugins work: their own tests pass, and they keep the rules of the platform."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crmcore.testing import Result
from tools.workspace import ROOT

FOLDERS = sorted(path.parent for path in (ROOT / "docs" / "examples").glob("*/pyproject.toml"))
NAMES = [folder.name for folder in FOLDERS]


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_the_tests_of_an_example_pass(
    with_examples: Callable[..., Result], folder: Path, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_TEST_POSTGRES", postgres_server)
    done = with_examples(
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        "-c",
        folder / "pyproject.toml",
        folder / "tests",
    )
    assert done.exit_code == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_an_example_keeps_the_rules(with_examples: Callable[..., Result], folder: Path) -> None:
    done = with_examples("crmcore", "plugins", "check", folder)
    assert done.exit_code == 0, done.stdout + done.stderr
