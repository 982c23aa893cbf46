"""What people type for a value: plain text where the key takes text, else a value of TOML or JSON."""

from __future__ import annotations

import json
import tomllib
from datetime import date, time
from typing import Any

from crmcore.builtin.administration.settings.keys import MISSING, Schema, is_secret, types_of
from crmcore.builtin.administration.settings.secrets import KINDS
from crmcore.errors import BadConfig
from crmcore.i18n import _

LONGEST = 65_536
_TYPES: dict[type, tuple[str, ...]] = {
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    list: ("array",),
    dict: ("object",),
}


def read_words(words: str, schema: Schema, where: str) -> Any:
    """Turn typed words into the value of a key; `where` names the key in what is said.

    What does not fit the type stays text, so that checking it says what is allowed.
    """
    if len(words) > LONGEST or not _is_text(words):
        message = _(
            "the value for {key} is not readable text of at most {most} characters; write another one"
        )
        raise BadConfig(message.format(key=where, most=LONGEST))
    if is_secret(schema):
        return _reference(words)
    parsed = _parsed(words)
    types = types_of(schema)
    if "string" in types or (not types and "enum" not in schema and parsed is MISSING):
        return _text(words, parsed, types)
    # A day is text for a schema, which TOML alone takes for something else.
    return words if parsed is MISSING or isinstance(parsed, date | time) else parsed


def _is_text(words: str) -> bool:
    try:
        words.encode()
    except UnicodeEncodeError:  # bytes of an argument that are no text
        return False
    return "\0" not in words


def _text(words: str, parsed: Any, types: frozenset[str]) -> Any:
    """Prefer text as it stands; what can only be another type that is allowed is that."""
    quoted = isinstance(parsed, str) and words.strip()[:1] in {'"', "'"}
    if quoted:
        return parsed
    return parsed if any(name in types for name in _TYPES.get(type(parsed), ())) else words


def _reference(words: str) -> Any:
    """Read `env:NAME` or `keyring:service/user`, or the table that stands for it in crm.toml."""
    kind, colon, place = words.strip().partition(":")
    if colon and kind in KINDS:
        return {kind: place}
    parsed = _parsed(words)
    return words if parsed is MISSING else parsed


def _parsed(words: str) -> Any:
    """Read a value of TOML, else of JSON; MISSING where it is neither."""
    try:
        table = tomllib.loads(f"value = {words}")
        if list(table) == ["value"]:
            return table["value"]
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        pass
    try:
        return json.loads(words)
    except (ValueError, RecursionError):
        return MISSING
