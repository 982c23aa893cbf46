"""What people read of likenesses, certainties and tax ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmcore.builtin.duplicates.tax_ids import TaxId, read_tax_id
from crmcore.i18n import N_, _

CERTAINTIES = {"certain": N_("certain"), "likely": N_("likely"), "possible": N_("possible")}
KINDS = {
    "tax_id": N_("same tax id"),
    "organisation_code": N_("same organisation code in the tax ids"),
    "other_tax_id": N_("other tax id"),
    "mobile": N_("same mobile"),
    "phone": N_("same phone"),
    "local_phone": N_("same phone but for the area code"),
    "shared_phone": N_("same phone, which many have"),
    "name": N_("same name"),
    "person_name": N_("same person's name"),
    "pinyin": N_("same name in pinyin"),
    "similar_name": N_("similar name"),
    "short_name": N_("one name is short for the other"),
    "brand": N_("same brand, other trade"),
    "other_name": N_("other name"),
    "place": N_("same city"),
    "other_place": N_("other city"),
    "other_unit": N_("other branch or shop"),
    "other_number": N_("other number in the name"),
    "address": N_("same address"),
    "house": N_("same house"),
    "shared_address": N_("same address, which many have"),
    "contact": N_("same contact"),
    "other_kind": N_("firm and person"),
    "group": N_("of one group"),
}
_PROBLEMS = {
    "form": N_(
        "the tax id {value!r} has not the form of one: 18 characters today, 15 before 2015, or a natural person's number"
    ),
    "check": N_("the check character of the tax id {value!r} is wrong; compare it with the licence"),
    "organisation_check": N_(
        "the check character of the organisation code in the tax id {value!r} is wrong; compare it with the licence"
    ),
}


def shown_certainty(certainty: str) -> str:
    """Return how sure a pair is, in the user's language."""
    return _(CERTAINTIES[certainty])


def shown_kind(kind: str) -> str:
    """Return a likeness or difference, in the user's language."""
    return _(KINDS[kind])


def shown_why(why: Sequence[Mapping[str, Any]]) -> str:
    """Return all likenesses and differences with their points, in one line."""
    return ", ".join(f"{shown_kind(one['kind'])} {one['score']:+d}" for one in why)


def tax_id_warning(text: str | None) -> str | None:
    """Say what is wrong with a tax id; None where nothing is, or there is none."""
    tax_id = read_tax_id(text)
    if tax_id is None or not tax_id.problems:
        return None
    return _(_PROBLEMS[tax_id.problems[0]]).format(value=shown_tax_id(tax_id))


def shown_tax_id(tax_id: TaxId) -> str:
    """Return a tax id for a sentence, no longer than one is."""
    longest = 32
    return tax_id.shown[:longest]
