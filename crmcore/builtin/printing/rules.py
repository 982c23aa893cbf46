"""What stands on the papers: the three forms of the customer card, what a customer may see, sizes of labels."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from crmcore.i18n import N_

FORMS = {"prospect": "prospect", "active": "current", "former": "former"}
"""The form of the card by the customer's lifecycle (潜在, 现有, 旧)."""
OTHERS = 4
"""Width of a further field; a long one takes the whole row."""
_LONG = 20
_WHOLE = 12
_SHEET = re.compile(r"([1-9][0-9]?)[x×X*]([1-9][0-9]?)")
_LONGEST_LENGTH, _ENDLESS = 6, 1_000_000


class Place(NamedTuple):
    """A place on the card: whose values stand there, side by side; none = filled in by hand."""

    fields: tuple[str, ...]
    width: int = 4
    title: str = ""
    """English; "" = the field's own title."""
    between: str = " / "


class Section(NamedTuple):
    """Rows of places below a title."""

    title: str
    rows: tuple[tuple[Place, ...], ...]


def _one(name: str, width: int = 4) -> Place:
    return Place((name,), width)


_BASICS = Section(
    N_("Basics"),
    (
        (Place(("name",), 8, N_("Customer name")), Place(("code",), 4, N_("Customer code"))),
        (_one("short_name"), Place(("channel",), 4, N_("Channel code")), _one("legal_representative")),
        (_one("kind"), _one("customer_kind"), _one("region")),
        (_one("address", 12),),
        (_one("delivery_address", 12),),
        (_one("tax_id", 6), Place(("phone", "fax"), 6, N_("Phone / fax"))),
        (_one("bank", 6), _one("bank_account", 6)),
        (_one("invoice_type", 6), _one("email", 6)),
        (_one("contact"), Place(("contact_phone", "contact_mobile"), 8, N_("Contact's phone"))),
        (_one("website", 6), _one("parent", 6)),
        (_one("owner", 6), _one("since", 6)),
    ),
)
_ORGANISATION = Section(
    N_("Organisation and operation"),
    (
        (_one("legal_form"), _one("ownership"), _one("industry")),
        (_one("licence_number", 6), _one("licence_expires_on", 6)),
        (
            Place(("registered_capital",), 4, N_("Registered capital (10,000 CNY)")),
            _one("founded_on"),
            Place(("annual_turnover",), 4, N_("Annual turnover (10,000 CNY)")),
        ),
        (_one("line_of_business", 8), _one("employees")),
        (
            _one("premises"),
            Place(("premises_rented_from", "premises_rented_to"), 8, N_("Lease from – to"), " – "),
        ),
        (
            _one("warehouse"),
            Place(("warehouse_area",), 4, N_("Warehouse area (m²)")),
            _one("mode_of_operation"),
        ),
    ),
)
_PAYMENT = Section(
    N_("Payment"),
    (
        (_one("payment_terms", 6), _one("payment_days", 6)),
        (_one("credit_grade"), _one("customer_class"), _one("credit_limit")),
    ),
)
_DEVELOPMENT = Section(
    N_("Development"),
    (
        (_one("source"), _one("growth_potential"), _one("selling_power")),
        (_one("service_area", 6), _one("distribution_view", 6)),
        (Place((), 12, N_("Needs")),),
        (Place((), 12, N_("Who decides")),),
        (Place((), 8, N_("Next step")), Place((), 4, N_("By when"))),
    ),
)
_TRADE = Section(
    N_("Trade with us"),
    (
        (_one("first_trade_on"), _one("customer_class"), _one("credit_grade")),
        (_one("payment_terms", 6), _one("payment_days", 6)),
        (Place((), 12, N_("Why it left")),),
        (Place((), 12, N_("How to win it back")),),
    ),
)

CARDS: Mapping[str, tuple[str, tuple[Section, ...]]] = {
    "prospect": (N_("Customer card (prospect)"), (_BASICS, _ORGANISATION, _DEVELOPMENT)),
    "current": (N_("Customer card (current customer)"), (_BASICS, _ORGANISATION, _PAYMENT)),
    "former": (N_("Customer card (former customer)"), (_BASICS, _ORGANISATION, _TRADE)),
}
"""Form → its title and sections."""
FOR_CUSTOMER = N_("Customer card"), (_BASICS, _ORGANISATION, _PAYMENT)
"""The card that a customer fills in and seals: it does not say what we take it for."""
FURTHER = N_("Further particulars")
FIGURES = N_("Situation")
"""What plugins know of the customer."""
OF_PLUGINS = {
    "customer_class": ("grade", "grade"),
    "credit_grade": ("credit", "grade"),
    "credit_limit": ("credit", "limit_minor"),
}
"""Computed field → the section of the card that holds it, and its key there."""


def form_of(lifecycle: str, asked: str) -> str:
    """Return the form of a card: the one asked for, else by the lifecycle."""
    return FORMS.get(lifecycle, "current") if asked == "auto" else asked


def sections_of(sections: Sequence[Section], kind: str) -> tuple[Section, ...]:
    """Return the sections of a card: that of a natural person (个人客户) does not ask how they are organised."""
    return tuple(one for one in sections if kind != "person" or one is not _ORGANISATION)


def shown_sections(sections: Sequence[Section], hidden: AbstractSet[str]) -> list[Section]:
    """Return sections without the fields that are hidden, and without what is left empty by that."""
    kept = []
    for section in sections:
        rows = []
        for row in section.rows:
            places = [
                place._replace(fields=tuple(name for name in place.fields if name not in hidden))
                for place in row
                if not place.fields or not hidden >= set(place.fields)
            ]
            if places:
                rows.append(tuple(places))
        kept.append(Section(section.title, tuple(rows)))
    return [section for section in kept if section.rows]


def further_rows(names: Sequence[str], text: Callable[[str], str]) -> tuple[tuple[Place, ...], ...]:
    """Arrange fields that have no place of their own: short ones three in a row, long ones alone."""
    rows: list[tuple[Place, ...]] = []
    short: list[Place] = []
    for name in names:
        if len(text(name)) > _LONG:
            rows.append((Place((name,), _WHOLE),))
        else:
            short.append(Place((name,), OTHERS))
    per_row = _WHOLE // OTHERS
    rows += [tuple(short[place : place + per_row]) for place in range(0, len(short), per_row)]
    return tuple(rows)


def placed(sections: Sequence[Section]) -> set[str]:
    """Return the fields that have a place."""
    return {name for section in sections for row in section.rows for place in row for name in place.fields}


def codes_of(text: str) -> list[str]:
    """Return codes with commas between them, each once; one that holds a comma stands in quotation marks."""
    cells = next(csv.reader([text], skipinitialspace=True), []) if text.strip() else []
    return list(dict.fromkeys(cell.strip() for cell in cells if cell.strip()))


def sheet_of(text: str) -> tuple[int, int]:
    """Return how many labels stand across and down, as in `3x8`; ValueError where a text is nothing like it."""
    match = _SHEET.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return int(match[1]), int(match[2])


def length_of(text: str) -> float:
    """Return a length in millimetres, as in `12.5`; ValueError where a text is none."""
    try:
        length = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(text) from None
    if len(text.strip()) > _LONGEST_LENGTH or not length.is_finite() or not 0 <= length < _ENDLESS:
        raise ValueError(text)
    return float(length)


def address_of(values: Mapping[str, Any], wanted: str) -> str:
    """Return the address asked for, or the other one where there is none."""
    order = ("delivery_address", "address") if wanted == "delivery" else ("address", "delivery_address")
    return next((str(values[name]) for name in order if values.get(name)), "")
