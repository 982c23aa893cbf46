"""crm.toml: found in the right place, read as people write it, refused in one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.builtin.lifecycle.toml import with_enabled
from crmcore.config import find_workspace, load_config, parse_config, write_new
from crmcore.errors import BadConfig, NoWorkspace
from crmcore.testing import CommandLine

NOWHERE = Path("/nowhere")


def refused(text: str) -> str:
    with pytest.raises(BadConfig) as error:
        parse_config(NOWHERE, text)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_empty_file_has_all_defaults() -> None:
    config = parse_config(NOWHERE, "")
    assert (config.currency, str(config.timezone), config.enabled) == ("CNY", "Asia/Shanghai", ())
    assert config.database_url == "sqlite:///crm.db"
    assert config.data["codes"]["customer"] == "C{seq:06}"
    assert config.data["plugins"]["budget_seconds"] == 10
    assert config.data["strategies"] == {
        "code_generator": "pattern",
        "currency_rates": "table",
        "workdays": "china",
    }
    assert config.plugin_settings("anything") == {}


def test_the_file_that_init_writes_is_valid_and_says_no_more_than_the_defaults(tmp_path: Path) -> None:
    write_new(tmp_path, "sqlite:///crm.db")
    assert load_config(tmp_path).data == parse_config(tmp_path, "").data
    assert tmp_path.joinpath("crm.toml").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "url",
    [
        'sqlite:///a "b".db',
        "sqlite:///C:\\data\\crm.db",
        "sqlite:///客户.db",
        "postgresql:///x?host=/tmp/a'b",
    ],
)
def test_init_writes_any_url_so_that_it_can_be_read_again(tmp_path: Path, url: str) -> None:
    write_new(tmp_path, url)
    assert load_config(tmp_path).database_url == url


BAD = {
    "unknown table": ("[compny]\nname = 'x'", "crm.toml: unknown key 'compny'; did you mean 'company'?"),
    "unknown key": (
        "[company]\ncurency = 'CNY'",
        "crm.toml: unknown key 'company.curency'; did you mean 'currency'?",
    ),
    "unlike any key": (
        "[company]\nzzz = 1",
        "crm.toml: unknown key 'company.zzz'; known are currency, language, name, timezone",
    ),
    "wrong type": (
        "[company]\nname = 5",
        "crm.toml: company.name = 5 is not allowed; allowed is a value of type string",
    ),
    "a date for a text": (
        "[company]\nname = 2024-01-01",
        'company.name = "2024-01-01" is not allowed; allowed is a value of type string',
    ),
    "a time for a text": ("[company]\nname = 07:30:00", 'company.name = "07:30:00" is not allowed'),
    "no currency": (
        "[company]\ncurrency = 'yuan'",
        'company.currency = "yuan" is not allowed; allowed is text that matches ^[A-Z]{3}$',
    ),
    "no language": (
        "[company]\nlanguage = 'zh'",
        'company.language = "zh" is not allowed; allowed is "en", "zh_CN"',
    ),
    "no time zone": (
        "[company]\ntimezone = 'Asia/Shangai'",
        "company.timezone = 'Asia/Shangai' is not a known time zone",
    ),
    "a path for a time zone": ("[company]\ntimezone = '../../etc/passwd'", "is not a known time zone"),
    "zero budget": (
        "[plugins]\nbudget_seconds = 0",
        "plugins.budget_seconds = 0 is not allowed; allowed is a number above 0",
    ),
    "enabled is text": (
        "[plugins]\nenabled = 'a'",
        'plugins.enabled = "a" is not allowed; allowed is a value of type array',
    ),
    "enabled twice": ("[plugins]\nenabled = ['a', 'a']", "plugins.enabled"),
    "bad plugin name": ("[plugins]\nenabled = ['My-Plugin']", 'plugins.enabled.0 = "My-Plugin"'),
    "plugin settings are text": ("[plugins]\nabc = 'x'", 'plugins.abc = "x" is not allowed'),
    "code without a number": ("[codes]\ncustomer = 'C'", 'codes.customer = "C" is not allowed'),
    "rate is a number": (
        "[currency.rates]\nUSD = 7.12",
        "currency.rates.USD = 7.12 is not allowed; allowed is a value of type string",
    ),
    "rate is no number": ("[currency.rates]\nUSD = '7,12'", 'currency.rates.USD = "7,12" is not allowed'),
    "rate of no currency": ("[currency.rates]\nusd = '7.12'", "usd"),
    "role is text": ("[roles]\ntrainee = 'x'", 'roles.trainee = "x" is not allowed'),
    "another database": ("[database]\nurl = 'mysql://x/y'", 'database.url = "mysql://x/y" is not allowed'),
    "a password": ("[database]\nurl = 'postgresql://u:secret@h/d'", "database.url holds a password"),
    "a password as parameter": (
        "[database]\nurl = 'postgresql://h/d?user=u&password=secret'",
        "database.url holds a password",
    ),
    "a password of another database": (
        "[database]\nurl = 'mysql://u:secret@h/d'",
        "database.url holds a password",
    ),
    "a password elsewhere": (
        "[company]\nname = 'https://u:secret@h/'",
        "crm.toml: company.name holds a password; remove it and name a variable that holds it instead",
    ),
    "no number": ("[plugins]\nbudget_seconds = nan", "plugins.budget_seconds = nan is not a finite number"),
    "a password in disguise": (
        "[database]\nurl = 'postgresql://h/d?p%61ssword=secret'",
        "database.url holds a password",
    ),
    "a password of the key": (
        "[database]\nurl = 'postgresql://h/d?sslpassword=secret'",
        "database.url holds a password",
    ),
    "no port": ("[database]\nurl = 'postgresql://h:port/d'", "database.url"),
    "no address": ("[database]\nurl = 'postgresql://[::1/d'", "database.url"),
    "no TOML": ("[company", "is not valid TOML"),
    "a key twice": ("[company]\nname='a'\nname='b'", "is not valid TOML"),
    "control characters": ('[company]\nname = "a\x00"', "is not valid TOML"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_said_with_key_value_and_what_is_allowed(what: str) -> None:
    text, sentence = BAD[what]
    message = refused(text)
    assert sentence in message
    assert "secret" not in message


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_at_all_does_more_than_refuse(text: str) -> None:
    with suppress(BadConfig):
        parse_config(NOWHERE, text)


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["company", "database", "plugins", "strategies", "codes", "currency", "roles", "other"]),
    json_like,
)
def test_no_value_at_all_does_more_than_refuse(table: str, value: object) -> None:
    from crmcore.config import FILE_NAME, SCHEMAS
    from crmcore.settings.validation import check, load_schema

    said = "crm.toml: "
    try:
        check({table: value}, load_schema(SCHEMAS / "crm_toml.schema.json"), FILE_NAME)
    except BadConfig as error:
        said = str(error)
    assert said.startswith("crm.toml: ")
    assert "\n" not in said


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("crm.toml").write_bytes("[company]\nname = '示例'\n".encode("gb18030"))
    with pytest.raises(BadConfig, match="cannot be read"):
        load_config(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    tmp_path.joinpath("crm.toml").write_bytes("\ufeff[company]\r\nname = '示例'\r\n".encode())
    assert load_config(tmp_path).data["company"]["name"] == "示例"


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoWorkspace, match="make a workspace with: crm init"):
        load_config(tmp_path)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(BadConfig, match="cannot be read"):
        load_config(file)
    tmp_path.joinpath("crm.toml").mkdir()
    with pytest.raises(BadConfig, match="cannot be read"):
        load_config(tmp_path)


# -- where the workspace is --------------------------------------------------------------------------------------


def test_given_folder_comes_before_crm_home_before_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_HOME", raising=False)
    assert find_workspace(None) == tmp_path
    monkeypatch.setenv("CRM_HOME", str(tmp_path / "home"))
    assert find_workspace(None) == tmp_path / "home"
    assert find_workspace("given") == tmp_path / "given"
    monkeypatch.setenv("CRM_HOME", "")
    assert find_workspace(None) == tmp_path


def test_the_command_line_finds_the_workspace_in_that_order(
    make_app: Callable[..., object], crm: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_app()
    first = crm.folder
    assert first is not None
    make_app()
    second = crm.folder
    assert second is not None
    crm.ok("customer", "add", "--name", "in the first", folder=first)
    crm.folder = None
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.delenv("CRM_HOME", raising=False)

    def names(*words: str, **environment: str) -> list[str]:
        return [row["name"] for row in crm.lines(*words, "customer", "list", env=environment)]

    nothing = crm("customer", "list")
    assert nothing.exit_code == 1
    assert (
        nothing.stderr == f"crm: there is no crm.toml in {empty}; make a workspace with: crm init {empty}\n"
    )
    monkeypatch.chdir(first)
    assert names() == ["in the first"]
    assert names(CRM_HOME=str(second)) == []
    assert names("-C", str(first), CRM_HOME=str(second)) == ["in the first"]
    assert names(f"-C{first}", CRM_HOME=str(second)) == ["in the first"]


def test_a_plugins_command_is_found_however_the_folder_is_given(
    make_app: Callable[..., object],
    crm: CommandLine,
    install_plugin: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cli = "import click\nfrom crmcore.api import Command, echo\n@click.command(cls=Command, help='Greet.')\ndef greet():\n    echo('hello')\n"
    manifest = {"commands": [{"name": "greet", "help": "Greet.", "target": "crmcore_hello.cli:greet"}]}
    install_plugin("hello", "from crmcore.api import hookimpl", manifest, files={"cli.py": cli})
    make_app(["hello"])
    folder = crm.folder
    assert folder is not None
    crm.folder = None
    monkeypatch.chdir(folder.parent)
    relative = folder.name
    for words in (
        ["-C", str(folder)],
        ["-C", relative],
        [f"-C{relative}"],
        ["--lang", "en", "-C", relative],
        ["--actor", "tester", "-C", relative],
        ["--debug", "-C", relative],
        ["--actor=tester", "-C", relative],
    ):
        assert crm(*words, "greet").stdout == "hello\n", words
    assert crm("greet", env={"CRM_HOME": str(folder)}).stdout == "hello\n"
    assert crm("greet").exit_code == 2


# -- changing the enabled list -----------------------------------------------------------------------------------


names = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True), unique=True, max_size=4)
LAYOUTS = [
    "",
    "[plugins]\n",
    "[plugins]\nenabled = []\n",
    "[plugins]\nenabled = [] # why\n",
    "[plugins]\nenabled = [\n  'a', # one\n  # two\n  'b',\n]\nbudget_seconds = 3\n",
    "plugins.enabled = ['x']\n",
    "plugins = { enabled = ['x'], budget_seconds = 3 }\n",
    "[plugins]\nbudget_seconds = 3\n[plugins.abc]\nx = 1\n",
    "[plugins.abc]\nx = 1\n",
    "[plugins.abc]\nx = 1\n[company]\nname = 'n'\n[plugins]\nenabled = ['x']\n",
]


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=20)
@given(enabled=names)
def test_only_the_list_changes_whatever_the_layout(
    tmp_path_factory: pytest.TempPathFactory, layout: str, enabled: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    text = (
        "# head\n"
        + layout
        + ("" if "company" in layout or layout.startswith("plugins") else "\n[company]\nname = 'n' # keep\n")
    )
    before = parse_config(folder, text).data
    changed = with_enabled(text, enabled)
    after = parse_config(folder, changed).data
    assert after["plugins"]["enabled"] == enabled
    before["plugins"]["enabled"] = enabled
    assert after == before
    assert "# head" in changed
    assert ("# keep" in changed) == ("# keep" in text)


def test_comments_within_the_list_stay_with_the_names_that_stay(tmp_path: Path) -> None:
    text = "[plugins]\nenabled = [\n    'ledger', # the books\n    'abc', # classes\n]\n"
    more = with_enabled(text, ["ledger", "abc", "credit"])
    assert "'ledger', # the books" in more
    assert "'abc', # classes" in more
    assert parse_config(tmp_path, more).enabled == ("ledger", "abc", "credit")
    less = with_enabled(more, ["ledger", "credit"])
    assert "# the books" in less
    assert parse_config(tmp_path, less).enabled == ("ledger", "credit")


def test_the_environment_gives_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg")
    from crmcore.db.engine import make_engine

    config = parse_config(NOWHERE, "[database]\nurl = 'postgresql://u@h/d'\npassword_env = 'CRM_SECRET'\n")
    monkeypatch.setitem(os.environ, "CRM_SECRET", "from the environment")
    engine = make_engine(config)
    assert engine.url.password == "from the environment"
    assert "from the environment" not in repr(engine)
