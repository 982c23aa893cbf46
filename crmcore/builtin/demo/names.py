"""Names of firms and people, put together from single characters; every one bears the mark of the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from crmcore.builtin.demo.words import City, words

if TYPE_CHECKING:
    import random


class Brand(NamedTuple):
    """The word by which a firm is known: `沐川`, `Muchuan`."""

    chinese: str
    english: str


class Person(NamedTuple):
    """A generated person: `王知行`, `wang`."""

    name: str
    surname: str
    """In Latin letters, for e-mail addresses."""


def brands(rng: random.Random) -> list[Brand]:
    """Return every brand that the characters allow, shuffled."""
    found = [
        Brand(first + second, (latin + more).capitalize())
        for first, latin in words()["brand_first"].items()
        for second, more in words()["brand_second"].items()
    ]
    rng.shuffle(found)
    return found


def firm_name(pattern: str, brand: Brand, city: City, trade: dict[str, Any]) -> str:
    """Fill a pattern of words.json, such as `{city}{brand}{trade}有限公司`."""
    return pattern.format(
        brand=brand.chinese, city=city.city, short=city.short, trade=trade["word"], shop=trade["shop"]
    )


def english_name(brand: Brand, trade: dict[str, Any]) -> str:
    """Return an English trade name: `Muchuan Foods Co., Ltd. (Demo)`."""
    return f"{brand.english} {trade['english']} Co., Ltd. (Demo)"


def person(rng: random.Random) -> Person:
    """Return a person with a surname as frequent as in life and a given name of one or two characters."""
    surnames = words()["surnames"]
    surname = rng.choices(list(surnames), [share for _, share in surnames.values()])[0]
    given = rng.choice(words()["given_second"])
    if rng.random() < 0.85:  # noqa: PLR2004  (most given names have two characters)
        given = rng.choice(words()["given_first"]) + given
    return Person(surname + given, surnames[surname][0])
