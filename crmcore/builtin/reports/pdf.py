"""A report as PDF: A4, its font embedded, who asked for it and when on every page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree as ET

from crmcore.builtin.reports.choices import parameter_shown
from crmcore.builtin.reports.engine import Engine
from crmcore.builtin.reports.fonts import Face, find_face
from crmcore.builtin.reports.lines import breakable, plain
from crmcore.builtin.reports.long_tables import in_parts
from crmcore.builtin.reports.rendering import asked_by
from crmcore.builtin.reports.services import Requested
from crmcore.builtin.reports.svg_charts import CHART_STYLE, draw, is_wide
from crmcore.errors import CrmError, UsageProblem
from crmcore.i18n import _, language
from crmcore.plugins.types import Chart, Form, Labels, Table

MOST_ROWS, MOST_FORMS, MOST_LABELS = 20_000, 5_000, 50_000
_TOGETHER = 100
"""Forms and sheets that are set at once."""
_HALF, _FULL = 400, 760
_ACROSS = 182 / 25.4 * 72
"""Points from margin to margin."""
_NAMED = 20
"""Characters and codes named in a warning."""
_SVG = "http://www.w3.org/2000/svg"


@dataclass(frozen=True, slots=True)
class Printed:
    """What whoever printed has to know."""

    missing: Sequence[str]
    """Characters that the font lacks."""
    cut: Sequence[str]
    """Codes of the forms that had to be cut."""
    cut_labels: int = 0

    def warnings(self) -> Iterator[str]:
        """Say it in sentences."""
        if self.missing:
            named = " ".join(f"{one} (U+{ord(one):04X})" for one in self.missing[:_NAMED])
            message = _(
                "the font has no {characters}; a box stands there: [plugins.reports] pdf_font takes another font"
            )
            yield message.format(characters=named)
        if self.cut:
            named = ", ".join(self.cut[:_NAMED]) + ("…" if len(self.cut) > _NAMED else "")
            yield _("too much for one page, so texts were cut with …: {codes}").format(codes=named)
        if self.cut_labels:
            yield _("too much for a label, so texts were cut with …: {count} labels").format(
                count=self.cut_labels
            )


def write_pdf(made: Requested, file: IO[bytes], own_font: Path | None = None) -> Printed:
    """Write a report: its forms or labels where it has any, else its charts and tables. CrmError without a font."""
    face = find_face(own_font)
    if made.report.labels is not None:
        template, parts, printed = _labels(made.report.labels, face)
    elif made.report.forms is not None:
        template, parts, printed = _forms(_first(made.report.forms, MOST_FORMS), face)
    else:
        template, parts, printed = _report(made, face)
    common = _common(made, face)
    with Engine(template, face, made.at) as engine:
        whole: list[Mapping[str, Any]] = [{**common, **part} for part in parts]
        engine.write(in_parts(engine, whole[0]) if template == "report.typ" else whole, file)
    return printed


def _common(made: Requested, face: Face) -> dict[str, Any]:
    chinese = language().startswith("zh")
    return {
        "title": plain(made.report.title),
        "actor": plain(made.actor),
        "asked": plain(asked_by(made)),
        "page_of": _("Page {page} of {pages}").format(page="{page}", pages="{pages}"),
        "company": plain(made.company),
        "language": "zh" if chinese else "en",
        "region": "CN" if chinese else "GB",
        "fonts": [face.family],
    }


def _first(items: Iterable[Any], most: int) -> list[Any]:
    """Take the items; UsageProblem where they are more than a file of paper is good for."""
    taken = []
    for item in items:
        taken.append(item)
        if len(taken) > most:
            message = _(
                "a PDF holds at most {most} of these; choose fewer with --param, or write csv or xlsx"
            )
            raise UsageProblem(message.format(most=f"{most:,}"))
    return taken


Content = tuple[str, list[dict[str, Any]], Printed]


def _forms(forms: Sequence[Form], face: Face) -> Content:
    from crmcore.builtin.reports.form_layout import lay_out, texts_of

    if not forms:
        raise CrmError(_("there is nothing to print"))
    laid = [lay_out(form, face) for form in forms]
    cut = [form.code for form, one in zip(forms, laid, strict=True) if one.cut]
    missing = face.missing(text for form in forms for text in texts_of(form))
    sealed_on = _("Date: ______________")
    parts = [
        {
            "forms": [one.content for one in laid[place : place + _TOGETHER]],
            "before": place,
            "pages": len(laid),
            "sealed_on": sealed_on,
        }
        for place in range(0, len(laid), _TOGETHER)
    ]
    return "forms.typ", parts, Printed(missing, cut)


def _labels(labels: Labels, face: Face) -> Content:
    from crmcore.builtin.reports.label_layout import sheet_of, sheets_of

    measures = sheet_of(labels)
    texts = _first(labels.texts, MOST_LABELS)
    if not texts:
        raise CrmError(_("there is nothing to print"))
    sheets, cut = sheets_of(labels, texts, face)
    missing = face.missing(chain.from_iterable(texts))
    parts = [
        {"sheet": measures, "sheets": sheets[place : place + _TOGETHER]}
        for place in range(0, len(sheets), _TOGETHER)
    ]
    return "labels.typ", parts, Printed(missing, (), cut)


def _report(made: Requested, face: Face) -> Content:
    from crmcore.builtin.reports.table_layout import cells_of, lay_out

    def local(value: Any) -> Any:
        aware = isinstance(value, datetime) and value.tzinfo is not None
        return value.astimezone(made.at.tzinfo) if aware else value

    read: list[tuple[Table, list[list[str]]]] = []
    for table in made.report.tables:
        left = MOST_ROWS - sum(len(rows) for _table, rows in read)
        read.append((table, [cells_of(table, row, local) for row in _first(table.rows, left)]))
    asked = [
        _("{title}: {value}").format(title=title, value=parameter_shown(made, name))
        for name, title in made.titles.items()
        if made.parameters.get(name)
    ]

    def broken(text: str, size: float = 8.0) -> str:
        return breakable(plain(text), _ACROSS / size, face)

    content = {
        "heading": broken(made.report.title, 16),
        "parameters": [broken(one) for one in asked],
        **_arranged(made.report.charts, [lay_out(table, rows, face) for table, rows in read], face),
        "notes": [broken(note) for note in made.report.notes],
        "head": True,
        "marks": False,
    }
    return "report.typ", [content], Printed(face.missing(_texts(made, read, content)), ())


def _texts(
    made: Requested, read: Sequence[tuple[Table, list[list[str]]]], content: dict[str, Any]
) -> Iterator[str]:
    yield from (plain(made.report.title), plain(made.company), *content["notes"], *content["parameters"])
    for table, rows in read:
        yield plain(table.title)
        yield from (plain(column.title) for column in table.columns)
        yield from set(chain.from_iterable(rows))
    for chart in made.report.charts:
        yield from map(plain, (chart.title, *chart.labels, *chart.rows))


def _arranged(charts: Sequence[Chart], tables: Sequence[dict[str, Any]], face: Face) -> dict[str, Any]:
    """Put narrow charts in pairs, the last one beside a small table if it is alone, else across the page."""
    narrow = [chart for chart in charts if not is_wide(chart)]
    small = [table for table in tables if table["small"]][: len(narrow) % 2]
    alone = narrow[-1:] if len(narrow) % 2 and not small else []
    items = [_chart(chart, face, _HALF) for chart in narrow[: len(narrow) - len(alone)]] + small
    wide = [_chart(chart, face, _FULL) for chart in charts if chart in alone or is_wide(chart)]
    top = [items[place : place + 2] for place in range(0, len(items), 2)] + [[one] for one in wide]
    lying = not top and any(table["wide"] for table in tables)
    return {"top": top, "tables": [table for table in tables if table not in small], "lying": lying}


def _chart(chart: Chart, face: Face, width: int) -> dict[str, Any]:
    drawn = draw(chart, width)
    drawn.set("xmlns", _SVG)
    family = face.family.replace('"', "")
    style = ET.Element("style")
    style.text = f'svg text {{ font-family: "{family}"; }}' + CHART_STYLE
    drawn.insert(0, style)
    return {
        "kind": "chart",
        "title": breakable(plain(chart.title), 24, face),
        "svg": ET.tostring(drawn, encoding="unicode"),
    }
