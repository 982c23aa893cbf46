"""What people type as `field=value`, read by the field catalogue: for `--set` and conditions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from crmcore.builtin.records.options import PLUGIN
from crmcore.builtin.records.services.values import refuse
from crmcore.cli.kit import Session
from crmcore.errors import UsageProblem
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.plugins.types import Context


def read_settings(session: Session, texts: Sequence[str], **options: str | None) -> dict[str, Any]:
    """Return field → typed value of `--set` and of options such as `--name`; an empty text clears (None)."""
    pairs = [_split(text) for text in texts]
    pairs += [(name, text) for name, text in options.items() if text is not None]
    return dict(_typed(session, pairs))


def _split(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise UsageProblem(_("{text!r} is not of the form field=value").format(text=text))
    return name.strip(), value


def _typed(session: Session, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, Any]]:
    for name, _text in pairs:
        session.app.catalogue.require_writable(name)
    if not any(text.strip() for _name, text in pairs):
        return [(name, None) for name, _text in pairs]
    with session.app.read(PLUGIN, session.actor) as ctx:
        read = field_reader(ctx, {name for name, _text in pairs}, session.app.config.timezone)
        return [(name, read(name, text) if text.strip() else None) for name, text in pairs]


def field_reader(ctx: Context, names: Collection[str], zone: tzinfo) -> Callable[[str, str], Any]:
    """Return a function (field, text) → value that reads as the importer does; CrmError for what is not allowed."""
    from crmcore.builtin.exchange.customer_fields import customer_fields, stored
    from crmcore.builtin.exchange.guard import guard
    from crmcore.builtin.exchange.problems import BadValueError
    from crmcore.builtin.exchange.values import Writing, make_reader

    readers = {f.name: make_reader(f, Writing(zone)).one for f in customer_fields(ctx) if f.name in names}

    def read(name: str, text: str) -> Any:
        try:
            # The reader takes the apostrophe of the formula guard away; typed text has none, so it is given one.
            return stored(readers[name](guard(text)))
        except BadValueError as error:
            refuse(name, text, str(error))

    return read
