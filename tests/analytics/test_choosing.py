"""Which engine is taken, and the sentences where it cannot be had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App, BadConfig, CrmError, available_engines, choose_engine, open_bench
from crmcore.builtin.analytics import engines, requirements, spark


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    there = requirements._there
    monkeypatch.setattr(requirements, "_there", lambda name: name not in modules and there(name))


def test_what_there_is(company: App) -> None:
    assert {"database", "duckdb"} <= set(available_engines(company)) <= {"database", "duckdb", "spark"}


def test_auto_is_python_for_a_small_company_and_duckdb_for_a_large_one(
    company: App, customers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose_engine(company) == "python"
    monkeypatch.setattr(engines, "_MANY", len(customers) - 1)
    assert choose_engine(company) == "duckdb"
    assert choose_engine(company, "auto") == "duckdb"
    assert choose_engine(company, "database") == "database"
    monkeypatch.setattr(engines, "_MANY", len(customers))
    assert choose_engine(company) == "python"


def test_auto_is_python_where_duckdb_is_not_installed(
    company: App, customers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_MANY", len(customers) - 1)
    without(monkeypatch, "duckdb")
    assert choose_engine(company) == "python"


def test_crm_toml_chooses(make_app: Any) -> None:
    app = make_app(settings='\n[analytics]\nengine = "database"\n')
    assert choose_engine(app) == "database"
    assert choose_engine(app, "python") == "python"


@pytest.mark.parametrize(
    "words", ['engine = ""', "memory_limit_mb = 1", 'spark = "moon"', 'spark = "local[2"', "x = 1"]
)
def test_crm_toml_is_checked(make_app: Any, words: str) -> None:
    with pytest.raises(BadConfig):
        make_app(settings=f"\n[analytics]\n{words}\n")


@pytest.mark.parametrize(
    "where", ["local", "local[2]", "local[*]", "spark://h:7077", "sc://h:15002", "k8s://h", "yarn"]
)
def test_places_of_spark(make_app: Any, where: str) -> None:
    assert make_app(settings=f'\n[analytics]\nspark = "{where}"\n').config.data["analytics"]["spark"] == where


@pytest.mark.parametrize(
    ("engine", "module", "extra"),
    [
        ("database", "ibis", "analytics"),
        ("duckdb", "duckdb", "analytics"),
        ("duckdb", "adbc_driver_sqlite", "analytics"),
        ("spark", "pyspark", "spark"),
    ],
)
def test_what_is_not_installed_is_named_with_the_extra_that_brings_it(
    make_app: Any, monkeypatch: pytest.MonkeyPatch, engine: str, module: str, extra: str
) -> None:
    monkeypatch.setattr(spark, "_has_java", lambda: True)
    without(monkeypatch, module)
    app = make_app()
    sentence = rf"the engine {engine} needs more than is installed; run: pip install 'crmcore\[{extra}\]'"
    with pytest.raises(CrmError, match=sentence):
        choose_engine(app, engine)
    with pytest.raises(CrmError, match=sentence), open_bench(app, engine, "crmcore"):
        pass
    assert engine not in available_engines(app)


def test_java_is_named_where_it_is_what_lacks(
    make_app: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    app = make_app()
    with pytest.raises(CrmError, match="the engine spark needs Java 17 or newer"):
        choose_engine(app, "spark")
    app.config.data["analytics"]["spark"] = "sc://localhost:15002"
    assert choose_engine(app, "spark") == "spark", "Java runs on the other side"


@pytest.mark.parametrize(
    "where", ["sc://localhost:1", "spark://localhost:1,localhost:2", "sc://localhost:1/;token=abc"]
)
def test_a_spark_that_nobody_runs_is_told_at_once(
    make_app: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(spark, "_has_java", lambda: True)
    app = make_app(settings=f'\n[analytics]\nspark = "{where}"\n')
    with pytest.raises(CrmError, match=r"Spark does not start at s.*see") as caught:
        open_bench(app, "spark", "crmcore").__enter__()
    assert "abc" not in str(caught.value)


def test_java_is_found_by_its_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert not spark._has_java()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch(mode=0o755)
    assert spark._has_java()


def test_an_engine_that_nobody_offers(make_app: Any) -> None:
    app = make_app()
    sentence = "there is no engine 'warp'; known are auto, python, database, duckdb, spark"
    with pytest.raises(CrmError, match=sentence):
        choose_engine(app, "warp")
    with pytest.raises(CrmError, match=sentence), open_bench(app, "warp", "crmcore"):
        pass


def test_the_database_reads_no_files(make_app: Any) -> None:
    with (
        open_bench(make_app(), "database", "crmcore") as bench,
        pytest.raises(CrmError, match=r"cannot read files \(x.parquet\); choose the engine duckdb or spark"),
    ):
        bench.read_files("rows", "x.parquet", {"n": "int64"})


def test_what_sqlite_has_no_function_for_is_said(make_app: Any) -> None:
    with open_bench(make_app(), "database", "crmcore") as bench:
        bench.read("one", sa.select(sa.literal("2025-01-02").label("day")), {"day": "date"})
        with pytest.raises(CrmError, match="SQLite lacks a function that this analysis needs"):
            bench.fetch(lambda t: t["one"].mutate(d=t["one"].day.delta(t["one"].day, unit="day")))


def test_nothing_heavy_is_imported_before_an_engine_is_opened(python: Any, make_app: Any) -> None:
    app = make_app()
    code = """
import sys
from crmcore.app import create_app
from crmcore.api import available_engines, choose_engine
app = create_app(sys.argv[1])
choose_engine(app, "duckdb"), available_engines(app)
print(sorted({"ibis", "duckdb", "pyarrow", "pyspark", "adbc_driver_manager", "sqlglot"} & set(sys.modules)))
"""
    assert python(code, app.config.folder).stdout.strip() == "[]"
