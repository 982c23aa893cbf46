"""Look through an XML part of a workbook before openpyxl builds trees of it: it must be as small as a workbook's.

openpyxl keeps every element that it has passed until the sheet ends, and every text in one piece, so a part of a few
megabytes could fill the memory. Here nothing is kept but counters. Entities are refused a second time: openpyxl
refuses them only where defusedxml is installed.
"""

from __future__ import annotations

from typing import IO
from xml.parsers import expat

BLOCK = 1 << 20
MOST_TEXT = 1 << 20
"""Characters of one text: a cell holds 32,767."""
DEEPEST = 40
MOST_ATTRIBUTES = 200
MOST_AT_DEPTH = {2: 1_100_000, 3: 1_100_000, 4: 20_000}
"""Elements with one parent: shared texts below the root, rows below the sheet, cells below a row."""
MOST_BELOW = 200
MOST_IN_TREE = 2_000_000
"""Elements of a part that is held in memory whole."""


class TooBigError(Exception):
    """The part would not stay small."""


class EntitiesError(Exception):
    """The part declares entities or a document type from elsewhere."""


def check_xml(part: IO[bytes], *, streamed: bool) -> None:
    """Read an XML part to its end; raises TooBigError, EntitiesError or expat.ExpatError.

    streamed: rows or texts of which each is dropped once it is read, so that only single ones must be small.
    """
    counter = _Counter(streamed=streamed)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = counter.start
    parser.EndElementHandler = counter.end
    parser.CharacterDataHandler = counter.text
    parser.EntityDeclHandler = _refuse_entities
    parser.ExternalEntityRefHandler = _refuse_entities
    while block := part.read(BLOCK):
        # A tag without end would be kept until it ends.
        if len(block) == BLOCK and b"<" not in block:
            raise TooBigError
        parser.Parse(block)
    parser.Parse(b"", True)  # noqa: FBT003 -- expat's own signature


class _Counter:
    """Counts elements by depth and the characters of a text."""

    def __init__(self, *, streamed: bool) -> None:
        self._streamed = streamed
        self._depth = 0
        self._elements = 0
        self._characters = 0
        self._children = [0] * (DEEPEST + 2)

    def start(self, _name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        depth, children = self._depth, self._children
        if depth > DEEPEST or len(attributes) > MOST_ATTRIBUTES:
            raise TooBigError
        children[depth] += 1
        children[depth + 1] = 0
        self._elements += 1
        self._characters = 0
        most = MOST_AT_DEPTH.get(depth, MOST_BELOW if depth > 1 else 1)
        if children[depth] > (most if self._streamed else MOST_IN_TREE):
            raise TooBigError
        if self._elements > MOST_IN_TREE and not self._streamed:
            raise TooBigError

    def end(self, _name: str) -> None:
        self._depth -= 1
        self._characters = 0

    def text(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > MOST_TEXT:
            raise TooBigError


def _refuse_entities(*_declared: object) -> int:
    raise EntitiesError
