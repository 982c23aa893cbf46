"""Change one value in the text of crm.toml; every other byte stays as it is: comments, order, line ends."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from crmcore.builtin.administration.settings.keys import MISSING, Path, join_key, value_at, with_value
from crmcore.config import FILE_NAME
from crmcore.errors import CrmError
from crmcore.i18n import _

_HEAD = re.compile(r"^\s*\[\s*plugins\s*\]", re.MULTILINE)
_MARK = "\ufeff".encode()


def changed(content: bytes, path: Path, value: Any) -> bytes:
    """Return the file with one value set, or left out (MISSING); the same bytes where it was so already.

    CrmError where the file is written in a way in which this cannot be done without touching more.
    """
    mark = _MARK if content.startswith(_MARK) else b""
    text = content.removeprefix(_MARK).decode()
    before = tomllib.loads(text)
    wanted = with_value(before, path, value)
    if wanted == before:
        return content
    new = value_at(before, path) is MISSING
    for candidate in _candidates(text, path, value):
        after = _line_ends(text, candidate)
        if _in_place(text, after, new=new, gone=value is MISSING) and _says(after, wanted, path, value):
            return mark + after.encode()
    message = _("{file} is written in a way that can only be changed by hand; {what} there")
    raise CrmError(message.format(file=FILE_NAME, what=_by_hand(path, value)))


def _candidates(text: str, path: Path, value: Any) -> Iterator[str]:
    """Give what the file could look like, the nicest first; what tomlkit makes of odd layouts is looked at."""
    nicest = _edited(text, path, value, prune=True)
    yield _placed(text, nicest)
    yield nicest
    if value is MISSING:
        yield _edited(text, path, value, prune=False)


def _in_place(before: str, after: str, *, new: bool, gone: bool) -> bool:
    """Say whether the texts differ in one place, where a new value only adds and one that goes only takes away."""
    first = _same_start(before, after)
    old, now = before[first:][::-1], after[first:][::-1]
    same = _same_start(old, now)
    heads = len(_HEAD.findall(before)) == len(_HEAD.findall(after))
    away, added = old[same:].strip(), now[same:].strip()  # blanks go where a part of an inline table goes
    return heads and not (new and away) and not (gone and added)


def _same_start(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _edited(text: str, path: Path, value: Any, *, prune: bool) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document: Any = tomlkit.parse(text)
        table = _table_of(document, path[:-1], make=value is not MISSING)
        if value is MISSING:
            del table[path[-1]]
            if prune:
                _prune(document, path[:-1])
        else:
            table[path[-1]] = tomlkit.value(toml(value))
        return str(tomlkit.dumps(document))
    except (TOMLKitError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        return ""  # tomlkit has its limits with some layouts; what came out is looked at in any case


def _table_of(document: Any, path: Path, *, make: bool) -> Any:
    import tomlkit

    table = document
    for depth, part in enumerate(path):
        if part not in table:
            if not make:
                raise KeyError(part)
            inline = isinstance(table, tomlkit.items.InlineTable)
            # Only the last one has a line of its own: [plugins.NAME] says it all.
            table[part] = tomlkit.inline_table() if inline else tomlkit.table(depth < len(path) - 1)
        table = table[part]
    return table


def _prune(document: Any, path: Path) -> None:
    """Take out the tables below [plugins] in which nothing is left, not even a comment."""
    from tomlkit.items import InlineTable, Null, Table, Whitespace

    while len(path) > 1:
        above = _table_of(document, path[:-1], make=False)
        table = above[path[-1]]
        if not isinstance(table, Table | InlineTable) or table.trivia.comment:
            return
        if not all(isinstance(item, Null | Whitespace) for _key, item in table.value.body):
            return
        del above[path[-1]]
        path = path[:-1]


def _placed(before: str, after: str) -> str:
    """Move new lines up to their table, before the blank lines and comments that belong to what follows."""
    old, new = before.split("\n"), after.split("\n")
    first = next((i for i, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), len(old))
    last = len(new) - (len(old) - first)
    if last <= first or old[first:] != new[last:]:
        return after  # more than new lines
    block = "\n".join(new[first:last]).strip("\n").split("\n")
    free = first
    while free and (not old[free - 1].strip() or old[free - 1].lstrip().startswith("#")):
        free -= 1
    place = next((i for i in range(free, first) if not old[i].strip()), first)
    if block[0].startswith("["):
        block = [""] * bool(place and old[place - 1].strip()) + block
        block += [""] * bool(place < len(old) and old[place].strip())
    return "\n".join([*old[:place], *block, *(old[place:] or [""])])


def _line_ends(before: str, after: str) -> str:
    r"""Give new lines the ends that the file has: `\r\n` where every line ends so."""
    if "\r\n" in before and before.count("\n") == before.count("\r\n"):
        return after.replace("\r\n", "\n").replace("\n", "\r\n")
    return after


def _says(text: str, wanted: dict[str, Any], path: Path, value: Any) -> bool:
    """Read the text again: it must say what is wanted and nothing else; a table left empty may be gone."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    if value is MISSING:
        return value_at(found, path) is MISSING and _without_empty(found) == _without_empty(wanted)
    return found == wanted


def _without_empty(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {key: _without_empty(part) for key, part in value.items()}
    return {key: part for key, part in kept.items() if part != {}}


def _by_hand(path: Path, value: Any) -> str:
    if value is MISSING:
        return _("remove {key}").format(key=join_key(path))
    return _("write {key} = {value}").format(key=join_key(path), value=toml(value))


def toml(value: Any) -> str:
    """Write a JSON value as TOML on one line; CrmError for null, which TOML does not have."""
    if isinstance(value, str):
        # What JSON makes of a text is a text in TOML, too, but for one control character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{_key(key)} = {toml(part)}" for key, part in value.items())
        return f"{{{pairs}}}"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    message = _("{value} cannot be written in {file}; to go back to the default use unset")
    raise CrmError(message.format(value=json.dumps(value, default=str), file=FILE_NAME))


def _key(name: str) -> str:
    return (
        name if name and name.isascii() and name.replace("_", "").replace("-", "").isalnum() else toml(name)
    )
