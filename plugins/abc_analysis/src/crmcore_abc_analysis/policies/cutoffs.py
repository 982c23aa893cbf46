"""The cut-offs that a what-if tries: a preset, the settings' own, or typed ones."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from crmcore.api import Context, UsageProblem, to_minor, translator
from crmcore_abc_analysis.rules.classes import BadCutoffs, By, Rule, own_rule, threshold_rule
from crmcore_abc_analysis.rules.whatif import BadCutoff, read_cutoffs
from crmcore_abc_analysis.services import Request, rule_of

from .checks import check_cutoffs_asked

_ = translator("crmcore_abc_analysis")


@dataclass(frozen=True, slots=True)
class Wish:
    """Which cut-offs to try on which run; None = the usual ones, the run made last."""

    preset: str | None = None
    by: By | None = None
    cutoffs: tuple[str, ...] = ()
    run: int | None = None


def rule_of_wish(ctx: Context, wish: Wish, currency: str) -> Rule:
    """Return the rule of a wish; UsageProblem for cut-offs that are none, BadConfig for the settings' own."""
    if not wish.cutoffs:
        check_cutoffs_asked(wish.preset, wish.by)
        return rule_of(ctx.settings, Request(preset=wish.preset, by=wish.by), currency)
    if wish.preset is not None:
        raise UsageProblem(_("cut-offs come from --preset or from --cutoff; give one of them"))
    by: By = wish.by or "rank"
    try:
        ends = read_cutoffs(wish.cutoffs)
        if by == "threshold":
            return threshold_rule((grade, _minor(grade, end, currency)) for grade, end in ends)
        return own_rule(by, ((grade, "1" if end is None else f"{end:f}") for grade, end in ends))
    except BadCutoff as error:
        raise UsageProblem(_cutoff_sentence(error)) from None
    except BadCutoffs as error:
        raise UsageProblem(_cutoffs_sentence(error, by)) from None


def _minor(grade: str, end: Decimal | None, currency: str) -> int | None:
    try:
        return to_minor(end, currency) if end is not None else None
    except ValueError as error:
        raise UsageProblem(f"--cutoff {grade}={end}: {error}") from None


def _cutoff_sentence(error: BadCutoff) -> str:
    sentences = {
        "form": _("--cutoff {text}: write a class and where it ends, such as A=0.01; the last class alone"),
        "open": _("--cutoff {text}: only the last class may stand alone; say where this one ends"),
    }
    return sentences[error.problem].format(text=error.text)


def _cutoffs_sentence(error: BadCutoffs, by: By) -> str:
    falling = _("--cutoff: class {grade} ends no later than the class before it; let the shares rise")
    opened = _("--cutoff: the last class, {grade}, leaves customers out; write it alone, without a share")
    if by == "threshold":
        falling = _("--cutoff: class {grade} begins no lower than the class before it; let the amounts fall")
        opened = _("--cutoff: the last class, {grade}, takes the rest; write it alone, without an amount")
    sentences = {
        "falling": falling,
        "open": opened,
        "repeated": _("--cutoff: class {grade} stands there twice; name each class once"),
    }
    return sentences[error.problem].format(grade=error.grade)
