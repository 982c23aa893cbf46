"""Settings: defaults are filled in, and what is wrong is said with file, key, value and what is allowed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.config import parse_config
from crmcore.errors import BadConfig
from crmcore.plugins.manifest import Manifest
from crmcore.settings.plugin import plugin_settings
from crmcore.settings.validation import check, check_once, with_defaults
from crmcore.testing import CommandLine

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "preset": {
            "enum": ["pyramid", "increments"],
            "default": "pyramid",
            "title": "P",
            "description": "Which bounds.",
        },
        "days": {
            "type": "integer",
            "minimum": 1,
            "maximum": 365,
            "default": 30,
            "title": "D",
            "description": "Days.",
        },
        "share": {
            "type": "string",
            "pattern": "^0\\.[0-9]+$",
            "default": "0.2",
            "title": "S",
            "description": "Share.",
        },
        "from": {"type": "string", "format": "date", "title": "F", "description": "First day."},
        "bounds": {
            "type": "object",
            "additionalProperties": False,
            "required": ["a"],
            "properties": {"a": {"type": "number"}, "b": {"type": "number", "default": 2}},
            "title": "B",
            "description": "Bounds.",
        },
        "names": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "maxItems": 2,
            "title": "N",
            "description": "N.",
        },
    },
}


def sentence(data: Any) -> str:
    with pytest.raises(BadConfig) as error:
        check(data, SCHEMA, "crm.toml", "plugins.abc")
    return str(error.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"perset": "x"}, "crm.toml: unknown key 'plugins.abc.perset'; did you mean 'preset'?"),
        (
            {"zzz": "x"},
            "crm.toml: unknown key 'plugins.abc.zzz'; known are bounds, days, from, names, preset, share",
        ),
        (
            {"preset": "pyramids"},
            'crm.toml: plugins.abc.preset = "pyramids" is not allowed; allowed is "pyramid", "increments" (did you mean \'pyramid\'?)',
        ),
        (
            {"days": "30"},
            'crm.toml: plugins.abc.days = "30" is not allowed; allowed is a value of type integer',
        ),
        ({"days": 0}, "crm.toml: plugins.abc.days = 0 is not allowed; allowed is a number of at least 1"),
        (
            {"days": 400},
            "crm.toml: plugins.abc.days = 400 is not allowed; allowed is a number of at most 365",
        ),
        (
            {"share": "20 %"},
            'crm.toml: plugins.abc.share = "20 %" is not allowed; allowed is text that matches ^0\\.[0-9]+$',
        ),
        (
            {"from": "tomorrow"},
            'crm.toml: plugins.abc.from = "tomorrow" is not allowed; allowed is text in the format date',
        ),
        ({"bounds": {}}, "crm.toml: plugins.abc.bounds lacks the key 'a'; add it"),
        ({"bounds": {"a": 1, "c": 1}}, "crm.toml: unknown key 'plugins.abc.bounds.c'; known are a, b"),
        (
            {"names": ["x", ""]},
            'crm.toml: plugins.abc.names.1 = "" is not allowed; allowed is at least 1 characters',
        ),
        ({"names": ["x", "y", "z"]}, "allowed is at most 2 items"),
        ({"days": True}, "plugins.abc.days = true is not allowed"),
        ({"days": 10.0}, "plugins.abc.days = 10.0 is not allowed; allowed is a value of type integer"),
        ([], "crm.toml: plugins.abc = [] is not allowed; allowed is a value of type object"),
    ],
)
def test_sentences(data: Any, said: str) -> None:
    assert said in sentence(data)


def test_keys_of_a_pattern_are_known_and_the_unknown_one_is_named() -> None:
    schema = {"properties": {"near": {}}, "patternProperties": {"^x-": {}}, "additionalProperties": False}
    check({"x-1": 1, "near": 1}, schema, "crm.toml")
    with pytest.raises(BadConfig, match=r"unknown key 'neer'; did you mean 'near'\?"):
        check({"x-1": 1, "neer": 1}, schema, "crm.toml")


def test_a_long_value_is_shown_in_part() -> None:
    assert len(sentence({"days": ["x" * 10_000]})) < 500


def test_what_is_right_passes_and_gets_its_defaults() -> None:
    check({"days": 7, "bounds": {"a": 1}}, SCHEMA, "crm.toml", "plugins.abc")
    filled = with_defaults(SCHEMA, {"days": 7, "bounds": {"a": 1}})
    assert filled == {"preset": "pyramid", "days": 7, "share": "0.2", "bounds": {"a": 1, "b": 2}}


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False).filter(lambda number: not number.is_integer()),  # no integer of ours
    st.text(max_size=5),
    st.lists(st.text(max_size=2), max_size=3),
)


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), values, max_size=4))  # type: ignore[misc]
def test_check_agrees_with_jsonschema_and_says_one_line(data: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator, FormatChecker

    said = ""
    try:
        check(data, SCHEMA, "crm.toml", "plugins.abc")
    except BadConfig as error:
        said = str(error)
    assert (said == "") == Draft202012Validator(SCHEMA, format_checker=FormatChecker()).is_valid(data)
    assert "\n" not in said


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), values, max_size=4))  # type: ignore[misc]
def test_remembering_changes_no_answer(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]
) -> None:
    memory = tmp_path_factory.getbasetemp() / "memory"
    answers = []
    for _turn in range(3):
        try:
            check_once(memory, data, SCHEMA, "crm.toml", "plugins.abc")
            answers.append("right")
        except BadConfig as error:
            answers.append(str(error))
    assert len(set(answers)) == 1
    with pytest.raises(BadConfig):
        check_once(memory, {**data, "other": 1}, SCHEMA, "crm.toml", "plugins.abc")


def test_what_passed_one_schema_is_checked_against_another(tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    check_once(memory, {"days": 7}, SCHEMA, "crm.toml")
    with pytest.raises(BadConfig):
        check_once(memory, {"days": 7}, {"properties": {"days": {"type": "string"}}}, "crm.toml")
    with pytest.raises(BadConfig):
        check_once(memory, {"days": "7"}, SCHEMA, "crm.toml")


def test_a_date_that_passed_as_text_does_not_pass_as_a_date(tmp_path: Path) -> None:
    from datetime import date

    memory = tmp_path / "memory"
    check_once(memory, {"from": "2026-03-02"}, SCHEMA, "crm.toml")
    with pytest.raises(BadConfig, match="value of type string"):
        check_once(memory, {"from": date(2026, 3, 2)}, SCHEMA, "crm.toml")


def test_a_plugin_without_schema_takes_no_settings() -> None:
    config = parse_config(Path("/nowhere"), "[plugins.plain]\nx = 1\n")
    with pytest.raises(BadConfig, match=r"unknown key 'plugins\.plain\.x'; known are none"):
        plugin_settings(config, Manifest("plain", "crmcore_plain", None, {}))
    assert plugin_settings(config, Manifest("other", "crmcore_other", None, {})) == {}


def test_the_command_shows_where_each_value_comes_from(
    make_app: Callable[..., Any], crm: CommandLine, install_plugin: Any
) -> None:
    install_plugin(
        "abc",
        "from crmcore.api import hookimpl",
        {"settings": "s.json"},
        files={"s.json": json.dumps(SCHEMA)},
    )
    make_app(["abc"], settings="\n[plugins.abc]\ndays = 7\n")
    rows = {row["key"]: row for row in crm.lines("plugins", "settings", "abc")}
    assert (rows["days"]["value"], rows["days"]["origin"], rows["days"]["description"]) == (
        7,
        "file",
        "Days.",
    )
    assert (rows["preset"]["value"], rows["preset"]["origin"]) == ("pyramid", "default")
