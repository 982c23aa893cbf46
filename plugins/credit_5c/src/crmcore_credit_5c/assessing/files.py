"""Reading JSON files from outside: models, evidence, matrices. Whatever they hold, a mistake is one sentence."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from crmcore.api import BadConfig, NotFound, translator

from .sentences import not_allowed, shown

_ = translator("crmcore_credit_5c")
_MOST_BYTES = 1_000_000
_ODD = re.compile("[\x00\ud800-\udfff]")
_HERE = Path(__file__).parent.parent


def read_json(path: Path) -> Any:
    """Return what a JSON file holds, numbers with a point as Decimal; one megabyte at most."""
    content = _parsed(_text_of(path), path)
    for place, text in _odd_texts(content):
        message = _("{file}: {path}: {text} holds a character that is no text; take it out")
        where = place.removeprefix("/") or _("the whole")
        raise BadConfig(message.format(file=path.name, path=where, text=shown(text)))
    return content


def _text_of(path: Path) -> str:
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):  # to open a pipe would be to wait for whoever writes into it
            message = _("cannot read {file} ({why}); name a file that is there")
            raise BadConfig(message.format(file=path, why=_("it is no regular file")))
        if about.st_size > _MOST_BYTES:
            message = _("{file} is larger than 1 MB; a file of models or evidence is small")
            raise BadConfig(message.format(file=path.name))
        return path.read_text("utf-8-sig")
    except OSError as error:
        message = _("cannot read {file} ({why}); name a file that is there")
        raise NotFound(message.format(file=path, why=error.strerror)) from None
    except UnicodeDecodeError:
        raise BadConfig(_("{file} is not in UTF-8; save it so").format(file=path.name)) from None


def _parsed(text: str, path: Path) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_once)
    except RecursionError:
        raise BadConfig(_("{file} is nested too deeply; it is no such file").format(file=path.name)) from None
    except _TwiceError as error:
        message = _("{file}: the key {key!r} is there twice in one object; keep one of them")
        raise BadConfig(message.format(file=path.name, key=error.key)) from None
    except ValueError as error:
        message = _("{file} is no JSON ({why}); correct it")
        raise BadConfig(message.format(file=path.name, why=error)) from None


def is_text(text: str) -> bool:
    """Say whether a text can be kept: no NUL, which PostgreSQL cannot hold, and no half of a pair, which is no UTF-8."""
    return not _ODD.search(text)


def _odd_texts(content: Any) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each that cannot be kept; of a key the place of its object."""
    left: list[tuple[str, Any]] = [("", content)]
    while left:
        place, value = left.pop()
        if isinstance(value, str) and not is_text(value):
            yield place, value
        elif isinstance(value, list):
            left += [(f"{place}/{i}", one) for i, one in enumerate(value)]
        elif isinstance(value, dict):
            left += [(place, key) for key in value]
            left += [(f"{place}/{key}", one) for key, one in value.items()]


class _TwiceError(ValueError):
    """A key that an object has twice."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; of a key that is there twice JSON would silently take the last value."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(key)
        found[key] = value
    return found


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def check_schema(value: Any, schema: str, file: str) -> None:
    """Raise BadConfig, with the place, for the first thing that a schema of the plugin does not allow."""
    errors = sorted(_validator(schema).iter_errors(value), key=lambda e: list(map(str, e.absolute_path)))
    if errors:
        raise not_allowed(errors[0], file)


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator, FormatChecker

    text = (_HERE / "schemas" / f"{schema}.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text), format_checker=FormatChecker())
