"""Make the files of a new plugin, and put them where they shall lie, all or none."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from crmcore.builtin.scaffold.parts import traits_of
from crmcore.builtin.scaffold.template import render
from crmcore.builtin.scaffold.texts import compiled, said_by, source
from crmcore.errors import Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

TEMPLATES = Path(__file__).parent / "templates"
_SUFFIX = ".tmpl"
_LAST_COMMA = re.compile(r",(?=\s*[}\]])")


def files_of(name: str, title: str, title_zh: str, parts: Sequence[str]) -> dict[str, bytes]:
    """Return the files of a plugin of these parts by their path in its folder."""
    traits = traits_of(parts)
    words = _words(name, title, title_zh, traits)
    texts = {
        path: _rendered(path, text, words, traits) for path, text in _templates(f"src/{words['package']}")
    }
    texts = {path: text for path, text in texts.items() if text or path.endswith("py.typed")}
    return {path: text.encode() for path, text in texts.items()} | _catalogue(texts, words)


def _words(name: str, title: str, title_zh: str, traits: Collection[str]) -> dict[str, str]:
    setting, value = next(given for trait, given in _SETTINGS.items() if trait in traits)
    return {
        "name": name,
        "package": f"crmcore_{name}",
        "distribution": f"crmcore-{name.replace('_', '-')}",
        "command": name.replace("_", "-"),
        "title": title,
        "title_zh": title_zh,
        "references_customers": "true" if "entity" in traits else "false",
        "cost": "5" if "entity" in traits else "5_000",
        "a_setting": setting,
        "its_default": value,
    }


_SETTINGS = {
    "balances": ("reward_points", "100"),
    "entity": ("most_points", "100_000"),
    "fact": ("cost_minor", "5_000"),
}
"""Trait → the setting that it brings and that the tests of settings look at, with its default."""


def _templates(package: str) -> Iterator[tuple[str, str]]:
    """Yield path in the plugin's folder and text of each template."""
    for path in sorted(TEMPLATES.rglob(f"*{_SUFFIX}")):
        place = path.relative_to(TEMPLATES).as_posix().removesuffix(_SUFFIX)
        if place.startswith("package/"):
            place = place.replace("package", package, 1)
        yield ".gitignore" if place == "gitignore" else place, path.read_text(encoding="utf-8")


def _rendered(path: str, text: str, words: Mapping[str, str], traits: Collection[str]) -> str:
    done = render(text, words, traits)
    return _LAST_COMMA.sub("", done) if path.endswith(".json") else done


def _catalogue(texts: Mapping[str, str], words: Mapping[str, str]) -> dict[str, bytes]:
    """Return the Chinese catalogue of all that the files say to users, as source and compiled."""
    known = json.loads(render((TEMPLATES / "chinese.json").read_text(encoding="utf-8"), words, ()))
    chinese = {words["title"]: words["title_zh"], **known}
    own = {path: text for path, text in texts.items() if path.startswith("src/")}
    said = {text: chinese[text] for text in said_by(own)}
    package = words["package"]
    place = f"src/{package}/locale/zh_CN/LC_MESSAGES/{package}"
    return {f"{place}.po": source(package, said).encode(), f"{place}.mo": compiled(package, said)}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder that is not there yet; it appears whole or not at all. Refused if it is there."""
    if os.path.lexists(folder):
        message = _("{folder} is there already; choose another name or folder, nothing is ever overwritten")
        raise Refused(message.format(folder=folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        for path, content in files.items():
            (beside / path).parent.mkdir(parents=True, exist_ok=True)
            (beside / path).write_bytes(content)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
