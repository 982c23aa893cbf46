"""What is left of `crm plugins check` where that is killed: a process of its own waits for its end, and tidies up.

It is told on stdin what was begun (+) and ended (-), a line each; when stdin ends, whatever ended it, it stops the groups
of processes and the servers that still run, and takes the folders away. It runs as a script: nothing of crmcore is here.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

_ATTEMPTS = 50
"""To take a folder away in which something may still be writing, a tenth of a second apart."""


class Tidying:
    """Tells the process what there is to tidy up; where there are no groups of processes it does nothing."""

    def __init__(self) -> None:
        """Start the process, in a session of its own: a Ctrl-C is not for it."""
        self._process = None
        if os.name == "posix":
            self._process = subprocess.Popen(  # noqa: S603  (this very file)
                [sys.executable, "-I", "-S", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        """Lend it."""
        return self

    def __exit__(self, *_of_the_error: object) -> None:
        """Let the process do what is left to do, and end."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()

    def begun(self, what: int | str) -> None:
        """Note what is there from now on: a group of processes, or a folder, in which a server may run."""
        self._tell(f"+{what}\n")

    def ended(self, what: int | str) -> None:
        """Note what is not there any more."""
        self._tell(f"-{what}\n")

    def _tell(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                os.write(self._process.stdin.fileno(), os.fsencode(line))


def main() -> None:
    """Wait for the end, and tidy up."""
    begun: set[bytes] = set()
    for line in sys.stdin.buffer:
        sign, what = line[:1], line[1:-1]
        (begun.add if sign == b"+" else begun.discard)(what)
    for what in begun:
        if what.isdigit():
            with suppress(OSError):
                os.killpg(int(what), signal.SIGKILL)
    for what in begun:
        if not what.isdigit():
            _remove(Path(os.fsdecode(what)))


def _remove(folder: Path) -> None:
    for _attempt in range(_ATTEMPTS):
        with suppress(OSError, ValueError, IndexError):
            os.kill(int((folder / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main()
