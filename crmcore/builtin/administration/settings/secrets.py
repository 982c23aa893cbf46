"""Secrets of plugins: crm.toml says where each is kept, and it is looked up when a plugin asks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from crmcore.errors import BadConfig
from crmcore.i18n import _
from crmcore.text import SECRETS

SHORTEST_HIDDEN = 6
"""A shorter secret is not looked for in what is shown: too many words would hold it."""
KINDS = ("env", "keyring")


def find_secret(plugin: str, key: str, settings: Mapping[str, Any]) -> str:
    """Return the secret that a setting refers to; from now on this process shows it to nobody."""
    reference: Any = settings
    for part in key.split("."):
        reference = reference.get(part) if isinstance(reference, Mapping) else None
    if not is_reference(reference):
        message = _(
            "plugin {plugin!r} needs the secret {key!r}; say where it is kept: crm plugins settings {plugin} set {key} env:NAME"
        )
        raise BadConfig(message.format(plugin=plugin, key=key))
    secret = _looked_up(reference)
    if not secret:
        message = _("plugin {plugin!r} needs the secret {key!r}, and {reference} holds nothing; {hint}")
        hint = _hint(reference)
        raise BadConfig(message.format(plugin=plugin, key=key, reference=shown(reference), hint=hint))
    # What is shown is shown line by line, and some keys have several.
    SECRETS.update(part for part in (secret, *secret.splitlines()) if len(part) >= SHORTEST_HIDDEN)
    return secret


def is_reference(value: object) -> bool:
    """Say whether a value has the form of a reference to a secret."""
    return isinstance(value, Mapping) and len(value) == 1 and set(value) <= set(KINDS)


def resolves(reference: Mapping[str, str]) -> bool:
    """Say whether there is a secret where a reference points to."""
    try:
        return bool(_looked_up(reference))
    except BadConfig:
        return False


def shown(reference: Mapping[str, str]) -> str:
    """Write a reference as it is typed: `env:NAME`, `keyring:service/user`."""
    ((kind, place),) = reference.items()
    return f"{kind}:{place}"


def _looked_up(reference: Mapping[str, str]) -> str | None:
    ((kind, place),) = reference.items()
    return os.environ.get(place) if kind == "env" else _of_keyring(place)


def _of_keyring(place: str) -> str | None:
    try:
        import keyring
    except ImportError:
        message = _(
            "{reference} lies in a keyring; install what reads it: pip install 'crmcore[keyring]', or refer to env:NAME"
        )
        raise BadConfig(message.format(reference=f"keyring:{place}")) from None
    service, _slash, user = place.rpartition("/")
    try:
        return keyring.get_password(service, user)
    except Exception as error:  # noqa: BLE001  (a backend raises what it likes; its words may hold what it read)
        message = _("{reference} cannot be read ({type}); unlock the keyring, or refer to env:NAME")
        raise BadConfig(message.format(reference=f"keyring:{place}", type=type(error).__name__)) from None


def _hint(reference: Mapping[str, str]) -> str:
    ((kind, place),) = reference.items()
    if kind == "env":
        return _("set that variable of the environment")
    service, _slash, user = place.rpartition("/")
    return _("store it with: keyring set {service} {user}").format(service=service, user=user)
