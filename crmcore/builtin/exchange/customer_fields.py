"""The fields of customers as the field catalogue has them: how each is read from a file and written to one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from crmcore.builtin.exchange.guard import guard
from crmcore.builtin.exchange.headers import known_headers
from crmcore.builtin.exchange.problems import BadValueError
from crmcore.builtin.exchange.values import Writing, make_reader
from crmcore.builtin.records.card_contacts import CODE_FIELDS, CONTACT_NUMBERS
from crmcore.catalogue import Catalogue, CatalogueField, compile_check
from crmcore.config import load_config
from crmcore.errors import CrmError
from crmcore.i18n import translator
from crmcore.plugins.types import Context, Field

_ = translator("crmcore")

KINDS = {
    "organisation": "organisation",
    "person": "person",
    "企业": "organisation",
    "个人": "person",
    "企业客户": "organisation",
    "个人客户": "person",
    "公司": "organisation",
    "单位": "organisation",
    "法人": "organisation",
    "组织": "organisation",
    "自然人": "person",
    "organization": "organisation",
    "company": "organisation",
    "individual": "person",
    "true": "organisation",
    "false": "person",
    "是": "organisation",
    "否": "person",
    "1": "organisation",
    "0": "person",
}
LIFECYCLES = {
    "prospect": "prospect",
    "active": "active",
    "former": "former",
    **dict.fromkeys(
        ["潜在", "潜在客户", "意向", "意向客户", "线索", "目标客户", "未成交", "lead", "potential", "new"],
        "prospect",
    ),
    **dict.fromkeys(
        [
            "现有",
            "现有客户",
            "正式",
            "正式客户",
            "正常",
            "启用",
            "有效",
            "成交",
            "已成交",
            "合作中",
            "在用",
            "使用",
            "未停用",
            "未禁用",
            "enabled",
            "customer",
        ],
        "active",
    ),
    **dict.fromkeys(
        [
            "旧",
            "旧客户",
            "停用",
            "已停用",
            "禁用",
            "已禁用",
            "流失",
            "已流失",
            "失效",
            "终止",
            "历史客户",
            "inactive",
            "disabled",
            "lost",
            "churned",
            "closed",
        ],
        "former",
    ),
}
PREMISES = {
    "owned": "owned",
    "rented": "rented",
    **dict.fromkeys(("自有", "自购", "own"), "owned"),
    **dict.fromkeys(("租赁", "租用", "租借", "租", "rent", "leased"), "rented"),
}
_CHOICES: Mapping[str, Mapping[str, str]] = {
    "kind": KINDS,
    "lifecycle": LIFECYCLES,
    "premises": PREMISES,
    "warehouse": PREMISES,
}
_CODES = frozenset({"code", "parent", "owner", "tax_id", "bank_account", "licence_number"})
_PHONES = frozenset({"phone", "fax", *CONTACT_NUMBERS})
_IN_TEN_THOUSANDS = frozenset({"registered_capital", "annual_turnover"})
_NOTES = frozenset({"notes"})
_JSON_TYPES = {"number": "decimal", "integer": "integer", "boolean": "boolean"}


def customer_fields(ctx: Context) -> tuple[Field, ...]:
    """Return the importable fields: those of the published catalogue, the company's own and those of plugins."""
    fields = [_field(field) for field in ctx.catalogue.fields.values()]
    return (*fields, *(Field(name, "code") for name in CODE_FIELDS))


def exported_names(catalogue: Catalogue) -> list[str]:
    """Return the fields that an export writes, `code` first: all that can be imported again."""
    names = [name for name, field in catalogue.fields.items() if not field.source.startswith("plugin:")]
    return [*sorted(names, key=lambda name: name != "code"), *CODE_FIELDS]


def parse_field(ctx: Context, name: str, text: str) -> Any:
    """Read what a person typed into a field of the card, as an import reads a cell; CrmError says what is wrong.

    Dates come back as dates, numbers as JSON has them, a blank text as None.
    """
    field = _field(ctx.catalogue.fields[name])
    zone = load_config(ctx.workspace).timezone
    try:
        # Guarded first, since the reader takes the guard away: what is typed stays as it is.
        value = make_reader(field, Writing(zone)).one(guard(text.strip())) if text.strip() else None
    except BadValueError as error:
        message = _("{field} = {value!r} is not allowed: {problem}")
        raise CrmError(message.format(field=name, value=text, problem=error)) from None
    return value if isinstance(value, date) else stored(value)


def stored(value: Any) -> Any:
    """Return a value as an attribute holds it: JSON knows neither dates nor decimals."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _field(field: CatalogueField) -> Field:
    name, schema = field.name, field.schema
    plugin = field.source.removeprefix("plugin:") if field.source.startswith("plugin:") else ""
    choices = _CHOICES.get(name) or {str(word): str(word) for word in schema.get("enum", ())}
    return Field(
        name,
        type=_type(name, schema, choices),
        required=name in {"code", "name"},
        headers=known_headers("customers").get(name) or _own_headers(field),
        choices=choices,
        title=field.title,
        max_length=schema.get("maxLength"),
        unit=10_000 if name in _IN_TEN_THOUSANDS else 1,
        computed_by=plugin,
        accept=_acceptance(field),
    )


def _own_headers(field: CatalogueField) -> tuple[str, ...]:
    """Return what a plugin's field is called in the user's language; nobody else knows a header of it."""
    return (field.shown_title,) if field.package != "crmcore" else ()


def _acceptance(field: CatalogueField) -> Callable[[Any], Any] | None:
    """Return what checks a value by the catalogue and brings it into the form in which attributes hold it.

    Types, lengths and choices are the reader's work already.
    """
    schema = field.schema
    converts = field.source == "attribute" and (schema.get("type") != "string" or "format" in schema)
    if field.name == "code" or not (
        converts or any(key in schema for key in ("pattern", "minimum", "maximum"))
    ):
        return None
    check = compile_check(schema)

    def accept(value: Any) -> Any:
        problem = check(stored(value))
        if problem is not None:
            raise ValueError(problem)
        return stored(value) if converts else value

    return accept


def _type(name: str, schema: Mapping[str, Any], choices: Mapping[str, str]) -> str:
    if choices:
        return "choice"
    if name in _CODES:
        return "code"
    if name in _PHONES:
        return "phone"
    if name in _NOTES:
        return "note"
    if schema.get("format") == "date":
        return "date"
    return _JSON_TYPES.get(str(schema.get("type")), "text")
