"""What the commands of history and audit print keeps to its published schema."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from crmcore.config import SCHEMAS
from crmcore.settings.validation import load_schema
from crmcore.testing import CommandLine


def check(name: str, value: Any) -> None:
    validator = Draft202012Validator(load_schema(SCHEMAS / f"{name}.schema.json"))
    assert [error.message for error in validator.iter_errors(value)] == []


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("history", ("history", "A")),
        ("audit_verify", ("audit", "verify")),
        ("audit_anchor", ("audit", "anchor")),
        ("audit_read", ("audit", "reads")),
    ],
)
def test_json_is_as_published(worked: CommandLine, schema: str, words: tuple[str, ...]) -> None:
    worked.ok("customer", "edit", "A", "--set", "bank_account=1")
    worked.ok("customer", "show", "A")
    lines = worked.lines(*words)
    assert lines
    for line in lines:
        check(schema, line)
