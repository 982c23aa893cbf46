"""Customer cards for paper (客户资料卡), in three forms, or as the customer may see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from crmcore.builtin.printing import rules
from crmcore.builtin.printing.choosing import app_of, chosen, named_any, owner_names
from crmcore.builtin.records.card import section_table
from crmcore.builtin.records.card_contacts import CONTACT_FIELDS, read_card_contacts
from crmcore.builtin.records.services.customers import cards
from crmcore.builtin.records.services.sensitive import read_of, record_sensitive
from crmcore.builtin.records.words import shown
from crmcore.errors import UsageProblem
from crmcore.i18n import _, language, translate
from crmcore.money import format_minor
from crmcore.plugins.types import Column, Form, FormField, FormPart, Report, Table

if TYPE_CHECKING:
    from crmcore.catalogue import Catalogue
    from crmcore.plugins.types import CardSection, Context


class Card(NamedTuple):
    """A customer as it is printed: the texts of its fields, and what plugins know."""

    code: str
    kind: str
    lifecycle: str
    texts: Mapping[str, str]
    figures: Sequence[tuple[str, str]]


def card_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the cards as forms, and the same as a table; UsageProblem where nobody says which customers."""
    if not named_any(parameters):
        message = _(
            "say which customers: --param customer=C000001,C000002, or region, channel, owner, lifecycle"
        )
        raise UsageProblem(message)
    printer = _Printer(ctx, parameters)
    columns = (
        Column("code", _("Code")),
        Column("section", _("Section")),
        Column("field", _("Field")),
        Column("value", _("Value")),
    )
    table = Table("cards", "", columns, printer.rows())
    return Report(_("Customer cards"), (table,), forms=printer.forms())


class _Printer:
    """Makes forms, or rows, of the customers that were asked for."""

    def __init__(self, ctx: Context, parameters: Mapping[str, str]) -> None:
        """Settle what may be seen."""
        self._ctx, self._parameters = ctx, parameters
        self._asked, self._theirs = parameters["form"], parameters["for"] == "customer"
        self._catalogue: Catalogue = ctx.catalogue
        fields = self._catalogue.fields.values()
        self._hidden = {one.name for one in fields if one.confidential} if self._theirs else set()

    def forms(self) -> Iterator[Form]:
        """Give a form per customer."""
        for card in self._cards():
            title, parts = self._layout(card)
            yield Form(
                title=title,
                parts=tuple(parts),
                code=_("{title}: {value}").format(title=_("Customer code"), value=card.code),
                notes=FormField(_("Notes"), card.texts.get("notes", "")),
                seal=_("Customer's seal"),
                signatures=(_("Filled in by"), _("Checked by"), _("Approved by")),
                whole="" if self._theirs else f"crm customer show {card.code}",
            )

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Give the same field by field, for the other renderers; empty places are left out."""
        for card in self._cards():
            _title, parts = self._layout(card)
            for part in parts:
                for field in (field for row in part.rows for field in row):
                    if field.text:
                        yield card.code, part.title, field.title, field.text
            if card.texts.get("notes"):
                yield card.code, _("Notes"), _("Notes"), card.texts["notes"]

    # -- what stands where -------------------------------------------------------------------------------------

    def _layout(self, card: Card) -> tuple[str, list[FormPart]]:
        """Return the title of a card and its parts: its sections, further fields with a value, what plugins know."""
        chosen_form = rules.CARDS[rules.form_of(card.lifecycle, self._asked)]
        title, whole = rules.FOR_CUSTOMER if self._theirs else chosen_form
        sections = rules.sections_of(whole, card.kind)
        seen = rules.placed(sections) | {"notes", "lifecycle"}
        others = [name for name in self._catalogue.fields if name not in seen and card.texts.get(name)]
        if others:
            rows = rules.further_rows(others, card.texts.__getitem__)
            sections = (*sections, rules.Section(rules.FURTHER, rows))
        kept = rules.shown_sections(sections, self._hidden)
        parts = [(translate("crmcore", one.title), _rows(one, card, self._catalogue)) for one in kept]
        if card.figures and not self._theirs:
            figures = tuple((FormField(known, text, 12),) for known, text in card.figures)
            parts.append((translate("crmcore", rules.FIGURES), figures))
        numbered = [FormPart(_numbered(number, name), rows) for number, (name, rows) in enumerate(parts, 1)]
        return translate("crmcore", title), numbered

    # -- reading -----------------------------------------------------------------------------------------------

    def _cards(self) -> Iterator[Card]:
        """Read the customers page by page, and record whose sensitive fields were read."""
        app = app_of(self._ctx)
        for page in chosen(self._ctx, self._parameters):
            people = read_card_contacts(self._ctx.connection, [row["id"] for row in page])
            owners = owner_names(self._ctx, page)
            made, read = [], {}
            for row, (card, sections) in zip(page, cards(app, self._ctx, page), strict=True):
                values = {**card, **card["attributes"], "owner": owners.get(row["owner"], row["owner"])}
                if row["id"] in people:
                    values |= {name: people[row["id"]].value(name) for name in CONTACT_FIELDS}
                made.append(self._card(values, sections))
                on_it = {**card, "attributes": made[-1].texts}
                read[card["code"]] = read_of(on_it, () if self._theirs else sections)
            record_sensitive(app, self._ctx.actor, read)
            yield from made

    def _card(self, values: Mapping[str, Any], sections: Sequence[CardSection]) -> Card:
        """Return the texts of the fields that may be seen."""
        texts = {name: _text(values.get(name)) for name in self._catalogue.fields if name not in self._hidden}
        texts |= {name: text for name, text in self._of_plugins(sections) if name in texts}
        kept = {name: text for name, text in texts.items() if text}
        figures = [self._figure(one) for one in sections]
        return Card(values["code"], values["kind"], values["lifecycle"], kept, figures)

    def _of_plugins(self, sections: Sequence[CardSection]) -> Iterator[tuple[str, str]]:
        """Give the fields that plugins compute, by the sections that hold them."""
        by_name = {section.name: section for section in sections}
        for name, (section, key) in rules.OF_PLUGINS.items():
            data = by_name[section].data if section in by_name else {}
            if key.endswith("_minor") and isinstance(data.get(key), int):
                currency = str(data.get("currency") or self._ctx.currency)
                yield name, f"{format_minor(data[key], currency)} {currency}"
            elif data.get(key) is not None:
                yield name, _text(data[key])

    def _figure(self, section: CardSection) -> tuple[str, str]:
        rows = section_table(section, self._ctx.currency).rows
        figures = (_("{title}: {value}").format(title=title, value=value) for title, value in rows if value)
        return section.title, " · ".join(figures)


def _rows(section: rules.Section, card: Card, catalogue: Catalogue) -> tuple[tuple[FormField, ...], ...]:
    return tuple(tuple(_field(place, card, catalogue) for place in row) for row in section.rows)


def _field(place: rules.Place, card: Card, catalogue: Catalogue) -> FormField:
    title = (
        translate("crmcore", place.title) if place.title else catalogue.fields[place.fields[0]].shown_title
    )
    texts = (_word(card.texts[name], name, catalogue) for name in place.fields if name in card.texts)
    return FormField(title, place.between.join(dict.fromkeys(texts)), place.width)


def _word(text: str, name: str, catalogue: Catalogue) -> str:
    return shown(text) if "enum" in catalogue.fields[name].schema else text


def _text(value: Any) -> str:
    """Write a value of the card for paper."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        return f"{value:,}"
    return str(value)


_NUMERALS = "一二三四五六七八九十"


def _numbered(number: int, title: str) -> str:
    """Put a number before a title, as forms do in the language of the user."""
    return f"{_NUMERALS[number - 1]}、{title}" if language().startswith("zh") else f"{number}. {title}"
