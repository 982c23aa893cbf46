"""The published schemas of receivables: valid, described, with examples that hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import crmcore_credit_5c

SCHEMAS = Path(crmcore_credit_5c.__file__).parent / "schemas"


@pytest.mark.parametrize("name", ["ageing", "dso", "forecast", "dunning", "alarm", "default"])
def test_a_schema_is_valid_and_so_are_its_examples(name):
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:crmcore:schema:credit_5c:{name}:1"
    for key, part in schema["properties"].items():
        assert {"title", "description", "examples", "x-since"} <= part.keys(), key
        for value in part["examples"]:
            assert list(Draft202012Validator(part).iter_errors(value)) == [], key


def test_the_settings_hold_their_own_defaults_and_examples():
    schema = json.loads((SCHEMAS.parent / "settings.schema.json").read_text("utf-8"))
    ours = {
        key: part
        for key, part in schema["properties"].items()
        if key.startswith(("ageing_", "paying_", "dunning", "alarm_", "default_"))
    }
    assert len(ours) == 13
    for key, part in ours.items():
        validator = Draft202012Validator({**part, "$defs": schema.get("$defs", {})})
        for value in [part["default"], *part["examples"]]:
            assert list(validator.iter_errors(value)) == [], key
