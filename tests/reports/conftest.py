"""What the tests of renderers share: a report as somebody asked for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crmcore.builtin.reports.services import Requested
from crmcore.i18n import language, set_language
from crmcore.plugins.types import Report, ReportSpec

AT = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))

Asked = Callable[..., Requested]


def asked_for(*tables: Any, **more: Any) -> Requested:
    """Return a report of these tables, asked for by `boss`; `charts`, `notes` and `title` as they are given."""
    report = Report(more.get("title", "Sales"), tables, more.get("charts", ()), more.get("notes", ()))
    return Requested(
        spec=ReportSpec("sales", "Sales", lambda _ctx, _parameters: report),
        report=report,
        actor="boss",
        at=AT,
        parameters=more.get("parameters", {}),
        titles=more.get("titles", {}),
        company=more.get("company", ""),
    )


@pytest.fixture(scope="session")
def asked() -> Asked:
    return asked_for


@pytest.fixture
def in_chinese() -> Iterator[None]:
    before = language()
    set_language("zh_CN")
    yield
    set_language(before)
