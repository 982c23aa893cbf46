"""A Chinese terminal shows where values are from, and what is wrong with a file, in Chinese; JSON stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import crmcore_credit_5c

ZH = {"CRM_LANG": "zh_CN", "COLUMNS": "400"}
BOOKS = "本公司账务（purchases）"
SHIPPED = Path(crmcore_credit_5c.__file__).parent / "models" / "5c.json"


@pytest.fixture
def trade(make_trade: Any) -> Any:
    made = make_trade()
    made.add("K1")
    for year in (2020, 2025):
        made.row("purchases", "K1", 100_000, on=f"{year}-06-01")
    return made


def test_where_a_value_is_from_is_said_in_the_readers_language(trade: Any, crm: Any) -> None:
    words = (
        "--indicator",
        "years_of_trade",
        "--value",
        "1",
        "--source",
        "a supplier",
        "--date",
        "2026-03-01",
    )
    added = crm.ok("credit", "evidence", "add", "K1", *words, env=ZH).stdout
    crm.ok("credit", "assess", "K1")
    for shown in (
        added,
        *(crm.ok("credit", *w, "K1", env=ZH).stdout for w in (("assess",), ("explain",), ("checklist",))),
        crm.ok("credit", "evidence", "list", "K1", env=ZH).stdout,
    ):
        assert BOOKS in shown
        assert "fact:" not in shown
    assert "our books (purchases)" in crm.ok("credit", "explain", "K1", env={"COLUMNS": "400"}).stdout
    stored = crm.json("credit", "explain", "K1")["indicators"]
    assert "fact:purchases" in json.dumps(stored), "programs read what is stored"


@pytest.mark.parametrize(
    ("value", "said"),
    [(True, "true"), (None, "null"), ([None, 0.5], "[null, 0.5]"), ({"a": False}, '{"a": false}')],
    ids=str,
)
def test_what_is_wrong_with_a_file_is_said_in_the_readers_language(
    trade: Any, crm: Any, tmp_path: Path, value: Any, said: str
) -> None:
    content = json.loads(SHIPPED.read_text("utf-8"))
    content["factors"][0]["weight"] = value
    file = tmp_path / "own.json"
    file.write_text(json.dumps(content), "utf-8")
    refused = crm("credit", "model", "check", file, env=ZH)
    assert f"此处不允许 {said}；应为：" in refused.stderr
    assert "Share of the whole" not in refused.stderr
    english = crm("credit", "model", "check", file, env={"CRM_LANG": "en"})
    assert f"{said} is not allowed here; wanted is: Share of the whole" in english.stderr
