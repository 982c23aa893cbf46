"""What still works and will be gone: hooks, arguments of hooks, names of `crmcore.api`.

A name of `crmcore.api` that is deprecated must be loaded lazily there, so that whoever takes it can be told. How long
things stay is told in docs/explanation/versioning.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from typing import Any, Literal, NamedTuple

from crmcore.i18n import N_, _

_SENTENCES = {
    "hook": N_(
        "the hook {name} is deprecated since crmcore {since} and will be gone in {gone}; use {instead}"
    ),
    "argument": N_(
        "the argument {name} is deprecated since crmcore {since} and will be gone in {gone}; use {instead}"
    ),
    "name": N_(
        "crmcore.api.{name} is deprecated since crmcore {since} and will be gone in {gone}; use {instead}"
    ),
}


class Deprecation(NamedTuple):
    """One thing that will be gone, and what to use instead."""

    kind: Literal["hook", "argument", "name"]
    name: str
    """`alerts`; of an argument `alerts.run`."""
    since: str
    removed_in: str
    use_instead: str

    def __str__(self) -> str:
        """Say it to whoever uses it."""
        return _(_SENTENCES[self.kind]).format(
            name=self.name, since=self.since, gone=self.removed_in, instead=self.use_instead
        )


DEPRECATED: list[Deprecation] = []
"""All of them, the first to go first."""


def among(used: Collection[tuple[str, str]]) -> list[Deprecation]:
    """Return what is deprecated of (kind, name) pairs."""
    return [d for d in DEPRECATED if (d.kind, d.name) in used] if DEPRECATED else []


def used_by(hook: str, arguments: Iterable[str]) -> list[tuple[str, str]]:
    """Return an implementation of a hook as (kind, name) pairs."""
    return [("hook", hook), *(("argument", f"{hook}.{argument}") for argument in arguments)]


def warn_of_hook(hook: str, function: Any, arguments: Iterable[str]) -> None:
    """Warn of a deprecated hook or argument at the place where a plugin implements it."""
    for found in among(used_by(hook, arguments)):
        warnings.warn_explicit(
            str(found), DeprecationWarning, function.__code__.co_filename, function.__code__.co_firstlineno
        )


def warn_of_name(name: str) -> None:
    """Warn of a deprecated name at the place where it is taken from `crmcore.api`."""
    for found in among([("name", name)]):
        warnings.warn(str(found), DeprecationWarning, stacklevel=3)
