"""Change one setting: crm.toml and the change log together, or neither."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.app import ADMINISTRATION
from crmcore.builtin.administration.settings.document import changed
from crmcore.builtin.administration.settings.environment import given_variables
from crmcore.builtin.administration.settings.file import TomlFile
from crmcore.builtin.administration.settings.keys import (
    MISSING,
    Path,
    join_key,
    schema_at,
    split_key,
    value_at,
    with_value,
)
from crmcore.builtin.administration.settings.words import read_words
from crmcore.builtin.lifecycle.recording import PERMISSION
from crmcore.config import FILE_NAME, parse_config
from crmcore.entities.actors import require_permission
from crmcore.errors import PluginError, Refused
from crmcore.files import alone_in
from crmcore.i18n import _
from crmcore.plugins.discovery import get_installed, installed
from crmcore.plugins.host import BUILTINS
from crmcore.plugins.manifest import Manifest, read_manifest
from crmcore.settings.validation import check

if TYPE_CHECKING:
    from crmcore.app import App


def manifest_of(name: str) -> Manifest:
    """Return the manifest of a plugin that is installed or built in, enabled or not."""
    if name in BUILTINS:
        return read_manifest(name, f"crmcore.builtin.{name}")
    known = [*installed(), *BUILTINS]
    near = get_close_matches(name, known, n=1)
    if name not in known and near:
        hint = _("did you mean {near!r}?").format(near=near[0])
        raise PluginError(_("there is no plugin {name!r}; {hint}").format(name=name, hint=hint))
    return get_installed(name).manifest()


def change_setting(app: App, name: str, typed: str, words: str | None, actor: str) -> bool:
    """Set a key of a plugin to what was typed, or unset it (None); returns whether crm.toml changed.

    CrmError says what is wrong; then nothing was changed.
    """
    _require_permission(app, actor)
    manifest, path = manifest_of(name), split_key(typed)
    value: Any = MISSING
    if words is not None:
        where = f"plugins.{name}.{join_key(path)}"
        value = read_words(words, schema_at(manifest.settings_schema, path), where)
    file = TomlFile(app)
    with alone_in(app.config.folder), file.waiting():
        done = _change(app, file, manifest, path, value, actor)
    app.refresh()
    _warn_of_variables(app, manifest, path)
    return done


def _require_permission(app: App, actor: str) -> None:
    with app.read() as ctx:
        require_permission(ctx.connection, app.config, actor, PERMISSION)


def _change(app: App, file: TomlFile, manifest: Manifest, path: Path, value: Any, actor: str) -> bool:
    content = file.read()
    given = _given(app, content, manifest)
    _check(manifest, given, path, value)
    new = changed(content, ("plugins", manifest.name, *path), value)
    if new == content:
        return False
    parse_config(app.config.folder, new.decode("utf-8-sig"))
    entries = [_logged(manifest, path, value_at(given, path)), _logged(manifest, path, value)]
    _store(app, file, (content, new), (entries[0], entries[1]), actor)
    return True


def _given(app: App, content: bytes, manifest: Manifest) -> dict[str, Any]:
    """Return what the file says of the plugin now: another administrator may have changed it meanwhile."""
    config = parse_config(app.config.folder, content.decode("utf-8-sig"))
    return config.plugin_settings(manifest.name)


def _check(manifest: Manifest, given: dict[str, Any], path: Path, value: Any) -> None:
    """Check all settings of the plugin as they would be; a key that nobody knows cannot be unset either."""
    schema, prefix = manifest.settings_schema, f"plugins.{manifest.name}"
    if value is MISSING and value_at(given, path) is MISSING and not schema_at(schema, path):
        check(with_value({}, path, {}), schema, FILE_NAME, prefix)
    check(with_value(given, path, value), schema, FILE_NAME, prefix)


def _logged(manifest: Manifest, path: Path, value: Any) -> dict[str, Any]:
    entry = {"plugin": manifest.name, "key": join_key(path)}
    return entry if value is MISSING else {**entry, "value": value}


def _store(
    app: App,
    file: TomlFile,
    contents: tuple[bytes, bytes],
    entries: tuple[dict[str, Any], dict[str, Any]],
    actor: str,
) -> None:
    """Write the log and the file together: the new file lies ready before the database commits."""
    verb = "set" if "value" in entries[1] else "unset"
    reason = f"{verb} plugins.{entries[1]['plugin']}.{entries[1]['key']}"
    with app.write(actor, reason, ADMINISTRATION, permission=PERMISSION) as tx:
        if tx.connection.dialect.name == "postgresql":
            tx.connection.execute(sa.text("SELECT pg_advisory_xact_lock(726866)"))
        tx.log_setting(*entries)
        file.prepare(tx, *contents)
        if file.path.read_bytes() != contents[0]:
            raise Refused(
                _(
                    "somebody changed {file} at this very moment; nothing was written, run the command again"
                ).format(file=file.path)
            )
    file.replace()


def _warn_of_variables(app: App, manifest: Manifest, path: Path) -> None:
    for variable, other in given_variables(app.config, manifest).items():
        if path[: len(other)] == other or other[: len(path)] == path:
            message = _(
                "the variable {name} of the environment still counts more than {file}; remove it there"
            )
            app.warn(message.format(name=variable, file=FILE_NAME))
