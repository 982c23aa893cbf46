"""Keys: what two entries of one customer may have in common, as numbers that a database joins quickly.

A key from 0 on is exact: who shares it has the same tax id, phone, or name at one place. One below 0 says only where
to look: names that are alike are compared where an address, a contact or the core of the name is shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from crmcore.builtin.duplicates.cards import Card, is_mobile

VERSION = 1
"""Of what keys are made of; a higher one has them made anew."""
LOCAL_DIGITS = 7
"""So many last digits of a landline are the same with its area code and without."""
_SIGN = 1 << 63


def keys_of(card: Card) -> set[int]:
    """Return all keys of a customer."""
    return {exact(text) for text in exact_texts(card)} | {loose(text) for text in loose_texts(card)}


def exact_texts(card: Card) -> Iterator[str]:
    """Give what stands for the customer nearly alone."""
    if card.tax_id is not None and card.tax_id.text.strip("0"):
        yield tax_text(card.tax_id.key)
    yield from map(phone_text, card.phones)
    if not card.is_person:
        yield f"n{card.name.core}|{card.place}|{card.name.unit}"


def loose_texts(card: Card) -> Iterator[str]:
    """Give where else to look."""
    for number in card.phones:
        if not is_mobile(number):
            yield f"l{number[-LOCAL_DIGITS:]}"
    if card.address is not None and card.address.house:
        yield f"h{card.address.house}"
        yield address_text(card.address.rest)
    if card.is_person:
        return
    yield f"c{card.name.core}"
    if card.short:
        yield f"c{card.short}"
    signs = set((card.name.words[-2:] or ("",))[0][:1] or card.name.core[:2])
    yield from (f"p{contact}|{sign}" for contact in card.contacts for sign in signs)


def tax_text(key: str) -> str:
    """Return the text of a tax id's key."""
    return f"t{key}"


def phone_text(number: str) -> str:
    """Return the text of a phone's key."""
    return f"f{number}"


def address_text(rest: str) -> str:
    """Return the text of an address's key."""
    return f"a{rest}"


def exact(text: str) -> int:
    """Return the number of an exact key."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) % _SIGN


def loose(text: str) -> int:
    """Return the number of a key that only says where to look."""
    return -1 - exact(text)
