"""One difference between the contract as published and as it is now."""

from typing import NamedTuple


class Difference(NamedTuple):
    """What is different, as half a sentence, and whether it breaks what others have built on."""

    place: str
    what: str
    breaks: bool

    def __str__(self) -> str:
        """Say it."""
        return f"{self.place} {self.what}"


def broken(place: str, what: str) -> Difference:
    """Return a difference that breaks something."""
    return Difference(place, what, breaks=True)


def added(place: str, what: str) -> Difference:
    """Return a difference that breaks nothing."""
    return Difference(place, what, breaks=False)
