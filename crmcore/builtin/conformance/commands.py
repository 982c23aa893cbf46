"""The commands: each target of the manifest loads and is one, and so are those below it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from crmcore.builtin.conformance.findings import Finding, finding, said
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.builtin.conformance.subject import Subject

_MOST = 500


def check_commands(subject: Subject) -> Finding:
    """Load every command of the manifest and every one below it."""
    subject.need("hooks")
    problems: list[str] = []
    count = 0
    for command in subject.manifest.commands:
        for path, loaded in tree(command["name"], command["target"]):
            count += 1
            if isinstance(loaded, str):
                problems.append(f"crm {' '.join(path)}: {loaded}")
            elif not loaded.help:
                problems.append(_("crm {command} has no help").format(command=" ".join(path)))
    return finding(problems, _("{count} commands").format(count=count))


def tree(name: str, target: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the words and the click command of a command and all below it, or the reason why it cannot be loaded."""
    import click

    try:
        module, attribute = target.split(":")
        root = getattr(import_module(module), attribute)
    except Exception as error:  # noqa: BLE001  (a plugin may raise anything)
        yield (name,), said(error)
        return
    waiting: list[tuple[tuple[str, ...], Any]] = [((name,), root)]
    for _turn in range(_MOST):
        if not waiting:
            return
        path, command = waiting.pop(0)
        if not isinstance(command, click.Command):
            yield path, _("{got} is not a click command").format(got=type(command).__name__)
            continue
        yield path, command
        if isinstance(command, click.Group):
            waiting += [((*path, below), _member(command, below)) for below in _members(command)]


def _members(group: Any) -> list[str]:
    import click

    return list(group.list_commands(click.Context(group)))


def _member(group: Any, name: str) -> Any:
    """Load a member of a group; a lazy one may fail to."""
    import click

    try:
        return group.get_command(click.Context(group), name)
    except Exception as error:  # noqa: BLE001  (as above)
        return error
