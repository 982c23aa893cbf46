"""A kind of request that takes the amount bands of another one, since both decide on the same matter."""

from __future__ import annotations

from typing import Any

import pytest

CODE = """
from crmcore.api import ApprovalKind, hookimpl

@hookimpl
def approval_kinds():
    return [ApprovalKind("heap_all", "All at once", bands_of="general")]
"""
OWN = """
[plugins.approvals]
bands.general = [{up_to = "1000", role = "sales_manager"}, {permission = "approve"}]
"""


def bands(crm: Any, kind: str) -> list[Any]:
    return [
        [one["up_to"] for one in line["bands"]]
        for line in crm.lines("approvals", "kinds")
        if line["name"] == kind
    ]


@pytest.mark.parametrize(
    ("settings", "known"),
    [
        (OWN, ["1000", None]),
        (OWN + 'bands.heap_all = [{up_to = "20", role = "sales_manager"}]\n', ["20"]),
        ("", []),
    ],
)
def test_bands_of_another_kind_count_where_there_are_none_of_its_own(
    make_app: Any,
    install_plugin: Any,
    staffed: Any,
    wish: Any,
    crm: Any,
    settings: str,
    known: list[str | None],
) -> None:
    install_plugin("heap", CODE)
    app = staffed(make_app(["heap"], settings=settings))
    (found,) = bands(crm, "heap_all")
    assert found == known
    small, large = (
        wish(app, kind="heap_all", amount_minor=amount, currency="CNY") for amount in (1_900, 2_100)
    )
    able = [
        number for number in (small, large) if "head" in crm.json("approvals", "show", number)["deciders"]
    ]
    assert able == {None: [], "20": [small], "1000": [small, large]}[known[0] if known else None]
