"""Languages: chosen in the right order, spoken everywhere, and no broken catalogue stops anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmcore.errors import Refused
from crmcore.i18n import (
    N_,
    language,
    language_from,
    locale_dir,
    match_language,
    set_language,
    translate,
    translator,
)
from crmcore.testing import ACTOR, CommandLine

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def _english() -> Any:
    set_language("en")
    yield
    set_language("en")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("zh_CN", "zh_CN"),
        ("zh_CN.UTF-8", "zh_CN"),
        ("zh_CN.GB18030", "zh_CN"),
        ("zh-Hans", "zh_CN"),
        ("ZH", "zh_CN"),
        ("zh_TW", "zh_CN"),
        ("en_GB.UTF-8", "en"),
        ("C", "en"),
        ("C.UTF-8", "en"),
        ("POSIX", "en"),
        ("de_DE", None),
        ("", None),
        ("klingon", None),
    ],
)
def test_names_of_languages_are_understood(name: str, found: str | None) -> None:
    assert match_language(name) == found


def test_crm_lang_comes_before_lc_all_before_lang() -> None:
    assert language_from({"CRM_LANG": "en", "LC_ALL": "zh_CN", "LANG": "zh_CN"}) == "en"
    assert language_from({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US"}) == "zh_CN"
    assert language_from({"LANG": "zh_CN"}) == "zh_CN"
    assert language_from({"CRM_LANG": "de", "LANG": "zh_CN"}) == "zh_CN", "a language we lack says nothing"
    assert language_from({}) == "en"


def test_the_language_is_looked_up_at_each_call() -> None:
    _ = translator("crmcore")
    message = N_("the disk is full; make room and try again")
    assert _(message) == message
    set_language("zh_CN")
    assert CHINESE.search(_(message))
    set_language("fr")
    assert (language(), _(message)) == ("en", message)
    assert translate("crmcore", "") == "", "the empty message is the catalogue's header"
    set_language("zh_CN")
    assert translate("crmcore", "") == ""


def test_a_package_without_catalogue_speaks_english() -> None:
    set_language("zh_CN")
    assert translate("json", "hello") == "hello"
    assert translate("no_such_package_at_all", "hello") == "hello"


# -- the command line --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["--lang", "zh_CN", "plugins", "list"],
        ["plugins", "list", "--lang", "zh_CN"],
        ["plugins", "--lang", "zh_CN", "list"],
        ["--lang=zh_CN", "plugins", "list"],
        ["plugins", "list", "--lang=zh-Hans"],
    ],
)
def test_the_option_stands_before_or_behind_the_command(
    make_app: Callable[..., Any], crm: CommandLine, words: list[str]
) -> None:
    make_app()
    assert CHINESE.search(crm.ok(*words, "--help").stdout)
    assert not CHINESE.search(crm.ok("plugins", "list", "--help").stdout), "and counts for that call alone"


def test_the_environment_chooses_and_the_option_overrules(
    make_app: Callable[..., Any], crm: CommandLine
) -> None:
    make_app()
    assert CHINESE.search(crm.ok("--help", env={"CRM_LANG": "zh_CN"}).stdout)
    assert not CHINESE.search(crm.ok("--help", "--lang", "en", env={"CRM_LANG": "zh_CN"}).stdout)


def test_an_unknown_language_is_told_and_the_environment_decides(
    make_app: Callable[..., Any], crm: CommandLine
) -> None:
    make_app()
    result = crm("plugins", "list", "--lang", "klingon")
    assert result.exit_code == 0
    assert "unknown language 'klingon'; known are en, zh_CN" in result.stderr


CLICKS_OWN = [
    ["customer", "add", "--nmae", "x"],
    ["customer", "show"],
    ["customer", "list", "--limit", "many"],
    ["plugins", "enable"],
    ["import", "customers", "/no/such/file"],
    ["nonsense"],
    ["customer", "nonsense"],
    ["customer", "list", "--limit"],
    ["customer", "show", "A", "B"],
]


@pytest.mark.parametrize("words", CLICKS_OWN, ids=" ".join)
def test_clicks_own_messages_are_spoken_too(
    make_app: Callable[..., Any], crm: CommandLine, words: list[str]
) -> None:
    make_app()
    english, chinese = crm(*words), crm("--lang", "zh_CN", *words)
    assert english.exit_code == chinese.exit_code != 0
    assert not CHINESE.search(english.stderr)
    assert CHINESE.search(chinese.stderr), chinese.stderr
    for result in (english, chinese):
        assert result.stderr.startswith("crm: ")
        assert result.stderr.count("\n") == 1
    left = re.findall(
        r"[A-Za-z]{2,}",
        re.sub(
            r"'[^']*'|\"[^\"]*\"|--[\w-]+|\b(crm|customer|help|CODE|NAME|ENTITY|FILE|no|such|file)\b",
            "",
            chinese.stderr,
        ),
    )
    assert left == [], chinese.stderr


def test_usage_and_options_are_spoken_in_helps(make_app: Callable[..., Any], crm: CommandLine) -> None:
    make_app()
    help_text = crm.ok("--lang", "zh_CN", "customer", "list", "--help").stdout
    for word in ("Usage", "Options", "Show this message"):
        assert word not in help_text


# -- a plugin's catalogue ----------------------------------------------------------------------------------------


def compiled(messages: dict[str, str]) -> bytes:
    from io import BytesIO

    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo

    catalog = Catalog("zh_CN")
    for english, chinese in messages.items():
        catalog.add(english, chinese)
    buffer = BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


CLI = """
import click
from crmcore.api import Command, N_, echo, translator

_ = translator("crmcore_hello")

@click.command(cls=Command, help=N_("Greet."))
def greet():
    echo(_("good morning"))
"""
MANIFEST = {"commands": [{"name": "greet", "help": "Greet.", "target": "crmcore_hello.cli:greet"}]}


def with_catalogue(plugin: Any, content: bytes) -> None:
    folder: Path = plugin.folder / "locale" / "zh_CN" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    folder.joinpath(f"{plugin.package}.mo").write_bytes(content)
    plugin.write({})
    locale_dir.cache_clear()


def test_a_plugin_brings_its_own_catalogue(
    make_app: Callable[..., Any], crm: CommandLine, install_plugin: Any
) -> None:
    plugin = install_plugin("hello", "from crmcore.api import hookimpl", MANIFEST, files={"cli.py": CLI})
    with_catalogue(plugin, compiled({"Greet.": "问候。", "good morning": "早上好"}))
    make_app(["hello"])
    assert crm.ok("greet").stdout == "good morning\n"
    assert crm.ok("--lang", "zh_CN", "greet").stdout == "早上好\n"
    assert "问候。" in crm.ok("--lang", "zh_CN", "--help").stdout
    assert "问候。" in crm.ok("greet", "--help", "--lang", "zh_CN").stdout


def test_a_permission_of_a_plugin_is_told_in_the_plugins_words(
    make_app: Callable[..., Any], install_plugin: Any
) -> None:
    manifest = {"permissions": [{"name": "gate.open", "title": "Open the gate"}]}
    plugin = install_plugin("gate", "from crmcore.api import hookimpl", manifest)
    with_catalogue(plugin, compiled({"Open the gate": "打开大门"}))
    app = make_app(["gate"], settings='\n[roles]\nadministrator = ["plugins.manage"]\n')

    def refusal(permission: str) -> str:
        with pytest.raises(Refused) as refused, app.write(ACTOR, permission=permission):
            pass
        return str(refused.value)

    assert f"actor '{ACTOR}' may not open the gate;" in refusal("gate.open")
    assert "may not import files;" in refusal("records.import")
    assert "may not gate.close;" in refusal("gate.close")
    set_language("zh_CN")
    assert "打开大门" in refusal("gate.open")
    set_language("en")
    plugin.folder.joinpath("plugin.json").write_text("{", encoding="utf-8")
    assert "may not gate.open;" in refusal("gate.open"), "and a broken manifest hinders nothing"


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xde\x12\x04\x95" + b"\xff" * 24])
def test_a_plugins_broken_catalogue_leaves_its_texts_english_and_the_rest_alone(
    make_app: Callable[..., Any], crm: CommandLine, install_plugin: Any, content: bytes
) -> None:
    from crmcore import i18n

    plugin = install_plugin("hello", "from crmcore.api import hookimpl", MANIFEST, files={"cli.py": CLI})
    with_catalogue(plugin, content)
    i18n._catalogue.cache_clear()
    make_app(["hello"])
    assert "Greet." in crm.ok("--lang", "zh_CN", "--help").stdout
    assert crm.ok("--lang", "zh_CN", "greet").stdout == "good morning\n"
    i18n._catalogue.cache_clear()
