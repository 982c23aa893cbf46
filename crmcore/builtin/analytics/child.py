"""The process in which DuckDB works: `python -m crmcore.builtin.analytics.child`, spoken to in lines of JSON.

It never imports sqlite3: ADBC brings a SQLite of its own, and two of them in one process would take away each
other's locks on the file. Each line of standard input is a command `{"do": …}`; each gets one line in return, its
result or `{"error": sentence}`. It ends when standard input does, whatever it is doing.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import sys
import threading
from typing import Any

from crmcore.builtin.analytics.child_work import Work


def main() -> None:
    """Answer commands until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    commands: queue.Queue[str] = queue.Queue()
    folder = os.environ["CRM_ANALYTICS_FOLDER"]
    threading.Thread(target=_listen, args=(commands, folder), daemon=True).start()
    work = Work(folder)
    while True:
        answer = _answer(work, json.loads(commands.get()))
        answers.write(json.dumps(answer, ensure_ascii=False, separators=(",", ":"), default=str) + "\n")
        answers.flush()


def _listen(commands: queue.Queue[str], folder: str) -> None:
    """Take commands; at the end of input end the process at once: an open transaction is rolled back by that."""
    for line in sys.stdin:
        commands.put(line)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _answer(work: Work, command: dict[str, Any]) -> dict[str, Any]:
    arguments = {key: value for key, value in command.items() if key != "do"}
    try:
        return {"result": getattr(work, "do_" + command["do"])(**arguments)}
    except Exception as error:  # noqa: BLE001 -- whatever it is, the parent tells the user
        return {"error": " ".join(str(error).split()) or type(error).__name__, "type": type(error).__name__}


if __name__ == "__main__":
    main()
