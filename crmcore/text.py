"""Text from outside, made safe to show and to compare."""

from __future__ import annotations

import re
import unicodedata

# C0 and C1 controls, bidi overrides and isolates, zero-width marks, line separators, interlinear and tag
# characters, halves of surrogate pairs.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_BREAKS = re.compile(r"[ \t]*[\r\n\v\f\u0085\u2028\u2029]+[ \t\r\n]*")
SECRETS: set[str] = set()
"""The secrets that plugins were given in this process: text for people never holds them."""


def hidden(text: str) -> str:
    """Return text without the secrets that plugins were given, escaped ones neither."""
    from crmcore.builtin.administration.settings.secrecy import any_of

    return any_of(frozenset(SECRETS)).sub("***", text) if SECRETS else text


def printable(value: object) -> str:
    """Return text without control and bidi characters; tab and newline become blanks."""
    text = hidden(str(value)) if SECRETS else str(value)
    return _UNSAFE.sub("", text.replace("\t", " ").replace("\n", " "))


def clean_name(value: str) -> str:
    """Trim a name and turn a line break inside it into one blank."""
    return value.strip() if value.isprintable() else _BREAKS.sub(" ", value).strip()


def one_line(value: str) -> str:
    """Clean a name for storing: one line, trimmed, nothing that cannot be seen."""
    return printable(clean_name(value)).strip()


def many_lines(value: str) -> str:
    """Clean a note for storing: as a name, but its line breaks stay."""
    lines = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(printable(line).rstrip() for line in lines).strip()


def display_width(value: str) -> int:
    """Return how many terminal columns a text takes: wide characters two, combining none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in value
    )
