"""What can be said of a customer's credit at all: some model asks for it, it can have that value, its day has come.

Whoever enters evidence asks here: by hand, from a JSON file, from a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from crmcore.api import CURRENCIES, BadConfig, Refused, translator
from crmcore_credit_5c.rules.bands import points_of
from crmcore_credit_5c.rules.model import Indicator
from crmcore_credit_5c.rules.plausible import Implausible, implausible

from .files import is_text
from .given import value_of
from .models import known_indicators
from .sentences import shown

if TYPE_CHECKING:
    from crmcore.api import Context, CrmError

_ = translator("crmcore_credit_5c")
_FIGURES_BELOW = Decimal(10) ** 15

Indicators = Mapping[str, Sequence[Indicator]]
"""Name → how each model that asks for it measures it."""


class NotTakenError(Exception):
    """Something that cannot be taken: in which part of the entry, and the sentence that says why."""

    def __init__(self, key: str, sentence: str, error: type[CrmError] = BadConfig) -> None:
        """`error` is what a command raises of it."""
        super().__init__(sentence)
        self.key, self.sentence, self.error = key, sentence, error


def indicators_of(ctx: Context) -> dict[str, list[Indicator]]:
    """Return the indicators that the company's models ask for."""
    return {
        name: [one for version in versions for one in version.model.indicators if one.name == name]
        for name, versions in known_indicators(ctx).items()
    }


def check_answer(indicators: Indicators, name: str, value: str) -> None:
    """Raise NotTakenError for an indicator that no model asks for, a value that none understands, or that cannot be."""
    if name not in indicators:
        raise NotTakenError("indicator", _unknown(name, indicators))
    if all(points_of(each.measure, value_of(value)) is None for each in indicators[name]):
        raise NotTakenError("value", _not_understood(indicators[name][0], value))
    for each in indicators[name]:
        if (problem := implausible(each.measure, value_of(value))) is not None:
            raise NotTakenError("value", _not_plausible(problem, name, value))


def check_text(key: str, text: str) -> str:
    """Return a text without blanks around it; NotTakenError for one that cannot be kept."""
    if not is_text(text):
        message = _("{text} holds a character that is no text; take it out")
        raise NotTakenError(key, message.format(text=shown(text)))
    return text.strip()


def check_source(text: str) -> str:
    """Return a source without blanks around it; NotTakenError for none: evidence without a source is none."""
    source = check_text("source", text)
    if not source:
        raise NotTakenError("source", _("the source is empty; name who or what says so"))
    return source


def check_days(on: date, expires: date | None, today: date, key: str) -> None:
    """Raise NotTakenError for what is of the future, and for what has expired already; `key` names the first day."""
    if on > today:
        message = _("{day} is in the future; evidence is of today or before")
        raise NotTakenError(key, message.format(day=on), Refused)
    if expires is not None and expires < today:
        message = _("it expired on {day}; find out what holds now")
        raise NotTakenError("expires", message.format(day=expires), Refused)


def check_currency(code: str, usual: str) -> None:
    """Raise NotTakenError for what is no money; `usual` itself may be one that only the company knows."""
    if code not in CURRENCIES and code != usual:
        message = _("ISO 4217 has no currency {code}; use a code such as CNY")
        raise NotTakenError("currency", message.format(code=code))


def check_figure(name: str, amount: Any) -> None:
    """Raise NotTakenError for a figure that is larger than its text could be."""
    if abs(Decimal(str(amount))) >= _FIGURES_BELOW:
        message = _("{value} is too large for {name}; amounts below 10^15 can be entered")
        raise NotTakenError(f"figures/{name}", message.format(value=amount, name=name))


def _unknown(name: str, indicators: Mapping[str, Any]) -> str:
    near = _nearest(name, tuple(indicators))
    if near is not None:
        return _("no model asks for an indicator {name!r}; did you mean {near!r}?").format(
            name=name, near=near
        )
    return _("no model asks for an indicator {name!r}; see: crm credit model show").format(name=name)


@lru_cache
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    """Return the name that may be meant; a file asks for the same one in every row."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, known, n=1)), None)


def _not_understood(indicator: Indicator, value: str) -> str:
    if indicator.measure.steps:
        steps = ", ".join(step.value for step in indicator.measure.steps)
        message = _("{value!r} is no answer to {name}; answers are {steps}")
        return message.format(value=value, name=indicator.name, steps=steps)
    message = _("{value!r} is no number, which {name} asks for; write it like 0.45")
    return message.format(value=value, name=indicator.name)


def _not_plausible(problem: Implausible, name: str, value: str) -> str:
    sentences: dict[Implausible, str] = {
        "too_large": _("{value} is too large for {name}; numbers up to 10^12 can be entered"),
        "no_share": _("{value} is no share from 0 to 1, which {name} asks for; write it like 0.45"),
        "negative": _("{value} is below 0, which {name} never is; correct it"),
        "negative_ratio": _("{value} is below 0: a negative {name} is not assessable; leave it out"),
    }
    return sentences[problem].format(name=name, value=value)
