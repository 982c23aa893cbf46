"""The formula guard: text that a spreadsheet would run is shown to it as text, and comes back unchanged.

A text that begins with = + - @ and is neither a number nor a phone gets one leading apostrophe. So does a
text that consists of apostrophes before such a text: otherwise the importer, which takes one apostrophe away,
could not tell the two apart. `unguard(guard(text)) == text` for every text.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?", re.ASCII)
_PHONE = re.compile(r"\+\d[\d ()./-]{3,30}", re.ASCII)


STARTS = frozenset("=+-@'")
"""With what a text begins that the guard looks at; any other stays as it is."""


def guard(text: str) -> str:
    """Return the text as it may stand in a cell."""
    return "'" + text if _would_run(text.lstrip("'")) else text


def unguard(text: str) -> str:
    """Return the text that was guarded; any other text as it is."""
    return text[1:] if text.startswith("'") and _would_run(text.lstrip("'")) else text


def _would_run(text: str) -> bool:
    return text.startswith(("=", "+", "-", "@")) and not (_NUMBER.fullmatch(text) or _PHONE.fullmatch(text))
