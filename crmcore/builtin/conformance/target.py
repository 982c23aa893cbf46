"""What is to be checked: an installed plugin by name, or a folder, module or wheel that is laid out as if installed."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tomllib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from crmcore.builtin.conformance.wheel import MOST_BYTES, MOST_FILES, too_large, unpack
from crmcore.errors import NotFound, PluginError
from crmcore.i18n import _
from crmcore.plugins.discovery import GROUP, get_installed, installed

_SKIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", ".git", ".venv", "node_modules")


@dataclass(frozen=True, slots=True)
class Target:
    """A plugin as a process finds it: its name, and the folder to look in first where it is not installed."""

    name: str
    site: Path | None = None


@dataclass(frozen=True, slots=True)
class _Source:
    """A plugin that lies somewhere: what its distribution would say of it, and the package or module itself."""

    name: str
    module: str
    distribution: str
    version: str
    code: Path


def find_target(text: str, scratch: Path) -> Target:
    """Find what a user names: an installed plugin, else a path; NotFound or PluginError says what is wrong.

    scratch: an empty folder of ours; what is not installed is copied there, never imported from where it lies.
    """
    if text in installed():
        return Target(get_installed(text).name)
    path = Path(text)
    if not path.exists():
        return Target(get_installed(text).name) if re.fullmatch(r"\w+", text) else _missing(text)
    site = scratch / "site"
    site.mkdir()
    try:
        return Target(_lay_out(path, site), site)
    except OSError as error:
        raise PluginError(_("{file} cannot be read: {error}").format(file=path, error=error)) from None


def _missing(text: str) -> Target:
    raise NotFound(
        _(
            "there is no file or folder {path}; give the name of an installed plugin, a folder or a wheel"
        ).format(path=text)
    )


def _lay_out(path: Path, site: Path) -> str:
    """Copy or unpack a plugin into `site` as an installer would; returns its name."""
    if path.suffix == ".whl" and path.is_file():
        unpack(path, site)
        return _only_entry(path, {e.name: e.value for e in _entry_points(site)})[0]
    source = _source_of(path.resolve())
    if source.name in installed():  # what lies here comes before what is installed, and is no rival of it
        source = replace(source, distribution=installed()[source.name].distribution)
    _copy(source.code, site / source.code.name)
    _describe(source, site)
    return source.name


def _copy(code: Path, to: Path) -> None:
    """Copy a package or module with what its links lead to; PluginError where that is too much, or has no end."""
    files, room = MOST_FILES, MOST_BYTES

    def skipped(folder: str, names: list[str]) -> set[str]:
        nonlocal files
        if os.path.realpath(folder) in map(os.path.realpath, Path(folder).parents):
            raise _not_allowed(code, folder)
        found = _SKIPPED(folder, names)
        files -= len(names) - len(found)
        if files < 0:
            raise too_large(code)
        return found

    def copied(one: str, there: str) -> str:
        nonlocal room
        about = Path(one).stat()
        if not stat.S_ISREG(about.st_mode):
            raise _not_allowed(code, one)
        room -= about.st_size
        if room < 0:
            raise too_large(code)
        return shutil.copy(one, there)

    if code.is_dir():
        shutil.copytree(code, to, ignore=skipped, copy_function=copied)
    else:
        copied(str(code), str(to))


def _not_allowed(code: Path, what: str) -> PluginError:
    name = os.path.relpath(what, code)
    message = _("{file} holds {name!r}, which is neither a file nor a folder of its own; nothing was checked")
    return PluginError(message.format(file=code, name=name))


def _entry_points(site: Path) -> list[Any]:
    return [
        entry
        for info in sorted(site.glob("*.dist-info"))
        for entry in Distribution.at(info).entry_points
        if entry.group == GROUP
    ]


def _only_entry(path: Path, entries: dict[str, str]) -> tuple[str, str]:
    if len(entries) != 1:
        raise PluginError(
            _(
                "{path} names {count} plugins in the entry point group crmcore.plugins; one is needed: {names}"
            ).format(path=path, count=len(entries), names=", ".join(entries) or _("none"))
        )
    return next(iter(entries.items()))


def _source_of(path: Path) -> _Source:
    """Understand a folder or a file: a project with pyproject.toml, a package in or outside one, a plain module."""
    if (path / "pyproject.toml").is_file():
        return _project(path)
    for parent in path.parents[:2]:
        if (parent / "pyproject.toml").is_file():
            found = _project(parent)
            if found.code == path:
                return found
    if path.is_dir() and not any(
        (path / name).is_file() for name in ("__init__.py", "plugin.py", "plugin.json")
    ):
        raise PluginError(
            _("{path} holds no plugin: neither pyproject.toml nor a package with plugin.py").format(path=path)
        )
    package = path.stem if path.is_file() else path.name
    name = package.removeprefix("crmcore_")
    module = f"{package}.plugin" if (path / "plugin.py").is_file() else package
    return _Source(name, module, f"crmcore-{name.replace('_', '-')}", "0", path)


def _project(folder: Path) -> _Source:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
        entries = dict(project.get("entry-points", {}).get(GROUP, {}))
        title, version = str(project.get("name", folder.name)), str(project.get("version", "0"))
    except (ValueError, TypeError, AttributeError) as error:
        raise PluginError(
            _("{file} cannot be read: {error}").format(file=folder / "pyproject.toml", error=error)
        ) from None
    name, value = _only_entry(folder, entries)
    module = str(value).split(":")[0]
    package = module.split(".")[0]
    for place in (folder / "src", folder):
        for code in (place / package, place / f"{package}.py"):
            if code.exists():
                return _Source(name, module, title, version, code)
    raise PluginError(
        _("{folder} names the module {module}, but holds no {package}; look at its entry point").format(
            folder=folder, module=module, package=package
        )
    )


def _describe(source: _Source, site: Path) -> None:
    """Write the description that an installer writes beside the code."""
    info = site / f"{re.sub(r'[^A-Za-z0-9]+', '_', source.distribution)}-{source.version}.dist-info"
    info.mkdir()
    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {source.distribution}\nVersion: {source.version}\n",
        "entry_points.txt": f"[{GROUP}]\n{source.name} = {source.module}\n",
    }
    for name, text in texts.items():
        info.joinpath(name).write_text(text, encoding="utf-8")
    lines = []
    for path in sorted(p for p in site.rglob("*") if p.is_file()):
        digest = urlsafe_b64encode(sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
        lines.append(f"{path.relative_to(site).as_posix()},sha256={digest},{path.stat().st_size}\n")
    info.joinpath("RECORD").write_text("".join(lines), encoding="utf-8")
