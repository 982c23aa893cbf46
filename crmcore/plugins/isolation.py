"""A call into a plugin, set apart from the process, the transaction and the values that it is lent.

Fault isolation, not a sandbox: what a plugin spoils by mistake is put right; what is not is told in
docs/explanation/security.md.
"""

from __future__ import annotations

import errno
import io
import locale
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from decimal import localcontext
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings

from crmcore.errors import CrmError, GateError, PluginError
from crmcore.i18n import _

if TYPE_CHECKING:
    import sqlalchemy as sa


def _umask() -> int:
    mask = os.umask(0o077)  # there is no other way to ask
    os.umask(mask)
    return mask


_PROCESS: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (os.getcwd, os.chdir),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (_umask, os.umask),
    (partial(locale.setlocale, locale.LC_ALL), partial(locale.setlocale, locale.LC_ALL)),
)
"""What a call may not change for those after it: how it is read, how it is set."""
_NESTING: frozenset[type] = frozenset({dict, list})
_ROWS = 500
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Aside:
    """A stream that lends itself but cannot be closed."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def close(self) -> None:
        self._stream.flush()


@contextmanager
def set_apart() -> Iterator[None]:
    """Run a plugin's code so that the process is afterwards as it was.

    What it prints goes to stderr, for stdout is the command's, often JSON; whoever asks for input is at its end at once.
    Put back: the three streams, environment, working folder, umask, locale, decimal context, warning filters,
    recursion limit, and who gets Ctrl-C.
    """
    streams = sys.stdin, sys.stdout, sys.stderr
    aside: Any = sys.stderr if isinstance(sys.stderr, _Aside) else _Aside(sys.stderr or io.StringIO())
    lent = os.environ
    environment = lent._data.copy()  # type: ignore[attr-defined]  # noqa: SLF001  (the public copy takes a hundred times as long)
    state = [_read(read) for read, _set in _PROCESS]
    handlers = [signal.getsignal(number) for number in _SIGNALS]
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), aside, aside
    try:
        with catch_warnings(), localcontext():
            yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams
        os.environ = lent  # noqa: B003  (the very object, where somebody put another in its place)
        if lent._data != environment:  # type: ignore[attr-defined]  # noqa: SLF001
            _restore_environment(environment)
        for before, (read, put_back) in zip(state, _PROCESS, strict=True):
            if before is not None and _read(read) != before:
                put_back(before)
        _restore_signals(handlers)


def _read(read: Callable[[], Any]) -> Any:
    """Return a part of the state, None where there is none: a working folder may have been deleted."""
    try:
        return read()
    except (OSError, locale.Error):
        return None


def _restore_environment(before: Mapping[Any, Any]) -> None:
    wanted = {os.fsdecode(name): os.fsdecode(value) for name, value in before.items()}
    for name in [n for n in os.environ if n not in wanted]:
        del os.environ[name]
    os.environ.update({name: value for name, value in wanted.items() if os.environ.get(name) != value})


def _restore_signals(before: list[Any]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may set them, so a plugin could not either
    for number, handler in zip(_SIGNALS, before, strict=True):
        if handler is not None and signal.getsignal(number) != handler:
            signal.signal(number, handler)


@contextmanager
def blaming(plugin: str, what: str) -> Iterator[None]:
    """Set a call apart; what goes wrong in it becomes a PluginError that names the plugin and what it was asked for.

    Sentences for users (CrmError) pass, and what is said of disk, locks and keys; not a write round the gate.
    """
    from crmcore.plugins.health import message_of

    try:
        with set_apart():
            yield
    except BaseException as error:
        if nobodys_fault(error):
            raise
        raise PluginError(
            _("plugin {plugin!r} failed in {hook} ({type}: {message})").format(
                plugin=plugin, hook=what, type=type(error).__name__, message=message_of(error)
            )
        ) from error


def nobodys_fault(error: BaseException) -> bool:
    """Say whether an error is none of the plugin in whose code it rose: sentences for users, disk, locks, keys, Ctrl-C."""
    import sqlalchemy as sa

    if isinstance(error, CrmError):
        return not isinstance(error, GateError)
    if isinstance(error, OSError):
        return error.errno == errno.ENOSPC
    if isinstance(error, sa.exc.OperationalError):  # SQLite calls a mistake in a statement so, too
        mistake = getattr(error.orig, "sqlite_errorname", "") == "SQLITE_ERROR"
        return not mistake or "integer overflow" in str(error.orig)
    return isinstance(error, KeyboardInterrupt | sa.exc.IntegrityError)


def each(
    rows: Callable[[], Iterable[Any]], blame: Callable[[], AbstractContextManager[None]]
) -> Iterator[Any]:
    """Give the rows that a plugin makes, in batches: `blame()` guards the making, never who takes them."""
    with blame():
        left = iter(rows())
    while True:
        with blame():
            part = list(islice(left, _ROWS))
        yield from part
        if len(part) < _ROWS:
            return


@contextmanager
def only_reading(connection: sa.Connection) -> Iterator[None]:
    """Lend a connection in a savepoint in which the database itself refuses writes, those past the guard too.

    What the borrower leaves open is closed with the savepoint; options that it set are taken back.
    """
    options = connection.get_execution_options()
    with connection.begin_nested() as savepoint, _refusing_writes(connection):
        try:
            yield
        finally:
            connection._execution_options = options  # noqa: SLF001  (there is no public way to take one back)
            _close_those_in(savepoint, connection)


def _close_those_in(savepoint: sa.NestedTransaction, connection: sa.Connection) -> None:
    while (left := connection.get_nested_transaction()) not in {None, savepoint}:
        left.rollback()


@contextmanager
def _refusing_writes(connection: sa.Connection) -> Iterator[None]:
    from crmcore.db.engine import gate

    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        if not connection.get_execution_options().get("postgresql_readonly"):
            with gate(connection):  # holds until the savepoint ends
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        yield
        if driver.info.transaction_status.name == "INERROR":  # a statement failed, and that was hidden
            connection.exec_driver_sql("SELECT 1")
        return
    before = driver.execute("PRAGMA query_only").fetchone()[0]
    driver.execute("PRAGMA query_only=ON").close()
    try:
        yield
    finally:
        driver.execute(f"PRAGMA query_only={before}").close()


def broken(connection: sa.Connection) -> bool:
    """Say whether a connection was broken by whoever it was lent to; it is given up then."""
    try:
        connection.exec_driver_sql("SELECT 1").close()
    except Exception:  # noqa: BLE001  (closed, detached, in a failed transaction: each driver says it in its own way)
        connection.invalidate()
        return True
    return False


def frozen(values: Any) -> Any:
    """Return values that a plugin can read and not change: others see them after it, and they are what is written."""
    if isinstance(values, dict):
        if _NESTING.isdisjoint(map(type, values.values())):
            return MappingProxyType(values)
        return MappingProxyType({k: frozen(v) if v.__class__ in _NESTING else v for k, v in values.items()})
    return tuple(map(frozen, values)) if isinstance(values, list) else values


def own(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments for one plugin: lists and dicts are its own, so that it can sort or empty them."""
    return {name: _copy(value) if value.__class__ in _NESTING else value for name, value in arguments.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _copy(v) if v.__class__ in _NESTING else v for k, v in value.items()}
    if _NESTING.isdisjoint(map(type, value)):
        return value.copy()
    return [_copy(v) if v.__class__ in _NESTING else v for v in value]
