"""Check values against a JSON Schema and say in one sentence what is wrong and what would be right."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from difflib import get_close_matches
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from crmcore.errors import BadConfig
from crmcore.files import write_atomically
from crmcore.i18n import N_, _
from crmcore.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_REMEMBERED = 64
_LONGEST_SHOWN = 200


def load_schema(path: Path) -> dict[str, Any]:
    """Read a JSON Schema file."""
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def check(data: Any, schema: Mapping[str, Any], file: str, prefix: str = "") -> None:
    """Raise BadConfig for the first thing in `data` that the schema does not allow; `prefix` is where data stands."""
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.validators import extend

    from crmcore.builtin.administration.settings.secrecy import of_secret, referring, refuse_leaves

    refuse_leaves(data, file, prefix)
    # To JSON Schema 10.0 is an integer; who reckons with an integer is handed none that is a float.
    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _types, value: isinstance(value, int) and not isinstance(value, bool)
    )
    strict = extend(Draft202012Validator, type_checker=types)  # type: ignore[no-untyped-call]
    validator = strict(referring(schema), format_checker=FormatChecker())
    errors = sorted(
        validator.iter_errors(data),
        # Of a secret first: another sentence may show the value that holds it.
        key=lambda e: (not of_secret(e), list(map(str, e.absolute_path)), e.validator),
    )
    if errors:
        raise BadConfig(printable(_sentence(errors[0], schema, file, prefix)))


def check_once(memory: Path, data: Any, schema: Mapping[str, Any], file: str, prefix: str = "") -> None:
    """Check as `check` does, unless the very same data passed the very same schema before.

    `memory` is a file that may be lost at any time; it spares everyday commands the import of jsonschema.
    """
    digest = sha256(json.dumps([schema, data, prefix], ensure_ascii=False, default=repr).encode()).hexdigest()
    try:
        known = memory.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        known = []
    if digest in known:
        return
    check(data, schema, file, prefix)
    if memory.parent.is_dir():
        with suppress(OSError):
            write_atomically(memory, "\n".join([*known, digest][-_REMEMBERED:]).encode())


def _sentence(error: Any, schema: Mapping[str, Any], file: str, prefix: str) -> str:
    from crmcore.builtin.administration.settings.secrecy import may_show_secret, of_secret, secret_sentence

    path = ".".join(part for part in (prefix, *map(str, error.absolute_path)) if part) or _("the file")
    if of_secret(error):
        return secret_sentence(file, path)
    if error.validator == "additionalProperties":
        return _unknown_key(error, file, path if error.absolute_path or prefix else "")
    if error.validator == "required":
        missing = next(k for k in error.validator_value if k not in error.instance)
        return _("{file}: {path} lacks the key {key!r}; add it").format(file=file, path=path, key=missing)
    if may_show_secret(error, schema):
        message = _(
            "{file}: what was given for {path} is not allowed, nor shown as it may hold a secret; allowed is {allowed}"
        )
        return message.format(file=file, path=path, allowed=_allowed(error))
    return _("{file}: {path} = {value} is not allowed; allowed is {allowed}").format(
        file=file, path=path, value=_shown(error.instance), allowed=_allowed(error)
    )


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)  # TOML has dates and times
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _unknown_key(error: Any, file: str, path: str) -> str:
    known = list(error.schema.get("properties", {}))
    patterns = error.schema.get("patternProperties", {})
    unknown = next(k for k in error.instance if k not in known and not any(re.search(p, k) for p in patterns))
    key = f"{path}.{unknown}" if path else unknown
    near = get_close_matches(unknown, known, n=1)
    if near:
        return _("{file}: unknown key {key!r}; did you mean {near!r}?").format(
            file=file, key=key, near=near[0]
        )
    return _("{file}: unknown key {key!r}; known are {known}").format(
        file=file, key=key, known=", ".join(sorted(known)) or _("none")
    )


def _allowed(error: Any) -> str:
    value = error.validator_value
    if error.validator == "enum":
        near = get_close_matches(str(error.instance), [str(v) for v in value], n=1)
        choices = ", ".join(json.dumps(v, ensure_ascii=False) for v in value)
        return choices + (" " + _("(did you mean {near!r}?)").format(near=near[0]) if near else "")
    if error.validator == "type" and not isinstance(value, str):
        value = ", ".join(value)
    if error.validator in _ALLOWED:
        return _(_ALLOWED[error.validator]).format(value=value)
    return json.dumps({error.validator: value}, ensure_ascii=False)[:200]


_ALLOWED = {
    "type": N_("a value of type {value}"),
    "minimum": N_("a number of at least {value}"),
    "maximum": N_("a number of at most {value}"),
    "exclusiveMinimum": N_("a number above {value}"),
    "pattern": N_("text that matches {value}"),
    "format": N_("text in the format {value}"),
    "maxLength": N_("at most {value} characters"),
    "minLength": N_("at least {value} characters"),
    "maxItems": N_("at most {value} items"),
    "minItems": N_("at least {value} items"),
}


def with_defaults(schema: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return data with the schema's defaults filled in, nested objects included."""
    result = dict(data)
    for key, sub in schema.get("properties", {}).items():
        if key not in result and "default" in sub and "x-secret" not in sub:
            result[key] = sub["default"]
        if isinstance(result.get(key), dict) and sub.get("properties"):
            result[key] = with_defaults(sub, result[key])
    return result
