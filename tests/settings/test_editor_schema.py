"""The schema beside crm.toml, by which editors complete and check it."""

import json
import tomllib

import pytest
from jsonschema import Draft202012Validator

from crmcore.builtin.administration.settings import editor


def schema_of(app):
    return json.loads(app.config.folder.joinpath(".crm-schema.json").read_text(encoding="utf-8"))


def errors(app, text):
    validator = Draft202012Validator(schema_of(app))
    Draft202012Validator.check_schema(validator.schema)
    return [error.json_path for error in validator.iter_errors(tomllib.loads(text))]


def test_a_new_crm_toml_names_its_schema_and_keeps_to_it(make_app):
    app = make_app()
    text = app.config.path.read_text(encoding="utf-8")
    assert text.startswith("#:schema ./.crm-schema.json\n")
    assert errors(app, text) == []


def test_the_schema_knows_the_plugins_that_are_enabled_and_no_others(make_app, crm):
    app = make_app()
    preset = "[plugins.abc_analysis]\npreset = 'none'\n"
    limit = "[plugins.records]\ndocument_limit_mb = 'x'\n"
    assert errors(app, limit) == ["$.plugins.records.document_limit_mb"]
    assert errors(app, preset) == []
    crm.ok("plugins", "enable", "trade_ledger", "abc_analysis")
    assert errors(app, preset) == ["$.plugins.abc_analysis.preset"]
    own = "[plugins.abc_analysis.policies.VIP]\nvisit_interval_days = 'x'\n"
    assert "$.plugins.abc_analysis.policies.VIP.visit_interval_days" in errors(app, own)
    crm.ok("plugins", "disable", "abc_analysis")
    assert errors(app, preset) == []


def test_the_schema_takes_references_to_secrets_and_no_secret(post):
    app = post()
    assert errors(app, '[plugins.post]\napi_key = {env = "X"}\nbox = {key = {keyring = "a/b"}}\n') == []
    assert errors(app, '[plugins.post]\napi_key = "clear"\n') == ["$.plugins.post.api_key"]
    assert (
        schema_of(app)["properties"]["plugins"]["properties"]["post"]["properties"]["api_key"]["title"]
        == "API key"
    )


@pytest.mark.parametrize(("language", "sentence"), [("en", "Cut-offs of a run"), ("zh_CN", "分界")])
def test_the_schema_speaks_the_language_of_the_company(make_app, language, sentence):
    app = make_app()
    text = app.config.path.read_text(encoding="utf-8").replace('"zh_CN"', f'"{language}"')
    app.config.path.write_text(text, encoding="utf-8")
    app.refresh()
    from crmcore.builtin.lifecycle.enabling import enable

    enable(app, ["trade_ledger", "abc_analysis"], "tester")
    known = schema_of(app)["properties"]["plugins"]["properties"]
    assert sentence in known["abc_analysis"]["properties"]["preset"]["description"]


def test_a_schema_that_cannot_be_written_stops_nothing(make_app, crm, monkeypatch):
    app = make_app()

    def full(*_arguments):
        raise OSError("full")

    monkeypatch.setattr(editor, "write_atomically", full)
    crm.ok("plugins", "enable", "trade_ledger")
    app.refresh()
    assert app.config.enabled == ("trade_ledger",)


def test_an_odd_schema_of_a_plugin_stops_nothing(install_plugin, make_app):
    odd = {
        "properties": {"x": {"$ref": "#/$defs/x"}, "title": {"type": "string"}},
        "$defs": {"x": {"$ref": "#/$defs/x"}},
    }
    install_plugin(
        "odd", "from crmcore.api import hookimpl", {}, files={"settings.schema.json": json.dumps(odd)}
    )
    app = make_app(["odd"])
    assert "odd" in schema_of(app)["properties"]["plugins"]["properties"]
