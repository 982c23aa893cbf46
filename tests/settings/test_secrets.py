"""Secrets: crm.toml refers to them, a plugin gets them when it asks, and nobody else ever sees one."""

import json
import re
import sys
from collections.abc import Callable
from traceback import format_exception
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.administration.settings.secrecy import hidden_in_json
from crmcore.db.base import dumps
from crmcore.errors import BadConfig
from crmcore.text import SECRETS, hidden, printable

SECRET = "hunter22-漢字"
OTHER = "s3cr3t s3cr3t"
SET = ("plugins", "settings", "post", "set")


@pytest.fixture
def ring():
    """Let a keyring of this test answer, which needs no screen and no service."""
    import keyring
    from keyring.backend import KeyringBackend

    class Ring(KeyringBackend):
        priority = 1
        broken: Exception | None = None

        def __init__(self):
            super().__init__()
            self.held = {("post.example", "box"): OTHER, ("https://post.example/api", "me"): OTHER}

        def get_password(self, service, username):
            if self.broken:
                raise self.broken
            return self.held.get((service, username))

        def set_password(self, service, username, password):
            self.held[service, username] = password

    before = keyring.get_keyring()
    mine = Ring()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


def secret_of(app, key):
    with app.read("post") as ctx:
        return ctx.secret(key)


def test_a_plugin_gets_what_its_setting_refers_to(post, monkeypatch, ring):
    app = post('api_key = {env = "POST_KEY"}\n[plugins.post.box]\nkey = {keyring = "post.example/box"}')
    monkeypatch.setenv("POST_KEY", SECRET)
    assert secret_of(app, "api_key") == SECRET
    assert secret_of(app, "box.key") == OTHER
    assert app.settings("post")["api_key"] == {"env": "POST_KEY"}
    monkeypatch.setenv("POST_KEY", "changed meanwhile")
    assert secret_of(app, "api_key") == "changed meanwhile"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            "",
            "plugin 'post' needs the secret 'api_key'; say where it is kept: crm plugins settings post set api_key env:NAME",
        ),
        ('api_key = {env = "POST_KEY"}', "env:POST_KEY holds nothing; set that variable of the environment"),
        (
            'api_key = {keyring = "post.example/you"}',
            "keyring:post.example/you holds nothing; store it with: keyring set post.example you",
        ),
    ],
)
def test_where_there_is_no_secret_the_plugin_is_told_what_to_do(post, ring, settings, sentence):
    app = post(settings)
    with pytest.raises(BadConfig) as error:
        secret_of(app, "api_key")
    assert sentence in str(error.value)


def test_without_the_library_a_keyring_is_refused_with_what_to_install(post, crm, rows, monkeypatch):
    app = post('api_key = {keyring = "post.example/box"}')
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(BadConfig, match=r"keyring:post\.example/box .*pip install 'crmcore\[keyring\]'"):
        secret_of(app, "api_key")
    assert rows()["api_key"]["resolves"] is False


def test_what_a_keyring_says_when_it_fails_is_not_repeated(post, ring, rows):
    app = post('api_key = {keyring = "https://post.example/api/me"}')
    assert secret_of(app, "api_key") == OTHER
    ring.broken = RuntimeError(f"cannot decrypt {SECRET}")
    with pytest.raises(BadConfig) as error:
        secret_of(app, "api_key")
    assert "cannot be read (RuntimeError); unlock the keyring" in str(error.value)
    assert SECRET not in str(error.value)
    assert error.value.__suppress_context__
    assert rows()["api_key"]["resolves"] is False


@pytest.mark.parametrize(
    ("typed", "value", "resolves"),
    [
        ("env:POST_KEY", {"env": "POST_KEY"}, True),
        ("env:NOT_THERE", {"env": "NOT_THERE"}, False),
        ('{env = "POST_KEY"}', {"env": "POST_KEY"}, True),
        ('{"env": "POST_KEY"}', {"env": "POST_KEY"}, True),
        ("keyring:post.example/box", {"keyring": "post.example/box"}, True),
        ("keyring:nobody/nothing", {"keyring": "nobody/nothing"}, False),
    ],
)
def test_a_reference_is_set_and_shown_with_whether_it_resolves(post, crm, ring, rows, typed, value, resolves):
    post()
    environment = {"POST_KEY": SECRET}
    crm.ok(*SET, "api_key", typed, env=environment)
    row = rows(env=environment)["api_key"]
    assert (row["value"], row["resolves"], row["origin"]) == (value, resolves, "file")
    table = crm.ok("plugins", "settings", "post", env=environment).stdout
    ((kind, place),) = value.items()
    assert re.search(
        rf"api_key +{kind}:{re.escape(place)} \({'found' if resolves else 'nothing there'}\)", table
    )
    assert rows()["box.key"]["resolves"] is None


CLEAR = [
    SECRET,
    f'"{SECRET}"',
    f"env:{SECRET}",
    f"keyring:{SECRET}",
    f'{{env = "{SECRET}"}}',
    f'{{env = "A", keyring = "{SECRET}"}}',
    f'{{password = "{SECRET}"}}',
    f'["{SECRET}"]',
    f"env: {SECRET}",
    f"-{SECRET}",
]


def test_a_secret_in_clear_is_refused_and_not_repeated(post, crm):
    app = post()
    before = app.config.path.read_bytes()
    for typed in CLEAR:
        for key in ("api_key", "box.key"):
            result = crm(*SET, key, typed)
            assert (result.exit_code, "is a secret" in result.stderr) == (1, True), result.stderr
            assert SECRET not in result.stdout + result.stderr
    with pytest.raises(BadConfig, match="is a secret") as error:
        crm("--debug", *SET, "api_key", SECRET)
    assert SECRET not in "".join(format_exception(error.value))
    for words in ((*SET, "api_key", "two", SECRET), (*SET, "box", f'{{key = "{SECRET}"}}')):
        assert SECRET not in crm(*words).stderr
    assert app.config.path.read_bytes() == before


@pytest.mark.parametrize(
    "settings",
    [
        f"api_key = '{SECRET}'",
        f"api_key = '{SECRET}'\nper_day = 'many'\nzzz = 1",
        f"api_key = {{env = '{SECRET}'}}",
        f"api_key = {{env = 'A', key = '{SECRET}'}}",
        f"box = {{key = '{SECRET}'}}",
        f"box = ['{SECRET}']\napi_key = '{SECRET}'",
    ],
)
def test_a_secret_in_clear_in_the_file_is_refused_and_not_repeated(post, crm, settings):
    app = post("sender = 'x'")
    text = app.config.path.read_text(encoding="utf-8").replace("sender = 'x'", settings)
    app.config.path.write_text(text, encoding="utf-8")
    for words in (
        ("plugins", "settings", "post"),
        ("doctor",),
        ("work",),
        ("post", "well"),
        (*SET, "per_day", "7"),
    ):
        result = crm(*words)
        assert SECRET not in result.stdout + result.stderr
        if words[0] == "plugins":
            assert "and only a reference to it may stand here" in result.stderr


def test_the_environment_gives_references_and_no_secret(post, crm, rows):
    post()
    result = crm("plugins", "settings", "post", env={"CRM_PLUGIN_POST__API_KEY": SECRET})
    assert "CRM_PLUGIN_POST__API_KEY" in result.stderr
    assert "is a secret" in result.stderr
    assert SECRET not in result.stderr
    row = rows(env={"CRM_PLUGIN_POST__API_KEY": "env:POST_KEY", "POST_KEY": SECRET})["api_key"]
    assert (row["value"], row["origin"], row["resolves"]) == ({"env": "POST_KEY"}, "environment", True)


@pytest.mark.slow
def test_a_secret_appears_nowhere(post, crm, ring, database):
    """Neither on the screen, nor in a file of the workspace, nor in the database, whatever the plugin does."""
    app = post('sender = "leaky"\napi_key = {env = "POST_KEY"}', database)
    environment = {"POST_KEY": SECRET}
    said = ""
    for language in ("en", "zh_CN"):
        for words in (
            ("work",),
            ("work", "--json"),
            ("post", "well"),
            ("post", "badly"),
            ("--debug", "post", "badly"),
            (*SET, "box.key", "keyring:post.example/box"),
            (*SET, "api_key", "env:POST_KEY"),
            ("plugins", "settings", "post"),
            ("plugins", "settings", "post", "--json"),
            ("plugins", "list"),
            ("plugins", "list", "--json"),
            ("doctor",),
            ("doctor", "--json"),
            ("plugins", "release", "post"),
            (*SET, "sender", "careful"),
            ("work",),
            (*SET, "sender", "leaky"),
        ):
            result = crm("--lang", language, *words, env=environment)
            said += result.stdout + result.stderr
    assert "cannot log in with ***" in said
    assert "sent with ***" in said
    assert "RuntimeError: refused ***" in said
    assert "Traceback" in said
    files = b"".join(path.read_bytes() for path in app.config.folder.rglob("*") if path.is_file())
    with app.read() as ctx:
        queries = [sa.select(sa.text("*")).select_from(sa.table(name)) for name in tables(ctx)]
        rows = [repr(ctx.connection.execute(query).all()) for query in queries]
    for secret in (SECRET, OTHER):
        assert secret not in said
        assert secret.encode() not in files
        assert secret not in "".join(rows)
        assert repr(secret)[1:-1] not in "".join(rows)


def tables(ctx):
    return sa.inspect(ctx.connection).get_table_names()


def test_of_a_key_of_several_lines_each_is_hidden(post, monkeypatch):
    app = post('api_key = {env = "POST_KEY"}')
    monkeypatch.setenv("POST_KEY", "-----BEGIN\nhunter22\nhunter222222\n-----END---")
    text = secret_of(app, "api_key")
    assert "hunter" not in printable(text)
    for line in text.splitlines():
        assert printable(f"a {line} b") == "a *** b"


def test_a_short_secret_hides_no_words(post, monkeypatch):
    app = post('api_key = {env = "POST_KEY"}')
    monkeypatch.setenv("POST_KEY", "12345")
    assert secret_of(app, "api_key") == "12345"
    assert printable("12345 customers") == "12345 customers"
    monkeypatch.setenv("POST_KEY", "123456")
    secret_of(app, "api_key")
    assert printable("123456 customers") == "*** customers"
    assert {"123456"} == SECRETS


WRITINGS: dict[str, Callable[[str], str]] = {
    "json": json.dumps,
    "json as it is": lambda text: json.dumps(text, ensure_ascii=False),
    "json in json": lambda text: json.dumps(json.dumps({"k": text})),
    "repr": repr,
    "repr with both marks": lambda text: repr(f"'{text}\""),
    "bytes": lambda text: repr(text.encode()),
    "error": lambda text: str(KeyError(json.dumps(text))),
    "address": lambda text: quote(text, safe=""),
}
AWKWARD = (
    'ab"cd\\ef-ghij',
    "d'artagnan",
    "schlüssel-密码",
    "tab\there",
    "two\nlines",
    "key 🔑 key",
    "a+b/c==",
    "\\\\host\\pass",
)


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("secret", AWKWARD)
def test_a_secret_is_hidden_however_a_program_writes_it(secret, writing):
    SECRETS.add(secret)
    written = WRITINGS[writing](secret)
    assert re.fullmatch(r"""[\\"'b{}:k ]*\*\*\*[\\"'}]*""", printable(written)), (written, printable(written))
    assert printable("well, " + written.swapcase().replace("a", "z")).startswith("well, ")


def test_a_secret_of_many_backslashes_is_looked_for_in_no_time():
    SECRETS.update(("\\" * 40 + "x", "'" * 40))
    assert printable("\\" * 5000 + "y" + "\\" * 40 + "x") == "\\" * 5000 + "y***"


@pytest.mark.parametrize("secret", ['ab"cd\\ef-ghij', "schlüssel-密码", "48211937"])
def test_json_holds_no_secret_and_stays_json(post, crm, secret):
    post('sender = "chatty"\napi_key = {env = "POST_KEY"}')
    result = crm.ok("work", "--json", env={"POST_KEY": secret})
    (item,) = [item for item in result.lines() if item["plugin"] == "post"]
    assert (item["key"], item["title"], item["command"]) == ("key ***", "open with ***", "***")
    assert WRITINGS["json"](secret)[1:-1] not in result.stdout


def test_what_is_kept_of_an_error_holds_no_escaped_secret(post, crm, database):
    secret = 'ab"cd\\ef-漢字'
    app = post('sender = "quoting"\napi_key = {env = "POST_KEY"}', database)
    said = crm.ok("work", env={"POST_KEY": secret}).stderr
    assert '{"login": "***"}' in said
    (line,) = [line for line in crm.lines("plugins", "list") if line["name"] == "post"]
    assert line["error"]["message"] == '{"login": "***"}'
    with app.read() as ctx:
        kept = ctx.connection.execute(sa.text("SELECT CAST(error AS TEXT) FROM plugin_health")).scalar_one()
    assert "***" in kept
    assert "cd" not in kept


_PIECES = st.text('abn"\\/\tu0019é漢:,{}[] ', max_size=6)


@st.composite
def _told(draw):
    """Draw a secret, and something in which it stands here and there."""
    secret = draw(st.text('abn"\\\tu0019é漢:,{}[] ', min_size=6, max_size=9) | st.just("482119"))
    texts = st.lists(_PIECES, min_size=1, max_size=3).map(secret.join)
    leaves = st.none() | st.booleans() | st.integers() | st.just(482119) | texts | _PIECES
    value = st.recursive(leaves, lambda part: st.lists(part) | st.dictionaries(texts | _PIECES, part))
    return secret, draw(value)


def _without(value):
    if isinstance(value, list):
        return [_without(part) for part in value]
    if isinstance(value, dict):
        return {hidden(key): _without(part) for key, part in value.items()}
    if isinstance(value, str):
        return hidden(value)
    return "***" if str(value) in SECRETS else value


@given(_told())
def test_hiding_leaves_json_as_it_is_but_for_the_secrets(told):
    secret, value = told
    SECRETS.clear()
    SECRETS.add(secret)
    assert json.loads(hidden_in_json(dumps(value))) == _without(value)


NESTED = {
    "type": "object",
    "additionalProperties": False,
    "$defs": {
        "token": {"title": "T", "description": "T.", "type": "string", "x-secret": True},
        "login": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"token": {"$ref": "#/$defs/token"}, "user": {"type": "string"}},
            "required": ["user"],
        },
    },
    "properties": {
        "auth": {"title": "A", "description": "A.", "$ref": "#/$defs/login"},
        "list": {"title": "L", "description": "L.", "type": "array", "items": {"x-secret": True}},
        "map": {
            "title": "M",
            "description": "M.",
            "allOf": [{"type": "object"}],
            "additionalProperties": {"x-secret": True},
        },
        "plain": {
            "title": "P",
            "description": "P.",
            "type": "object",
            "properties": {"n": {"type": "integer"}},
        },
    },
}
TOO_HIGH = {
    "auth": "a value of type object",
    "list": "a value of type array",
    "list.0": "a value of type array",
    "map": "a value of type object",
}


@pytest.fixture
def nested(install_plugin, make_app):
    """Make a workspace with a plugin whose secrets stand below other keys."""
    code = (
        "from crmcore.api import hookimpl\n\n@hookimpl\ndef work_items(actor, since, ctx):\n    return []\n"
    )
    install_plugin("post", code, files={"settings.schema.json": json.dumps(NESTED)})
    return make_app(["post"])


@pytest.mark.parametrize("key", TOO_HIGH)
def test_a_secret_given_for_what_holds_secrets_is_not_repeated(nested, crm, key):
    variable = f"CRM_PLUGIN_POST__{key.partition('.')[0].upper()}"
    for result in (
        crm(*SET, key, SECRET),
        crm("plugins", "settings", "post", env={variable: SECRET}),
        crm("work", env={variable: SECRET}),
        crm("doctor", env={variable: SECRET}),
    ):
        said = result.stdout + result.stderr
        assert SECRET not in said
        assert f"allowed is {TOO_HIGH[key]}" in said
        assert f"plugins.post.{key.partition('.')[0]} " in said


def test_what_holds_no_secret_is_still_shown_when_it_is_wrong(nested, crm):
    said = crm(*SET, "plain.n", "many").stderr
    assert 'plugins.post.plain.n = "many" is not allowed' in said
    assert "lacks the key 'user'" in crm(*SET, "auth.token", "env:X").stderr
    assert "plugins.post.auth.user = 7 is not allowed" in crm(*SET, "auth", "{user = 7}").stderr


@pytest.mark.parametrize(
    "address", [f"https://{OTHER[:6]}@git.example/x", "see HTTP://ghp_s3cr3t@git.example"]
)
def test_a_token_in_an_address_is_refused(post, crm, address):
    app = post()
    result = crm(*SET, "sender", address)
    assert (result.exit_code, "plugins.post.sender holds a password" in result.stderr) == (1, True)
    assert "s3cr3t" not in result.stderr + app.config.path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://crm@db.example/crm",
        "ssh://git@git.example/x",
        "https://a.example/@me",
        "https://a.example?to=me@b",
    ],
)
def test_an_address_without_a_password_is_taken(post, crm, address):
    post()
    crm.ok(*SET, "sender", address)
