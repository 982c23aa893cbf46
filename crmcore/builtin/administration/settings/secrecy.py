"""What holds for every setting, whatever its schema says: no secret and no password in clear, only finite numbers."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

from crmcore.errors import BadConfig
from crmcore.i18n import _
from crmcore.text import printable

_PASSWORD = re.compile(r"://([^/\s@:]*:[^/\s@]+@|\S*[?&][^=&\s]*password=[^&\s])", re.IGNORECASE)
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
