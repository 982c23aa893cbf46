"""The manifest: readable, valid, and true of what lies beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crmcore import __version__
from crmcore.builtin.conformance.findings import Finding, NotRun, finding
from crmcore.builtin.lifecycle.examination import _NAME, TAKEN
from crmcore.config import SCHEMAS
from crmcore.errors import CrmError
from crmcore.i18n import _
from crmcore.plugins.loading import check_api_range
from crmcore.plugins.manifest import Manifest
from crmcore.settings.validation import check, load_schema

if TYPE_CHECKING:
    from crmcore.builtin.conformance.subject import Subject


def check_manifest(subject: Subject) -> Finding:
    """Hold plugin.json against its schema, and look whether the files and plugins that it names are there."""
    manifest = subject.installed.manifest()
    problems = []
    if not _NAME.fullmatch(subject.name) or subject.name in TAKEN:
        problems.append(
            _(
                "the plugin name {name!r} is not allowed or taken by crmcore itself; its author may write lower-case letters, digits and _"
            ).format(name=subject.name)
        )
    try:
        check(manifest.values, load_schema(SCHEMAS / "plugin.schema.json"), f"{manifest.package}/plugin.json")
        check_api_range(subject.name, manifest.api)
    except CrmError as error:
        problems.append(str(error))
    try:
        subject.required  # noqa: B018  (to look for them is the check)
    except NotRun as reason:
        problems.append(str(reason))
    problems += _absent_files(manifest)
    fine = (
        _("valid; for crmcore {api}, this is {version}") if manifest.values else _("there is none: defaults")
    )
    return finding(problems, fine.format(api=manifest.api, version=__version__))


def _absent_files(manifest: Manifest) -> list[str]:
    """Name the files of the manifest that are not in the package."""
    if manifest.folder is None:
        return []
    named = {
        key: manifest.folder / str(manifest.values[key])
        for key in ("migrations", "settings")
        if key in manifest.values
    }
    return [
        _("plugin.json: {key} = {file!r}, which is not in the package").format(
            key=key, file=_name(manifest, path)
        )
        for key, path in named.items()
        if not path.exists()
    ]


def _name(manifest: Manifest, path: Path) -> str:
    return path.relative_to(manifest.folder or path.parent).as_posix()
