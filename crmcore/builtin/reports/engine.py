"""typst sets the pages of PDFs, from templates of ours and texts as JSON.

It gets one folder with templates and one font: nothing is loaded from elsewhere, and no text can become markup. What it
has laid out it remembers until ten more documents were made. So many forms are made in parts that are joined, and
empty documents in between let it forget: a thousand pages take no more memory than a hundred.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from crmcore.builtin.reports.fonts import Face, engine_fonts
from crmcore.db.base import dumps
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from typst import Compiler

PAPER = Path(__file__).with_name("paper")
_REMEMBERED = 11
"""Documents after which typst has forgotten one (`comemo::evict(10)` after each)."""

_TAGGED = 500
"""Rows up to which cells are marked for those who have a page read to them; it makes a file many times larger."""


class Engine:
    """typst with one template and one font, to be used in a `with` statement."""

    def __init__(self, template: str, face: Face, at: datetime) -> None:
        """Open nothing yet; `at` is the time that the PDF tells: the same report gives the same bytes."""
        self._template, self._at = template, at
        self._folder = engine_fonts(face.path)

    def __enter__(self) -> Self:
        """Open the font."""
        self._fonts = self._folder.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Close the font."""
        self._folder.__exit__(*error)

    def query(self, content: Mapping[str, Any], *labels: str) -> list[list[Any]]:
        """Return the values of the marks with each label, without making a PDF."""
        compiler = self._compiler(content)
        found: list[list[Any]] = [json.loads(compiler.query(label, field="value")) for label in labels]
        self._forget()
        return found

    def write(self, parts: Sequence[Mapping[str, Any]], file: IO[bytes]) -> None:
        """Set the pages of each part and write them, joined, as one PDF."""
        if len(parts) == 1:
            tags = sum(len(table["rows"]) for table in parts[0].get("tables", ())) <= _TAGGED
            file.write(self._pdf(parts[0], tags=tags))
        else:
            _join(map(self._forgotten, parts), file)

    def _compiler(self, content: Mapping[str, Any]) -> Compiler:
        import typst

        return typst.Compiler(
            input=PAPER / self._template,
            root=PAPER,
            font_paths=self._fonts,
            sys_inputs={"content": dumps(content)},
        )

    def _pdf(self, content: Mapping[str, Any], *, tags: bool) -> bytes:
        moment = int(self._at.timestamp())
        pdf = self._compiler(content).compile(format="pdf", timestamp=moment, pdf_tags=tags)
        if not isinstance(pdf, bytes):
            raise CrmError(_("the PDF could not be made"))
        return pdf

    def _forgotten(self, content: Mapping[str, Any]) -> bytes:
        pdf = self._pdf(content, tags=False)
        self._forget()
        return pdf

    def _forget(self) -> None:
        import typst

        for _time in range(_REMEMBERED):
            typst.compile(b"", font_paths=self._fonts)


def _join(parts: Iterator[bytes], file: IO[bytes]) -> None:
    from pypdf import PdfWriter

    writer = PdfWriter(clone_from=BytesIO(next(parts)))  # keeps the title and the other properties
    for part in parts:
        writer.append(BytesIO(part), import_outline=False)
    writer.write(file)
