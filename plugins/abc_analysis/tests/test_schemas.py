"""The published schemas: valid, described, and true to the presets."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import crmcore_abc_analysis
from crmcore_abc_analysis.rules.classes import PRESETS

PACKAGE = Path(crmcore_abc_analysis.__file__).parent
FILES = sorted([*PACKAGE.glob("*.schema.json"), *PACKAGE.glob("schemas/*.schema.json")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_schema_is_valid_and_so_are_its_examples_and_defaults(path):
    schema = json.loads(path.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:crmcore:schema:abc_analysis:{path.name.split('.')[0]}:1"
    for name, part in schema["properties"].items():
        validator = Draft202012Validator({**part, "$defs": schema.get("$defs", {})})
        for value in [*part["examples"], *([part["default"]] if "default" in part else [])]:
            assert list(validator.iter_errors(value)) == [], name


def settings():
    return json.loads((PACKAGE / "settings.schema.json").read_text("utf-8"))["properties"]


def test_own_cutoffs_start_as_the_pyramid():
    default = [(c["grade"], c["within"]) for c in settings()["own_cutoffs"]["default"]]
    assert default == [(c.grade, str(c.within)) for c in PRESETS["pyramid"].cutoffs]


def test_the_presets_of_the_settings_are_those_of_the_rules():
    assert settings()["preset"]["enum"] == [*PRESETS, "own"]


@pytest.mark.parametrize("policy", [{"visit_interval_days": -1}, {"discount_ceiling": 0.05}, {"unknown": 1}])
def test_a_wrong_policy_is_refused(policy):
    schema = json.loads((PACKAGE / "settings.schema.json").read_text("utf-8"))
    assert not Draft202012Validator(schema).is_valid({"policies": {"A": policy}})


def test_a_policy_of_an_own_class_must_be_whole():
    schema = json.loads((PACKAGE / "settings.schema.json").read_text("utf-8"))
    whole = {
        "visit_interval_days": 7,
        "visitor": "rep",
        "complaint_priority": 1,
        "discount_ceiling": "0.1",
        "approval_level": "general_manager",
    }
    assert Draft202012Validator(schema).is_valid({"policies": {"Gold": whole}})
    assert not Draft202012Validator(schema).is_valid({"policies": {"Gold": {"visitor": "rep"}}})
