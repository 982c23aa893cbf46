"""The engine `spark`: a session of Spark's own, in a Java process beside this one, on a cluster, or behind Connect."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from crmcore.builtin.analytics import sql
from crmcore.builtin.analytics.bench import Bench, Schema
from crmcore.builtin.analytics.requirements import lacking
from crmcore.builtin.analytics.snapshot import Snapshot
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from types import TracebackType

    import pyarrow as pa
    import sqlalchemy as sa

    from crmcore.app import App

_HANDED_OVER = 50_000
_LEAST_MEMORY_MB = 512
_PATIENCE = 10
_PORTS = {"spark": "7077", "sc": "15002"}
"""Kind of address → its usual port."""

_SETTINGS = {
    "spark.sql.ansi.enabled": "true",  # what does not fit is an error, as on the other engines
    "spark.sql.session.timeZone": "UTC",
}
_OF_OUR_PROCESS = {
    "spark.app.name": "crmcore",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.python.sql.dataFrameDebugging.enabled": "false",
}
_OF_THIS_COMPUTER = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
}


class SparkBench(Bench):
    """Spark SQL over rows that were handed over as Arrow, and over files where they lie."""

    dialect = "pyspark"

    def __init__(self, app: App, plugin: str) -> None:
        """Open the database and the session; CrmError if there is no Spark where crm.toml says."""
        super().__init__(app, plugin)
        self._snapshot = Snapshot(app, plugin)
        settings = app.config.data["analytics"]
        try:
            self._session = _session(settings["spark"], settings["memory_limit_mb"])
        except BaseException:
            self._snapshot.close()
            raise

    @classmethod
    def missing(cls, app: App) -> str | None:
        """Want the extra, and Java unless Spark runs behind Spark Connect."""
        where = str(app.config.data["analytics"]["spark"])
        if not where.startswith("sc://") and not _has_java():
            return _(
                "the engine spark needs Java 17 or newer, which was not found; install it or set JAVA_HOME"
            )
        return lacking("spark", "spark", ("ibis", "pyarrow", "pyspark"))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(Exception):  # a session that has died already
            self._session.stop()
        self._snapshot.close()

    def take_rows(self, name: str, select: sa.Select[Any], schema: Schema) -> None:
        """Hand them over as Arrow: a cluster sees no file of ours."""
        query = sql.of_select(name, select, schema, self._snapshot.dialect)
        if self._snapshot.dialect.name == "postgresql":
            query = sql.cast(query, schema, "postgres")
        rows = self._snapshot.rows(query, tuple(schema.values()), _HANDED_OVER)
        with _told():
            self._session.createDataFrame(_arrow(name, rows, schema)).createTempView(name)

    def take_files(self, name: str, files: str, schema: Schema) -> None:
        """Make a view of them; on a cluster its computers must see them under this name."""
        with _told():
            self._session.read.parquet(files).createTempView(f"{name}_files")
            query = sql.cast(f"SELECT * FROM {name}_files", schema, self.dialect)
            self._session.sql(query).createTempView(name)

    def keep(self, name: str, query: str, schema: Schema) -> None:
        """Make a view that is cached once it was computed."""
        with _told():
            self._session.sql(sql.cast(query, schema, self.dialect)).cache().createTempView(name)

    def answer(
        self, query: str, kinds: Sequence[str], size: int
    ) -> Generator[list[tuple[Any, ...]], None, None]:
        """Fetch rows, one partition after the other."""
        del kinds
        with _told():
            rows = map(tuple, self._session.sql(query).toLocalIterator())
        while True:
            with _told():
                part = list(islice(rows, size))
            if not part:
                return
            yield part


def _has_java() -> bool:
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=str(Path(home, "bin")) if home else None) is not None


def _session(where: str, memory_mb: int) -> Any:
    # Spark's errors come as exceptions, too; there they are told once.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    try:
        _reach(where)
        return _remote(where) if where.startswith("sc://") else _own(where, memory_mb)
    except CrmError:
        raise
    except Exception as error:
        raise CrmError(
            _("Spark does not start at {where}: {error}; see [analytics] spark in crm.toml").format(
                where=where.partition("/;")[0],  # what follows may be a token
                error=_first_line(error) + Java.last_words(),
            )
        ) from error


def _reach(where: str) -> None:
    """Raise OSError unless somebody listens there: Spark itself would go on trying for many minutes."""
    kind, _colons, rest = where.partition("://")
    if kind not in _PORTS:
        return
    for number, place in enumerate(hosts := rest.partition("/")[0].split(","), 1):
        host, _colon, port = place.rpartition(":") if ":" in place else (place, "", _PORTS[kind])
        try:
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
        except OSError:
            if number == len(hosts):
                raise
        else:
            return


def _remote(where: str) -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.remote(where)
    for name, value in _SETTINGS.items():
        builder = builder.config(name, value)
    return builder.create()


def _own(where: str, memory_mb: int) -> Any:
    """Start Spark with us as its driver."""
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    conf = SparkConf().setMaster(where).setAll([*_SETTINGS.items(), *_OF_OUR_PROCESS.items()])
    conf.set("spark.driver.memory", f"{max(memory_mb, _LEAST_MEMORY_MB)}m")
    if where.startswith("local"):
        conf.setAll(list(_OF_THIS_COMPUTER.items()))
    context = SparkContext(conf=conf, gateway=Java.running(conf))
    context.setLogLevel("OFF")
    return SparkSession(context)


class Java:
    """The Java process, one for the life of ours: Spark ends its sessions, not itself."""

    _folder: ClassVar[Path | None] = None
    _gateway: ClassVar[Any] = None

    @classmethod
    def running(cls, conf: Any) -> Any:
        """Start it unless it runs; its files lie in a private folder, and so does what it has to say."""
        from pyspark.java_gateway import launch_gateway

        if cls._folder is None:
            cls._folder = Path(tempfile.mkdtemp(prefix="crm-spark-"))
            atexit.register(cls.end)
        conf.set("spark.local.dir", str(cls._folder))
        conf.set("spark.sql.warehouse.dir", str(cls._folder / "warehouse"))
        if cls._gateway is None:
            start: Any = launch_gateway
            with (cls._folder / "errors.txt").open("wb") as errors:
                cls._gateway = start(conf, popen_kwargs={"stderr": errors})
        return cls._gateway

    @classmethod
    def last_words(cls) -> str:
        """Return the last thing that it said."""
        path = cls._folder / "errors.txt" if cls._folder else None
        lines = (
            path.read_text("utf-8", errors="replace").strip().splitlines() if path and path.exists() else []
        )
        return f" ({lines[-1]})" if lines else ""

    @classmethod
    def end(cls) -> None:
        """End it, and remove its folder."""
        if cls._gateway is not None:
            with suppress(Exception):
                cls._gateway.shutdown()
            process: Any = cls._gateway.proc
            process.stdin.close()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
        if cls._folder is not None:
            shutil.rmtree(cls._folder, ignore_errors=True)


def _arrow(name: str, batches: Iterator[list[tuple[Any, ...]]], schema: Schema) -> pa.Table:
    import pyarrow as pa

    types = {
        "int64": pa.int64(),
        "string": pa.string(),
        "date": pa.date32(),
        "boolean": pa.bool_(),
        "float64": pa.float64(),
    }
    fields = pa.schema([(column, types[kind]) for column, kind in schema.items()])
    try:
        return pa.Table.from_batches(
            [pa.record_batch(list(zip(*rows, strict=True)), schema=fields) for rows in batches], fields
        )
    except pa.ArrowInvalid as error:
        raise CrmError(
            _("{table} holds values of another type: {error}").format(table=name, error=error)
        ) from error


@contextmanager
def _told() -> Iterator[None]:
    """Turn Spark's pages of errors into a sentence."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, OSError) as error:
        raise CrmError(_("Spark cannot compute this: {error}").format(error=_first_line(error))) from error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
