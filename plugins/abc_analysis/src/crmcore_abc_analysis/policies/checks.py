"""What people decide is checked before it is written: the class that they name, and their reason."""

from __future__ import annotations

from difflib import get_close_matches

from crmcore.api import Context, UsageProblem, clean_name, printable, translator

from .versions import policies_on

_ = translator("crmcore_abc_analysis")

LONGEST_REASON = 500


def known_grades(ctx: Context) -> tuple[str, ...]:
    """Return the classes of the company's usual rule, the best first, then others that have a policy."""
    from crmcore_abc_analysis.services import Request, rule_of

    rule = rule_of(ctx.settings, Request(), ctx.settings["currency"] or ctx.currency)
    return tuple(dict.fromkeys([*rule.grades, *policies_on(ctx, ctx.today)]))


def require_grade(ctx: Context, grade: str) -> None:
    """Raise UsageProblem unless the company has a class of this name."""
    known = known_grades(ctx)
    if grade in known:
        return
    near = get_close_matches(grade, known, n=1) or [one for one in known if one == grade.upper()]
    shown = printable(grade)
    if near:
        raise UsageProblem(
            _("there is no class {grade!r}; did you mean {near!r}?").format(grade=shown, near=near[0])
        )
    raise UsageProblem(
        _("there is no class {grade!r}; the classes are {known}").format(grade=shown, known=", ".join(known))
    )


def check_cutoffs_asked(preset: str | None, by: str | None) -> None:
    """Raise UsageProblem for thresholds together with cut-offs by shares: one of them would be ignored."""
    if by == "threshold" and preset not in {None, "own"}:
        raise UsageProblem(
            _(
                "--by threshold takes the thresholds of the settings, so --preset {preset} says nothing; leave one of them out"
            ).format(preset=preset)
        )


def reason_of(text: str) -> str:
    """Return a reason as it is stored, on one line; UsageProblem where there is none or too much of it."""
    reason = printable(clean_name(text)).strip()
    if not reason:
        raise UsageProblem(_("the reason is empty; say why with --reason"))
    if len(reason) > LONGEST_REASON:
        raise UsageProblem(
            _("the reason has {length} characters; at most {most} can be kept").format(
                length=len(reason), most=LONGEST_REASON
            )
        )
    return reason
