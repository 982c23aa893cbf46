"""What holds for every setting, whatever its schema says: no secret and no password in clear, only finite numbers.

And how the secrets that plugins were given are found in what is shown, however a program has written them.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from math import isfinite
from typing import Any

from crmcore.builtin.administration.settings.keys import schema_at
from crmcore.errors import BadConfig
from crmcore.i18n import _
from crmcore.text import SECRETS, hidden, printable

# On the web a name alone before the @ is a token; elsewhere it is who logs in, as in ssh://git@host.
_PASSWORD = re.compile(
    r"://([^/\s@:]*:[^/\s@]+@|\S*[?&][^=&\s]*password=[^&\s])|https?://[^/\s@?#]+@", re.IGNORECASE
)
_MARK = '"x-secret": true'
_ESCAPES = {"\b": "b", "\t": "t", "\n": "n", "\f": "f", "\r": "r"}
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*')
REFERENCE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
    "x-secret": True,
    "properties": {
        "env": {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_]*$", "x-secret": True},
        "keyring": {"type": "string", "pattern": r"^\S+/[^/\s]+$", "x-secret": True},
    },
}
"""Where a secret is kept: in a variable of the environment, or in a keyring as `service/user`."""


def referring(schema: Any) -> Any:
    """Return a schema in which the keys marked `x-secret` take references to secrets, and nothing else."""
    if isinstance(schema, dict):
        if schema.get("x-secret") is True:
            return REFERENCE
        return {key: referring(value) for key, value in schema.items()}
    return [referring(value) for value in schema] if isinstance(schema, list) else schema


def of_secret(error: Any) -> bool:
    """Say whether a validation error is about a secret, or about something that may hold one."""
    marked = isinstance(error.schema, dict) and error.schema.get("x-secret") is True
    return marked or any(map(of_secret, error.context))


def may_show_secret(error: Any, root: Any) -> bool:
    """Say whether the value that a validation error is about may be a secret, typed a level too high."""
    above = schema_at(root, tuple(map(str, error.absolute_path)))
    said = json.dumps([error.schema, above])
    # What a schema refers to is not looked for: it is somewhere in the same file.
    return _MARK in said or ('"$ref"' in said and _MARK in json.dumps(root))


def secret_sentence(file: str, path: str) -> str:
    """Say what may stand where a secret stood; the value is not shown."""
    return _("{file}: {path} is a secret, and only a reference to it may stand here: {example}").format(
        file=file, path=path, example='{env = "NAME"}, {keyring = "service/user"}'
    )


def refuse_leaves(value: Any, file: str, path: str) -> None:
    """Refuse what no schema can: passwords in addresses, and numbers that JSON does not know."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in items:
            refuse_leaves(part, file, f"{path}.{key}" if path else str(key))
    elif isinstance(value, str) and _PASSWORD.search(value):
        message = _("{file}: {path} holds a password; remove it and name a variable that holds it instead")
        raise BadConfig(printable(message.format(file=file, path=path)))
    elif isinstance(value, float) and not isfinite(value):
        message = _("{file}: {path} = {value} is not a finite number; write another one")
        raise BadConfig(printable(message.format(file=file, path=path, value=value)))


@lru_cache
def any_of(secrets: frozenset[str]) -> re.Pattern[str]:
    """Return what finds any of these texts, the longest first: as it is, in JSON, in what repr() says, in an address."""
    longest_first = sorted(secrets, key=len, reverse=True)
    return re.compile("|".join(map(_spelled, longest_first)))


def _spelled(secret: str) -> str:
    return "".join(map(_written, re.findall(r"\\+|.", secret, re.DOTALL)))


def _written(part: str) -> str:
    """Return a pattern of a character, or of several backslashes, in all the ways in which programs write it."""
    if part.isascii() and part.isalnum():
        return part
    in_utf8 = part.encode("utf-8", "surrogatepass")
    percent = "".join(f"%{byte:02x}" for byte in in_utf8)
    if part[0] == "\\":
        return rf"(?:\\{{{len(part)},}}|(?i:{percent}))"
    in_utf16 = part.encode("utf-16-be", "surrogatepass").hex()
    ways = [
        r"\\*" + re.escape(part),
        percent,
        rf"\\+x{ord(part):02x}",
        rf"\\+U{ord(part):08x}",
        "".join(rf"\\+x{byte:02x}" for byte in in_utf8),
        "".join(rf"\\+u{in_utf16[at : at + 4]}" for at in range(0, len(in_utf16), 4)),
    ]
    if part in _ESCAPES:
        ways.append(rf"\\+{_ESCAPES[part]}")
    return f"(?i:{'|'.join(ways)})"


def hidden_in_json(text: str) -> str:
    """Return JSON without the secrets that plugins were given, in keys and in values; it stays JSON."""
    return _TOKEN.sub(_blotted, text) if any_of(frozenset(SECRETS)).search(text) else text


def _blotted(token: re.Match[str]) -> str:
    written = token[0]
    if written[0] != '"':
        return '"***"' if written in SECRETS else written
    said = json.loads(written)
    shown = hidden(said)
    return written if shown == said else json.dumps(shown, ensure_ascii=False)
