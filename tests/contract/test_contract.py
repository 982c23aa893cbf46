"""What others have built on does not break without a step of the version: `python -m tools.check_contract`."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tools import check_contract
from tools.check import STEPS
from tools.contract import describe, schemas
from tools.contract.names import compare_facts, compare_hooks, compare_names
from tools.contract.snapshots import FOLDER, Part, lost, present, step

HEAD = """
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
"""


def module(path: Path, source: str) -> Any:
    path.write_text("from __future__ import annotations\n" + HEAD + source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)  # of the same second and size
    made = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = made  # dataclasses look there
    spec.loader.exec_module(made)
    return made


def function(arguments: str, returns: str = "") -> str:
    return f"def pay({arguments}){' -> ' + returns if returns else ''}: ...\n"


def record(*fields: str) -> str:
    return "@dataclass(frozen=True)\nclass Bill:\n" + "".join(f"    {field}\n" for field in fields)


def desk(*members: str) -> str:
    return "class Desk:\n    '''A desk.'''\n" + "".join(f"    {member}\n" for member in members)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("PAPER = 1\n", "", "PAPER is gone"),
        (function(""), "pay = 3\n", "pay was a function and is a value now"),
        ("PAPER = 1\n", "PAPER = 'a4'\n", "PAPER was a int and is a str now"),
        (function("a: int"), function(""), "pay() has lost its argument a"),
        (function("a: int"), function("b: int"), "pay() has lost its argument a"),
        (function("a: int"), function("a: int, b: int"), "pay() has a new argument b without a default"),
        (function("a=1"), function("a"), "pay() must be given its argument a, which had a default"),
        (function("a, b"), function("b, a"), "pay() has its arguments in another order: b, a; was a, b"),
        (
            function("a, b=1"),
            function("a, c=2, b=1"),
            "pay() has its arguments in another order: a, c, b; was a, b",
        ),
        (function("a, b=1"), function("a, *, b=1"), "pay() takes its argument b by name only now"),
        (function("a: int | str"), function("a: int"), "pay() takes a: int, was int | str"),
        (function("a"), function("a: int"), "pay() takes a: int, was anything"),
        (function("**more: Any"), function(""), "pay() has lost its argument **more"),
        (function("", "int"), function("", "int | None"), "pay() returns int | None, was int"),
        (record("code: str"), record("name: str"), "Bill has lost its field code"),
        (record("code: str"), record("code: str", "day: int"), "Bill has a new field day without a default"),
        (
            record("code: str = ''"),
            record("code: str"),
            "Bill must be given its field code, which had a default",
        ),
        (
            record("code: str", "day: int"),
            record("day: int", "code: str"),
            "Bill has its fields in another order: day, code; was code, day",
        ),
        (
            record("kind: Literal['a', 'b']"),
            record("kind: Literal['a']"),
            "Bill takes kind: Literal['a'], was Literal['a', 'b']",
        ),
        (desk("def sit(self): ..."), desk(), "Desk.sit() is gone"),
        (
            desk("def sit(self): ..."),
            desk("def sit(self, where): ..."),
            "Desk.sit() has a new argument where without a default",
        ),
        (desk("wood: str"), desk(), "Desk.wood is gone"),
        (
            desk("@property", "def legs(self) -> int: ..."),
            desk("@property", "def legs(self) -> str: ..."),
            "Desk.legs is str, was int",
        ),
        ("class Late(LookupError): ...\n", "class Late(Exception): ...\n", "Late is no LookupError any more"),
    ],
)
def test_what_breaks_callers_is_found(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    found = differences(tmp_path, old, new)
    assert sentence in {str(d) for d in found if d.breaks}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "PAPER = 1\n"),
        (function("a: int"), function("a: int, b: int = 1")),
        (function("a: int"), function("a: int, *more: int, **others: int")),
        (function("a, *, b=1"), function("a, b=1")),
        (function("a"), function("a=1")),
        (function("a=1"), function("a=2")),
        (function("a: int"), function("a: int | None")),
        (function("", "int | None"), function("", "int")),
        (function("", "None"), function("", "int")),
        (record("code: str"), record("code: str", "day: int = 1")),
        (record("code: str"), record("code: str", "lines: list[int] = field(default_factory=list)")),
        (record("kind: Literal['a']"), record("kind: Literal['a', 'b']")),
        (desk(), desk("def sit(self): ...", "wood: str")),
        (desk("def _creak(self): ..."), desk()),
        ("class Late(Exception): ...\n", "class Late(LookupError): ...\n"),
    ],
)
def test_what_breaks_nobody_is_told_and_passes(tmp_path: Path, old: str, new: str) -> None:
    assert not [str(d) for d in differences(tmp_path, old, new) if d.breaks]


def differences(folder: Path, old: str, new: str) -> list[Any]:
    before, after = (describe.module_names(module(folder / "desk_api.py", source)) for source in (old, new))
    del sys.modules["desk_api"]
    return list(compare_names(before, after))


def test_a_name_that_stays_as_it_is_is_no_difference(tmp_path: Path) -> None:
    source = record("code: str", "lines: list[int] = field(default_factory=list)") + function(
        "a, /, b, *, c=1"
    )
    assert differences(tmp_path, source, source) == []


# -- hooks and facts ---------------------------------------------------------------------------------------------

HOOK = {
    "family": "contribution",
    "arguments": ["run: str | None"],
    "returns": "Iterable[Alert]",
    "since": "0.1",
}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (None, "hook alerts is gone"),
        ({"arguments": []}, "hook alerts has lost its argument run"),
        (
            {"arguments": ["run: str | int | None"]},
            "hook alerts hands out run: str | int | None, was str | None",
        ),
        ({"family": "decision"}, "hook alerts is a decision, was a contribution"),
        ({"returns": "Iterable[Note]"}, "hook alerts wants Iterable[Note], was Iterable[Alert]"),
    ],
)
def test_what_breaks_the_plugins_of_a_hook_is_found(change: Any, sentence: str) -> None:
    new = {} if change is None else {"alerts": {**HOOK, **change}}
    assert [str(d) for d in compare_hooks({"alerts": HOOK}, new) if d.breaks] == [sentence]


@pytest.mark.parametrize(
    "change",
    [
        {"arguments": ["day: date", "run: str | None"]},
        {"arguments": ["run: str"]},
        {"returns": "Iterable[Alert] | None"},
    ],
)
def test_a_hook_may_hand_out_more_and_take_more(change: Any) -> None:
    found = list(compare_hooks({"alerts": HOOK}, {"alerts": {**HOOK, **change}, "later": HOOK}))
    assert len(found) == 2
    assert not [str(d) for d in found if d.breaks]


def test_a_fact_may_neither_gain_nor_lose_a_column() -> None:
    old = {"stock": ["product_id", "as_of"]}
    assert [d.breaks for d in compare_facts(old, {"stock": ["product_id", "as_of"], "wallet": ["id"]})] == [
        False
    ]
    for columns in (["product_id"], ["product_id", "as_of", "place"]):
        assert [d.breaks for d in compare_facts(old, {"stock": columns})] == [True]


# -- schemas -----------------------------------------------------------------------------------------------------

PRINTED = "What `crm stock --json` prints."
WRITTEN = "The file stock.toml."


def schema(description: str, **properties: Any) -> dict[str, Any]:
    required = [name for name, found in properties.items() if found.pop("required", False)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": description,
        "type": "object",
        "properties": properties,
        "required": required,
    }


def schema_differences(description: str, old: dict[str, Any], new: dict[str, Any]) -> list[Any]:
    before, after = (
        schemas.describe(schema(description, **json.loads(json.dumps(part)))) for part in (old, new)
    )
    return list(schemas.compare_schemas({"stock": before}, {"stock": after}))


BOTH = [PRINTED, WRITTEN]


@pytest.mark.parametrize(
    ("descriptions", "old", "new", "sentence"),
    [
        (BOTH, {"day": {}}, {}, "stock: $.day is gone"),
        (
            BOTH,
            {"day": {"type": ["string", "null"]}},
            {"day": {"type": "string"}},
            "stock: $.day is string, was",
        ),
        (BOTH, {"day": {}}, {"day": {"type": "string"}}, "stock: $.day is string, was anything"),
        (
            BOTH,
            {"day": {"type": "number"}},
            {"day": {"type": "integer"}},
            "stock: $.day is integer, was integer",
        ),
        (BOTH, {"day": {}}, {"day": {"required": True}}, "stock: $.day is required now"),
        (BOTH, {"x": {"enum": ["a", "b"]}}, {"x": {"enum": ["a"]}}, "stock: $.x has lost its value 'b'"),
        (BOTH, {"x": {}}, {"x": {"enum": ["a"]}}, "stock: $.x allows only 'a' now"),
        (
            BOTH,
            {"rows": {"items": {"properties": {"a": {}}}}},
            {"rows": {"items": {"properties": {}}}},
            "stock: $.rows[].a is gone",
        ),
        ([WRITTEN], {}, {"day": {"required": True}}, "stock: $.day is new and required"),
        (
            [WRITTEN],
            {"days": {"type": "array"}},
            {"days": {"type": "array", "items": {"type": "string"}}},
            "stock: $.days[] is a new demand",
        ),
        ([WRITTEN], {"x": {"minimum": 1}}, {"x": {"minimum": 2}}, "stock: $.x has minimum = 2, was 1"),
        ([WRITTEN], {"x": {}}, {"x": {"maxLength": 2}}, "stock: $.x has maxLength = 2, was none"),
        ([WRITTEN], {"x": {}}, {"x": {"pattern": "b"}}, "stock: $.x has pattern = b, was none"),
        (
            [WRITTEN],
            {"x": {}},
            {"x": {"additionalProperties": False}},
            "stock: $.x has additionalProperties = False",
        ),
        (
            [PRINTED],
            {"x": {"type": "string"}},
            {"x": {"type": ["string", "null"]}},
            "stock: $.x is null or string",
        ),
        ([PRINTED], {"x": {"required": True}}, {"x": {}}, "stock: $.x may be absent now"),
    ],
)
def test_what_breaks_users_of_a_schema_is_found(
    descriptions: list[str], old: dict[str, Any], new: dict[str, Any], sentence: str
) -> None:
    for description in descriptions:
        broken = [str(d) for d in schema_differences(description, old, new) if d.breaks]
        assert [d for d in broken if d.startswith(sentence)], broken


@pytest.mark.parametrize(
    ("descriptions", "old", "new"),
    [
        (BOTH, {}, {"day": {"type": "string"}}),
        (BOTH, {"x": {"enum": ["a"]}}, {"x": {"enum": ["a", "b"]}}),
        (BOTH, {"x": {"title": "X", "x-since": "0.1"}}, {"x": {"title": "Y", "examples": [1], "default": 2}}),
        ([WRITTEN], {"x": {"type": "string"}}, {"x": {"type": ["string", "null"]}}),
        ([WRITTEN], {"x": {"required": True}}, {"x": {}}),
        ([WRITTEN], {"x": {"minimum": 2, "maxLength": 3}}, {"x": {"minimum": 1, "maxLength": 4}}),
        ([WRITTEN], {}, {"days": {"items": {"type": "string", "pattern": "b"}}}),
        ([PRINTED], {}, {"day": {"required": True}}),
        ([PRINTED], {"x": {}}, {"x": {"maximum": 3}}),
    ],
)
def test_a_schema_may_let_more_in_and_give_more_out(
    descriptions: list[str], old: dict[str, Any], new: dict[str, Any]
) -> None:
    for description in descriptions:
        assert not [str(d) for d in schema_differences(description, old, new) if d.breaks]


# -- versions ----------------------------------------------------------------------------------------------------


def part(version: str, **names: Any) -> Part:
    return Part("trade_ledger", "facts", version, names)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    assert check_contract.update(tmp_path, [part("0.1.0", stock=["a"])]) == 0
    return tmp_path


def findings(folder: Path, present: Part) -> list[check_contract.Finding]:
    return list(check_contract.check(folder, present))


def test_a_broken_contract_fails_and_says_what_to_do(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = part("0.1.7")
    (finding,) = findings(recorded, broken)
    assert finding.fails
    assert finding.sentence.startswith("contract: trade_ledger: fact stock is gone, which breaks")
    assert "deprecated.py" in finding.sentence
    assert "0.2.0.dev0 in pyproject.toml (docs/explanation/versioning.md)" in finding.sentence
    before = (recorded / broken.file_name).read_bytes()
    assert check_contract.update(recorded, [broken]) == 1, "recording is no way around it"
    assert "fact stock is gone" in capsys.readouterr().out
    assert (recorded / broken.file_name).read_bytes() == before


def test_an_addition_asks_to_be_recorded_and_then_counts(recorded: Path) -> None:
    more = part("0.1.0", stock=["a"], wallet=["b"])
    (finding,) = findings(recorded, more)
    assert finding.fails
    assert "fact wallet is new" in finding.sentence
    assert "--update" in finding.sentence
    assert check_contract.update(recorded, [more]) == 0
    assert findings(recorded, more) == []
    assert findings(recorded, part("0.1.0", stock=["a"]))[0].breaks


def test_a_version_in_the_making_may_break_and_is_recorded_when_it_is_released(recorded: Path) -> None:
    (told,) = findings(recorded, part("0.2.0.dev0"))
    assert not told.fails
    assert "0.2.0.dev0 breaks with 0.1.0: fact stock is gone" in told.sentence
    released = part("0.2.0", wallet=["a"])
    assert [f.fails for f in findings(recorded, released)] == [False, True]
    assert check_contract.update(recorded, [released]) == 0
    assert findings(recorded, released) == []


def test_what_is_gone_altogether_is_missed(recorded: Path) -> None:
    (gone,) = lost(recorded, [Part("trade_ledger", "schemas", "0.1.0", {})])
    assert findings(recorded, gone)[0].breaks
    assert check_contract.update(recorded, [Part("trade_ledger", "facts", "0.2.0", {})]) == 0
    assert list(recorded.iterdir()) == []


@pytest.mark.parametrize(
    ("version", "grown"), [("0.1.9", (0, 1)), ("0.2.0.dev0", (0, 2)), ("1.4.2", (1,)), ("2.0.0rc1", (2,))]
)
def test_before_1_0_the_second_number_makes_the_step_and_after_it_the_first(
    version: str, grown: tuple[int, ...]
) -> None:
    assert step(version) == grown


# -- what we have published --------------------------------------------------------------------------------------


def test_every_part_of_the_contract_is_described() -> None:
    parts = {(p.distribution, p.name): p.names for p in present()}
    assert {("crmcore", n) for n in ("api", "facts", "hooks", "schemas", "testing")} <= parts.keys()
    assert {("trade_ledger", "schemas"), ("abc_analysis", "schemas")} <= parts.keys()
    assert all(names for names in parts.values())


def test_make_check_looks_at_the_contract() -> None:
    assert STEPS["contract"] == ["python", "-m", "tools.check_contract"]


def test_the_snapshots_hold_what_the_world_sees() -> None:
    api = json.loads((FOLDER / "crmcore.api.json").read_text(encoding="utf-8"))["api"]
    assert "severity: Literal['info', 'warning', 'critical'] = 'info'" in api["WorkItem"]["fields"]
    assert api["Tx"]["methods"]["insert"]["arguments"][:2] == ["model: type[SQLModel]", "rows: Sequence[Row]"]
    assert "code: str" in api["Customer"]["fields"]
    assert api["StaleVersion"]["bases"][0] == "Refused"
    hooks = json.loads((FOLDER / "crmcore.hooks.json").read_text(encoding="utf-8"))["hooks"]
    assert hooks["card_sections"]["arguments"][1] == "as_of: date | None"
    assert hooks["card_sections"]["family"] == "contribution"
