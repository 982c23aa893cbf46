"""Each natural person's key: their values stand in the change log encrypted, and erasing them destroys the key."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.db.base import dumps
from crmcore.db.system import person_key

if TYPE_CHECKING:
    from collections.abc import Iterable

Person = tuple[str, int]
"""('contact' | 'customer', id)."""

_NONCE = 12


class PersonKeys:
    """Keys of one transaction: fetched or made in batches, never kept longer."""

    def __init__(self, connection: sa.Connection) -> None:
        """Work on the connection of the transaction; writing needs the gate to be open."""
        self._connection = connection
        self._keys: dict[Person, bytes | None] = {}

    def make(self, persons: Iterable[Person]) -> None:
        """Give each of these new persons a key."""
        fresh = {person: os.urandom(32) for person in persons if person not in self._keys}
        if fresh:
            rows = [{"entity": e, "entity_id": i, "key": key} for (e, i), key in fresh.items()]
            self._connection.execute(sa.insert(person_key), rows)
            self._keys.update(fresh)

    def fetch(self, persons: Iterable[Person]) -> None:
        """Read the keys of these persons."""
        wanted: dict[str, list[int]] = {}
        for entity, number in persons:
            if (entity, number) not in self._keys:
                wanted.setdefault(entity, []).append(number)
        for entity, numbers in wanted.items():
            for start in range(0, len(numbers), 500):
                part = numbers[start : start + 500]
                found = self._connection.execute(
                    sa.select(person_key.c.entity_id, person_key.c.key).where(
                        person_key.c.entity == entity, person_key.c.entity_id.in_(part)
                    )
                )
                self._keys.update({(entity, row.entity_id): row.key for row in found})

    def ensure(self, persons: Iterable[Person]) -> None:
        """Fetch the keys of these persons and make those that never were; a destroyed key is not made again."""
        persons = list(persons)
        self.fetch(persons)
        self.make({p for p in persons if p not in self._keys})

    def seal(self, person: Person, values: dict[str, Any], bound_to: str) -> dict[str, str] | None:
        """Encrypt values with AES-256-GCM; None if the person was erased: then nothing may be kept."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._keys.get(person)
        if key is None:
            return None
        nonce = os.urandom(_NONCE)
        sealed = nonce + AESGCM(key).encrypt(nonce, dumps(values).encode(), bound_to.encode())
        return {"of": f"{person[0]}:{person[1]}", "sealed": base64.b64encode(sealed).decode()}

    def open(self, part: dict[str, str], bound_to: str) -> dict[str, Any] | None:
        """Decrypt what `seal` made; None if the key is destroyed, ValueError if it is not what was sealed for this row."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            entity, number = part["of"].split(":")
            self.fetch([(entity, int(number))])
            key = self._keys.get((entity, int(number)))
            if key is None:
                return None
            sealed = base64.b64decode(part["sealed"])
            plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to.encode())
        except (KeyError, TypeError, AttributeError, InvalidTag) as error:
            raise ValueError("not what was sealed for this row") from error
        values: dict[str, Any] = json.loads(plain)
        return values
