"""Files and options of which something would be ignored, or could not be reckoned with: one sentence, nothing stored."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from crmcore.api import Customer
from crmcore.testing import ACTOR

SCALE = {"kind": "scale", "steps": [
    {"value": "good", "points": "100", "en": "Good", "zh": "好"}, {"value": "bad", "points": "0", "en": "Bad", "zh": "差"},
]}  # fmt: skip
BANDS = {"kind": "ratio", "of": "current_ratio", "bands": [{"below": "1", "points": "0"}, {"points": "100"}]}
OWN: dict[str, Any] = {
    "name": "own",
    "title": "Own",
    "grades": [{"grade": "A", "min_score": "70"}, {"grade": "B", "min_score": "0"}],
    "factors": [
        {
            "name": "firm",
            "title": "Firm",
            "weight": "1",
            "indicators": [
                {"name": "shop", "title": "Shop", "weight": "0.5", "measure": SCALE},
                {"name": "liquid", "title": "Liquid", "weight": "0.5", "measure": BANDS},
            ],
        }
    ],
}
SHOP, LIQUID = "factors/0/indicators/0/measure", "factors/0/indicators/1/measure"


@pytest.fixture
def app(make_app: Any) -> Any:
    app = make_app(["credit_5c"])
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "C1", "name": "One"}])
    return app


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(content: Any, name: str = "own.json") -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path

    return write


def changed(*changes: tuple[str, Any]) -> Any:
    """Return the model with other values in some places."""
    model = json.loads(json.dumps(OWN))
    for where, value in changes:
        part = model
        *way, last = [int(step) if step.isdigit() else step for step in where.split("/")]
        for step in way:
            part = part[step]
        part[last] = value
    return model


def refuse(crm: Any, words: str, *command: Any) -> None:
    """Expect a command to say one sentence and no more."""
    found = crm("credit", *command)
    assert (found.exit_code, found.stdout, found.stderr.count("\n")) == (1, "", 1), found.stderr
    assert words in found.stderr


# -- models ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([("neutral", 500)], "own.json: neutral: 500 points are not from 0 to 100"),
        ([("neutral", "-50")], "own.json: neutral: -50 points are not from 0 to 100"),
        ([("base", 1000)], "own.json: base: 1000 would be added to points that are weighed; leave it out"),
        ([("base", "-0.5")], "own.json: base: -0.5 would be added"),
        ([("scoring", "sum"), ("base", 1e300)], "own.json: base: 1E+300 is too large; write a number below 10^12"),
        ([("scoring", "sum"), ("neutral", -1e12)], "own.json: neutral: -1000000000000.0 is too large"),
        ([("scoring", "sum"), ("grades/0/min_score", 1e12)], "own.json: grades/0/min_score: 1000000000000.0 is too large"),
        ([("scoring", "sum"), (f"{SHOP}/steps/0/points", 1e300)], f"own.json: {SHOP}/steps/0/points: 1E+300 is too large"),
        ([(f"{LIQUID}/bands/0/below", 10**100)], "is too large; write a number below 10^100"),
        ([("grades/0/min_score", "150")], "own.json: grades/0/min_score: 150 is above 100, which nobody reaches"),
        ([(f"{LIQUID}/bands/0/up_to", "2")], f"own.json: {LIQUID}/bands/0: the band has both up_to and below"),
        ([(f"{SHOP}/bands", BANDS["bands"])], f"own.json: {SHOP}: steps, bands each say how many points a value gets"),
        ([(f"{LIQUID}/zones", dict.fromkeys(("safe", "grey", "distress"), "5"))], f"own.json: {LIQUID}: bands, zones each say"),
        ([("factors/0/ahp", [[1, "1e99999999"], [1, 1]])], "own.json: factors/0/ahp/0/1: '1e99999999' is no comparison"),
        ([("factors/0/ahp", [[1, "1/1e99999999"], [1, 1]])], "own.json: factors/0/ahp/0/1: '1/1e99999999' is no comparison"),
        ([("factors/0/ahp", [[1, 2000000], [1e-7, 1]])], "own.json: factors/0/ahp/1/0: 1e-07 is not the reciprocal"),
        ([("factors/0/weight", "1/0")], "own.json: factors/0/weight: '1/0' is no number"),
        ([("factors/0/weight", "4/3")], "own.json: factors/0/weight: 4/3 is more than the whole; the weights must sum to exactly 1"),
        ([("factors/0/weight", "450")], "own.json: factors/0/weight: 450 is more than the whole; the weights must sum"),
        ([("factors/0/indicators/0/weight", "1/3")], "own.json: factors/0/indicators: the weights sum to 0.8333"),
        ([("factors/0/weight", "１")], "own.json: factors/0/weight: '１' is no number"),
        ([("title", "a\ud800b")], "own.json: title: 'a\\ud800b' holds a character that is no text; take it out"),
        ([("title/en", "x\0")], "own.json: title/en: 'x\\x00' holds a character that is no text"),
        ([("fitted", {"k": ["\udc00"]})], "own.json: fitted/k/0: '\\udc00' holds a character"),
    ],
)  # fmt: skip
def test_a_model_of_which_something_would_not_count_is_refused(
    app: Any, crm: Any, write: Any, changes: list[tuple[str, Any]], words: str
) -> None:
    if changes[0][0] == "title/en":
        changes = [("title", {"en": changes[0][1]})]
    file = write(changed(*changes))
    refuse(crm, words, "model", "check", file)
    refuse(crm, words, "model", "import", file)
    assert [line["name"] for line in crm.lines("credit", "model", "list", "--json")] == ["5c", "5p", "6a"]


def test_points_at_the_ends_are_taken(app: Any, crm: Any, write: Any) -> None:
    for changes in (
        [("neutral", 0), ("base", "0"), ("grades/0/min_score", 100)],
        [("neutral", "100")],
        [("scoring", "sum"), ("base", "999999999999"), ("neutral", "-5"), ("grades/0/min_score", "600")],
    ):
        crm.ok("credit", "model", "check", write(changed(*changes)))


def test_weights_may_be_fractions_and_are_exact(app: Any, crm: Any, write: Any) -> None:
    model = changed(("factors/0/indicators/0/weight", "1/3"), ("factors/0/indicators/1/weight", "1/3"))
    third = {"name": "third", "title": "Third", "weight": "1 / 3", "measure": SCALE}
    model["factors"][0]["indicators"].append(third)
    crm.ok("credit", "model", "import", write(model))
    for name in ("shop", "third"):
        crm.ok("credit", "evidence", "add", "C1", "--indicator", name, "--value", "good", "--source", "visit")
    result = crm.json("credit", "assess", "C1", "--model", "own", "--json")
    assert result["score"] == "83.33"  # (100 + 50 + 100) / 3
    crm.ok("credit", "model", "show", "own")


# -- comparisons -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[1, "1e308", 1], ["1e-308", 1, "1e308"], [1, "1e-308", 1]], "m.json: 0/1: 1e+308 is no comparison"),
        ([[1, "1e99999999"], [1, 1]], "m.json: 0/1: '1e99999999' is no comparison"),
        ([[1, 2], ["1/1e99999999", 1]], "m.json: 1/0: '1/1e99999999' is no comparison"),
        ([[1, 2000000], [0.0000001, 1]], "m.json: 1/0: 1e-07 is not the reciprocal"),
        ([[1, 1000000000], [0.0000005, 1]], "m.json: 1/0: 5e-07 is not the reciprocal"),
        ([[1, 10], [0.1000002, 1]], "m.json: 1/0: 0.1000002 is not the reciprocal"),
        ([[1, "1_0"], [0.1, 1]], "m.json: 0/1: '1_0' is no comparison"),
    ],
)
def test_comparisons_of_no_size_or_no_reciprocal_are_refused(
    app: Any, crm: Any, write: Any, rows: Any, words: str
) -> None:
    refuse(crm, words, "ahp", write(rows, "m.json"))


def test_all_of_saatys_scale_is_taken_with_reciprocals_of_six_places(app: Any, crm: Any, write: Any) -> None:
    for times in range(1, 10):
        for part in (f"{1 / times:.6f}", f"1/{times}", int(1e6 / times) / 1e6):
            for rows in ([[1, times], [part, 1]], [[1, part], [times, 1]]):
                crm.ok("credit", "ahp", write(rows, "m.json"))
    crm.ok("credit", "ahp", write([[1, "1e8"], ["1e-8", 1]], "m.json"))


# -- what is no file ---------------------------------------------------------------------------------------------


@pytest.fixture(params=["pipe", "device", "folder"])
def odd_file(request: Any, tmp_path: Path) -> Path:
    """Return the path of something that never ends, or that is nothing to read."""
    path = tmp_path / "odd.json"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    return path


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices lie in folders on POSIX only")
def test_what_is_no_regular_file_is_not_opened(app: Any, crm: Any, write: Any, odd_file: Path) -> None:
    customers = write("a,b\n1,2\n", "c.csv")
    for command in (
        ("model", "check", odd_file),
        ("model", "import", odd_file),
        ("ahp", odd_file),
        ("assess", "C1", "--evidence", odd_file),
        ("evidence", "add", "C1", "--file", odd_file),
        ("scorecard", "score", customers, "--model", odd_file),
    ):
        refuse(crm, "it is no regular file", *command)
    if not odd_file.is_dir():  # which the option itself refuses
        refuse(crm, "it is no regular file", "policy", "propose", "--file", odd_file, "--reason", "more")
    refuse(crm, "there is no file", "scorecard", "fit", odd_file, "--target", "b")


# -- evidence ----------------------------------------------------------------------------------------------------

PIECE = {"indicator": "reputation", "value": "good", "source": "bank"}
STATEMENT = {"period": "2025-12-31", "currency": "CNY", "source": "accounts", "figures": {"equity": "1"}}


@pytest.mark.parametrize(
    ("kind", "key", "value", "words"),
    [
        ("evidence", "source", "a\ud800b", "'a\\ud800b' holds a character that is no text; take it out"),
        ("evidence", "source", "a\0b", "'a\\x00b' holds a character that is no text"),
        ("evidence", "document", "\0", "'\\x00' holds a character that is no text"),
        ("evidence", "source", "   ", "the source is empty; name who or what says so"),
        ("evidence", "source", "\u3000", "the source is empty"),
        ("statements", "source", " ", "the source is empty"),
        ("statements", "source", "\udfff", "'\\udfff' holds a character"),
        ("statements", "currency", "XXX", "ISO 4217 has no currency XXX; use a code such as CNY"),
        ("statements", "currency", "XTS", "ISO 4217 has no currency XTS"),
        ("statements", "currency", "XAU", "ISO 4217 has no currency XAU"),
    ],
)
def test_a_text_that_cannot_be_kept_or_says_nothing_is_refused(
    app: Any, crm: Any, write: Any, kind: str, key: str, value: str, words: str
) -> None:
    good = PIECE if kind == "evidence" else STATEMENT
    file = write({kind: [good, {**good, key: value}]}, "e.json")
    for command in (("evidence", "add", "C1", "--file", file), ("assess", "C1", "--evidence", file)):
        refuse(crm, f"e.json: {kind}/1/{key}: {words}", *command)
    assert crm.lines("credit", "evidence", "list", "C1", "--json") == []


@pytest.mark.parametrize(
    ("value", "source", "words"),
    [
        ("good", "   ", "the source is empty; name who or what says so"),
        ("good", "a\udcffb", "'a\\udcffb' holds a character that is no text; take it out"),
        ("a\udcff", "bank", "'a\\udcff' holds a character that is no text; take it out"),
    ],
)
def test_so_it_is_by_hand(app: Any, crm: Any, value: str, source: str, words: str) -> None:
    by_hand = ("--indicator", "reputation", "--value", value, "--source", source)
    refuse(crm, words, "evidence", "add", "C1", *by_hand)
    assert crm.lines("credit", "evidence", "list", "C1", "--json") == []


@pytest.mark.parametrize("value", ["1_000", "１.５", "٣", "0x10", "1e", "1.5e1.5", "+", "1 000", "1,5", "∞"])
def test_a_number_is_of_ascii_digits(app: Any, crm: Any, write: Any, value: str) -> None:
    words = f"{value!r} is no number, which current_ratio asks for"
    by_hand = ("--indicator", "current_ratio", "--value", value, "--source", "bank")
    refuse(crm, words, "evidence", "add", "C1", *by_hand)
    file = write({"evidence": [{"indicator": "current_ratio", "value": value, "source": "bank"}]}, "e.json")
    refuse(crm, f"e.json: evidence/0/value: {words}", "evidence", "add", "C1", "--file", file)
    assert crm.lines("credit", "evidence", "list", "C1", "--json") == []


@pytest.mark.parametrize("value", ["1.5", "+1.5", " 2. ", ".5", "15e-1", "1.5E+0", 2.5, 2])
def test_a_number_may_have_a_sign_a_point_and_an_exponent(app: Any, crm: Any, write: Any, value: Any) -> None:
    piece = {"indicator": "current_ratio", "value": value, "source": " bank ", "document": " D1 "}
    crm.ok("credit", "evidence", "add", "C1", "--file", write({"evidence": [piece]}, "e.json"))
    (line,) = crm.lines("credit", "evidence", "list", "C1", "--json")
    assert (line["source"], line["document"], line["state"]) == ("bank", "D1", "counts")
