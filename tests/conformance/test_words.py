"""What is read and not run: manifest, settings schema, catalogue, imports."""

from __future__ import annotations

import pytest

from crmcore.builtin.conformance.findings import NotRun
from crmcore.builtin.conformance.imports import check_imports
from crmcore.builtin.conformance.manifest import check_manifest
from crmcore.builtin.conformance.settings import check_settings
from crmcore.builtin.conformance.texts import check_catalogues
from crmcore.errors import PluginError


@pytest.mark.parametrize("check", [check_manifest, check_settings, check_catalogues, check_imports])
def test_a_plugin_that_keeps_the_rules_passes(subject, stamps, check):
    assert check(subject(stamps))[0]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"tilte": "Stamps"}, "did you mean 'title'"),
        ({"table_prefix": "Stamps!"}, "table_prefix"),
        ({"api": ">=9"}, "needs crmcore >=9"),
        ({"requires": ["nobody_has_this"]}, "it requires 'nobody_has_this', which is not installed here"),
        ({"migrations": "steps"}, "migrations = 'steps', which is not in the package"),
    ],
)
def test_a_wrong_manifest_fails(subject, stamps, values, told):
    ok, detail = check_manifest(subject(stamps.declare(**values)))
    assert not ok
    assert told in detail


def test_a_manifest_that_cannot_be_read_fails(subject, stamps):
    stamps.files["plugin.json"] = "[]"
    looked = subject(stamps)
    with pytest.raises(PluginError, match="plugin"):
        check_manifest(looked)
    with pytest.raises(NotRun):
        _ = looked.manifest


def test_a_name_of_the_core_is_refused(subject, stamps, install_plugin):
    from crmcore.builtin.conformance.subject import Subject

    install_plugin("reports", "from crmcore.api import hookimpl")
    looked = subject(stamps)
    ok, detail = check_manifest(Subject("reports", looked.folder))
    assert (ok, "'reports' is not allowed or taken" in detail) == (False, True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda key: key.pop("title"), "enough lacks title"),
        (lambda key: key.pop("description"), "enough lacks description"),
        (lambda key: key.pop("default"), "enough lacks default"),
        (lambda key: key.pop("examples"), "enough lacks examples"),
        (lambda key: key.update(default=0), "enough = 0 is not allowed"),
        (lambda key: key.update(examples=["many"]), 'enough = "many" is not allowed'),
        (lambda key: key.update(type="number of stamps"), "$.properties.enough.type"),
        (lambda key: key.update({"$ref": "https://example.org/x.json"}), "$ref https://example.org/x.json"),
    ],
)
def test_wrong_settings_fail(subject, stamps, change, told):
    ok, detail = check_settings(subject(stamps.set(lambda schema: change(schema["properties"]["enough"]))))
    assert not ok
    assert told in detail


def test_keys_within_keys_say_what_they_are_too(subject, stamps):
    inner = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    words = {"title": "Cards", "description": "Kinds of cards.", "default": [], "examples": [[{"name": "A"}]]}
    stamps.set(
        lambda schema: schema["properties"].update(cards={"type": "array", "items": inner, **words}),
    )
    ok, detail = check_settings(subject(stamps))
    assert (ok, detail) == (False, "cards.name lacks title, description, examples")


def test_a_secret_needs_no_default(subject, stamps):
    key = {"title": "Key", "description": "Of the service.", "x-secret": True, "examples": [{"env": "KEY"}]}
    assert check_settings(subject(stamps.set(lambda schema: schema["properties"].update(key=key))))[0]


def test_a_secret_with_a_default_fails(subject, stamps):
    key = {"title": "Key", "description": "Of the service.", "x-secret": True, "default": "in the clear"}
    ok, detail = check_settings(subject(stamps.set(lambda schema: schema["properties"].update(key=key))))
    assert (ok, detail.partition(";")[0]) == (False, "key is a secret with a default")


@pytest.mark.parametrize(
    "text",
    ["Stamps", "a card holds {most} stamps", "So many stamps give a present.", "Give stamps", "Stamps: show"],
)
def test_a_text_without_translation_fails_wherever_it_stands(subject, stamps, text):
    stamps.untranslated = (text,)
    ok, detail = check_catalogues(subject(stamps))
    assert (ok, detail) == (False, f"{text!r} is not translated")


def test_other_placeholders_fail(subject, stamps):
    stamps.translations["a card holds {most} stamps"] = "最多 {number} 枚"
    ok, detail = check_catalogues(subject(stamps))
    assert not ok
    assert "other placeholders: '最多 {number} 枚'" in detail


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.unlink(), "there is no locale/zh_CN/LC_MESSAGES/crmcore_stamps.mo"),
        (lambda path: path.write_bytes(b"nothing"), "cannot be read"),
        (lambda path: path.rename(path.with_suffix(".po")), "compile the .po beside it"),
    ],
)
def test_a_catalogue_that_is_not_there_fails(subject, stamps, damage, told):
    looked = subject(stamps)
    damage(looked.root / "locale" / "zh_CN" / "LC_MESSAGES" / "crmcore_stamps.mo")
    ok, detail = check_catalogues(looked)
    assert not ok
    assert told in detail


def test_the_texts_are_those_that_are_extracted_into_catalogues(tmp_path):
    from crmcore.builtin.conformance import texts
    from tools.messages import from_code

    code = tmp_path / "code.py"
    code.write_text(
        "x = _('one'); y = N_('two ' 'parts'); z = ngettext('{n} day', '{n} days', n)\n"
        "def f(): return _('three {a}').format(a=_('four'))\n"
        "other('five'); _(variable); _('')\n",
        encoding="utf-8",
    )
    wanted = {"one", "two parts", "{n} day", "three {a}", "four"}
    assert set(texts.from_code(code.read_text(encoding="utf-8"))) == wanted
    assert {words[0] for words in from_code([code])} == wanted


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("from crmcore.app import App", "crmcore.app.App: of the core only crmcore.api"),
        ("import crmcore.tx", "crmcore.tx: of the core only crmcore.api"),
        ("import crmcore", "crmcore: of the core only crmcore.api"),
        ("from crmcore import api, tx", "crmcore.tx: of the core only"),
        ("import importlib; x = importlib.import_module('crmcore.app')", "crmcore.app: of the core only"),
        (
            "def f():\n    from crmcore_trade_ledger.tables import Product",
            "plugin 'trade_ledger' is not among",
        ),
        ("import crmcore_nowhere.api", "plugin 'nowhere' is not among those that it requires"),
        ("def f(:", "invalid syntax"),
    ],
)
def test_an_import_of_what_is_not_offered_fails(subject, stamps, line, told):
    stamps.files["rules.py"] = f"{line}\n"
    ok, detail = check_imports(subject(stamps))
    assert not ok
    assert detail.startswith("rules.py")
    assert told in detail


def test_of_a_required_plugin_the_api_may_be_imported_and_no_more(subject, stamps):
    stamps.declare(requires=["trade_ledger>=0.1"])
    stamps.files["rules.py"] = (
        "from crmcore_trade_ledger.api import sales\nimport crmcore_trade_ledger.tables\n"
    )
    ok, detail = check_imports(subject(stamps))
    assert not ok
    assert (
        detail
        == "rules.py:2: crmcore_trade_ledger.tables: of plugin 'trade_ledger' only its api may be imported"
    )
