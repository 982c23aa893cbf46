"""Built-in plugin `privacy`: natural persons, who want to know, to be left alone, or to be forgotten.

What is personal is said where it is stored (catalogue, TableSpec, manifest); here it is given, restricted and erased,
by asking every plugin (hooks `export_persons`, `erase_persons`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmcore.hookspecs import hookimpl
from crmcore.i18n import N_
from crmcore.plugins.types import JobSpec, TableSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crmcore.app import App
    from crmcore.plugins.types import Context, ErasedData, Move, Moved, Person, PersonData
    from crmcore.tx import Tx


@hookimpl
def models() -> list[TableSpec]:
    """Return the tables; how a consent was given and why somebody is restricted is personal."""
    from crmcore.builtin.privacy.tables import WHOSE, Consent, Erasure, Restriction

    about: Any = {"customer_references": ("customer_id",), "person": WHOSE}
    return [
        TableSpec(Consent, personal=("how", "withdrawn_how"), **about),
        TableSpec(Restriction, personal=("reason",), **about),
        TableSpec(Erasure),
    ]


@hookimpl
def export_persons(persons: Sequence[Person], ctx: Context) -> list[PersonData]:
    """Give consents and restrictions."""
    from crmcore.builtin.privacy.rows import person_rows
    from crmcore.builtin.privacy.tables import Consent, Restriction

    consents = person_rows(ctx, Consent, persons, "To know and to show what a person agreed to")
    return consents + person_rows(
        ctx, Restriction, persons, "To know whose data is kept and not used, and why"
    )


@hookimpl
def erase_persons(persons: Sequence[Person], tx: Tx) -> list[ErasedData]:
    """Keep that there was a consent or a restriction, not the words."""
    from crmcore.builtin.privacy.rows import erase_person_rows
    from crmcore.builtin.privacy.tables import Consent, Restriction

    return [
        erase_person_rows(tx, Consent, persons, {"how": None, "withdrawn_how": None}),
        erase_person_rows(tx, Restriction, persons, {"reason": None}),
    ]


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> list[Moved]:
    """Let consents and restrictions follow as customers are merged."""
    from crmcore.builtin.duplicates.moving import move_rows
    from crmcore.builtin.privacy.tables import Consent, Restriction

    return [move_rows(tx, model, "customer_id", moves) for model in (Consent, Restriction)]


@hookimpl
def jobs() -> list[JobSpec]:
    """Return the job that looks who is no longer needed."""
    title = N_("Look who is no longer needed, and erase those whose rule says so")
    return [JobSpec("privacy_retention", title, _retention, "30 2 * * *")]


def _retention(app: App, actor: str) -> Mapping[str, Any]:
    from crmcore.builtin.privacy.retention import run

    return run(app, actor)
