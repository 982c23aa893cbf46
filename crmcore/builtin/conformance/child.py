"""The process in which a plugin's code runs while it is checked: reads a request on stdin, writes a row per check.

Rows go to what was stdout when the process began. What the plugin prints goes to a file, stdin is empty.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import warnings
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from crmcore.builtin.conformance.findings import Finding, NotRun, cut, said
from crmcore.builtin.conformance.order import CHECKS
from crmcore.i18n import _, set_language

if TYPE_CHECKING:
    from crmcore.builtin.conformance.subject import Subject

_PRINTED = "printed.txt"


def main() -> None:
    """Make the checks asked for, one after the other."""
    request = json.loads(sys.stdin.read())
    folder = Path(request["scratch"])
    rows, printed = _streams(folder)
    _quiet()
    set_language(request["language"])
    from crmcore.builtin.conformance.subject import Subject

    subject = Subject(request["plugin"], folder, request["failed"], request["postgres"])
    for name in request["checks"]:
        before = printed.tell()
        ok, detail = made(name, subject)
        _flush()
        if not ok:
            subject.failed.add(name)
        row = {"name": name, "ok": ok, "detail": cut(detail), "printed": _since(folder, before)}
        rows.write(json.dumps(row) + "\n")
        rows.flush()
        gc.collect()
    rows.flush()
    os._exit(0)  # whatever threads the plugin has left behind


def _flush() -> None:
    """Let what the plugin printed past `sys.stdout` reach the file."""
    for stream in (sys.__stdout__, sys.__stderr__):
        with suppress(Exception):
            if stream:
                stream.flush()


def made(name: str, subject: Subject) -> Finding:
    """Make one check; whatever it raises is what it found."""
    module, function = CHECKS[name].split(":")
    try:
        check: Any = getattr(import_module(f"crmcore.builtin.conformance.{module}"), function)
        found: Finding = check(subject)
    except NotRun as reason:
        return False, _("not run: {reason}").format(reason=reason)
    except BaseException as error:  # noqa: BLE001  (a plugin may raise anything)
        return False, said(error)
    return found


def _streams(folder: Path) -> tuple[TextIO, TextIO]:
    """Keep stdout for the rows; what is printed from now on goes to a file, and there is nothing to read."""
    rows = os.fdopen(os.dup(1), "w", encoding="utf-8")
    path = folder / _PRINTED
    printed = path.open("a", encoding="utf-8", errors="replace", buffering=1)
    os.dup2(printed.fileno(), 1)
    sys.stdout = sys.stderr = printed
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123  (for as long as the process lives)
    return rows, printed


def _since(folder: Path, start: int) -> str:
    with (folder / _PRINTED).open("rb") as file:
        file.seek(start)
        return file.read(2_000).decode("utf-8", "replace")


def _quiet() -> None:
    """Let only what the plugin itself prints count as printed: neither warnings nor logging."""
    warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())


if __name__ == "__main__":
    main()
