"""How alike two customers are: points for and against, and what they come to. The rule book of finding duplicates.

Points for and against are added; the sum says how sure it is. No single likeness makes a pair certain, for each can
come about by chance or by mistake: two firms in one office, a branch, a number typed wrongly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from crmcore.builtin.duplicates.cards import Address, Card, is_mobile
from crmcore.builtin.duplicates.keys import address_text, exact, loose, phone_text
from crmcore.builtin.duplicates.names import TRADES, Name
from crmcore.builtin.duplicates.places import same_place
from crmcore.builtin.search.phones import same_line

Certainty = Literal["certain", "likely", "possible"]
CERTAINTIES: tuple[Certainty, ...] = ("certain", "likely", "possible")

POINTS = {
    "tax_id": 80,  # the same number
    "organisation_code": 75,  # numbers of different kinds, with one organisation code in them
    "other_tax_id": -40,  # both have one that is right, and they differ
    "mobile": 40,  # a person's own number
    "phone": 35,  # a firm's number
    "local_phone": 20,  # the same but for an area code that one of them lacks
    "shared_phone": 10,  # the same, but many customers have it: a switchboard, an agent
    "name": 45,  # the same core: 字号 and trade
    "person_name": 25,  # people of one name are many
    "pinyin": 35,  # one name is the other in Latin letters
    "similar_name": 30,  # one sign differs, or nearly all agree
    "short_name": 30,  # one is the beginning of the other, or its short name
    "brand": 10,  # the same 字号 and another trade: 示例食品, 示例贸易
    "other_name": -15,  # nothing in common
    "place": 15,  # the same city
    "other_place": -35,  # another city
    "other_unit": -60,  # another branch or shop, or a branch and its head office
    "other_number": -60,  # 第一 and 第二
    "address": 30,  # the same house and room
    "house": 15,  # the same house
    "shared_address": 5,  # the same, but many customers have it: a mall, an office building
    "contact": 15,  # a contact of the same name
    "other_kind": -40,  # a firm and a natural person, its owner perhaps
    "group": -60,  # one is the other's parent, or both have the same: somebody said that they are two
}
"""What each likeness and each difference counts."""
MOST = 100
SIMILAR = 80
"""So many of a hundred signs agree in similar names."""
SIMILAR_ADDRESS = 85
_BRAND = 2

Alike = Callable[[str, str], float]
"""How much two texts agree, from 0 to 100."""
Crowded = Callable[[int], bool]
"""Whether more customers share a key than belong together."""


class Evidence(NamedTuple):
    """One likeness or difference."""

    kind: str
    points: int


_STRONGEST_FIRST = sorted(POINTS, key=lambda kind: (-abs(POINTS[kind]), kind))
_EVIDENCE = {kind: Evidence(kind, POINTS[kind]) for kind in POINTS}
_PLACE_OF = {kind: place for place, kind in enumerate(_STRONGEST_FIRST)}


def evidence(one: Card, other: Card, alike: Alike, crowded: Crowded) -> list[Evidence]:
    """Return what speaks for two customers being one, and what against, the strongest first."""
    kinds = [
        *_tax(one, other),
        *_phone(one, other, crowded),
        *_name(one, other, alike),
        *_place(one, other),
        *_address(one, other, alike, crowded),
        *_contact(one, other),
    ]
    if one.is_person != other.is_person:
        kinds.append("other_kind")
    if _of_one_group(one, other):
        kinds.append("group")
    if "other_name" in kinds and ("tax_id" in kinds or "organisation_code" in kinds):
        kinds.remove("other_name")  # a firm may change its name; its number stays
    return [_EVIDENCE[kind] for kind in sorted(kinds, key=_PLACE_OF.__getitem__)]


def score(found: Sequence[Evidence]) -> int:
    """Return the sum of the points, from 0 to 100."""
    return max(0, min(MOST, sum([one.points for one in found])))


def certainty(points: int, limits: Mapping[str, int]) -> Certainty | None:
    """Return how sure a pair is by the company's limits; None where it is not even possible."""
    return next((name for name in CERTAINTIES if points >= limits[name]), None)


def _tax(one: Card, other: Card) -> list[str]:
    if not one.row["tax_id"] or not other.row["tax_id"]:
        return []
    mine, theirs = one.tax_id, other.tax_id
    if mine is None or theirs is None:
        return []
    if mine.text == theirs.text:
        return ["tax_id"]
    if mine.organisation and mine.organisation == theirs.organisation:
        return ["organisation_code"]
    return ["other_tax_id"] if mine.sound and theirs.sound else []


def _phone(one: Card, other: Card, crowded: Crowded) -> list[str]:
    """Return the best that their numbers have in common."""
    shared = one.phones & other.phones
    own = [number for number in shared if not crowded(exact(phone_text(number)))]
    if any(map(is_mobile, own)):
        return ["mobile"]
    if own:
        return ["phone"]
    if shared:
        return ["shared_phone"]
    near = any(same_line(mine, theirs) for mine in one.phones for theirs in other.phones)
    return ["local_phone"] if near else []


def _name(one: Card, other: Card, alike: Alike) -> list[str]:
    if one.is_person or other.is_person:
        return ["person_name"] if one.name.whole == other.name.whole else ["other_name"]
    mine, theirs = one.name, other.name
    kinds = []
    if mine.unit != theirs.unit:
        kinds.append("other_unit")
    if mine.numbers != theirs.numbers and mine.core != theirs.core:
        kinds.append("other_number")
    return [*kinds, _name_kind(one, other, alike)]


def _name_kind(one: Card, other: Card, alike: Alike) -> str:
    mine, theirs = one.name.core, other.name.core
    if mine == theirs:
        return "name"
    if bool(one.name.words) != bool(other.name.words):
        return "pinyin" if _in_pinyin(one.name, other.name) else "other_name"
    if _is_short(mine, theirs) or mine == other.short or theirs == one.short:
        return "short_name"
    if _one_sign(mine, theirs) or alike(mine, theirs) >= SIMILAR:
        return "similar_name"
    return "brand" if _same_brand(mine, theirs) else "other_name"


def _one_sign(mine: str, theirs: str) -> bool:
    """Tell whether one sign was replaced, left out or added, or two neighbours changed about."""
    if abs(len(mine) - len(theirs)) > 1 or min(len(mine), len(theirs)) <= _BRAND:
        return False
    start = 0
    while start < min(len(mine), len(theirs)) and mine[start] == theirs[start]:
        start += 1
    a, b = mine[start:], theirs[start:]
    swapped = len(a) > 1 and a[:2] == b[1::-1] and a[2:] == b[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped


def _is_short(mine: str, theirs: str) -> bool:
    """Tell whether one is how people say the other: its beginning."""
    short, long = sorted((mine, theirs), key=len)
    return len(short) >= _BRAND and long.startswith(short)


def _same_brand(mine: str, theirs: str) -> bool:
    """Tell whether only the trade differs."""
    for length in range(min(len(mine), len(theirs)) - 1, _BRAND - 1, -1):
        if mine[:length] == theirs[:length]:
            return mine[length:] in TRADES and theirs[length:] in TRADES
    return False


def _in_pinyin(one: Name, other: Name) -> bool:
    """Tell whether one name is the other in Latin letters: a word, or its first words, are how the name begins."""
    from crmcore.builtin.duplicates.latin import reads_as

    latin, chinese = (one, other) if one.words else (other, one)
    return reads_as(latin.words, chinese.core, chinese.place)


def _place(one: Card, other: Card) -> list[str]:
    same = same_place(one.place, other.place)
    return [] if same is None else ["place"] if same else ["other_place"]


def _address(one: Card, other: Card, alike: Alike, crowded: Crowded) -> list[str]:
    mine, theirs = one.address, other.address
    if mine is None or theirs is None or not mine.house or not theirs.house:
        return []
    if same_place(mine.place, theirs.place) is False:
        return []
    is_same = mine.rest == theirs.rest
    if is_same or (mine.numbers == theirs.numbers and alike(mine.rest, theirs.rest) >= SIMILAR_ADDRESS):
        many = any(crowded(loose(address_text(rest))) for rest in {mine.rest, theirs.rest})
        return ["shared_address" if many else "address"]
    return ["house"] if _same_house(mine, theirs) else []


def _same_house(mine: Address, theirs: Address) -> bool:
    """Tell whether one of them only lacks the room."""
    short, long = sorted((mine.numbers, theirs.numbers), key=len)
    return mine.house == theirs.house and len(short) < len(long) and long[: len(short)] == short


def _contact(one: Card, other: Card) -> list[str]:
    return ["contact"] if one.contacts & other.contacts else []


def _of_one_group(one: Card, other: Card) -> bool:
    mine, theirs = one.row["parent_id"], other.row["parent_id"]
    return mine == other.number or theirs == one.number or (mine is not None and mine == theirs)
