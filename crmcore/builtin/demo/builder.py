"""Make a demo company: a workspace, plugins, generated files, imported by everybody's importers."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmcore.builtin.demo import cdnow
from crmcore.builtin.demo.words import marked, words
from crmcore.errors import PluginError
from crmcore.i18n import translator
from crmcore.plugins.isolation import blaming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

    from crmcore.builtin.demo.shell import Shell
    from crmcore.plugins.types import DemoFile

DATASETS = ("distributor", "cdnow")
PLUGINS = ("trade_ledger", "abc_analysis")
FILES = "demo-files"

_ = translator("crmcore")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which demo is to be made."""

    dataset: str
    seed: int
    today: date | None = None
    """The day on which the data ends; None = the company's today."""
    more: tuple[str, ...] = ()
    """Plugins to enable besides PLUGINS."""

    @property
    def plugins(self) -> tuple[str, ...]:
        """The plugins of the company, each once."""
        return tuple(dict.fromkeys((*PLUGINS, *self.more)))


@dataclass(frozen=True, slots=True)
class Built:
    """What was made."""

    imports: list[dict[str, Any]]
    """What each import said, and its file."""
    proposals: list[tuple[tuple[str, ...], str]]
    """Commands to go on with, which the writers of files left in `shared["next"]`, and what each is for."""


def require_installed(names: Iterable[str]) -> None:
    """Raise PluginError for a plugin that cannot be enabled, before anything is made or deleted."""
    from crmcore.plugins.discovery import get_installed

    for name in names:
        get_installed(name)


def build_demo(shell: Shell, wanted: Wanted, progress: Callable[[str], None]) -> Built:
    """Make the company in the prepared folder of `shell`."""
    progress(_("making the workspace {folder}").format(folder=shell.directory))
    shell.run("init", str(shell.directory))
    if wanted.dataset == "cdnow":
        _set_up_cdnow(shell.directory)
    progress(_("enabling the plugins {names}").format(names=", ".join(wanted.plugins)))
    shell.run("plugins", "enable", *wanted.plugins)
    files, shared = _open(shell, wanted)
    folder = shell.directory / FILES
    folder.mkdir()
    imports = [_import(shell, file, folder, wanted, shared, progress) for file in files]
    return Built(imports, shared["next"])


def period(wanted: Wanted) -> list[str]:
    """Return the options of `crm abc run` for this demo; none = the last full calendar year."""
    if wanted.dataset == "cdnow":
        return ["--from", cdnow.FIRST_DAY, "--to", cdnow.LAST_DAY]
    if wanted.today is None:
        return []
    year = wanted.today.year - 1
    return ["--from", f"{year}-01-01", "--to", f"{year}-12-31"]


def _open(shell: Shell, wanted: Wanted) -> tuple[list[DemoFile], dict[str, Any]]:
    """Ask every plugin for its files, add the company's staff, and lay out what the generators share."""
    from crmcore.app import create_app

    app = create_app(shell.directory)
    try:
        files = [file for file in app.host.registered("demo_data") if file.dataset == wanted.dataset]
        with app.read(actor=shell.actor) as ctx:
            shared = {
                "today": wanted.today or ctx.today,
                "currency": ctx.currency,
                "cache": cdnow.cache_folder(os.environ, shell.directory.resolve()),
                "next": [],
            }
        if wanted.dataset == "distributor":
            _add_staff(app, shell.actor)
    finally:
        app.close()
    return sorted(files, key=lambda file: (file.order, file.plugin, file.file_name)), shared


def _add_staff(app: Any, actor: str) -> None:
    """Add the representatives who own the customers, and the service desk."""
    from crmcore.api import Actor

    desk = words()["service_desk"]
    people = [(o["code"], marked(o["name"]), "sales_representative") for o in words()["owners"]]
    people.append((desk["code"], marked(desk["name"]), "service_desk"))
    rows = [{"code": code, "kind": "human", "name": name, "roles": [role]} for code, name, role in people]
    with app.write(actor, _("staff of the demo"), permission="actors.manage") as tx:
        tx.insert(Actor, rows)


def _set_up_cdnow(directory: Path) -> None:
    """Say in crm.toml what this data set needs: its currency, and that its purchases were paid at once."""
    import tomlkit

    from crmcore.config import FILE_NAME
    from crmcore.files import write_atomically

    path = directory / FILE_NAME
    document: Any = tomlkit.parse(path.read_text(encoding="utf-8"))
    document["company"]["currency"] = cdnow.CURRENCY
    document["plugins"]["trade_ledger"] = {"purchases_paid": True}
    write_atomically(path, tomlkit.dumps(document).encode())


def _import(
    shell: Shell,
    file: DemoFile,
    folder: Path,
    wanted: Wanted,
    shared: dict[str, Any],
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Write one file and import it; each file has random numbers of its own, whatever others draw."""
    if Path(file.file_name).name != file.file_name:
        raise PluginError(
            _("plugin {plugin!r} names a demo file {name!r}; a plain file name is allowed").format(
                plugin=file.plugin, name=file.file_name
            )
        )
    progress(_("importing {file}").format(file=file.file_name))
    path = folder / file.file_name
    with blaming(file.plugin, "demo_data"):
        file.write(path, random.Random(f"{wanted.seed}:{file.plugin}:{file.file_name}"), shared)  # noqa: S311
    summary: Mapping[str, Any] = shell.read("import", file.importable, str(path))[0]
    return {"entity": file.importable, "file": file.file_name, **summary}
