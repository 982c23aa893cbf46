"""The catalogue: every text of the package that people read has a Chinese translation, with the same placeholders."""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Iterator
from functools import lru_cache
from gettext import GNUTranslations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmcore.builtin.conformance.findings import Finding, finding
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.builtin.conformance.subject import Subject

LANGUAGE = "zh_CN"
_MARKS = frozenset({"_", "N_", "ngettext"})
_IN_SCHEMAS = frozenset({"title", "description"})
_IN_MANIFEST = frozenset({"title", "description", "help"})
_DATA = frozenset({"default", "example", "examples", "enum", "const"})
_SHOWN = 60
_WORD = re.compile(r"[a-z]{3}")
"""What makes a text words: neither `ABC` nor `kg` reads otherwise in Chinese."""
_HAN = re.compile(r"[\u4e00-\u9fff]")


def check_catalogues(subject: Subject) -> Finding:
    """Compare the texts that the code marks, the manifest and the schemas with the compiled catalogue."""
    texts = sorted(set(_texts(subject)))
    if not texts:
        return True, _("it has no texts")
    if subject.root is None:
        return True, _("a plain module has no catalogue; its {count} texts stay English").format(
            count=len(texts)
        )
    path = _catalogue(subject.root, subject.package)
    shown = path.relative_to(subject.root).as_posix()
    if not path.is_file():
        hint = (
            _("compile the .po beside it") if path.with_suffix(".po").is_file() else _("translate its texts")
        )
        message = _("there is no {file} for its {count} texts; {hint}")
        return False, message.format(file=shown, count=len(texts), hint=hint)
    try:
        translated = _read(path)
    except Exception as error:  # noqa: BLE001  (the file may be damaged in any way)
        return False, _("{file} cannot be read: {error}").format(file=shown, error=error)
    problems = [p for text in texts for p in _problem(text, translated)]
    return finding(problems, _("{count} texts, all in Chinese").format(count=len(texts)))


def untranslated(subject: Subject, english: set[str], chinese: set[str]) -> list[str]:
    """Return the words that are shown in Chinese as in English, though nobody translated them so.

    Nothing of what `check_catalogues` tells already: what is marked and has no translation, a catalogue that is not there.
    """
    settled = _settled(subject)
    if settled is None:
        return []
    same = (text for text in english & chinese if _WORD.search(text) and not _HAN.search(text))
    return sorted(text for text in same if text not in settled)


@lru_cache(maxsize=1)
def _settled(subject: Subject) -> frozenset[str] | None:
    """Return the marked texts whose translation is missing, or the same on purpose; None where there is no catalogue."""
    try:
        translated = _read(_catalogue(subject.root or Path(), subject.package))
    except Exception:  # noqa: BLE001  (the file may be damaged in any way)
        return None
    return frozenset(text for text in _texts(subject) if translated.get(text, text) == text)


def _catalogue(root: Path, package: str) -> Path:
    return root / "locale" / LANGUAGE / "LC_MESSAGES" / f"{package}.mo"


def _read(path: Path) -> dict[Any, str]:
    with path.open("rb") as file:
        catalogue: dict[Any, str] = vars(GNUTranslations(file))["_catalog"]
    return catalogue


def _problem(text: str, translated: dict[Any, str]) -> Iterator[str]:
    plural = translated.get(
        (text, 0)
    )  # its placeholders are those of the plural, which the singular may lack
    found = plural or translated.get(text)
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    if not found:
        yield _("{text!r} is not translated").format(text=shown)
    elif not plural and _placeholders(found) != _placeholders(text):
        yield _("{text!r} is translated with other placeholders: {translation!r}").format(
            text=shown, translation=found
        )


def _placeholders(text: str) -> set[str]:
    """Return the names in braces, as str.format reads them; text that is no format has none."""
    try:
        return {
            name for _text, name, _format, _conversion in string.Formatter().parse(text) if name is not None
        }
    except ValueError:
        return set()


def _texts(subject: Subject) -> Iterator[str]:
    for source in subject.sources.values():
        yield from from_code(source)
    for path in subject.files("*.schema.json"):
        yield from from_json(_json(path), _IN_SCHEMAS)
    for path in subject.files("plugin.json"):
        yield from from_json(_json(path), _IN_MANIFEST)


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def from_code(source: str) -> Iterator[str]:
    """Yield the texts that Python code marks; of singular and plural the singular, under which both stand."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return  # the check of the imports tells of it
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _name(node.func) in _MARKS:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value:
                yield first.value


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def from_json(node: Any, keys: frozenset[str]) -> Iterator[str]:
    """Yield the texts under these keys; examples and defaults are data, not words."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in children:
        if name in keys and isinstance(value, str) and value:
            yield value
        elif name == "properties" and isinstance(value, dict):
            yield from from_json(list(value.values()), keys)
        elif name not in _DATA:
            yield from from_json(value, keys)
