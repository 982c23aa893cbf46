"""One sentence for each mistake in a file: its place, what is wrong, and what to do."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from crmcore.api import BadConfig, printable, translator

if TYPE_CHECKING:
    from crmcore_credit_5c.rules.problems import ModelProblem

_ = translator("crmcore_credit_5c")
_LONGEST = 60


def said(problem: ModelProblem, file: str) -> BadConfig:
    """Return the error that says a problem to people."""
    sentence = _sentences()[problem.problem].format(**problem.values)
    return BadConfig(
        _("{file}: {path}: {problem}").format(
            file=file, path=problem.path or _("the whole"), problem=sentence
        )
    )


def _sentences() -> dict[str, str]:
    return {**_of_weights(), **_of_matrices(), **_of_measures(), **_of_points(), **_of_scorecards()}


def _of_weights() -> dict[str, str]:
    return {
        "sum": _("the weights sum to {value}; they must sum to exactly 1"),
        "percent": _("{value} is more than the whole; write {meant} for {value} %"),
        "whole": _("{value} is more than the whole; the weights must sum to exactly 1"),
        "not_positive": _("{value} is no weight; it must be above 0"),
        "no_weight": _("there is no weight; give one, or compare in pairs with ahp"),
        "number": _("{value!r} is no number; write it like 0.45"),
        "too_large": _("{value} is too large; write a number below 10^{power}"),
        "twice": _("{value!r} is there twice; choose another name"),
        "no_factor": _("there is no factor {value!r}; name one of the file"),
        "cycle": _("the factors stand below each other in a circle ({value}); take one of them out"),
        "too_few": _("the factor has {value} below it; give it at least two indicators or factors"),
        "order": _("{value} is not below the grade before; list the grades from the best on"),
        "last_grade": _("{value} is not 0; the last grade is that of all others, so write 0"),
    }


def _of_matrices() -> dict[str, str]:
    return {
        "empty": _("the matrix has no rows; compare at least one pair"),
        "size": _("the matrix has {value} rows; compare at most 15 at once"),
        "square": _("the row has {value} numbers; give as many as there are rows"),
        "comparison": _("{value!r} is no comparison; write a number above 0, such as 3 or 1/3"),
        "diagonal": _("{value} compares a row with itself; write 1"),
        "reciprocal": _(
            "{value} is not the reciprocal of the comparison the other way round; correct one of them"
        ),
        "rows": _("the matrix has {value} rows for {wanted} names; give one row for each"),
        "inconsistent": _(
            "the comparisons contradict each other (consistency ratio {value}, below 0.10 is allowed), most of all those of {triple}; compare these anew"
        ),
    }


def _of_measures() -> dict[str, str]:
    return {
        "unknown_facts": _("there is no indicator {value!r} from facts; known are {known}"),
        "unknown_ratio": _("there is no ratio {value!r}; known are {known}"),
        "unknown_field": _("the customer card has no field {value!r}; see: crm schemas show customer_card"),
        "last_band": _("each band but the last one needs up_to or below, and the last one neither"),
        "beside_bands": _(
            "{value} points for all other values go with steps or values only, bands and zones leave none; take them away"
        ),
        "band_order": _("{value} is not above the band before; list the bands from the smallest on"),
        "zones": _("{value!r} has no zones; only altman_z, altman_z1 and altman_z2 have, others take bands"),
    }


def _of_points() -> dict[str, str]:
    return {
        "points": _("{value} points are not from 0 to 100; correct them"),
        "base": _(
            "{value} would be added to points that are weighed; leave it out, or choose the scoring sum"
        ),
        "unreached": _("{value} is above 100, which nobody reaches; correct it"),
        "no_points": _("nothing says how many points a value gets; add bands, steps or values"),
        "two_tables": _("{value} each say how many points a value gets; keep one of them"),
        "two_bounds": _("the band has both up_to and below; keep one of them"),
    }


def _of_scorecards() -> dict[str, str]:
    return {
        "above_0": _("{value} is not above 0; correct it, or fit the scorecard anew"),
        "share": _("{value} is no share from 0 to 1; fit the scorecard anew"),
        "shares": _(
            "{count} shares for {wanted} bands sum to {value}; there must be one for each band, and they sum to 1"
        ),
        "no_column": _("it is no column of a scorecard with all its points; fit the scorecard anew"),
        "column_twice": _("the column {value!r} is there twice; keep one of them"),
    }


def not_allowed(error: Any, file: str) -> BadConfig:
    """Return the error for what a schema does not allow."""
    path = "/".join(map(str, error.absolute_path)) or _("the whole")
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return BadConfig(_("{file}: {path} lacks {key!r}; add it").format(file=file, path=path, key=missing))
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = next(key for key in error.instance if key not in known)
        message = _("{file}: {path} has {key!r}, which is not known; known are {known}")
        return BadConfig(message.format(file=file, path=path, key=unknown, known=", ".join(known)))
    said_so = error.schema.get("description") or error.schema.get("title")
    wanted = _(said_so) if said_so else shown({error.validator: error.validator_value})
    return BadConfig(
        _("{file}: {path}: {value} is not allowed here; wanted is: {wanted}").format(
            file=file, path=path, value=shown(error.instance), wanted=wanted
        )
    )


def shown(value: Any) -> str:
    """Return a value as a sentence names it: a text in quotes, all else as JSON says it, the first of what is long."""
    if isinstance(value, str | Decimal):
        text = repr(value) if isinstance(value, str) else str(value)
    else:
        text = printable(json.dumps(value, ensure_ascii=False, default=_number))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)
