"""What goes wrong with one cell or row; what goes wrong with a file is a CrmError."""

from __future__ import annotations


class BadValueError(ValueError):
    """A cell that cannot be taken; the message is the short reason, in the user's language."""


class BrokenRow(list[str]):
    """A row that could not be taken apart: its raw text as the only cell, and why."""

    def __init__(self, raw: str, reason: str) -> None:
        super().__init__([raw])
        self.reason = reason
