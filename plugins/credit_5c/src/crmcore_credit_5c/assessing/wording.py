"""What a model calls its factors, indicators and answers, in the reader's language: for terminals, never for JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from crmcore.api import translator
from crmcore_credit_5c.rules.model import Indicator, Model

from .models import model_of, text_of

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")


class Wording(NamedTuple):
    """The words of one or more models; what none of them knows stays as it is."""

    titles: dict[str, str]
    """Factor or indicator → its title."""
    answers: dict[tuple[str, str], str]
    """(indicator, step of its scale) → what the step means."""

    def title(self, name: str) -> str:
        """Return what a factor or an indicator is called."""
        return self.titles.get(name, name)

    def listed(self, names: Iterable[str]) -> str:
        """Return the titles of several; titles have commas of their own."""
        return "; ".join(map(self.title, names))

    def answer(self, indicator: str, value: str | None) -> str:
        """Return what an answer means: a step by its description, a number as it is, `-` for none."""
        return "-" if value is None else self.answers.get((indicator, value), value)


def wording(*models: Model) -> Wording:
    """Return the words of models; of two that use the same name the first counts."""
    titles: dict[str, str] = {}
    answers: dict[tuple[str, str], str] = {}
    for model in reversed(models):
        titles |= {one.name: text_of(one.title) for one in model.factors}
        titles |= {one.name: text_of(one.title) for one in model.indicators}
        for indicator in model.indicators:
            answers |= _answers(indicator)
    return Wording(titles, answers)


def wording_of(ctx: Context, name: str, version: int) -> Wording:
    """Return the words of the version of a model by which somebody was assessed."""
    found = model_of(ctx, name, version)
    return wording(*([found.model] if found else []))


def _answers(indicator: Indicator) -> dict[tuple[str, str], str]:
    return {
        (indicator.name, step.value): text_of(step.texts) for step in indicator.measure.steps if step.texts
    }


def source_shown(source: str | None) -> str:
    """Return where a value is from: what was computed says from what."""
    if source is None:
        return ""
    kind, _colon, name = source.partition(":")
    words = {
        "fact": _("our books ({name})"),
        "field": _("customer card, {name}"),
        "plugin": _("plugin {name}"),
    }
    return words[kind].format(name=name) if kind in words and name else source
