"""Texts broken into lines of a given width (排版): between Chinese characters anywhere, else between words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from crmcore.builtin.reports.cells import in_files
from crmcore.builtin.reports.fonts import Face

ELLIPSIS = "…"
_ZERO_WIDTH = "\u200b"
_WIDEST = 1.1
"""Ems of any character that there is in a font for reading, and a little more."""
_NOT_FIRST = frozenset("，。、；：？！）》」』】〉”’％,.;:?!)]}%…·～")
"""Stand never at the beginning of a line (GB/T 15834-2011, 5.1)."""
_NOT_LAST = frozenset("（《「『【〈“‘([{¥￥$")
_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_PIECES = re.compile(rf"[ ]+|[{_WIDE}]|[^ {_WIDE}]+")


def plain(text: str) -> str:
    """Return a text without what cannot be seen; its line breaks stay."""
    lines = (
        text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if "\n" in text or "\r" in text else [text]
    )
    return "\n".join(in_files(line).rstrip() for line in lines).strip("\n")


def breakable(text: str, room: float, face: Face) -> str:
    """Let words that are wider than `room` ems be broken anywhere, where the engine breaks the lines."""
    words = text.split(" ")
    if all(len(word) * _WIDEST <= room or face.width(word) <= room for word in words):
        return text
    return " ".join(word if face.width(word) <= room else _ZERO_WIDTH.join(word) for word in words)


def lines_of(text: str, room: float, face: Face) -> list[str]:
    """Break a text into lines no wider than `room` ems; "" has none."""
    return [line for part in text.split("\n") for line in _broken(part, room, face)] if text else []


def at_most(lines: Sequence[str], most: int, room: float, face: Face) -> list[str]:
    """Keep so many lines; where some are left out, the last one kept ends with an ellipsis."""
    if len(lines) <= most:
        return list(lines)
    last = lines[most - 1]
    while last and face.width(last + ELLIPSIS) > room:
        last = last[:-1]
    return [*lines[: most - 1], last.rstrip() + ELLIPSIS]


def _broken(text: str, room: float, face: Face) -> Iterator[str]:
    if face.width(text) <= room:
        yield text
        return
    line, width = "", 0.0
    for piece in _pieces(text, room, face):
        wide = face.width(piece)
        if width + wide > room and line:
            yield line.rstrip()
            line, width = "", 0.0
            if piece == " ":
                continue
        line, width = line + piece, width + wide
    if line.strip():
        yield line.rstrip()


def _pieces(text: str, room: float, face: Face) -> Iterator[str]:
    """Give what is never broken: words, characters with the marks that stay with them."""
    held = ""
    for match in _PIECES.finditer(text):
        piece = match[0]
        if held and not (piece[0] in _NOT_FIRST or held[-1] in _NOT_LAST):
            yield from _short(held, room, face)
            held = ""
        held += " " if piece.isspace() else piece
    yield from _short(held, room, face)


def _short(piece: str, room: float, face: Face) -> Iterator[str]:
    """Break a word that is wider than a line."""
    while face.width(piece) > room:
        kept = max(_fitting(piece, room, face), 1)
        yield piece[:kept]
        piece = piece[kept:]
    if piece:
        yield piece


def _fitting(piece: str, room: float, face: Face) -> int:
    """Return how many characters of a word fit into a line."""
    kept, width = 0, 0.0
    for character in piece:
        width += face.width(character)
        if width > room:
            break
        kept += 1
    return kept
