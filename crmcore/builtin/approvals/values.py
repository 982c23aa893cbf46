"""The values of requests, cleaned and checked before the gate."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from crmcore.db.base import dumps
from crmcore.errors import CrmError
from crmcore.i18n import _
from crmcore.money import LARGEST_MINOR
from crmcore.text import many_lines, one_line

if TYPE_CHECKING:
    from crmcore.plugins.types import ApprovalRequest

_CURRENCY = re.compile(r"[A-Z]{3}")
_LONGEST_KEY = 128
LONGEST_SUBJECT = 200
_LONGEST_REASON = 32_000
_LONGEST_PAYLOAD = 100_000


def cleaned_request(request: ApprovalRequest) -> ApprovalRequest:
    """Return a request with clean texts; CrmError names the first value that is not allowed."""
    subject = one_line(request.subject)
    if not subject:
        raise CrmError(_("{field} must not be empty").format(field="subject"))
    _check_length("subject", subject, LONGEST_SUBJECT)
    _check_amount(request)
    payload = _plain_json(request.payload)
    if request.key is not None and (not request.key or request.key != one_line(request.key)):
        _refuse("key", request.key, _("must be one line of text"))
    _check_length("key", request.key or "", _LONGEST_KEY)
    reason = cleaned_reason(request.reason)
    return replace(request, subject=subject, reason=reason, payload=payload)


def cleaned_reason(reason: str) -> str:
    """Return a reason as it is stored, perhaps empty; CrmError if it is too long."""
    cleaned = many_lines(reason)
    _check_length("reason", cleaned, _LONGEST_REASON)
    return cleaned


def _plain_json(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload as it will be read again: days and amounts as texts; CrmError if it is no JSON, or too long."""
    try:
        text = dumps(dict(payload))
        plain: dict[str, Any] = json.loads(text, parse_constant=_refuse_constant)
    except (TypeError, ValueError, RecursionError) as error:
        _refuse("payload", payload, _("must be JSON ({error})").format(error=error))
    _check_length("payload", text, _LONGEST_PAYLOAD)
    return plain


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check_amount(request: ApprovalRequest) -> None:
    if (request.amount_minor is None) != (request.currency is None):
        raise CrmError(_("an amount needs its currency, and a currency its amount; give both or neither"))
    amount: Any = request.amount_minor
    if amount is not None and not (type(amount) is int and 0 <= amount <= LARGEST_MINOR):
        _refuse("amount_minor", amount, _("must be a whole number, not below 0"))
    if request.currency is not None and not _CURRENCY.fullmatch(request.currency):
        _refuse("currency", request.currency, _("must be three capital letters, such as CNY"))


def _check_length(name: str, value: str, most: int) -> None:
    if len(value) > most:
        _refuse(name, value[:40] + "…", _("is longer than {most} characters").format(most=most))


def _refuse(name: str, value: Any, problem: str) -> NoReturn:
    message = _("{field} = {value!r} is not allowed: it {problem}")
    raise CrmError(message.format(field=name, value=value, problem=problem))
