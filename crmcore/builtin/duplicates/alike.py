"""How much two texts agree: rapidfuzz counts it, thousands of pairs in a blink."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.builtin.duplicates.rules import Alike


def has_rapidfuzz() -> bool:
    """Tell whether names that are only alike can be compared (`crmcore[duplicates]`)."""
    return find_spec("rapidfuzz") is not None


def comparison() -> Alike:
    """Return how texts are compared; without rapidfuzz they agree wholly or not at all."""
    if not has_rapidfuzz():
        return _equal
    from rapidfuzz.fuzz import ratio

    ratio_of: Callable[[str, str], float] = ratio
    return ratio_of


def _equal(one: str, other: str) -> float:
    return 100.0 if one == other else 0.0


def missing_sentence() -> str:
    """Say what is not found without the library."""
    return _(
        "only equal tax ids, phones and names are compared here, not similar ones; install it with: pip install 'crmcore[duplicates]'"
    )
