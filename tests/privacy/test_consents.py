"""Consents: given, withdrawn, listed, part of what a person gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from crmcore.app import App
from crmcore.config import SCHEMAS
from crmcore.settings.validation import load_schema
from crmcore.testing import CommandLine

GIVE = ("consent", "give", "P1", "--purpose", "advertising", "--how", "signed form")


def check(value: Any, name: str = "consent") -> Any:
    Draft202012Validator(
        load_schema(SCHEMAS / f"{name}.schema.json"), format_checker=FormatChecker()
    ).validate(value)
    return value


def test_a_consent_is_given_listed_and_withdrawn(people: App, crm: CommandLine) -> None:
    given = crm.json(*GIVE, "--on", "2026-02-03")
    check(given)
    assert (given["person"], given["given_on"], given["withdrawn_on"]) == ("P1", "2026-02-03", None)
    gone = crm.json("consent", "withdraw", "P1", "--purpose", "advertising", "--how", "by telephone")
    assert (gone["number"], gone["withdrawn_on"], gone["withdrawn_how"]) == (1, "2026-03-02", "by telephone")
    crm.ok("consent", "give", "C1", "--purpose", "sharing", "--how", "e-mail")
    listed = crm.lines("consent", "list")
    assert [(check(one)["person"], one["purpose"]) for one in listed] == [
        ("P1", "advertising"),
        ("C1", "sharing"),
    ]
    assert [one["number"] for one in crm.lines("consent", "list", "--person", "C1")] == [2]
    assert crm.lines("consent", "list", "--purpose", "advertising", "--after", "1") == []
    assert "signed form" in crm.ok("consent", "list").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("consent", "give", "P1", "--purpose", "spying", "--how", "x"),
            "'spying' is no purpose of this company",
        ),
        (("consent", "give", "P1", "--purpose", "sharing", "--how", " "), "say with --how"),
        ((*GIVE, "--on", "2027-01-01"), "2027-01-01 is not yet"),
        ((*GIVE[:3], "--purpose", "sharing", "--how", "x" * 600), "longer than 500"),
        (("consent", "withdraw", "P1", "--purpose", "sharing"), "has given no consent to sharing"),
        (
            ("consent", "withdraw", "P1", "--purpose", "advertising", "--on", "2025-01-01"),
            "was given on 2026-03-02",
        ),
        (GIVE, "P1 consents to advertising already"),
    ],
)
def test_what_cannot_be_noted_is_refused_in_one_sentence(
    people: App, crm: CommandLine, words: tuple[str, ...], sentence: str
) -> None:
    crm.ok(*GIVE)
    result = crm(*words)
    assert (result.exit_code, sentence in result.stderr) == (1, True), result.stderr


def test_an_editor_who_saw_an_older_version_is_told(people: App, crm: CommandLine) -> None:
    crm.ok(*GIVE)
    result = crm("consent", "withdraw", "P1", "--purpose", "advertising", "--expect-version", 7)
    assert (result.exit_code, "version 1, you saw 7" in result.stderr) == (1, True)


def test_purposes_are_the_companys(make_app: Callable[..., App], crm: CommandLine) -> None:
    from .conftest import fill

    fill(make_app(settings='\n[plugins.privacy]\npurposes = ["birthday_gifts"]\n'))
    crm.ok("consent", "give", "P1", "--purpose", "birthday_gifts", "--how", "x")
    assert "known are birthday_gifts" in crm(*GIVE).stderr


def test_a_consent_goes_with_its_person(people: App, crm: CommandLine) -> None:
    crm.ok(*GIVE)
    crm.ok("person", "erase", "P1", "--reason", "asked", "--yes")
    (left,) = crm.lines("consent", "list")
    assert (left["how"], left["purpose"]) == (None, "advertising")
