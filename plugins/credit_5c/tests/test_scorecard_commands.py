"""`crm credit scorecard fit|score|list` as users meet it: proposals, protected columns, files of any kind."""

import csv
import json
import os
import random
import subprocess
import sys
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

import crmcore_credit_5c

SCHEMAS = Path(str(files(crmcore_credit_5c))) / "schemas"
HEADER = ["编号", "days_late", "orders", "region", "age", "noise", "outcome"]


@pytest.fixture
def company(make_app, crm):
    make_app(["credit_5c"])
    return crm


def customers(count=400, seed=3):
    """Return customers who are the worse the later they paid and the fewer orders they gave; 西 is a bad region."""
    luck = random.Random(seed)
    rows = []
    for number in range(count):
        days, orders, region = luck.randint(0, 90), luck.randint(0, 30), luck.choice(["东", "南", "西", "北"])
        risk = 0.02 + days / 150 - orders / 120 + (0.2 if region == "西" else 0)
        bad = luck.random() < risk
        cell = "" if luck.random() < 0.1 else days
        rows.append(
            [
                f"K{number}",
                cell,
                orders,
                region,
                luck.randint(20, 60),
                luck.random(),
                "bad" if bad else "good",
            ]
        )
    return rows  # fmt: skip


def write(path, rows, header=HEADER, encoding="utf-8", delimiter=","):
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])
    return path


@pytest.fixture
def sample(tmp_path):
    return write(tmp_path / "sample.csv", customers())


def fit(company, path, *words):
    return company.json("credit", "scorecard", "fit", path, "--target", "outcome", "--folds", 3, *words)


def follows(document, schema):
    found = json.loads((SCHEMAS / f"{schema}.schema.json").read_text("utf-8"))
    errors = list(Draft202012Validator(found, format_checker=FormatChecker()).iter_errors(document))
    assert errors == []


# -- fitting -----------------------------------------------------------------------------------------------------


def test_a_scorecard_is_not_written_over_the_customers_it_is_fitted_to(company, sample, tmp_path):
    before, link = sample.read_bytes(), tmp_path / "link.csv"
    link.symlink_to(sample)
    for out in (sample, link, tmp_path / "." / sample.name):
        refused = company("credit", "scorecard", "fit", sample, "--target", "outcome", "--out", out)
        assert (refused.exit_code, "is the file that is read" in refused.stderr) == (2, True)
        assert sample.read_bytes() == before


@pytest.mark.slow
def test_what_is_fitted_follows_its_schemas_and_is_a_credit_model(company, sample, tmp_path):
    path = tmp_path / "card.json"
    found = fit(company, sample, "--exclude", "编号", "--out", path)
    follows(found, "credit_scorecard_fit")
    assert found["excluded"] == ["编号", "age"]
    assert found["out"] == str(path)
    assert 0.6 < found["auc"] < 0.95
    assert {column["column"] for column in found["columns"]} >= {"days_late", "orders", "region"}
    model = json.loads(path.read_text("utf-8"))
    follows(model, "credit_model")
    follows(model["fitted"], "credit_scorecard")
    assert company.json("credit", "model", "check", path)["name"] == "scorecard"
    scored = company.json("credit", "scorecard", "score", sample, "--model", path)
    follows(scored, "credit_scorecard_scored")


@pytest.mark.slow
def test_the_same_seed_gives_the_same_scorecard_and_another_one_other_folds(company, sample):
    found = [fit(company, sample, "--seed", seed) for seed in (0, 0, 1)]
    assert found[0] == found[1]
    assert found[0]["auc"] != found[2]["auc"]
    assert found[0]["columns"] == found[2]["columns"]


@pytest.mark.slow
@pytest.mark.parametrize(("trend", "most"), [("monotonic", 0), ("one_turn", 1)])
def test_the_risk_runs_along_numbers_as_the_trend_allows(company, tmp_path, trend, most):
    """Risk is high at both ends and in the middle: two turns, which neither trend allows."""
    luck = random.Random(1)
    rows = [(x, luck.random(), luck.randint(0, 1)) for x in (luck.randint(0, 99) for _ in range(800))]
    risk = [0.7, 0.1, 0.6, 0.1, 0.7]
    path = write(
        tmp_path / "waves.csv",
        [(x, "ab"[luck.random() < risk[x // 20]], int(luck.random() < risk[x // 20])) for x, _u, _v in rows],
        ["x", "y", "bad"],
    )
    found = company.json(
        "credit", "scorecard", "fit", path, "--target", "bad", "--folds", 2, "--trend", trend
    )
    column = next((one for one in found["columns"] if one["column"] == "x"), None)
    if column is None:
        assert trend == "monotonic"
        return
    points = [one["points"] for one in column["bins"] if one["kind"] == "below"]
    signs = [after > before for before, after in pairwise(points)]
    assert sum(a != b for a, b in pairwise(signs)) <= most


@pytest.mark.slow
def test_missing_values_have_a_bin_of_their_own_in_fit_and_score(company, sample, tmp_path):
    path = tmp_path / "card.json"
    found = fit(company, sample, "--out", path)
    column = next(one for one in found["columns"] if one["column"] == "days_late")
    (missing,) = [one for one in column["bins"] if one["kind"] == "missing"]
    assert missing["good"] + missing["bad"] == sum(1 for row in customers() if row[1] == "")
    # Worse than those who pay at once, better than those who pay very late.
    bins = [one["points"] for one in column["bins"] if one["kind"] == "below"]
    assert min(bins) < missing["points"] < max(bins)
    rows = [["", days, 10, "东", 30, 0.5] for days in ("0", "", "N/A", "late")]
    score = company.json(
        "credit", "scorecard", "score", write(tmp_path / "new.csv", rows, HEADER[:-1]), "--model", path
    )
    scores = [one["score"] for one in score["scores"]]
    assert scores[1] == scores[2] == scores[3] < scores[0]
    assert scores[0] - scores[1] == pytest.approx(bins[0] - missing["points"])
    assert score["no_numbers"] == {"days_late": 1}


@pytest.mark.slow
def test_a_file_in_gb18030_with_semicolons_gives_the_same_figures(company, sample, tmp_path):
    other = write(tmp_path / "gb.csv", customers(), encoding="gb18030", delimiter=";")
    one, two = fit(company, sample), fit(company, other)
    assert {**one, "columns": []} == {**two, "columns": []}
    assert one["columns"] == two["columns"]


# -- protected columns -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_protected_columns_can_be_looked_at_but_not_proposed(company, tmp_path):
    rows = [[*row[:4], 20 if row[-1] == "bad" else 34, *row[5:]] for row in customers()]
    rows = [[*row[:4], row[4] + i % 25, *row[5:]] for i, row in enumerate(rows)]
    path = write(tmp_path / "aged.csv", rows)
    found = fit(company, path, "--keep-protected")
    assert (found["excluded"], found["protected"]) == ([], ["age"])
    assert found["without_protected"]["auc"] < found["auc"]
    assert found["without_protected"]["excluded"] == ["age"]
    refused = company(
        *("credit", "scorecard", "fit", path, "--target", "outcome", "--folds", 2, "--keep-protected"),
        *("--propose", "aged"),
    )
    assert refused.exit_code == 1
    assert "(age)" in refused.stderr
    assert company.lines("credit", "scorecard", "list") == []


@pytest.mark.slow
def test_policy_may_let_protected_columns_count(make_app, crm, sample):
    make_app(
        ["credit_5c"],
        settings="[plugins.credit_5c]\nallow_protected = true\nprotected_columns = ['region']\n",
    )
    found = fit(crm, sample)
    assert found["excluded"] == []
    assert found["protected"] == ["region"]
    assert found["without_protected"]["auc"] < found["auc"]


# -- proposals ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_scorecard_is_a_proposal_until_somebody_else_approves_it(company, sample, tmp_path):
    path = tmp_path / "card.json"
    with company.as_actor("li", ["credit_controller"]):
        made = fit(company, sample, "--propose", "dealers", "--out", path)["proposal"]
    follows(made, "credit_scorecard_line")
    assert (made["state"], made["version"]) == ("requested", None)
    assert company("credit", "model", "show", "dealers").exit_code == 1
    assert company("credit", "scorecard", "score", sample).exit_code == 1
    imported = company("credit", "model", "import", path)
    assert imported.exit_code == 1
    assert "proposal" in imported.stderr
    with company.as_actor("li"):
        assert company("approvals", "approve", made["request"], "--reason", "mine").exit_code == 1
    with company.as_actor("wang", ["general_manager"]):
        company.ok("approvals", "approve", made["request"], "--reason", "good figures")
    (line,) = company.lines("credit", "scorecard", "list")
    follows(line, "credit_scorecard_line")
    assert (line["state"], line["version"], line["author"]) == ("approved", 1, "li")
    assert company.json("credit", "model", "show", "dealers")
    by_name = company.json("credit", "scorecard", "score", sample, "--model", "dealers")
    by_file = company.json("credit", "scorecard", "score", sample, "--model", path)
    newest = company.json("credit", "scorecard", "score", sample)
    assert by_name["scores"] == by_file["scores"] == newest["scores"]


@pytest.mark.slow
def test_customers_are_assessed_by_an_approved_scorecard_as_files_are_scored(company, sample, tmp_path):
    with company.as_actor("li", ["credit_controller"]):
        made = fit(company, sample, "--propose", "dealers")["proposal"]
    company.ok("customer", "add", "--code", "K1", "--name", "东方商行")
    known = {"days_late": "45", "orders": "3", "region": "西"}
    entries = [{"indicator": name, "value": value, "source": "books"} for name, value in known.items()]
    evidence = tmp_path / "evidence.json"
    evidence.write_text(json.dumps({"evidence": entries}), "utf-8")
    command = ("credit", "assess", "K1", "--model", "dealers", "--evidence", evidence)
    assert company(*command).exit_code == 1
    with company.as_actor("wang", ["general_manager"]):
        company.ok("approvals", "approve", made["request"], "--reason", "good figures")
    assessed = company.json(*command)
    row = [known.get(name, "") for name in HEADER[:-1]]
    (scored,) = company.json("credit", "scorecard", "score", write(tmp_path / "one.csv", [row], HEADER[:-1]))[
        "scores"
    ]
    assert float(assessed["score"]) == pytest.approx(scored["score"], abs=0.005)
    assert assessed["grade"] == scored["grade"]


@pytest.mark.slow
@pytest.mark.postgres
def test_a_scorecard_is_approved_on_postgresql_too(make_app, crm, sample):
    make_app(["credit_5c"], "postgres")
    with crm.as_actor("li", ["credit_controller"]):
        made = fit(crm, sample, "--propose", "dealers")["proposal"]
    with crm.as_actor("wang", ["general_manager"]):
        crm.ok("approvals", "approve", made["request"], "--reason", "good figures")
    (line,) = crm.lines("credit", "scorecard", "list")
    assert (line["state"], line["version"]) == ("approved", 1)
    assert crm.json("credit", "scorecard", "score", sample)["shift"] == "stable"


@pytest.mark.slow
def test_a_rejected_scorecard_stays_out(company, sample):
    with company.as_actor("li", ["credit_controller"]):
        made = fit(company, sample, "--propose", "dealers")["proposal"]
    with company.as_actor("wang", ["general_manager"]):
        company.ok("approvals", "reject", made["request"], "--reason", "too few customers")
    (line,) = company.lines("credit", "scorecard", "list")
    assert (line["state"], line["version"]) == ("rejected", None)
    assert company("credit", "scorecard", "score", sample, "--model", "dealers").exit_code == 1


@pytest.mark.slow
def test_names_of_shipped_models_are_taken(company, sample):
    refused = company(
        "credit", "scorecard", "fit", sample, "--target", "outcome", "--folds", 2, "--propose", "5c"
    )
    assert (refused.exit_code, "'5c'" in refused.stderr) == (1, True)
    assert (
        company("credit", "scorecard", "fit", sample, "--target", "outcome", "--propose", "A b").exit_code
        == 2
    )


# -- without the libraries ---------------------------------------------------------------------------------------

WITHOUT = """
import sys
for name in ("optbinning", "sklearn", "numpy", "pandas", "scipy", "ortools"):
    sys.modules[name] = None
from crmcore.cli.main import main
main(sys.argv[1:])
"""


def run_without(company, *words):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, "-C", company.folder, *map(str, words)],
        env={**os.environ, "CRM_ACTOR": "tester", "CRM_LANG": "en"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_scoring_needs_no_library_and_fitting_says_how_to_install_them(company, sample, tmp_path):
    path = tmp_path / "card.json"
    fit(company, sample, "--out", path)
    here = company.json("credit", "scorecard", "score", sample, "--model", path)
    there = run_without(company, "credit", "scorecard", "score", sample, "--model", path, "--json")
    assert there.returncode == 0, there.stderr
    assert json.loads(there.stdout) == here
    refused = run_without(company, "credit", "scorecard", "fit", sample, "--target", "outcome")
    assert refused.returncode == 1
    assert 'pip install "crmcore-credit-5c[scorecard]"' in refused.stderr


@pytest.mark.slow
def test_the_solver_says_nothing_on_the_terminal(company, sample):
    code = "import sys; from crmcore.cli.main import main; main(sys.argv[1:])"
    ended = subprocess.run(
        [sys.executable, "-c", code, "-C", company.folder, "credit", "scorecard", "fit", sample,
         "--target", "outcome", "--folds", "2", "--json"],
        env={**os.environ, "CRM_ACTOR": "tester"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["folds"] == 2


# -- scoring files -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_scores_are_written_beside_the_rows_and_shifted_customers_are_noticed(company, sample, tmp_path):
    path, out = tmp_path / "card.json", tmp_path / "out.csv"
    fit(company, sample, "--out", path)
    listed = company.json("credit", "scorecard", "score", sample, "--model", path)
    found = company.json("credit", "scorecard", "score", sample, "--model", path, "--out", out)
    assert (found["scores"], found["rows"], found["shift"]) == ([], 400, "stable")
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["score"]) for row in rows] == [one["score"] for one in listed["scores"]]
    assert [row["编号"] for row in rows] == [row[0] for row in customers()]
    late = write(tmp_path / "late.csv", [["", 90, 0, "西", 30, 0.5, "good"]] * 100)
    moved = company.json("credit", "scorecard", "score", late, "--model", path)
    assert moved["shift"] == "large"
    assert moved["scores"][0]["reasons"][0]["lost"] > 5
    assert moved["scores"][0]["grade"] == "C"
    assert company("credit", "scorecard", "score", sample, "--model", path, "--out", sample).exit_code == 2
    there, link = path.read_bytes(), tmp_path / "link.json"
    link.symlink_to(path)
    for other in (path, link):
        refused = company("credit", "scorecard", "score", sample, "--model", path, "--out", other)
        assert (refused.exit_code, "is the file that is read" in refused.stderr) == (2, True)
    assert (path.read_bytes(), link.is_symlink()) == (there, True), "the scorecard is still there"
    few = write(tmp_path / "few.csv", [["", 90, 0, "西", 30, 0.5, "good"]] * 99)
    assert company.json("credit", "scorecard", "score", few, "--model", path)["psi"] is None
    shown = company.ok("credit", "scorecard", "score", late, "--model", path).stdout
    assert "differ much" in shown


@pytest.mark.slow
@pytest.mark.slow
def test_a_spreadsheet_runs_nothing_of_what_was_scored(company, sample, tmp_path):
    path, out = tmp_path / "card.json", tmp_path / "out.csv"
    fit(company, sample, "--out", path)
    header = [*HEADER, "=1+1"]
    hostile = [
        '=HYPERLINK("http://x")',
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1+1",
        "\r=1+1",
        "北京",
        "-12.5",
    ]
    rows = [[text, "-3", 0, "西", 30, "1e-5", "good", "x"] for text in hostile]
    company.ok(
        "credit",
        "scorecard",
        "score",
        write(tmp_path / "in.csv", rows, header),
        "--model",
        path,
        "--out",
        out,
    )
    with out.open(encoding="utf-8", newline="") as file:
        names, *scored = list(csv.reader(file))
    assert names[: len(header)] == [*HEADER, "'=1+1"]
    assert [row[0] for row in scored] == [
        "'=HYPERLINK(\"http://x\")", "'+1+cmd|' /C calc'!A0", "'-2+3", "'@SUM(A1)", "'=1+1", "'=1+1", "北京", "-12.5",
    ]  # fmt: skip
    assert {(row[1], row[5]) for row in scored} == {("-3", "1e-5")}, "numbers stay numbers"


def test_a_file_without_a_column_of_the_scorecard_is_refused_by_name(company, sample, tmp_path):
    path = tmp_path / "card.json"
    fit(company, sample, "--out", path)
    short = write(tmp_path / "short.csv", [["K1", 3]], HEADER[:2])
    refused = company("credit", "scorecard", "score", short, "--model", path)
    assert (refused.exit_code, "has no column 'orders'" in refused.stderr) == (1, True)
    empty = write(tmp_path / "empty.csv", [])
    refused = company("credit", "scorecard", "score", empty, "--model", path, "--out", tmp_path / "out.csv")
    assert (refused.exit_code, (tmp_path / "out.csv").exists()) == (1, False)
    shipped = company("credit", "scorecard", "score", sample, "--model", "5c")
    assert (shipped.exit_code, "no scorecard" in shipped.stderr) == (1, True)


# -- hostile files -----------------------------------------------------------------------------------------------


def changed(**columns):
    return [
        [columns.get(name, dict(zip(HEADER, row, strict=True))[name]) for name in HEADER]
        for row in customers()
    ]


GOOD = [[*row[:-1], "good"] for row in customers()]
HOSTILE = {
    "one class": (GOOD, HEADER, (), "has 0 bad customers"),
    "few bad": ([*GOOD, *([*GOOD[0][:-1], "bad"] for _ in range(9))], HEADER, (), "has 9 bad customers"),
    "few rows": (customers(99), HEADER, (), "has 99 rows"),
    "no rows": ([], HEADER, (), "has 0 rows"),
    "other values": ([*customers(), [*GOOD[0][:-1], "maybe"]], HEADER, (), "line 402: 'outcome' is 'maybe'"),
    "no outcome": ([*customers(), [*GOOD[0][:-1], ""]], HEADER, (), "line 402: 'outcome' is empty"),
    "three values": ([*customers(), [*GOOD[0][:-1], "maybe"]], HEADER, ("--bad", "bad"), "has 3 values"),
    "never bad": (customers(), HEADER, ("--bad", "rotten"), "is never 'rotten', but bad, good"),
    "no such column": (customers(), HEADER, ("--exclude", "regoin"), "has no column 'regoin'"),
    "target excluded": (customers(), HEADER, ("--exclude", "outcome"), "'outcome' is the target"),
    "twice": (customers(), [*HEADER[:4], "orders", *HEADER[5:]], (), "has two columns 'orders'"),
    "no name": (customers(), ["", *HEADER[1:]], (), "column 1 has no name"),
    "ragged": ([*customers(), ["K"]], HEADER, (), "line 402 has 1 cells"),
    "nothing to learn": ([[*row[:1], 1, 1, "东", 30, 1, row[-1]] for row in customers()], HEADER, (), "a scorecard needs two"),
    "too many folds": (customers(300), HEADER, ("--folds", 100), "100 folds need"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_sample_that_no_scorecard_can_be_made_from_is_refused_in_one_sentence(company, tmp_path, name):
    rows, header, words, sentence = HOSTILE[name]
    path = write(tmp_path / "sample.csv", rows, header)
    out = tmp_path / "card.json"
    command = (
        "credit",
        "scorecard",
        "fit",
        path,
        "--target",
        "outcome",
        "--out",
        out,
        "--propose",
        "x",
        *words,
    )
    refused = company(*command)
    assert refused.exit_code in {1, 2}
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert "Traceback" not in refused.stderr
    assert not out.exists()
    assert company.lines("credit", "scorecard", "list") == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\xff\xff\x80\x81,\xff\n\x80,\xff\n", "neither UTF-8 nor GB18030"),
        (b"a,b\n\x00,\x00\n", "has no column 'outcome'"),
        (b"PK\x03\x04\x00\x00,\x00", "is no text"),
        (b'outcome,b\n1,"x\n', "line 2"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(company, tmp_path, content, sentence):
    path = tmp_path / "sample.csv"
    path.write_bytes(content)
    refused = company("credit", "scorecard", "fit", path, "--target", "outcome")
    assert (refused.exit_code, sentence in refused.stderr) == (1, True), refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_file_that_is_not_there_and_one_that_is_too_large_are_refused(
    company, tmp_path, monkeypatch, sample
):
    assert company("credit", "scorecard", "fit", tmp_path / "no.csv", "--target", "outcome").exit_code == 1
    monkeypatch.setattr("crmcore_credit_5c.scorecards.csv_table.MOST_BYTES", 1000)
    refused = company("credit", "scorecard", "fit", sample, "--target", "outcome")
    assert (refused.exit_code, "MB" in refused.stderr) == (1, True)


def test_a_model_that_is_no_scorecard_or_damaged_is_refused(company, sample, tmp_path):
    for content in ("[]", "{", '{"fitted": {}}', "null", '{"name": "x", "title": "x", "scoring": "sum"}'):
        path = tmp_path / "card.json"
        path.write_text(content, "utf-8")
        refused = company("credit", "scorecard", "score", sample, "--model", path)
        assert refused.exit_code == 1, content
        assert refused.stderr.count("\n") == 1


# -- schemas -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("credit_scorecard*.json")), ids=lambda path: path.name)
def test_a_schema_is_valid_and_so_are_its_examples(path):
    schema = json.loads(path.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:crmcore:schema:credit_5c:{path.name.split('.')[0]}:1"
    for name, part in schema["properties"].items():
        for value in part["examples"]:
            assert list(Draft202012Validator(part).iter_errors(value)) == [], name
