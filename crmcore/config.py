"""A workspace: a folder with crm.toml; reading it, checking it, changing the enabled set without losing comments."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crmcore.errors import BadConfig, NoWorkspace
from crmcore.files import write_atomically
from crmcore.i18n import _
from crmcore.settings.validation import check_once, load_schema, with_defaults

FILE_NAME = "crm.toml"
MEMORY = ".crm-checked"
SCHEMAS = Path(__file__).parent / "schemas"


@dataclass(frozen=True)
class Config:
    """The checked configuration of a workspace; `data` has all defaults filled in."""

    folder: Path
    data: dict[str, Any]

    @property
    def path(self) -> Path:
        """The configuration file."""
        return self.folder / FILE_NAME

    @property
    def currency(self) -> str:
        """ISO 4217 code of the company's currency."""
        return str(self.data["company"]["currency"])

    @cached_property
    def timezone(self) -> ZoneInfo:
        """The time zone of the company's days."""
        return ZoneInfo(self.data["company"]["timezone"])

    @property
    def enabled(self) -> tuple[str, ...]:
        """The plugins to run, in the company's order."""
        return tuple(self.data["plugins"]["enabled"])

    @property
    def database_url(self) -> str:
        """The database URL as written, without a password."""
        return str(self.data["database"]["url"])

    @cached_property
    def given_by_plugins(self) -> dict[str, frozenset[str]]:
        """Role → permissions that the enabled plugins give it; a role that crm.toml lists has what stands there."""
        from crmcore.builtin.permissions import given_by_plugins

        return given_by_plugins(self)

    def plugin_settings(self, name: str) -> dict[str, Any]:
        """Return what crm.toml says of a plugin, unchecked and without defaults."""
        return dict(self.data["plugins"].get(name, {}))


def find_workspace(given: str | None) -> Path:
    """Choose the folder: given on the command line, then CRM_HOME, then the current one."""
    return Path(given or os.environ.get("CRM_HOME") or ".").resolve()


def load_config(folder: Path) -> Config:
    """Read and check a workspace's crm.toml; NoWorkspace or BadConfig says what is wrong."""
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NoWorkspace(
            _("there is no {file} in {folder}; make a workspace with: crm init {folder}").format(
                file=FILE_NAME, folder=folder
            )
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(_("{file} cannot be read: {error}").format(file=path, error=error)) from None
    return parse_config(folder, text)


def parse_config(folder: Path, text: str) -> Config:
    """Check the text of a crm.toml."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(
            _("{file} is not valid TOML: {error}").format(file=folder / FILE_NAME, error=error)
        ) from None
    schema = load_schema(SCHEMAS / "crm_toml.schema.json")
    if isinstance(database := data.get("database"), dict):
        _check_url(str(database.get("url", "")))  # before other sentences, which show what they refuse
    check_once(folder / MEMORY, data, schema, FILE_NAME)
    data = with_defaults(schema, data)
    _check_timezone(data["company"]["timezone"])
    return Config(folder, data)


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadConfig(
            _(
                "{file}: company.timezone = {value!r} is not a known time zone; write one such as 'Asia/Shanghai'"
            ).format(file=FILE_NAME, value=name)
        ) from None


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (reading it is the check)
    except ValueError as error:
        raise BadConfig(
            _("{file}: database.url is not an address: {error}").format(file=FILE_NAME, error=error)
        ) from None
    if parts.password or any("password" in name.lower() for name, _value in parse_qsl(parts.query)):
        raise BadConfig(
            _(
                "{file}: database.url holds a password; remove it and name a variable in database.password_env"
            ).format(file=FILE_NAME)
        )


def write_new(folder: Path, url: str) -> None:
    """Write the crm.toml of a new workspace."""
    template = (Path(__file__).parent / "settings" / "new_crm.toml").read_text(encoding="utf-8")
    # What JSON makes of a text is a text in TOML, too.
    text = template.replace('"sqlite:///crm.db"', json.dumps(url, ensure_ascii=False))
    write_atomically(folder / FILE_NAME, text.encode())
