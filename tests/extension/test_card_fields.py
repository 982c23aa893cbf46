"""Fields that a plugin adds to the customer card: shown, edited, listed, imported, exported, kept and secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

FIELDS = {
    "loyal_level": {
        "title": "Loyalty level",
        "type": "string",
        "enum": ["silver", "gold"],
        "x-source": "attribute",
    },
    "loyal_card": {
        "title": "Card number",
        "type": "string",
        "maxLength": 20,
        "x-personal": True,
        "x-index": True,
    },
    "loyal_joined_on": {"title": "Joined on", "type": "string", "format": "date"},
    "loyal_points": {"title": "Points at the start", "type": "integer", "minimum": 0},
}
PO = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Loyalty level"\nmsgstr "会员等级"\n'
# The plugin raises when it is imported: the catalogue is read as a file.
CODE = "import sys\n"


def install(install_plugin: Any, fields: Any = FIELDS, code: str = CODE) -> Any:
    text = json.dumps({"type": "object", "properties": fields})
    plugin = install_plugin(
        "loyal", code, {"card_fields": "card_fields.schema.json"}, files={"card_fields.schema.json": text}
    )
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    folder = plugin.folder / "locale" / "zh_CN" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "crmcore_loyal.mo").open("wb") as file:
        write_mo(file, read_po(PO.encode().splitlines(keepends=True), "zh_CN"))
    plugin.write({})
    return plugin


@pytest.fixture
def loyal(make_app: Callable[..., App], database: str, install_plugin: Any, crm: CommandLine) -> App:
    install(install_plugin)
    app = make_app(["loyal"], database)
    crm.ok(
        *("customer", "add", "--code", "C1", "--name", "x", "--kind", "person"),
        *("--set", "loyal_level=gold", "--set", "loyal_card=4711", "--set", "loyal_joined_on=2026-02-01"),
    )
    return app


def test_fields_are_shown_edited_and_checked_like_the_companys_own(loyal: App, crm: CommandLine) -> None:
    card = crm.json("customer", "show", "C1")
    assert card["attributes"] == {
        "loyal_level": "gold",
        "loyal_card": "4711",
        "loyal_joined_on": "2026-02-01",
    }
    assert "Loyalty level" in crm.ok("customer", "show", "C1").stdout
    assert "会员等级" in crm.ok("customer", "show", "C1", "--lang", "zh_CN").stdout
    crm.ok("customer", "edit", "C1", "--set", "loyal_level=", "--set", "loyal_points=20")
    assert crm.json("customer", "show", "C1")["attributes"]["loyal_points"] == 20
    for wrong, said in {
        "loyal_level=tin": "silver",
        "loyal_points=-1": "at least 0",
        "loyal_joined_on=2026-02-30": "loyal_joined_on",
        "loyal_levle=gold": "did you mean 'loyal_level'",
    }.items():
        result = crm("customer", "edit", "C1", "--set", wrong)
        assert result.exit_code == 1
        assert said in result.stderr
    assert [c["code"] for c in crm.lines("customer", "list", "--where", "loyal_points>=20")] == ["C1"]
    listed = crm.lines("customer", "list", "--columns", "code,loyal_card", "--sort", "loyal_joined_on")
    assert listed == [{"code": "C1", "loyal_card": "4711"}]


def test_fields_are_exported_and_imported_with_customers(
    loyal: App, crm: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "customers.csv"
    crm.ok("export", "customers", str(file))
    assert "loyal_level" in file.read_text(encoding="utf-8-sig").splitlines()[0]
    again = crm.json("import", "customers", str(file))
    assert (again["unchanged"], again["updated"], again["rejected"]) == (1, 0, 0)
    other = tmp_path / "other.csv"
    other.write_text(
        "客户编号,客户名称,会员等级,loyal_points\nC2,乙,silver,7\nC3,丙,tin,8\n", encoding="utf-8"
    )
    done = crm.json("import", "customers", str(other), "--lang", "zh_CN")
    assert (done["created"], done["rejected"]) == (1, 1)
    assert crm.json("customer", "show", "C2")["attributes"] == {"loyal_level": "silver", "loyal_points": 7}


def test_values_of_a_disabled_plugin_stay_and_are_not_shown(
    loyal: App, crm: CommandLine, tmp_path: Path
) -> None:
    crm.ok("plugins", "disable", "loyal")
    assert crm.json("customer", "show", "C1")["attributes"] == {}
    assert "gold" not in crm.ok("customer", "show", "C1").stdout
    assert "no field 'loyal_level'" in crm("customer", "edit", "C1", "--set", "loyal_level=silver").stderr
    crm.ok("customer", "edit", "C1", "--set", "website=a.b")
    crm.ok("export", "customers", str(tmp_path / "c.csv"))
    assert "loyal" not in (tmp_path / "c.csv").read_text(encoding="utf-8-sig")
    crm.ok("plugins", "enable", "loyal")
    assert crm.json("customer", "show", "C1")["attributes"]["loyal_level"] == "gold"


def logged(app: App) -> str:
    with app.read() as ctx:
        rows = ctx.connection.execute(sa.text('SELECT "before", "after" FROM change_log'))
        return "\n".join(str(value) for row in rows for value in row)


def test_personal_values_are_encrypted_in_the_change_log_also_later(
    loyal: App, crm: CommandLine, reopen: Callable[..., App]
) -> None:
    assert "4711" not in logged(loyal)
    assert "gold" in logged(loyal), "what is not personal can be read"
    crm.ok("plugins", "disable", "loyal")
    app = reopen(loyal)
    with app.write(ACTOR) as tx:
        tx.delete(Customer, [1])
    assert "4711" not in logged(app), "nobody says any more whether it is personal, so it counts as personal"


def test_the_catalogue_is_read_without_importing_the_plugin(
    make_app: Any, install_plugin: Any, python: Any
) -> None:
    install(install_plugin)
    app = make_app(["loyal"])
    code = """
import sys
from crmcore.app import create_app
assert "loyal_level" in create_app(sys.argv[1]).catalogue.fields
print([name for name in sys.modules if name.startswith("crmcore_loyal")])
"""
    assert python(code, app.config.folder).stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"level": {"title": "L", "type": "string"}}, "must begin with 'loyal_'"),
        ({"loyal_x": {"title": "L", "type": "string", "x-source": "column"}}, "may only be an attribute"),
        ({"loyal_x": {"type": "string"}}, "needs a title"),
        ({"loyal_x": {"title": "L", "type": "array"}}, "must be a string, number, integer or boolean"),
        ({"loyal_x": {"title": "L", "type": "string", "pattern": "["}}, "pattern"),
        ({"loyal X": {"title": "L", "type": "string"}}, "taken or not allowed"),
        ([], "must be an object"),
    ],
)
def test_fields_that_the_card_cannot_hold_keep_the_plugin_from_being_enabled(
    make_app: Any, install_plugin: Any, crm: CommandLine, fields: Any, said: str
) -> None:
    install(install_plugin, fields)
    make_app()
    result = crm("plugins", "enable", "loyal")
    assert result.exit_code == 1
    assert said in result.stderr
    assert "crmcore_loyal: card_fields" in result.stderr


def test_a_field_that_the_company_has_already_is_refused(
    make_app: Any, install_plugin: Any, crm: CommandLine
) -> None:
    install(install_plugin)
    app = make_app()
    own = app.config.folder / "customer_card.schema.json"
    own.write_text(
        json.dumps({"properties": {"loyal_level": {"title": "L", "type": "string"}}}), encoding="utf-8"
    )
    assert "'loyal_level' is taken" in crm("plugins", "enable", "loyal").stderr
