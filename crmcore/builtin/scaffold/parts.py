"""What a new plugin may consist of, and what follows from a choice."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from crmcore.errors import UsageProblem
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable

PARTS = ("entity", "settings", "hook", "command", "report", "job", "fact")
USUAL = ("entity", "settings", "hook", "command")


def read_parts(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the parts named, as they stand in `PARTS`; UsageProblem for one that there is not, or none at all."""
    named = {word.strip().lower() for text in texts for word in text.split(",")} - {""}
    for word in sorted(named.difference(PARTS)):
        near = get_close_matches(word, PARTS, n=1)
        hint = " " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
        message = _("there is no part {name!r}{hint}; known are {known}")
        raise UsageProblem(message.format(name=word, hint=hint, known=", ".join(PARTS)))
    if not named:
        message = _("--with names no part; known are {known}")
        raise UsageProblem(message.format(known=", ".join(PARTS)))
    if named == {"settings"}:
        named.add("hook")  # settings that nothing reads are no plugin
    return tuple(part for part in PARTS if part in named)


def traits_of(parts: Iterable[str]) -> frozenset[str]:
    """Return the parts with what the templates ask for besides.

    `balances`: somebody wants to know customers' points; `earns`: they come from the years of a customer, where no
    table holds them; `expires`: old points of the table expire; `books`: points are given and redeemed by hand.
    """
    has = frozenset(parts)
    balances = bool(has & {"hook", "command", "report"}) or ("job" in has and "entity" not in has)
    found = {
        "balances": balances,
        "earns": balances and "entity" not in has,
        "expires": {"entity", "job"} <= has,
        "books": {"entity", "command"} <= has,
    }
    return has | {trait for trait, holds in found.items() if holds}
