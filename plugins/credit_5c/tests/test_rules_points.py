"""From answers to points, factor scores and a grade: the edges of bands and grades, and missing evidence."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from crmcore_credit_5c.rules.bands import all_points, number_of, points_of
from crmcore_credit_5c.rules.changes import OtherAnswer, smallest_changes
from crmcore_credit_5c.rules.model import Band, Factor, Indicator, Measure, Missing, Model, Rank, Step
from crmcore_credit_5c.rules.scoring import Answer, grade_of, score, two_places

F = Fraction


def bands(*rows: tuple[str, int | None, int], of: str = "oldest_overdue_days", **more: Any) -> Measure:
    """Return a measure by bands: ("<=" or "<", bound, points) each, the last without a bound."""
    made = [
        Band(None if bound is None else F(bound), sign == "<=", F(points)) for sign, bound, points in rows
    ]
    return Measure("facts", of, bands=tuple(made), **more)


def steps(**more: Any) -> Measure:
    return Measure("field", "rooms", steps=(Step("many", F(90), {}), Step("2", F(30), {})), **more)


OVERDUE = bands(("<=", 30, 100), ("<", 90, 40), ("", None, 0))


# -- points of one value -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "points"),
    [(-1, 100), (0, 100), (30, 100), (31, 40), (89, 40), (90, 0), (91, 0), (5000, 0)],
)
def test_thirty_days_are_still_up_to_thirty_and_ninety_no_longer_below_ninety(days: int, points: int) -> None:
    assert points_of(OVERDUE, F(days)) == points
    assert points_of(OVERDUE, str(days)) == points


def test_what_lies_between_two_whole_days_belongs_to_the_next_band() -> None:
    assert points_of(OVERDUE, "30.01") == 40
    assert points_of(OVERDUE, "89.99") == 40


def test_a_text_where_a_number_is_asked_for_gives_no_points() -> None:
    assert points_of(OVERDUE, "late") is None
    assert points_of(bands(("<=", 30, 100)), F(31)) is None, "beyond all bands"


def test_a_step_is_known_by_its_name_and_a_number_by_what_it_is() -> None:
    assert points_of(steps(), "many") == 90
    assert points_of(steps(), F(2)) == 30
    assert points_of(steps(), "2.0") is None, "another text"
    assert points_of(steps(), F(3)) is None
    assert points_of(steps(otherwise=F(15)), "few") == 15


def test_the_points_that_can_be_given_are_in_the_order_of_the_table() -> None:
    assert all_points(OVERDUE) == [100, 40, 0]
    assert all_points(steps()) == [90, 30]
    assert all_points(steps(otherwise=F(15))) == [90, 30, 15]
    assert all_points(steps(otherwise=F(0))) == [90, 30, 0]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.45", F(9, 20)),
        (" -7 ", F(-7)),
        ("1e3", F(1000)),
        ("", None),
        ("forty", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e1000", F(10**1000)),
        ("1e1001", None),
        ("1e-1000", F(1, 10**1000)),
        ("1e-1001", None),
    ],
)
def test_a_number_is_exact_finite_and_of_a_size(text: str, number: Fraction | None) -> None:
    assert number_of(text) == number


# -- scores ------------------------------------------------------------------------------------------------------


def model(missing: Missing = "neutral", measure: Measure = OVERDUE, **more: Any) -> Model:
    """Return a model of two factors: payment .6 (overdue .75, rooms .25), and firm .4 (age)."""
    young = bands(("<", 3, 20), ("", None, 80), of="years_of_trade")
    parts: dict[str, Any] = {
        "scoring": "weighted",
        "base": F(0),
        "neutral": F(50),
        "grades": (Rank("A", F(75)), Rank("B", F(40)), Rank("C", F(0))),
    }
    return Model(
        name="m",
        title={},
        factors=(Factor("payment", None, {}, F("0.6")), Factor("firm", None, {}, F("0.4"))),
        indicators=(
            Indicator("overdue", "payment", {}, F("0.75"), missing, measure),
            Indicator("rooms", "payment", {}, F("0.25"), "neutral", steps(otherwise=F(10))),
            Indicator("age", "firm", {}, F(1), "neutral", young),
        ),
        **{**parts, **more},
    )


KNOWN: dict[str, str | Fraction] = {"overdue": F(10), "rooms": "many", "age": F(5)}


def test_a_score_by_hand() -> None:
    """Payment .75·100 + .25·90 = 97.5; firm 80; total .6·97.5 + .4·80 = 90.5."""
    found = score(model(), KNOWN)
    assert found.factors == {"payment": Decimal("97.50"), "firm": Decimal("80.00")}
    assert (found.total, found.grade, found.missing) == (Decimal("90.50"), "A", ())
    assert found.answers["rooms"] == Answer(F(90), "evidence")


def test_points_that_are_added_up_start_from_the_base() -> None:
    found = score(model(scoring="sum", base=F(500)), KNOWN)
    assert (found.total, found.factors["payment"]) == (Decimal("770.00"), Decimal("190.00"))


@pytest.mark.parametrize(
    ("policy", "answer"),
    [
        ("neutral", Answer(F(50), "neutral")),
        ("worst", Answer(F(0), "worst")),
        ("incomplete", Answer(None, "incomplete")),
    ],
)
def test_missing_evidence_counts_as_the_model_says(policy: Missing, answer: Answer) -> None:
    """And so does a value that the measure does not know."""
    unknown: dict[str, str | Fraction] = {**KNOWN, "overdue": "?"}
    nothing: dict[str, str | Fraction] = {"rooms": "many", "age": F(5)}
    for values in (unknown, nothing):
        found = score(model(policy), values)
        assert found.answers["overdue"] == answer
        assert found.missing == ("overdue",)


def test_the_middle_is_where_the_model_puts_it() -> None:
    found = score(model(neutral=F(60)), {})
    assert found.total == 60
    assert found.missing == ("overdue", "rooms", "age")


def test_the_worst_answer_may_be_that_of_all_other_values() -> None:
    found = score(model("worst", steps(otherwise=F(10))), {})
    assert found.answers["overdue"] == Answer(F(10), "worst")


def test_a_scorecard_has_points_of_its_own_for_missing_values() -> None:
    found = score(model("incomplete", replace(OVERDUE, missing=F(-3))), {"rooms": "many", "age": F(5)})
    assert found.answers["overdue"] == Answer(F(-3), "evidence")
    assert found.missing == ()


def test_where_evidence_is_missing_that_the_model_insists_on_there_is_no_grade() -> None:
    found = score(model("incomplete"), {"age": F(5)})
    assert (found.total, found.grade) == (None, None)
    assert found.factors == {"payment": None, "firm": Decimal("80.00")}
    assert found.missing == ("overdue", "rooms")


def test_what_is_missing_in_a_part_of_a_factor_is_missing_in_the_whole() -> None:
    whole = model("incomplete")
    payment, firm = whole.factors
    parts = (Factor("all", None, {}, F(1)), replace(payment, parent="all"), replace(firm, parent="all"))
    found = score(replace(whole, factors=parts), KNOWN)
    assert (found.total, found.factors["all"]) == (Decimal("90.50"), Decimal("90.50"))
    found = score(replace(whole, factors=parts), {})
    assert (found.total, found.grade, found.factors["all"]) == (None, None, None)


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [("74.994", "74.99"), ("74.995", "75.00"), ("0.005", "0.01"), ("-0.005", "0.00"), ("-1.006", "-1.01")],
)
def test_halves_of_a_hundredth_are_rounded_up(exact: str, rounded: str) -> None:
    assert two_places(F(exact)) == Decimal(rounded)
    assert two_places(F(exact)).as_tuple().exponent == -2


def test_thirds_are_rounded_to_the_nearest() -> None:
    assert [str(two_places(F(n, 3))) for n in (1, 2, 100)] == ["0.33", "0.67", "33.33"]


@pytest.mark.parametrize(
    ("total", "grade"),
    [("100", "A"), ("75.00", "A"), ("74.99", "B"), ("40.00", "B"), ("39.99", "C"), ("0", "C"), ("-1", "C")],
)
def test_a_grade_is_given_from_its_least_points_on_and_the_last_to_everybody_else(
    total: str, grade: str
) -> None:
    assert grade_of(model(), Decimal(total)) == grade


# -- which answer would change the grade -------------------------------------------------------------------------


def changes(of: Model, **values: str | Fraction) -> dict[str, OtherAnswer]:
    return smallest_changes(of, {**KNOWN, **values})


def test_the_smallest_changes_by_hand() -> None:
    """Total 90.5: 40 instead of 100 for overdue costs 27 (63.5, B), 0 costs 45 (45.5); 20 for age costs 24 (66.5).

    Other rooms cost at most 12 (78.5, still A). So the smallest change for the worse is a younger firm.
    """
    assert changes(model()) == {"worse": OtherAnswer("age", "< 3", F(20), Decimal("66.50"), "B")}


def test_a_grade_between_others_can_change_either_way() -> None:
    """Days 60, one room otherwise, age 5: .6·(30 + 2.5) + 32 = 51.5, B.

    Better: 30 days at most, .6·(75 + 2.5) + 32 = 78.5, A. Worse: 90 days, .6·2.5 + 32 = 33.5, C; a young firm
    27.5, C, which is further.
    """
    assert changes(model(), overdue=F(60), rooms="few") == {
        "better": OtherAnswer("overdue", "<= 30", F(100), Decimal("78.50"), "A"),
        "worse": OtherAnswer("overdue", ">= 90", F(0), Decimal("33.50"), "C"),
    }


def test_any_other_value_is_an_answer_too() -> None:
    """Total .6·(75 + 22.5) + .4·20 = 66.5; two rooms instead of many cost 9, any other number 12."""
    least = model(grades=(Rank("A", F(60)), Rank("C", F(0))))
    assert changes(least, age=F(1))["worse"] == OtherAnswer("rooms", "2", F(30), Decimal("57.50"), "C")
    least = model(grades=(Rank("A", F(56)), Rank("C", F(0))))
    assert changes(least, age=F(1))["worse"] == OtherAnswer("rooms", "*", F(10), Decimal("54.50"), "C")


def test_of_equal_changes_the_first_of_the_model_is_named() -> None:
    """Both answers cost 24: overdue 100 → 60 at a weight of .6, and age 80 → 20 at .4."""
    alike = model(measure=bands(("<=", 30, 100), ("", None, 60)))
    alike = replace(alike, indicators=(replace(alike.indicators[0], weight=F(1)), alike.indicators[2]))
    assert changes(alike, overdue=F(1))["worse"].indicator == "overdue"
    backwards = replace(alike, indicators=alike.indicators[::-1])
    assert changes(backwards, overdue=F(1))["worse"].indicator == "age"


@pytest.mark.parametrize(
    ("rows", "present", "shown"),
    [
        ([("<=", 30, 100), ("", None, 0)], 31, "<= 30"),
        ([("<", 30, 100), ("", None, 0)], 30, "< 30"),
        ([("<=", 30, 0), ("", None, 100)], 30, "> 30"),
        ([("<", 30, 0), ("", None, 100)], 29, ">= 30"),
        ([("<=", 0, 0), ("<", 1, 100), ("", None, 0)], 1, "< 1"),
        ([("<", 0, 0), ("<=", 1, 100), ("", None, 0)], 2, "<= 1"),
        ([("<=", 60, 0), ("<", 90, 100), ("", None, 0)], 95, "< 90"),
    ],
)
def test_an_answer_is_shown_as_what_the_number_would_have_to_be(
    rows: list[tuple[str, int | None, int]], present: int, shown: str
) -> None:
    plain = model(measure=bands(*rows))
    plain = replace(
        plain,
        factors=(Factor("payment", None, {}, F(1)),),
        indicators=(replace(plain.indicators[0], weight=F(1)),),
    )
    found = smallest_changes(plain, {"overdue": F(present)})
    assert found == {"better": OtherAnswer("overdue", shown, F(100), Decimal("100.00"), "A")}


def test_bounds_are_shown_in_full() -> None:
    percent = Band(F("0.005"), inclusive=True, points=F(100))
    thousand = Band(F(1000), inclusive=True, points=F(50))
    measure = Measure("facts", "returns_share", bands=(percent, thousand, Band(None, False, F(0))))  # noqa: FBT003
    narrow = model(measure=measure, grades=(Rank("A", F(85)), Rank("B", F(65)), Rank("C", F(0))))
    assert changes(narrow, overdue=F(1))["better"].value == "<= 0.005"
    assert changes(narrow, overdue=F(5000))["better"].value == "<= 1000"


def test_without_a_grade_nothing_changes_it() -> None:
    assert smallest_changes(model("incomplete"), {}) == {}


def test_a_measure_that_gives_everybody_the_same_has_no_other_answer() -> None:
    same = model(measure=bands(("", None, 100)), grades=(Rank("A", F(89)), Rank("B", F(0))))
    assert changes(same)["worse"].indicator == "rooms"


def test_a_grade_that_no_single_answer_changes_stays() -> None:
    one = model(grades=(Rank("A", F(99)), Rank("B", F(0))))
    assert changes(one) == {}
