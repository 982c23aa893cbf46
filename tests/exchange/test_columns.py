"""Two columns for one field, missing columns, mapping files, questions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from crmcore.builtin.exchange.columns import ColumnPlan, plan_columns
from crmcore.builtin.exchange.headers import HeaderTable
from crmcore.builtin.exchange.mapping import ColumnMapping, load_mapping, save_mapping
from crmcore.builtin.exchange.problems import BrokenRow
from crmcore.builtin.exchange.rows import RowParser
from crmcore.builtin.exchange.values import Writing
from crmcore.errors import CrmError
from crmcore.plugins.types import Field

FIELDS = (
    Field("code", "code", required=True, headers=("编码", "编号")),
    Field("name", required=True, headers=("名称", "~公司")),
    Field("phone", "phone", headers=("电话", "~手机")),
    Field("amount", "amount", headers=("金额",)),
    Field("since", "date", headers=("日期",)),
    Field("grade", headers=("等级",), computed_by="abc_analysis"),
    Field("gross", "amount", headers=("含税",)),
    Field("net", "amount", headers=("不含税",), required=True, unless=("gross", "amount")),
)
TABLE = HeaderTable(FIELDS)


def planned(*headers: str, mapping: ColumnMapping | None = None, answer: int | None = None) -> ColumnPlan:
    asked: list[tuple[str, Sequence[str]]] = []

    def choose(question: str, answers: Sequence[str]) -> int | None:
        asked.append((question, answers))
        return answer

    return plan_columns(
        TABLE, (*headers, "amount"), mapping or ColumnMapping(), choose if answer is not None else None
    )


def fields(plan: ColumnPlan) -> dict[str, str]:
    return {column.header: column.field.name for column in plan.columns if column.header != "amount"}


def test_a_field_name_wins_over_another_header_of_the_field():
    plan = planned("code", "编码", "name")
    assert fields(plan) == {"code": "code", "name": "name"}
    assert plan.warnings == ["column '编码' is left out: code is read from the column 'code'"]


def test_a_column_that_is_left_out_says_the_true_reason():
    plan = planned("code", "公司", "名称", "Wie?")
    assert plan.warnings == [
        "column 'Wie?' is left out: no field has this header",
        "column '公司' is left out: name is read from the column '名称'",
    ]
    twice = planned("编码", "编码", "name", mapping=ColumnMapping(columns={"编码": "code"}))
    assert twice.warnings == ["column '编码' is left out: code is read from the column '编码'"]


def test_a_sure_header_wins_over_a_possible_one():
    assert fields(planned("code", "公司", "名称", "手机")) == {
        "code": "code",
        "名称": "name",
        "手机": "phone",
    }
    assert fields(planned("code", "公司")) == {"code": "code", "公司": "name"}


def test_two_columns_of_one_field_are_refused_with_the_way_out():
    with pytest.raises(
        CrmError, match="'编码', '编号' both mean code; remove one, or say which in a mapping file"
    ):
        planned("编码", "编号", "name")
    with pytest.raises(CrmError, match="both mean code"):
        planned("code", "code", "name")


def test_a_mapping_settles_two_columns_of_one_field():
    assert fields(planned("编码", "编号", "name", mapping=ColumnMapping(columns={"编号": "code"}))) == {
        "编号": "code",
        "name": "name",
    }
    assert fields(planned("编码", "编号", "name", mapping=ColumnMapping(columns={"编码": None}))) == {
        "编号": "code",
        "name": "name",
    }


def test_a_person_can_be_asked_which_column_it_is():
    assert fields(planned("编码", "编号", "name", answer=1)) == {"编号": "code", "name": "name"}
    assert fields(planned("code", "Wie heißt er?", answer=0)) == {"code": "code", "Wie heißt er?": "name"}


def test_a_missing_required_column_is_refused_naming_what_would_do():
    with pytest.raises(
        CrmError, match="no column for code; one of these headers would do: code, 编码, 编号"
    ) as error:
        planned("name", "Wie?")
    assert "map one of its columns with --map: Wie?" in str(error.value)


def test_a_required_column_may_be_absent_where_another_stands_in():
    plan_columns(TABLE, ("code", "name", "含税"), ColumnMapping())
    with pytest.raises(CrmError, match="no column for net"):
        plan_columns(TABLE, ("code", "name"), ColumnMapping())


def test_a_computed_field_is_left_out_with_a_warning_that_names_the_plugin():
    plan = planned("code", "name", "等级")
    assert plan.warnings == ["column '等级' is left out: grade is computed by the plugin abc_analysis"]
    assert "grade" not in plan.fields()


def test_the_columns_of_a_rejects_file_are_no_data():
    plan = planned("code", "name", "_line", "_column", "_value", "_reason")
    assert plan.line_column == 2
    assert plan.warnings == []


def test_a_mapping_that_names_what_does_not_exist_is_refused():
    with pytest.raises(CrmError, match=r"unknown field 'phome' \(did you mean 'phone'\?\)"):
        planned("code", "name", mapping=ColumnMapping(columns={"x": "phome"}))
    with pytest.raises(CrmError, match="wants a column 'Nummer', which the file does not have"):
        planned("code", "name", mapping=ColumnMapping(columns={"Nummer": "code"}))


def test_a_saved_mapping_understands_the_next_file_without_a_question(tmp_path: Path):
    plan = planned("编码", "编号", "name", answer=1)
    mapping = ColumnMapping(entity="things", columns=plan.mapping_of(ColumnMapping()), date_order="dmy")
    save_mapping(tmp_path / "map.json", mapping)
    again = load_mapping(tmp_path / "map.json", "things")
    assert again == mapping
    assert fields(planned("编码", "编号", "name", mapping=again)) == {"编号": "code", "name": "name"}
    with pytest.raises(CrmError, match="is a mapping for things, not for customers"):
        load_mapping(tmp_path / "map.json", "customers")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is no JSON file"),
        ("[" * 100_000, "is no JSON file"),
        ('{"colums": {}}', "did you mean 'columns'"),
        ('{"date_order": "ymd"}', "date_order"),
        ('{"decimal_style": "1 234.56"}', "decimal_style"),
        ('{"delimiter": "ab"}', "delimiter"),
        ('{"factors": {"a": "1e5"}}', "factors"),
    ],
)
def test_a_mapping_file_that_is_not_allowed_says_why(write: Callable[..., Path], content: str, sentence: str):
    with pytest.raises(CrmError, match=sentence):
        load_mapping(write(content, "map.json"), "customers")


def parsed(headers: Sequence[str], *rows: list[str], mapping: ColumnMapping | None = None):
    mapping = mapping or ColumnMapping()
    plan = plan_columns(TABLE, headers, mapping)
    writing = Writing(date_order=mapping.date_order, decimal_style=mapping.decimal_style)
    parser = RowParser(plan, TABLE.fields, mapping.constants, writing, len(headers))
    return parser.parse([(line, cells) for line, cells in enumerate(rows, start=2)], 1)


HEADERS = ("code", "name", "金额(万元)", "日期")


def test_rows_become_values_and_blank_cells_none():
    chunk = parsed(HEADERS, ["C1", "甲", "1.5", "2024-03-05"], ["C2", "乙", "", " "], ["C3", "丙"])
    assert [row.values for row in chunk.rows] == [
        {"code": "C1", "name": "甲", "amount": Decimal(15_000), "since": chunk.rows[0].values["since"]},
        {"code": "C2", "name": "乙"},
        {"code": "C3", "name": "丙"},
    ]
    assert [(row.line, row.number) for row in chunk.rows] == [(2, 1), (3, 2), (4, 3)]


def test_all_that_is_wrong_with_a_row_is_said_at_once():
    chunk = parsed(HEADERS, ["C1", "", "12x", "31/02/2024"], ["C2", "b", "1", "2024-01-01"])
    (line, cells, problem) = chunk.bad[0]
    assert (line, cells[0]) == (2, "C1")
    assert (problem.column, problem.value) == ("金额(万元)", "12x")
    assert problem.reason == "is not a number; 日期: is not a date that exists; name: is empty"
    assert [row.number for row in chunk.rows] == [2]


def test_misshapen_rows_are_bad_rows():
    chunk = parsed(
        HEADERS, ["C1", "a", "1", "", "", ""], ["C2", "b", "1", "", "extra"], BrokenRow('C3,"x"y', "quotes")
    )
    assert [row.values["code"] for row in chunk.rows] == ["C1"]
    assert [problem.reason for _line, _cells, problem in chunk.bad] == [
        "the row has 5 cells, the header 4: is a delimiter inside a value?",
        "quotes",
    ]


def test_constants_fill_rows_that_say_nothing_themselves():
    mapping = ColumnMapping(constants={"phone": "010", "since": "2024-03-05"})
    chunk = parsed(
        ("code", "name", "phone", "net"), ["C1", "a", "", "1"], ["C2", "b", "021", "1"], mapping=mapping
    )
    assert [row.values["phone"] for row in chunk.rows] == ["010", "021"]
    assert str(chunk.rows[0].values["since"]) == "2024-03-05"
    with pytest.raises(CrmError, match="constant 'x' for since: is not a date"):
        parsed(("code", "name", "net"), mapping=ColumnMapping(constants={"since": "x"}))


def test_factors_and_styles_of_the_mapping_are_used():
    mapping = ColumnMapping(factors={"金额": "1000"}, decimal_style="1.234,56", date_order="mdy")
    chunk = parsed(("code", "name", "金额", "日期"), ["C1", "a", "1.234,5", "03/04/2024"], mapping=mapping)
    assert chunk.rows[0].values["amount"] == 1_234_500
    assert str(chunk.rows[0].values["since"]) == "2024-03-04"


def test_the_published_schema_allows_exactly_what_is_saved():
    mapping = ColumnMapping(
        "customers", {"a": "name", "b": None}, {"a": "10"}, {"phone": "1"}, "dmy", "1 234,56", "gbk", ";", "S"
    )
    assert set(mapping.as_json()) == set(
        json.loads(
            (Path(__file__).parents[2] / "crmcore/schemas/import_mapping.schema.json").read_text(
                encoding="utf-8"
            )
        )["properties"]
    ) - {"$schema"}
