"""The font of PDFs: the company's own file or Noto Sans CJK, which characters it has and how wide they are.

Texts that must fit into a place are measured here, not by the engine: so it is known beforehand what is cut, and a page
of fixed places costs a third of the time and of the memory.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from typst import Fonts

_PACKAGE, _FILE, _FAMILY = "noto_cjk_sans_otc", "NotoSansCJK-Regular.ttc", "Noto Sans CJK SC"
LARGEST = 100_000_000
"""Bytes of a font file."""
_UNICODE = {(3, 1), (3, 10), *((0, encoding) for encoding in range(7))}
_EMBEDDING_FORBIDDEN, _NO_SUBSETS = 0x0002, 0x0100
_WIDER = 1.02
"""Kerning may make a line a little wider than its characters are together."""
_INVISIBLE = frozenset({0x200B, 0x200C, 0x200D, *range(0xFE00, 0xFE10)})


class BadFontError(Exception):
    """What keeps a file from being used as a font."""


@dataclass(frozen=True)
class Face:
    """One face of a font file."""

    path: Path
    family: str
    advances: dict[int, float] = field(repr=False)
    """Character → width in ems."""

    def width(self, text: str) -> float:
        """Return how wide a text is in ems."""
        get = self.advances.get
        return sum([get(ord(character), 1.0) for character in text]) * _WIDER

    def missing(self, texts: Iterable[str]) -> list[str]:
        """Return the visible characters that the font lacks, in the order of their numbers."""
        used = {ord(character) for character in set().union(*map(set, texts))}
        lacking = used - self.advances.keys() - _INVISIBLE
        return [chr(code) for code in sorted(lacking) if chr(code).isprintable()]


def find_face(own: Path | None) -> Face:
    """Return the company's font, else Noto Sans CJK as it was installed; CrmError where there is none."""
    if own is not None:
        return _own_face(own)
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None or find_spec("typst") is None:
        raise _not_installed()
    return _face(Path(package.origin).with_name(_FILE), _FAMILY)


def _not_installed() -> CrmError:
    return CrmError(_("to write PDF install more packages: pip install 'crmcore[pdf]'"))


def _own_face(path: Path) -> Face:
    if find_spec("typst") is None:
        raise _not_installed()
    try:
        return _face(path, None)
    except (OSError, BadFontError, struct.error, LookupError, ValueError, ArithmeticError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = _("the font {file} of [plugins.reports] pdf_font cannot be used: {error}")
        raise CrmError(
            message.format(file=path, error=reason or _("it is no TrueType or OpenType font"))
        ) from None


@lru_cache(maxsize=2)
def _face(path: Path, family: str | None) -> Face:
    if path.stat().st_size > LARGEST:
        raise BadFontError(_("it has more than 100 MB"))
    found = [one for one in _faces(path) if family in {None, one[0]}]
    if not found:
        raise BadFontError(_("it is no TrueType or OpenType font"))
    name, index = found[0]
    return Face(path, name, _advances(path.read_bytes(), index))


def _faces(path: Path) -> Iterator[tuple[str, int]]:
    """Give the families of a file and where in it they stand, as the engine knows them."""
    with engine_fonts(path) as fonts:
        yield from ((one.family, one.index) for one in fonts.fonts())


class engine_fonts:  # noqa: N801  (used as a function)
    """Open a font file, and no other font, for the engine, which takes folders: in a folder of its own."""

    def __init__(self, path: Path) -> None:
        """Take the path."""
        from tempfile import TemporaryDirectory

        self._path, self._folder = path, TemporaryDirectory(prefix="crm-")

    def __enter__(self) -> Fonts:
        """Link the file where the system can, else copy it."""
        from shutil import copyfile

        import typst

        beside = Path(self._folder.name, "font" + self._path.suffix.lower())
        try:
            beside.symlink_to(self._path.resolve())
        except OSError:
            copyfile(self._path, beside)
        return typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[self._folder.name]
        )

    def __exit__(self, *_error: object) -> None:
        """Remove the folder."""
        self._folder.cleanup()


# -- the file itself ---------------------------------------------------------------------------------------------
# Tables as in the OpenType specification 1.9, https://learn.microsoft.com/typography/opentype/spec/.


def _advances(content: bytes, index: int) -> dict[int, float]:
    """Return the characters of a face with their widths; BadFontError where it may not be embedded."""
    start = struct.unpack_from(">I", content, 12 + 4 * index)[0] if content[:4] == b"ttcf" else 0
    count = struct.unpack_from(">H", content, start + 4)[0]
    places = (start + 12 + 16 * number for number in range(count))
    tables = {content[at : at + 4]: struct.unpack_from(">I", content, at + 8)[0] for at in places}
    licence = struct.unpack_from(">H", content, tables[b"OS/2"] + 8)[0]
    if licence & 0xF == _EMBEDDING_FORBIDDEN or licence & _NO_SUBSETS:
        raise BadFontError(_("its maker does not allow it to be embedded"))
    em = struct.unpack_from(">H", content, tables[b"head"] + 18)[0]
    widths = struct.unpack_from(">H", content, tables[b"hhea"] + 34)[0]
    pairs = struct.unpack_from(f">{2 * widths}H", content, tables[b"hmtx"])[::2]
    glyphs = _glyphs(content, tables[b"cmap"])
    return {code: pairs[min(glyph, widths - 1)] / em for code, glyph in glyphs.items()}


def _glyphs(content: bytes, table: int) -> dict[int, int]:
    """Return the glyph of each character."""
    found: dict[int, int] = {}
    for number in range(struct.unpack_from(">H", content, table + 2)[0]):
        platform, encoding, offset = struct.unpack_from(">HHI", content, table + 4 + 8 * number)
        if (platform, encoding) in _UNICODE:
            kind = struct.unpack_from(">H", content, table + offset)[0]
            read = {4: _segments, 12: _groups}.get(kind)
            found.update(read(content, table + offset) if read else ())
    return found


def _groups(content: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Give what a subtable of format 12 holds: runs of characters with consecutive glyphs."""
    before = -1
    for number in range(struct.unpack_from(">I", content, at + 12)[0]):
        first, last, glyph = struct.unpack_from(">III", content, at + 16 + 12 * number)
        if not before < first <= last <= sys.maxunicode:
            raise BadFontError(_("it is damaged"))
        before = last
        yield from ((code, glyph + code - first) for code in range(first, last + 1))


def _segments(content: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Give what a subtable of format 4 holds: segments whose glyphs are reckoned or looked up."""
    double = struct.unpack_from(">H", content, at + 6)[0]
    count = double // 2
    ends = struct.unpack_from(f">{count}H", content, at + 14)
    starts = struct.unpack_from(f">{count}H", content, at + 16 + double)
    deltas = struct.unpack_from(f">{count}H", content, at + 16 + 2 * double)
    base = at + 16 + 3 * double
    offsets = struct.unpack_from(f">{count}H", content, base)
    for number, (first, last) in enumerate(zip(starts, ends, strict=True)):
        if number and ends[number - 1] >= first:
            raise BadFontError(_("it is damaged"))
        for code in range(first, min(last, 0xFFFE) + 1):
            glyph = code
            if offsets[number]:
                place = base + 2 * number + offsets[number] + 2 * (code - first)
                glyph = struct.unpack_from(">H", content, place)[0]
            if glyph and (glyph := (glyph + deltas[number]) & 0xFFFF):
                yield code, glyph
