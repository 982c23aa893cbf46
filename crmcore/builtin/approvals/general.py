"""A request that somebody makes by hand."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import TYPE_CHECKING

from crmcore.builtin.approvals.plugin import GENERAL
from crmcore.builtin.approvals.requests import ask
from crmcore.entities.lookup import find_customer
from crmcore.errors import CrmError
from crmcore.i18n import _
from crmcore.money import CURRENCIES, to_minor
from crmcore.plugins.types import ApprovalRequest

if TYPE_CHECKING:
    from crmcore.app import App


def ask_general(  # noqa: PLR0913  (what a request says)
    app: App,
    actor: str,
    subject: str,
    reason: str = "",
    *,
    customer: str | None = None,
    amount: str | None = None,
    currency: str | None = None,
) -> int:
    """Ask for something that no plugin has a kind for; returns the number. CrmError for what is not allowed."""
    firm = None
    if customer is not None:
        with app.read("approvals", actor) as ctx:
            firm = find_customer(ctx.connection, customer)
    if amount is not None:
        currency = currency or app.config.currency
    minor = None
    if amount is not None and currency is not None:
        _check_currency(currency, app.config.currency)
        minor = _minor(amount, currency)
    return ask(
        app,
        actor,
        ApprovalRequest(GENERAL, subject, reason, customer_id=firm, amount_minor=minor, currency=currency),
    )


def _check_currency(currency: str, own: str) -> None:
    if currency not in CURRENCIES and currency != own:
        near = get_close_matches(currency.upper(), sorted({*CURRENCIES, own}), n=1, cutoff=1)
        hint = " " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
        raise _refused("currency", currency, _("ISO 4217 has no such currency{hint}").format(hint=hint))


def _minor(amount: str, currency: str) -> int:
    try:
        minor = to_minor(Decimal(amount), currency)
    except InvalidOperation:
        problem = _("it is no number, such as 1000.00")
    except ValueError as error:
        problem = str(error)
    else:
        if minor >= 0:
            return minor
        problem = _("it must not be below 0")
    raise _refused("amount", amount, problem)


def _refused(field: str, value: str, problem: str) -> CrmError:
    message = _("{field} = {value!r} is not allowed: {problem}")
    return CrmError(message.format(field=field, value=value, problem=problem))
