"""`crm` without its imports: a process that has them behind it forks for each command that is typed.

`ready_crm()` starts that process and gives a folder for PATH. The `crm` in there imports next to nothing: it hands its
words, environment, folder, umask and standard streams over and waits. A child of the process that is ready runs the
script `crm` of `.venv` with them. Signals that end commands are passed on; the one who asked ends as the child did.

What is imported beforehand belongs to the core or to others, never to a plugin, and takes nothing from the environment.
Of what the environment tells Python itself, PYTHONPATH alone counts for a single command.
"""

import gc
import marshal
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import NamedTuple

CRM = Path(sys.executable).parent / "crm"
PRELOADED = (
    "alembic.command", "crmcore.app", "crmcore.cli.main", "cryptography.fernet", "jsonschema", "opencc", "packaging.version", "psycopg",
    "rapidfuzz", "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite.pysqlite", "tomlkit",
)  # fmt: skip
LENGTH = 8
"""Bytes that say how long a request is."""
SHIM = """\
#!{python} -IS
import marshal, posix, sys, _signal, _socket

ENDS = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM)
server = _socket.socket(_socket.AF_UNIX)
server.connect({address!r})
mask = posix.umask(0)
posix.umask(mask)
found = posix.environ | {{b"PATH": posix.environ[b"PATH"].replace({folder!r}, b"", 1)}}
request = marshal.dumps((sys.argv[1:], found, posix.getcwd(), mask))
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
server.sendmsg([len(request).to_bytes({length}, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
server.sendall(request)
for number in ENDS:
    _signal.signal(number, lambda number, _frame: server.send(bytes([number])))
code = int.from_bytes(server.recv(2), "big", signed=True)
if -code in ENDS:
    _signal.signal(-code, _signal.SIG_DFL)
if code < 0:
    posix.kill(posix.getpid(), -code)
posix._exit(code)
"""


class Request(NamedTuple):
    """A command as it was typed, with its standard streams."""

    words: list[str]
    environment: dict[bytes, bytes]
    folder: str
    umask: int
    streams: list[int]


@contextmanager
def ready_crm() -> Iterator[Path]:
    """Start the process; give the folder whose `crm` asks it. Both are gone afterwards."""
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX) as listener:
        folder, address = Path(name), f"{name}/socket"
        listener.bind(address)
        listener.listen()
        shim = folder / "bin" / "crm"
        shim.parent.mkdir()
        first = f"{shim.parent}{os.pathsep}".encode()
        shim.write_text(
            SHIM.format(python=sys.executable, address=address, length=LENGTH, folder=first), encoding="utf-8"
        )
        shim.chmod(0o755)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("CRM_", "PYTHON"))}
        with subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            env={**own, "PYTHONDONTWRITEBYTECODE": "1"},
        ):
            listener.close()
            yield shim.parent


def serve(listener: socket.socket) -> Request:
    """Fork for each request until standard input ends; return the request in the child, which is to run it."""
    ended, ending = os.pipe()
    os.set_blocking(ending, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ending)
    running: dict[socket.socket, int] = {}
    while True:
        ready = select.select([sys.stdin, listener, ended, *running], [], [])[0]
        if sys.stdin in ready:
            for pid in running.values():
                os.kill(pid, signal.SIGKILL)
            sys.exit()
        for asking in running.keys() & set(ready):
            if not _passed_on(asking, running[asking]):
                del running[asking]
                asking.close()
        if ended in ready:
            os.read(ended, 1024)
            _report(running)
        if listener in ready:
            asking, _address = listener.accept()
            request = _received(asking)
            running[asking] = os.fork()
            if running[asking] == 0:
                return request
            for number in request.streams:
                os.close(number)


def _received(asking: socket.socket) -> Request:
    length, streams, _flags, _address = socket.recv_fds(asking, LENGTH, 3)
    given = asking.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL)
    words, environment, folder, umask = marshal.loads(given)  # noqa: S302  (of a process of the same user)
    return Request(words, environment, folder, umask, streams)


def _passed_on(asking: socket.socket, pid: int) -> bool:
    """Give the command the signal that met the one who asked; one whose asker is gone is hung up on."""
    number = asking.recv(1)
    os.kill(pid, number[0] if number else signal.SIGHUP)
    return bool(number)


def _report(running: dict[socket.socket, int]) -> None:
    """Tell those whose commands have ended how."""
    while (found := _one_that_ended()) is not None:
        for asking in [asking for asking, pid in running.items() if pid == found[0]]:
            del running[asking]
            with asking, suppress(OSError):
                asking.sendall(found[1].to_bytes(2, "big", signed=True))


def _one_that_ended() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def become(request: Request) -> None:
    """Be the process that was asked for."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(request.streams):
        os.dup2(stream, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        was = getattr(sys, name)
        mode, buffering = was.mode, 1 if name == "stderr" else -1
        opened = open(number, mode, buffering, was.encoding, was.errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, opened)
        setattr(sys, f"__{name}__", opened)
    os.environ.clear()
    os.environb.update(request.environment)
    time.tzset()
    os.chdir(request.folder)
    os.umask(request.umask)
    sys.argv = [str(CRM), *request.words]
    sys.path[1:1] = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    runpy.run_path(str(CRM), run_name="__main__")


def preload() -> None:
    """Import what commands import, but for plugins and for what runs in processes of its own."""
    from crmcore import builtin

    for name in PRELOADED:
        import_module(name)
    for module in walk_packages(builtin.__path__, "crmcore.builtin."):
        if ".conformance" not in module.name and not module.name.endswith(".child"):
            import_module(module.name)
    gc.freeze()


if __name__ == "__main__":
    sys.path[0] = str(CRM.parent)
    preload()
    become(serve(socket.socket(fileno=int(sys.argv[1]))))
