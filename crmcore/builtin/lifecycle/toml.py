"""Take a plugin out of the text of crm.toml: its settings, and its permissions in roles; comments of others stay."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from crmcore.builtin.administration.settings.document import changed
from crmcore.builtin.administration.settings.keys import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

BYTE_ORDER_MARK = "\ufeff"
_HEADER = re.compile(r"\s*\[")
_EMPTY = re.compile(r"\s*(#.*)?$")


def with_enabled(text: str, enabled: list[str]) -> str:
    """Return the text with another list of enabled plugins, comments and order kept."""
    import tomlkit

    bare = text.removeprefix(BYTE_ORDER_MARK)
    document = tomlkit.parse(bare)
    plugins: Any = document.setdefault("plugins", tomlkit.table())
    names: Any = plugins.setdefault("enabled", tomlkit.array())
    for name in [str(n) for n in names if n not in enabled]:
        names.remove(name)
    for name in enabled:
        if name not in names:
            names.append(name)
    new: str = tomlkit.dumps(document)
    if tomllib.loads(new)["plugins"]["enabled"] != enabled:  # another order: the list is written anew
        plugins["enabled"] = enabled
        new = tomlkit.dumps(document)
    return text[: len(text) - len(bare)] + new


def without_plugin(text: str, name: str, roles: Mapping[str, list[str]]) -> str:
    """Return the text without [plugins.NAME], and without these permissions (by role) in [roles]."""
    content = _without_settings(text, name).encode()
    given = tomllib.loads(text.removeprefix(BYTE_ORDER_MARK)).get("roles", {})
    for role, permissions in roles.items():
        left = [p for p in given.get(role, []) if p not in permissions]
        content = changed(content, ("roles", role), left)
    return content.decode()


def _without_settings(text: str, name: str) -> str:
    """Cut the table out by its lines, where that is all that goes; else leave it to who knows TOML better."""
    wanted = tomllib.loads(text.removeprefix(BYTE_ORDER_MARK))
    if name not in wanted.get("plugins", {}):
        return text
    del wanted["plugins"][name]
    shorter = "\n".join(_kept(text.split("\n"), name))
    try:
        if tomllib.loads(shorter.removeprefix(BYTE_ORDER_MARK)) == wanted:
            return shorter
    except tomllib.TOMLDecodeError:
        pass
    return changed(text.encode(), ("plugins", name), MISSING).decode()


def _kept(lines: list[str], name: str) -> list[str]:
    """Return the lines but those of the table; comments that come after its last key belong to what follows."""
    own = re.compile(rf"""\s*\[\s*plugins\s*\.\s*["']?{re.escape(name)}["']?\s*[\].]""")
    kept: list[str] = []
    inside, after = False, list[str]()
    for line in lines:
        if _HEADER.match(line):
            kept += after
            inside, after = bool(own.match(line)), []
        if not inside:
            kept.append(line)
        elif _EMPTY.match(line):
            after.append(line)
        else:
            after = []
    return kept + after
