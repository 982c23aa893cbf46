"""The field catalogue: the compiled checks say what jsonschema says, and the columns are what the table has."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from crmcore.catalogue import COMPANY_FIELDS, compile_check, load_catalogue
from crmcore.config import SCHEMAS
from crmcore.entities.tables import Customer
from crmcore.errors import BadConfig, CrmError
from crmcore.settings.validation import load_schema

CARD = load_schema(SCHEMAS / COMPANY_FIELDS)
CATALOGUE = load_catalogue()


def reference(schema: dict[str, Any], value: Any) -> bool:
    return Draft202012Validator(schema, format_checker=FormatChecker()).is_valid(value)


dates = st.dates().map(str) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\n?", fullmatch=True)
texts = (
    st.text(max_size=12)
    | st.integers(0, 4100).map(lambda n: "字" * n)
    | st.sampled_from([" a", "a ", "a\n", "\x00a", "甲 乙", ""])
)
json_values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-200, 4000)
    | st.floats()
    | st.floats(-200, 200)
    | texts
    | dates
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)


@pytest.mark.parametrize("name", CATALOGUE.fields)
@given(value=json_values)
@example(value=1.0)
@example(value=True)
@example(value=float("nan"))
@example(value=10**400)
@example(value="2024-02-30")
@example(value="２０２４-01-01")
@example(value="2024-01-01\n")
def test_compiled_checks_agree_with_jsonschema_on_every_field(name: str, value: Any) -> None:
    schema = dict(CATALOGUE.fields[name].schema)
    choices = schema.get("enum", [])
    for candidate in (value, *choices, *(f"{c}x" for c in choices)):
        assert (CATALOGUE.problem(name, candidate) is None) == reference(schema, candidate), candidate


@st.composite
def flat_schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Any flat schema that a company may write."""
    kind = draw(st.sampled_from(["string", "number", "integer", "boolean"]))
    schema: dict[str, Any] = {"type": kind, "title": "T"}
    if kind == "string":
        schema |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "minLength": st.integers(0, 5),
                    "maxLength": st.integers(0, 8),
                    "pattern": st.sampled_from(["^a", "[0-9]+$", "^[^\\s]*$", "甲|乙", "^(a|b)+$"]),
                    "format": st.just("date"),
                    "enum": st.lists(st.text(max_size=3), min_size=1, max_size=3, unique=True),
                },
            )
        )
    elif kind in {"number", "integer"}:
        bound = st.integers(-5, 5) | st.floats(-5, 5)
        optional = {"minimum": bound, "maximum": bound, "exclusiveMinimum": bound, "exclusiveMaximum": bound}
        numbers = st.lists(st.integers(-3, 3), min_size=1, max_size=3, unique=True)
        schema |= draw(st.fixed_dictionaries({}, optional={**optional, "enum": numbers}))
    return schema


@given(flat_schemas(), json_values | st.integers(-6, 6) | st.floats(-6, 6) | st.text("ab甲1", max_size=6))
def test_compiled_checks_agree_with_jsonschema_on_any_company_field(
    schema: dict[str, Any], value: Any
) -> None:
    Draft202012Validator.check_schema(schema)
    check = compile_check(schema)
    for candidate in (value, *schema.get("enum", [])):
        assert (check(candidate) is None) == reference(schema, candidate), candidate


@pytest.mark.parametrize("name", CATALOGUE.fields)
def test_every_field_says_what_the_contract_wants(name: str) -> None:
    schema = CATALOGUE.fields[name].schema
    assert schema["title"]
    assert schema["description"]
    assert schema["x-since"]
    assert schema["examples"]
    for example_value in schema["examples"]:
        assert CATALOGUE.problem(name, example_value) is None
    source = CATALOGUE.fields[name].source
    assert source in {"column", "attribute", "contact"} or source.startswith("plugin:")


def test_the_published_catalogue_is_a_valid_schema_and_its_examples_make_a_card() -> None:
    Draft202012Validator.check_schema(CARD)
    card = {name: field["examples"][0] for name, field in CARD["properties"].items()}
    assert reference(CARD, card)
    assert not reference(CARD, {**card, "unknown": 1})
    assert not reference(CARD, {})


# -- the columns of the table ------------------------------------------------------------------------------------

HOUSEKEEPING = {"id", "uid", "archived_at", "version", "attributes"}
NAMED_OTHERWISE = {"parent": "parent_id"}


def test_the_columns_of_customer_are_those_of_the_catalogue() -> None:
    table: sa.Table = Customer.__table__  # type: ignore[attr-defined]
    catalogued = {
        NAMED_OTHERWISE.get(f.name, f.name) for f in CATALOGUE.fields.values() if f.source == "column"
    }
    assert {c.key for c in table.columns} - HOUSEKEEPING == catalogued


@pytest.mark.parametrize("name", [f.name for f in CATALOGUE.fields.values() if f.source == "column"])
def test_a_column_holds_what_its_field_allows(name: str) -> None:
    table: sa.Table = Customer.__table__  # type: ignore[attr-defined]
    column, schema = table.c[NAMED_OTHERWISE.get(name, name)], CATALOGUE.fields[name].schema
    if name == "parent":
        return
    if schema.get("format") == "date":
        assert isinstance(column.type, sa.Date)
        return
    assert schema["type"] == "string"
    length = getattr(column.type, "length", None)
    assert length == schema.get("maxLength", length), "a text that the catalogue allows fits"
    longest = max(map(len, schema.get("enum", [""])))
    assert length is None or length >= longest
    required = name in CARD["required"] or "default" in schema
    assert column.nullable is not required
    default = Customer.model_fields[name].default
    if "default" in schema:
        assert default == schema["default"]
    if schema.get("x-index"):
        indexed = {c.key for index in table.indexes for c in index.columns} | {
            c.key
            for constraint in table.constraints
            if isinstance(constraint, sa.UniqueConstraint)
            for c in constraint.columns
        }
        assert column.key in indexed, f"{name} says x-index"


# -- writing -----------------------------------------------------------------------------------------------------


def test_unknown_and_computed_fields_cannot_be_set() -> None:
    with pytest.raises(CrmError, match=r"the customer card has no field 'phnoe' \(did you mean 'phone'\?\)"):
        CATALOGUE.require_writable("phnoe")
    with pytest.raises(
        CrmError, match="customer_class is computed by plugin abc_analysis and cannot be set by hand"
    ):
        CATALOGUE.require_writable("customer_class")
    assert CATALOGUE.require_writable("phone").source == "column"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("phone", 5, "must be of type string"),
        ("kind", "firm", "must be one of organisation, person"),
        ("name", "", "must not be empty"),
        ("name", "x" * 201, "is longer than 200 characters"),
        ("payment_days", 3651, "must be at most 3650"),
        ("payment_days", -1, "must be at least 0"),
        ("payment_days", 1.5, "must be of type integer"),
        ("founded_on", "18.05.2009", "must be a date such as 2024-03-05"),
        ("code", " x", "does not match"),
        ("registered_capital", Decimal("1.5"), "must be of type number"),
    ],
)
def test_a_problem_says_what_is_allowed(name: str, value: Any, problem: str) -> None:
    found = CATALOGUE.problem(name, value)
    assert found is not None
    assert problem in found


# -- a company's own fields --------------------------------------------------------------------------------------


def own(folder: Path, properties: Any) -> Path:
    text = properties if isinstance(properties, str) else json.dumps({"properties": properties})
    folder.joinpath(COMPANY_FIELDS).write_text(text, encoding="utf-8")
    return folder


def test_a_company_adds_fields_of_its_own(tmp_path: Path) -> None:
    catalogue = load_catalogue(
        own(
            tmp_path,
            {"shoe_size": {"title": "Shoe size", "type": "integer", "minimum": 20, "x-personal": True}},
        )
    )
    field = catalogue.require_writable("shoe_size")
    assert (field.source, field.personal, field.title) == ("attribute", True, "Shoe size")
    assert catalogue.problem("shoe_size", 19) == "must be at least 20"
    assert catalogue.problem("shoe_size", 42) is None
    assert list(catalogue.fields)[: len(CATALOGUE.fields)] == list(CATALOGUE.fields)


def test_a_changed_file_counts_at_once(tmp_path: Path) -> None:
    assert load_catalogue(own(tmp_path, {"a": {"title": "A", "type": "string"}})).fields.keys() >= {"a"}
    assert load_catalogue(own(tmp_path, {"b": {"title": "B", "type": "string"}})).fields.keys() >= {"b"}
    tmp_path.joinpath(COMPANY_FIELDS).unlink()
    assert not load_catalogue(tmp_path).fields.keys() & {"a", "b"}


GOOD = {"title": "T", "type": "string"}
BAD = {
    "no JSON": "{",
    "no object": "[]",
    "no properties": "{}",
    "properties are a list": '{"properties": []}',
    "a field is no object": {"x": 5},
    "a field is a truth": {"x": True},
    "name taken": {"phone": GOOD},
    "name not allowed": {"Shoe Size": GOOD},
    "a column": {"x": {**GOOD, "x-source": "column"}},
    "a plugin's": {"x": {**GOOD, "x-source": "plugin:abc"}},
    "no title": {"x": {"type": "string"}},
    "no type": {"x": {"title": "T"}},
    "two types": {"x": {"title": "T", "type": ["string", "null"]}},
    "an array": {"x": {"title": "T", "type": "array"}},
    "pattern too long": {"x": {**GOOD, "pattern": "a" * 201}},
    "pattern no pattern": {"x": {**GOOD, "pattern": "("}},
    "pattern no text": {"x": {**GOOD, "pattern": 5}},
    "length no number": {"x": {**GOOD, "maxLength": "5"}},
    "choices no list": {"x": {**GOOD, "enum": "abc"}},
    "choices of lists": {"x": {**GOOD, "enum": [["a"]]}},
    "keyword that is not checked": {"x": {**GOOD, "const": "a"}},
    "reference": {"x": {**GOOD, "$ref": "http://example.com/schema"}},
    "format that is not checked": {"x": {**GOOD, "format": "email"}},
    "misspelt keyword": {"x": {**GOOD, "maxLenght": 5}},
}


@pytest.mark.parametrize("what", BAD)
def test_a_field_that_could_not_be_checked_is_refused_with_its_file(tmp_path: Path, what: str) -> None:
    with pytest.raises(BadConfig) as error:
        load_catalogue(own(tmp_path, BAD[what]))
    assert COMPANY_FIELDS in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    text = "\ufeff" + json.dumps({"properties": {"x": GOOD}})
    assert "x" in load_catalogue(own(tmp_path, text)).fields


def test_own_personal_fields_are_encrypted_in_the_log(make_app: Callable[..., Any], tmp_path: Path) -> None:
    app = make_app()
    own(app.config.folder, {"hobby": {"title": "Hobby", "type": "string", "x-personal": True}})
    app.refresh()
    with app.write("tester") as tx:
        tx.insert(
            Customer, [{"code": "N", "name": "n", "kind": "person", "attributes": {"hobby": "falconry"}}]
        )
    with app.read() as ctx:
        after = ctx.connection.scalar(sa.text("SELECT after FROM change_log ORDER BY seq DESC"))
    assert "falconry" not in after
