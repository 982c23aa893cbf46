"""No command leaves an English sentence in its Chinese output."""

import re

import click
import pytest

from crmcore.cli.kit import Session
from crmcore.cli.main import crm as top

ENGLISH = re.compile(r"[a-z]+(?:[ ,;]+[a-z]+){2,}")
"""Three plain words in a row; names of files, commands and values come alone or in quotation marks."""


def commands(command: click.Command, path: tuple[str, ...], ctx: click.Context) -> list[tuple[str, ...]]:
    """Return the words of every command below, groups among them."""
    found = [path]
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            found += commands(below, (*path, name), ctx)
    return found


def english(text: str) -> list[str]:
    values = r'"[^"\n]*"'  # of settings, as they stand in crm.toml
    without_code = re.sub(rf"{values}|crm( [a-z-]+)+|pip install \S+|[a-z_]+(, ?[a-z_]+)+", "", text)
    return ENGLISH.findall(without_code)


def test_the_search_for_english_finds_a_sentence_and_no_list_of_values():
    assert english("请稍候 please wait a moment")
    assert not english("可选：organisation, person, dealer；另见 crm plugins list")


def test_every_help_is_chinese(make_app, crm):
    make_app(plugins=["trade_ledger", "abc_analysis"])
    ctx = click.Context(top, obj=Session(str(crm.folder)))
    left = {}
    for words in commands(top, (), ctx):
        result = crm.ok(*words, "--help", "--lang", "zh_CN") if words else crm.ok("--lang", "zh_CN", "--help")
        body = result.stdout.split("\n", 1)[1]
        assert re.search("[\u4e00-\u9fff]", body), f"crm {' '.join(words)} --help is not translated"
        if found := english(body):
            left[" ".join(words)] = found
    assert left == {}


@pytest.mark.parametrize(
    "words",
    [
        ("plugins", "list"),
        ("plugins", "settings", "abc_analysis"),
        ("doctor",),
        ("customer", "list"),
        ("customer", "show", "NOBODY"),
        ("customer", "add", "--set", "nmae=x"),
        ("import", "customers", "nowhere.csv"),
        ("imports", "list"),
        ("report", "list"),
        ("report", "run", "composition"),
        ("jobs", "list"),
        ("work",),
        ("abc", "runs"),
        ("abc", "explain", "NOBODY"),
        ("ledger", "products"),
        ("actor", "list"),
        ("db", "migrate"),
        ("nonsense",),
    ],
    ids=" ".join,
)
def test_what_commands_say_is_chinese(make_app, crm, words):
    make_app(plugins=["trade_ledger", "abc_analysis"])
    result = crm("--lang", "zh_CN", *words)
    assert english(result.stdout + result.stderr) == []
