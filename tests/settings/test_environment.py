"""Settings from the environment: they count more than crm.toml, are checked like it, and are told from it."""

import pytest

from crmcore.builtin.administration.settings.environment import variable_of
from crmcore.errors import BadConfig

SET = ("plugins", "settings", "post", "set")


def test_a_variable_counts_more_than_the_file_and_the_file_more_than_the_default(post, rows, monkeypatch):
    app = post("per_day = 7\n[plugins.post.box]\nnumber = 3")
    monkeypatch.setenv("CRM_PLUGIN_POST__PER_DAY", "9")
    found = rows()
    assert [(found[key]["value"], found[key]["origin"]) for key in ("per_day", "box.number", "weight")] == [
        (9, "environment"),
        (3, "file"),
        (0.5, "default"),
    ]
    assert (found["per_day"]["variable"], found["box.number"]["variable"]) == (
        "CRM_PLUGIN_POST__PER_DAY",
        None,
    )
    app.refresh()
    assert app.settings("post")["per_day"] == 9


@pytest.mark.parametrize(
    ("name", "typed", "key", "value"),
    [
        ("SENDER", "A & B", "sender", "A & B"),
        ("SENDER", "7", "sender", "7"),
        ("BY_AIR", "true", "by_air", True),
        ("WEIGHT", "2.5", "weight", 2.5),
        ("CLASS", "first", "class", "first"),
        ("TOWNS", '["Bonn"]', "towns", ["Bonn"]),
        ("RATES", "{Bonn = 3}", "rates", {"Bonn": 3}),
        ("BOX__NUMBER", "9", "box.number", 9),
        ("BOX", "{number = 9}", "box.number", 9),
    ],
)
def test_what_a_variable_says_is_read_as_what_is_typed(post, rows, name, typed, key, value):
    post()
    variable = f"CRM_PLUGIN_POST__{name}"
    row = rows(env={variable: typed})[key]
    assert (row["value"], row["origin"], row["variable"]) == (value, "environment", variable)


def test_the_parts_of_a_table_are_told_apart(post, rows):
    post("[plugins.post.rates]\nBonn = 1\nRome = 2")
    found = rows(env={"CRM_PLUGIN_POST__RATES__BONN": "5"})
    assert found["rates"]["value"] == {"Bonn": 5, "Rome": 2}
    assert [found[key]["origin"] for key in ("rates", "rates.Bonn", "rates.Rome")] == [
        "environment",
        "environment",
        "file",
    ]


@pytest.mark.parametrize(
    ("name", "typed", "sentence"),
    [
        (
            "PER_DAY",
            "0",
            "crm: CRM_PLUGIN_POST__PER_DAY: plugins.post.per_day = 0 is not allowed; allowed is a number of at least 1\n",
        ),
        ("CLASS", "frist", "(did you mean 'first'?)"),
        ("BOX__NUMBER", "x", 'CRM_PLUGIN_POST__BOX__NUMBER: plugins.post.box.number = "x"'),
        ("SENDER", "https://a:hunter22@b/", "CRM_PLUGIN_POST__SENDER: plugins.post.sender holds a password"),
        ("WEIGHT", "inf", "CRM_PLUGIN_POST__WEIGHT: plugins.post.weight = inf is not a finite number"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable(post, crm, name, typed, sentence):
    post()
    for words in (("plugins", "settings", "post"), ("plugins", "settings", "post", "--json")):
        result = crm(*words, env={f"CRM_PLUGIN_POST__{name}": typed})
        assert (result.exit_code, sentence in result.stderr) == (1, True), result.stderr
        assert "hunter22" not in result.stderr


def test_of_several_the_wrong_one_is_named(post, monkeypatch):
    app = post("per_day = 7")
    monkeypatch.setenv("CRM_PLUGIN_POST__PER_DAY", "8")
    monkeypatch.setenv("CRM_PLUGIN_POST__SENDER", "we")
    monkeypatch.setenv("CRM_PLUGIN_POST__TOWNS", "Rome")
    app.refresh()
    with pytest.raises(BadConfig, match=r"^CRM_PLUGIN_POST__TOWNS: "):
        app.settings("post")


def test_a_variable_that_names_nothing_is_told_once_with_the_one_that_may_be_meant(post, crm):
    post()
    environment = {"CRM_PLUGIN_POST__PER_DAYS": "9", "CRM_PLUGIN_OTHER__X": "1", "CRM_PLUGIN_POSTER": "1"}
    for words in (("plugins", "settings", "post"), ("work",)):
        result = crm.ok(*words, env=environment)
        assert result.stderr == (
            "crm: warning: the variable CRM_PLUGIN_POST__PER_DAYS of the environment names no setting of 'post'"
            " (did you mean 'CRM_PLUGIN_POST__PER_DAY'?); correct it\n"
        )


def test_doctor_tells_of_variables_that_name_nothing_or_are_wrong(post, crm):
    post()
    for variable, sentence in (("PER_DAYS", "did you mean"), ("PER_DAY", "is not allowed")):
        checks = crm("doctor", "--json", env={f"CRM_PLUGIN_POST__{variable}": "0"}).json()["checks"]
        (found,) = [check for check in checks if check["name"] == "settings"]
        assert (found["ok"], sentence in found["detail"]) == (False, True)


def test_who_changes_what_a_variable_overrides_is_told(post, crm):
    post()
    environment = {"CRM_PLUGIN_POST__BOX": "{number = 2}"}
    result = crm.ok(*SET, "box.number", "5", env=environment)
    assert "CRM_PLUGIN_POST__BOX of the environment still counts more than crm.toml" in result.stderr
    assert "number = 5" in crm.folder.joinpath("crm.toml").read_text(encoding="utf-8")


def test_a_wrong_variable_does_not_keep_the_file_from_being_mended(post, crm):
    post("per_day = 7")
    crm.ok(*SET, "per_day", "8", env={"CRM_PLUGIN_POST__PER_DAY": "none"})


def test_built_in_plugins_have_variables_too(make_app, monkeypatch):
    app = make_app()
    monkeypatch.setenv("CRM_PLUGIN_RECORDS__DOCUMENT_LIMIT_MB", "5")
    assert app.settings("records")["document_limit_mb"] == 5


@pytest.mark.parametrize(
    ("plugin", "path", "variable"),
    [
        ("abc", ("preset",), "CRM_PLUGIN_ABC__PRESET"),
        ("abc_analysis", ("questions", "gold_classes"), "CRM_PLUGIN_ABC_ANALYSIS__QUESTIONS__GOLD_CLASSES"),
        ("abc", ("St. Gallen",), "CRM_PLUGIN_ABC__ST__GALLEN"),
        ("abc", ("a-b",), "CRM_PLUGIN_ABC__A_B"),
    ],
)
def test_a_variable_is_the_key_in_capitals(plugin, path, variable):
    assert variable_of(plugin, path) == variable
