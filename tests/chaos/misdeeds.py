"""What a bad plugin does: each function is one fault, wherever it is called. The chaos plugin carries this very file.

`good()` gives the right answer and `good.record` one record such as the hook returns; `ctx` is None where the hook has
none; `arguments` are what the hook was given.
"""

from __future__ import annotations

import contextlib
import dataclasses
import decimal
import locale
import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn

Good = Any
Arguments = dict[str, Any]
UPDATE = "UPDATE customer SET name = 'stolen'"


# -- it raises ---------------------------------------------------------------------------------------------------


def raises(good: Good, ctx: Any, arguments: Arguments) -> NoReturn:
    raise ValueError("the scale is broken")


def exits(good: Good, ctx: Any, arguments: Arguments) -> NoReturn:
    raise SystemExit(3)


def exits_well(good: Good, ctx: Any, arguments: Arguments) -> NoReturn:
    sys.exit()


def recurses(good: Good, ctx: Any, arguments: Arguments) -> Any:
    return recurses(good, ctx, arguments)


def ends_a_generator(good: Good, ctx: Any, arguments: Arguments) -> NoReturn:
    raise GeneratorExit


def ends_an_iteration(good: Good, ctx: Any, arguments: Arguments) -> Any:
    return next(iter(()))


def runs_out_of_memory(good: Good, ctx: Any, arguments: Arguments) -> NoReturn:
    raise MemoryError


class Odd(BaseException):
    """Not even an Exception."""


def raises_a_base_exception(good: Good, ctx: Any, arguments: Arguments) -> NoReturn:
    raise Odd("no Exception")


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError


class Leaving(Exception):
    def __str__(self) -> str:
        raise SystemExit(4)


def cannot_say_why(good: Good, ctx: Any, arguments: Arguments) -> NoReturn:
    raise Mute


def exits_saying_why(good: Good, ctx: Any, arguments: Arguments) -> NoReturn:
    raise Leaving


def shouts(good: Good, ctx: Any, arguments: Arguments) -> NoReturn:
    raise ValueError("\x1b[31m[red]\u202e\0[/a] " + "x" * 5_000_000)


def is_interrupted(good: Good, ctx: Any, arguments: Arguments) -> NoReturn:
    raise KeyboardInterrupt


# -- it returns something else -----------------------------------------------------------------------------------


def returns_nothing(good: Good, ctx: Any, arguments: Arguments) -> None:
    return None


def returns_a_number(good: Good, ctx: Any, arguments: Arguments) -> Any:
    return 7


def returns_text(good: Good, ctx: Any, arguments: Arguments) -> Any:
    return "garbage"


def returns_dicts(good: Good, ctx: Any, arguments: Arguments) -> Any:
    return [{"customer_id": 1, "title": "x"}]


def returns_a_class(good: Good, ctx: Any, arguments: Arguments) -> Any:
    return [type(good.record)]


def returns_hollow_records(good: Good, ctx: Any, arguments: Arguments) -> Any:
    return [object.__new__(type(good.record))]


def returns_wrong_fields(good: Good, ctx: Any, arguments: Arguments) -> Any:
    record = good.record
    return [dataclasses.replace(record, **{dataclasses.fields(record)[0].name: object()})]


def returns_a_naive_time(good: Good, ctx: Any, arguments: Arguments) -> Any:
    record, naive = good.record, datetime(2026, 3, 2, 9, 0)  # noqa: DTZ001  (that is the fault)
    return [
        dataclasses.replace(record, **({"at": naive} if hasattr(record, "at") else {"data": {"at": naive}}))
    ]


def returns_a_number_that_no_database_holds(good: Good, ctx: Any, arguments: Arguments) -> Any:
    return [dataclasses.replace(good.record, customer_id=2**70)]


def returns_a_number_that_nobody_can_print(good: Good, ctx: Any, arguments: Arguments) -> Any:
    return [dataclasses.replace(good.record, data={"n": 10**5000})]


class Trap:
    def __getattr__(self, name: str) -> Any:
        raise ValueError(f"{name} is a trap")

    def __iter__(self) -> Any:
        raise ValueError("a trap")


def returns_a_trap(good: Good, ctx: Any, arguments: Arguments) -> Any:
    return [Trap()]


def fails_at_the_second(good: Good, ctx: Any, arguments: Arguments) -> Any:
    yield good.record
    raise ValueError("the second is broken")


def fails_when_closed(good: Good, ctx: Any, arguments: Arguments) -> Any:
    try:
        while True:
            yield object()
    finally:
        raise ValueError("it will not be closed")


def returns_a_million(good: Good, ctx: Any, arguments: Arguments) -> Any:
    return [good.record] * 1_000_000


def returns_without_end(good: Good, ctx: Any, arguments: Arguments) -> Any:
    record = good.record
    while True:
        yield record


def sleeps(good: Good, ctx: Any, arguments: Arguments) -> Any:
    time.sleep(0.3)
    return good()


def dawdles_without_end(good: Good, ctx: Any, arguments: Arguments) -> Any:
    record = good.record
    while True:
        yield record
        time.sleep(0.05)


# -- it works on the database as it likes ------------------------------------------------------------------------


def _run(statement: str) -> Callable[..., Any]:
    def misdeed(good: Good, ctx: Any, arguments: Arguments) -> Any:
        ctx.connection.exec_driver_sql(statement)
        return good()

    return misdeed


def _raw(statement: str) -> Callable[..., Any]:
    def misdeed(good: Good, ctx: Any, arguments: Arguments) -> Any:
        ctx.connection.connection.driver_connection.execute(statement)
        return good()

    return misdeed


def _method(name: str) -> Callable[..., Any]:
    def misdeed(good: Good, ctx: Any, arguments: Arguments) -> Any:
        getattr(ctx.connection, name)()
        return good()

    return misdeed


updates = _run(UPDATE)
deletes = _run("DELETE FROM customer")
inserts = _run("INSERT INTO customer (code, name) VALUES ('X', 'x')")
updates_in_hiding = _run(f"/* SELECT */ WITH x AS (SELECT 1) {UPDATE}")
drops = _run("DROP TABLE customer")
opens_the_lock = _run("PRAGMA query_only=OFF")
attaches = _run("ATTACH ':memory:' AS other")
commits_by_text = _run("COMMIT")
breaks_a_statement = _run("SELECT nowhere")
updates_raw = _raw(UPDATE)
commits = _method("commit")
rolls_back = _method("rollback")
closes = _method("close")
detaches = _method("detach")
invalidates = _method("invalidate")
leaves_a_savepoint = _method("begin_nested")


def breaks_the_connection(good: Good, ctx: Any, arguments: Arguments) -> Any:
    ctx.connection.connection.driver_connection.close()
    return good()


def hides_a_broken_statement(good: Good, ctx: Any, arguments: Arguments) -> Any:
    with contextlib.suppress(Exception):
        ctx.connection.exec_driver_sql("SELECT nowhere")
    return good()


def leaves_a_cursor(good: Good, ctx: Any, arguments: Arguments) -> Any:
    ctx.connection.exec_driver_sql("SELECT id FROM actor UNION ALL SELECT id FROM customer").fetchone()
    return good()


def sets_options(good: Good, ctx: Any, arguments: Arguments) -> Any:
    ctx.connection.execution_options(schema_translate_map={None: "elsewhere"}, yield_per=1)
    return good()


def commits_the_transaction(good: Good, ctx: Any, arguments: Arguments) -> Any:
    ctx.connection.get_transaction().commit()
    return good()


# -- it takes the process for its own ----------------------------------------------------------------------------


def prints(good: Good, ctx: Any, arguments: Arguments) -> Any:
    print("noise")  # noqa: T201
    sys.stdout.buffer.write(b"noise")
    sys.stdout.flush()
    return good()


def prints_to_stderr(good: Good, ctx: Any, arguments: Arguments) -> Any:
    print("noise", file=sys.stderr)  # noqa: T201
    return good()


def asks(good: Good, ctx: Any, arguments: Arguments) -> Any:
    input("Your password: ")
    return good()


def reads_input(good: Good, ctx: Any, arguments: Arguments) -> Any:
    if sys.stdin.read():
        raise ValueError("it reads what others are told")
    return good()


def closes_the_streams(good: Good, ctx: Any, arguments: Arguments) -> Any:
    sys.stdout.close()
    sys.stderr.close()
    sys.stdin.close()
    return good()


def replaces_the_streams(good: Good, ctx: Any, arguments: Arguments) -> Any:
    sys.stdin = sys.stdout = sys.stderr = None
    return good()


def changes_the_environment(good: Good, ctx: Any, arguments: Arguments) -> Any:
    os.environ["CRM_ACTOR"] = "somebody else"
    os.environ.pop("PATH")
    return good()


def replaces_the_environment(good: Good, ctx: Any, arguments: Arguments) -> Any:
    os.environ = dict(os.environ)  # type: ignore[assignment]  # noqa: B003  (that is the fault)
    return good()


def removes_the_environment(good: Good, ctx: Any, arguments: Arguments) -> Any:
    del os.environ
    return good()


def changes_the_folder(good: Good, ctx: Any, arguments: Arguments) -> Any:
    os.chdir("/")
    os.umask(0)
    return good()


def changes_the_locale(good: Good, ctx: Any, arguments: Arguments) -> Any:
    locale.setlocale(locale.LC_ALL, "C")
    return good()


def changes_how_money_is_rounded(good: Good, ctx: Any, arguments: Arguments) -> Any:
    decimal.getcontext().prec = 2
    decimal.getcontext().rounding = decimal.ROUND_UP
    return good()


def changes_the_recursion_limit(good: Good, ctx: Any, arguments: Arguments) -> Any:
    sys.setrecursionlimit(sys.getrecursionlimit() + 7)
    return good()


def takes_ctrl_c(good: Good, ctx: Any, arguments: Arguments) -> Any:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return good()


def makes_warnings_errors(good: Good, ctx: Any, arguments: Arguments) -> Any:
    warnings.simplefilter("always")
    warnings.showwarning = raises  # type: ignore[assignment]
    return good()


def seeds(good: Good, ctx: Any, arguments: Arguments) -> Any:
    random.seed(1)
    return good()


def logs_much(good: Good, ctx: Any, arguments: Arguments) -> Any:
    logging.getLogger("chaos").error("x" * 200_000)
    return good()


def leaves_a_thread(good: Good, ctx: Any, arguments: Arguments) -> Any:
    threading.Thread(target=time.sleep, args=(0.05,), daemon=True).start()
    return good()


# -- it changes what it was lent ---------------------------------------------------------------------------------


def empties_its_arguments(good: Good, ctx: Any, arguments: Arguments) -> Any:
    answer = good()
    for value in arguments.values():
        if isinstance(value, list):
            value.clear()
    return answer


def rewrites_its_arguments(good: Good, ctx: Any, arguments: Arguments) -> Any:
    for change in arguments["changes"]:
        change.after["name"] = "stolen"
    return good()


def rewrites_what_lies_deeper(good: Good, ctx: Any, arguments: Arguments) -> Any:
    for change in arguments["changes"]:
        change.after["attributes"]["fax"] = "stolen"
    return good()
