"""What the lines of an order are worth: quantity × price, tax and rounding by the ledger's rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from crmcore.api import NotFound, Refused, UsageProblem, from_minor, minor_digits, translator
from crmcore_trade_ledger import queries, rules
from crmcore_trade_ledger.importers.entries import RowRefused, read_minor, read_quantity

if TYPE_CHECKING:
    from crmcore_trade_ledger.queries import Record

_ = translator("crmcore_trade_ledger")
_FEWEST, _MOST = 2, 3


class OrderedLine(NamedTuple):
    """A product and how much of it; price per unit without tax, None = the list price."""

    product: str
    quantity: Decimal
    price: Decimal | None


class Terms(NamedTuple):
    """What holds for all lines."""

    currency: str
    rate: Decimal | None
    rounding: str


class Priced(NamedTuple):
    """A line worked out: amounts in minor units, quantity in millionths."""

    net: int
    tax: int
    product_id: int | None = None
    quantity: int | None = None
    unit: str | None = None


def read_lines(texts: Iterable[str]) -> tuple[OrderedLine, ...]:
    """Read lines as they are typed, PRODUCT,QUANTITY[,PRICE]; UsageProblem names the one that is none."""
    return tuple(_read_line(text) for text in texts)


def _read_line(text: str) -> OrderedLine:
    product, *numbers = (part.strip() for part in text.split(","))
    if not product or not _FEWEST <= 1 + len(numbers) <= _MOST:
        raise _wrong(text, _("write PRODUCT,QUANTITY or PRODUCT,QUANTITY,PRICE"))
    quantity = _number(text, numbers[0])
    price = _number(text, numbers[1]) if numbers[1:] else None
    if quantity <= 0 or (price is not None and price < 0):
        raise _wrong(text, _("the quantity must be above 0, the price not below"))
    return OrderedLine(product, quantity, price)


def _number(text: str, word: str) -> Decimal:
    try:
        number = Decimal(word)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise _wrong(text, _("{word!r} is no number").format(word=word))
    return number


def _wrong(text: str, reason: str) -> UsageProblem:
    return UsageProblem(f"--line {text}: {reason}")


def price_amount(amount: Decimal, terms: Terms) -> Priced:
    """Return the one line of an order that names no products; UsageProblem for an amount that is none."""
    try:
        net = read_minor({"amount": amount}, "amount", terms.currency)
    except RowRefused as refused:
        raise UsageProblem(f"--amount {amount}: {refused.reason}") from None
    if not net or net < 0:
        raise UsageProblem(_("--amount {amount}: it must be above 0").format(amount=amount))
    found = rules.amounts(net, None, None, terms.rate, terms.rounding)
    return Priced(found.net, found.tax)


def price_lines(connection: sa.Connection, lines: Sequence[OrderedLine], terms: Terms) -> list[Priced]:
    """Return lines worked out; NotFound for an unknown product, Refused for one that has no price or is archived."""
    products = _products(connection, {line.product for line in lines})
    return [_price(line, products[line.product], terms) for line in lines]


def _products(connection: sa.Connection, codes: Iterable[str]) -> dict[str, Record]:
    wanted = set(codes)
    found: dict[str, Record] = {}
    for part in queries.parts(wanted):
        query = queries.select_products().where(queries.product.c.code.in_(part))
        found.update({row["code"]: row for row in queries.records(connection, query)})
    for code in sorted(wanted):
        if code not in found:
            message = _("there is no product {code!r}; crm ledger products lists them")
            raise NotFound(message.format(code=code))
        if found[code]["archived_at"] is not None:
            raise Refused(_("product {code!r} is archived; order another").format(code=code))
    return found


def _price(line: OrderedLine, product: Record, terms: Terms) -> Priced:
    price = line.price if line.price is not None else _list_price(line, product, terms.currency)
    text = f"{line.product},{line.quantity}"
    try:
        quantity = read_quantity(line.quantity) or 0
        net = rules.priced(quantity, price, minor_digits(terms.currency), terms.rounding)
        found = rules.amounts(net, None, None, terms.rate, terms.rounding)
    except RowRefused as refused:
        raise _wrong(text, refused.reason) from None
    return Priced(found.net, found.tax, product["id"], quantity, product["unit"])


def _list_price(line: OrderedLine, product: Record, currency: str) -> Decimal:
    if product["list_price_minor"] is None:
        message = _("product {code!r} has no list price; name one: --line {code},{quantity},PRICE")
        raise Refused(message.format(code=line.product, quantity=line.quantity))
    if product["currency"] != currency:
        message = _(
            "the list price of product {code!r} is in {theirs}, the order in {ours}; name a price: --line {code},{quantity},PRICE"
        )
        raise Refused(
            message.format(
                code=line.product, theirs=product["currency"], ours=currency, quantity=line.quantity
            )
        )
    return Decimal(from_minor(product["list_price_minor"], currency))
