"""The catalogue of a new plugin: what its files say to users, with the Chinese for each."""

from __future__ import annotations

import ast
import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MARKS = frozenset({"_", "N_"})
_SHOWN = frozenset({"title", "description", "help"})
_DATA = frozenset({"default", "examples"})


def said_by(files: Mapping[str, str]) -> list[str]:
    """Return the texts for users in files (path → content), sorted: marked in code, or titles and helps in JSON."""
    found: set[str] = set()
    for path, content in files.items():
        if path.endswith(".py"):
            found.update(_in_code(content))
        elif path.endswith(".json"):
            found.update(_in_json(json.loads(content)))
    return sorted(found)


def _in_code(content: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MARKS:
            yield ast.literal_eval(node.args[0])


def _in_json(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _in_json(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "properties":
                yield from _in_json(list(value.values()))
            elif key in _SHOWN and isinstance(value, str):
                yield value
            elif key not in _DATA:
                yield from _in_json(value)


def source(package: str, texts: Mapping[str, str]) -> str:
    """Return the catalogue as people edit it, a `.po` file."""
    head = "".join(f"{json.dumps(line)}\n" for line in _header(package))
    entries = (f"\nmsgid {_quoted(text)}\nmsgstr {_quoted(texts[text])}\n" for text in sorted(texts))
    return f'# {package} in Chinese.\nmsgid ""\nmsgstr ""\n{head}{"".join(entries)}'


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _header(package: str) -> list[str]:
    return [
        f"Project-Id-Version: {package}\n",
        "Language: zh_CN\n",
        "Plural-Forms: nplurals=1; plural=0;\n",
        "MIME-Version: 1.0\n",
        "Content-Type: text/plain; charset=utf-8\n",
        "Content-Transfer-Encoding: 8bit\n",
    ]


def compiled(package: str, texts: Mapping[str, str]) -> bytes:
    """Return the catalogue as gettext reads it, a `.mo` file.

    Format: https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html. Babel is no dependency of ours.
    """
    pairs = [("", "".join(_header(package))), *sorted(texts.items())]
    columns = [[text.encode() for text in column] for column in zip(*pairs, strict=True)]
    # Seven numbers, then the two tables of (length, place), then the texts, each with a zero behind it.
    first_text = 7 * 4 + 2 * 8 * len(pairs)
    tables, blob = b"", b""
    for text in [*columns[0], *columns[1]]:
        tables += struct.pack("<2I", len(text), first_text + len(blob))
        blob += text + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, first_text)
    return head + tables + blob
