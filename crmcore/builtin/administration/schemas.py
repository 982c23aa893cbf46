"""`crm schemas`: the published contract, exported from the packages."""

from __future__ import annotations

from pathlib import Path

import click

from crmcore.cli.kit import Command, Group, echo, emit
from crmcore.i18n import N_, _


@click.group(cls=Group, help=N_("The published JSON Schemas."))
def schemas() -> None:
    """Group the commands on schemas."""


@schemas.command(
    "export", cls=Command, help=N_("Write every JSON Schema of the core and of installed plugins to DIR.")
)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def export(directory: Path) -> None:
    """Mirror the schemas into a folder; files there that belong to no schema are removed."""
    from crmcore.builtin.administration.published import published_schemas
    from crmcore.files import write_atomically

    directory.mkdir(parents=True, exist_ok=True)
    found = published_schemas()
    for stale in directory.glob("*.schema.json"):
        if stale.name not in found:
            stale.unlink()
    for name, path in found.items():
        write_atomically(directory / name, path.read_bytes(), 0o644)
    echo(_("{count} schemas written to {folder}.").format(count=len(found), folder=directory))


@schemas.command("show", cls=Command, help=N_("Print one schema, such as customer_card."))
@click.argument("name")
def show(name: str) -> None:
    """Print a schema."""
    import json

    from crmcore.builtin.administration.published import published_schemas
    from crmcore.errors import NotFound

    found = published_schemas()
    path = found.get(f"{name}.schema.json")
    if path is None:
        known = ", ".join(n.removesuffix(".schema.json") for n in found)
        raise NotFound(_("there is no schema {name!r}; known are {known}").format(name=name, known=known))
    emit(json.loads(path.read_text(encoding="utf-8")))
