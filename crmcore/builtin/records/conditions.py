"""What people type to choose and order customers: `--where FIELD=VALUE`, `--sort`, `--columns`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crmcore.builtin.records.fields import field_reader
from crmcore.builtin.records.services.customer_list import Condition, Order, require_known
from crmcore.builtin.records.services.list_columns import PluginColumns
from crmcore.builtin.records.services.values import refuse
from crmcore.cli.kit import Session
from crmcore.errors import UsageProblem
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.plugins.types import Context, ListColumn

ARCHIVED = {"true": True, "false": False, "any": None}
_CONDITION = re.compile(r"\s*([^=<>!\s]+)\s*(!=|>=|<=|=|>|<)(.*)", re.DOTALL)


def read_conditions(
    session: Session, ctx: Context, columns: PluginColumns, texts: Sequence[str]
) -> list[Condition]:
    """Return the conditions of `--where`; an empty text means that the field is empty."""
    if not texts:
        return []
    found = [_split(text) for text in texts]
    for name, _sign, _text in found:
        require_known(session.app, columns, name)
    own = {name for name, _sign, _text in found if name not in columns and name != "archived"}
    read = field_reader(ctx, own, session.app.config.timezone)
    return [
        Condition(name, sign, _archived(sign, text))
        if name == "archived"
        else Condition(
            name,
            sign,
            _value(ctx, columns.specs[name] if name in columns else None, read, (name, sign, text)),
        )
        for name, sign, text in found
    ]


def read_order(session: Session, columns: PluginColumns, text: str | None) -> Order:
    """Return the order of `--sort`: a column, behind a minus from the greatest down."""
    if not text:
        return Order()
    name = text.strip().removeprefix("-")
    require_known(session.app, columns, name)
    return Order(name, text.strip().startswith("-"))


def read_columns(session: Session, columns: PluginColumns, text: str | None) -> list[str]:
    """Return the names of `--columns`, each once; [] where none were named."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    for name in names:
        require_known(session.app, columns, name)
    return list(dict.fromkeys(names))


def _split(text: str) -> tuple[str, str, str]:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise UsageProblem(_("{text!r} is not of the form field=value").format(text=text))
    return match[1], match[2], match[3]


def _archived(sign: str, text: str) -> bool | None:
    if sign != "=" or text.strip().lower() not in ARCHIVED:
        message = _("{field} = {value!r} is not allowed: it {problem}")
        problem = _("must be one of {choices}").format(choices=", ".join(ARCHIVED))
        raise UsageProblem(message.format(field="archived", value=text, problem=problem))
    return ARCHIVED[text.strip().lower()]


def _value(ctx: Context, spec: ListColumn | None, read: Any, typed: tuple[str, str, str]) -> Any:
    name, sign, text = typed
    if not text.strip():
        if sign not in {"=", "!="}:
            raise UsageProblem(_("{name}{sign} needs a value to compare with").format(name=name, sign=sign))
        return None
    return read(name, text) if spec is None else _of_plugin(ctx, spec, name, text)


def _of_plugin(ctx: Context, spec: ListColumn, name: str, text: str) -> Any:
    """Read a value as an importer reads a cell of that type; an amount in the company's currency."""
    from crmcore.builtin.exchange.guard import guard
    from crmcore.builtin.exchange.problems import BadValueError
    from crmcore.builtin.exchange.values import Writing, make_reader
    from crmcore.money import to_minor
    from crmcore.plugins.types import Field

    try:
        value = make_reader(Field(name, spec.type), Writing()).one(guard(text.strip()))
        return to_minor(value, ctx.currency) if spec.type == "amount" else value
    except (BadValueError, ValueError) as error:
        refuse(name, text, str(error))
