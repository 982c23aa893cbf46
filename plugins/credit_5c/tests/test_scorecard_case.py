"""Whatever stands in a column, an engine's CASE gives the points that the rules give."""

from math import inf, nan

import pytest
import sqlalchemy as sa

from crmcore_credit_5c.rules.scorecard import Bin, Scorecard, ScoredColumn, points_of
from crmcore_credit_5c.scorecards.case import ibis_score, score_case

DAYS = ScoredColumn(
    "days", (Bin("below", 12.0, 10.5), Bin("below", 3.0, 30.0), Bin("below", -9.0), Bin("missing", -2.0))
)
ONE = ScoredColumn("one", (Bin("below", 7.0), Bin("missing", 0.25)))
REGION = ScoredColumn(
    "region", (Bin("values", 4.0, values=("华东", "O'Neil's")), Bin("other", -1.0), Bin("missing", 0.5))
)
CARD = Scorecard(487.123456789012, (DAYS, ONE, REGION))
NUMBERS = [-5.0, 0.0, 10.4999, 10.5, 29.9, 30.0, 1e300, None]
TEXTS = ["华东", " 华东 ", "O'Neil's", "西北", "", " ", "NA", "n/a", "none", None]
ROWS = [(days, NUMBERS[-1 - i % len(NUMBERS)], text) for days in NUMBERS for i, text in enumerate(TEXTS)]
ENDLESS = [(nan, inf, "华东"), (inf, nan, "西北")]


def expected(rows):
    missing = {"", "na", "n/a"}
    cleaned = [(days, one, text and text.strip()) for days, one, text in rows]
    return [
        CARD.base
        + sum(
            points_of(
                CARD,
                {"days": days, "one": one, "region": None if (text or "").lower() in missing else text},
            ).values()
        )
        for days, one, text in cleaned
    ]


def scored(engine, rows):
    columns = [sa.Column("days", sa.Double), sa.Column("one", sa.Double), sa.Column("region", sa.Text)]
    table = sa.Table("held", sa.MetaData(), sa.Column("n", sa.Integer, primary_key=True), *columns)
    records = [{"n": n, "days": a, "one": b, "region": c} for n, (a, b, c) in enumerate(rows)]
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), records)
        expression = score_case(CARD, lambda name: table.c[name])
        return list(connection.scalars(sa.select(expression).order_by(table.c.n)))


def test_sqlite_gives_the_points_of_the_rules():
    rows = [*ROWS, *ENDLESS]
    assert scored(sa.create_engine("sqlite://"), rows) == pytest.approx(expected(rows), abs=1e-9)


@pytest.mark.postgres
def test_postgresql_gives_the_points_of_the_rules(postgres_url):
    url = sa.engine.make_url(postgres_url).set(drivername="postgresql+psycopg")
    rows = [*ROWS, *ENDLESS]
    found = scored(sa.create_engine(url, poolclass=sa.NullPool), rows)
    assert found == pytest.approx(expected(rows), abs=1e-9)


def test_duckdb_gives_the_points_of_the_rules_through_ibis():
    ibis = pytest.importorskip("ibis")
    duckdb = pytest.importorskip("duckdb")
    schema = {"n": "int64", "days": "float64", "one": "float64", "region": "string"}
    table = ibis.table(schema, name="held")
    sql = str(ibis.to_sql(table.select("n", score=ibis_score(CARD, table)), dialect="duckdb"))
    rows = [*ROWS, *ENDLESS]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE held (n BIGINT, days DOUBLE, one DOUBLE, region VARCHAR)")
        connection.executemany(
            "INSERT INTO held VALUES (?, ?, ?, ?)", [(n, *row) for n, row in enumerate(rows)]
        )
        found = [score for _n, score in sorted(connection.execute(sql).fetchall())]
    assert found == pytest.approx(expected(rows), abs=1e-9)


def test_scores_are_doubles_and_no_decimals_anywhere():
    expression = score_case(CARD, sa.column)
    assert isinstance(expression.type, sa.Float)
