"""Address labels (地址标签) on sheets of any division."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from crmcore.builtin.printing import rules
from crmcore.builtin.printing.choosing import app_of, chosen
from crmcore.builtin.records.card_contacts import read_card_contacts
from crmcore.errors import UsageProblem
from crmcore.i18n import _
from crmcore.plugins.types import Column, Labels, Report, Table

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crmcore.plugins.types import Context

_NAMED = 10


class Address(NamedTuple):
    """What stands on a label."""

    code: str
    name: str
    address: str
    contact: str
    phone: str


def label_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return a label for each customer with an address, and the same as a table; a warning names those without."""
    columns = (
        Column("code", _("Customer code")),
        Column("name", _("Customer name")),
        Column("address", _("Address")),
        Column("contact", _("Contact")),
        Column("phone", _("Phone")),
    )
    table = Table("addresses", "", columns, _addresses(ctx, parameters))
    return Report(_("Address labels"), (table,), labels=_labels(ctx, parameters))


def _labels(ctx: Context, parameters: Mapping[str, str]) -> Labels:
    try:
        columns, rows = rules.sheet_of(parameters["sheet"])
    except ValueError:
        raise _not_allowed("sheet", parameters["sheet"], _("must be like 3x8, across and down")) from None
    lengths = {name: _length(parameters, name) for name in ("top", "side", "gap_across", "gap_down")}
    used = int(parameters["used"])
    return Labels(_texts(ctx, parameters), columns, rows, used=used, **lengths)


def _length(parameters: Mapping[str, str], name: str) -> float:
    try:
        return rules.length_of(parameters[name])
    except ValueError:
        raise _not_allowed(name, parameters[name], _("must be millimetres such as 12.5")) from None


def _not_allowed(name: str, value: str, problem: str) -> UsageProblem:
    message = _("{field} = {value!r} is not allowed: it {problem}")
    return UsageProblem(message.format(field=name, value=value, problem=problem))


def _texts(ctx: Context, parameters: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    for one in _addresses(ctx, parameters):
        person = _("Attn: {contact}").format(contact=one.contact) if one.contact else ""
        yield one.name, one.address, "  ".join(part for part in (person, one.phone) if part)


def _addresses(ctx: Context, parameters: Mapping[str, str]) -> Iterator[Address]:
    without: list[str] = []
    for page in chosen(ctx, parameters):
        people = read_card_contacts(ctx.connection, [row["id"] for row in page])
        for row in page:
            address = rules.address_of(row["attributes"], parameters["address"])
            if address:
                yield _address(row, people.get(row["id"]), address)
            else:
                without.append(row["code"])
    _warn(ctx, without)


def _address(row: sa.RowMapping, card: Any, address: str) -> Address:
    contact, phone = "", row["phone"] or ""
    if card is not None and row["kind"] != "person":
        contact = card.value("contact") or ""
        phone = card.value("contact_mobile") or card.value("contact_phone") or phone
    return Address(row["code"], row["name"], address, contact, phone)


def _warn(ctx: Context, without: Sequence[str]) -> None:
    if without:
        named = ", ".join(without[:_NAMED]) + ("…" if len(without) > _NAMED else "")
        message = _("no label for {count} customers without an address: {codes}")
        app_of(ctx).warn(message.format(count=len(without), codes=named))
