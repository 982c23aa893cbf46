"""How an indicator is measured and which grades there are: the edges, and each mistake with its place."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from crmcore_credit_5c.rules.building import build_grades, check_last_grade
from crmcore_credit_5c.rules.measures import build_measure
from crmcore_credit_5c.rules.model import FACT_INDICATORS, Band, Measure, Rank, Step
from crmcore_credit_5c.rules.problems import ModelProblem
from crmcore_credit_5c.rules.ratios import RATIOS
from crmcore_credit_5c.rules.scales import SCALES, scale_of

SHOP = {"kind": "scale", "steps": [{"value": "own", "points": "100"}, {"value": "rented", "points": "0"}]}
FORM = {"kind": "field", "of": "legal_form", "values": [{"value": "limited", "points": "90"}]}
OVERDUE = {
    "kind": "facts", "of": "oldest_overdue_days",
    "bands": [{"up_to": "30", "points": "100"}, {"below": "90", "points": "40"}, {"points": "0"}],
}  # fmt: skip
Z = {"kind": "ratio", "of": "altman_z2", "zones": {"safe": "100", "grey": "50", "distress": "5"}}
CARD = {"region", "legal_form"}


def measure(content: dict[str, Any], **changed: Any) -> Measure:
    return build_measure({**content, **changed}, "m", CARD)


def refused(build: Callable[[], object]) -> tuple[str, str, dict[str, object]]:
    with pytest.raises(ModelProblem) as problem:
        build()
    return problem.value.path, problem.value.problem, problem.value.values


def mistake(content: dict[str, Any], **changed: Any) -> tuple[str, str, dict[str, object]]:
    return refused(lambda: measure(content, **changed))


# -- names -------------------------------------------------------------------------------------------------------


def test_every_fact_and_every_ratio_can_be_asked_for() -> None:
    assert FACT_INDICATORS == (
        "days_beyond_terms",
        "share_overdue",
        "oldest_overdue_days",
        "order_trend",
        "returns_share",
        "years_of_trade",
    )
    for kind, names in (("facts", FACT_INDICATORS), ("ratio", tuple(RATIOS)), ("field", tuple(CARD))):
        for name in names:
            found = measure({"kind": kind, "of": name, "bands": [{"points": "1"}]})
            assert (found.kind, found.of) == (kind, name)


@pytest.mark.parametrize(
    ("content", "problem", "known"),
    [
        (FORM, "unknown_field", "legal_form, region"),
        (OVERDUE, "unknown_facts", ", ".join(sorted(FACT_INDICATORS))),
        (Z, "unknown_ratio", ", ".join(sorted(RATIOS))),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_are_known(
    content: dict[str, Any], problem: str, known: str
) -> None:
    assert mistake(content, of="beauty") == ("m/of", problem, {"value": "beauty", "known": known})


def test_fields_are_taken_as_they_are_where_the_card_is_not_known_and_columns_always() -> None:
    assert build_measure({**FORM, "of": "beauty"}, "m", None).of == "beauty"
    assert measure({**FORM, "kind": "column", "of": "beauty"}).of == "beauty"


# -- steps and values --------------------------------------------------------------------------------------------


def test_a_step_is_described_in_the_languages_of_the_file() -> None:
    step = {"value": 3, "points": 7.5, "en": "Three", "zh": "三"}
    assert measure(SHOP, steps=[step]).steps == (Step("3", Fraction("7.5"), {"en": "Three", "zh": "三"}),)


def test_the_edges_of_the_points_are_allowed_and_nothing_beyond() -> None:
    assert [one.points for one in measure(SHOP).steps] == [100, 0]
    for points in ("100.01", "-0.01"):
        steps = [{"value": "own", "points": "1"}, {"value": "rented", "points": points}]
        assert mistake(SHOP, steps=steps) == ("m/steps/1/points", "points", {"value": points})


def test_points_of_a_scorecard_are_whatever_they_are() -> None:
    steps = [{"value": "own", "points": "-250.5"}, {"value": "rented", "points": "900"}]
    found = build_measure({**SHOP, "steps": steps}, "m", None, "sum")
    assert [one.points for one in found.steps] == [Fraction("-250.5"), 900]


@pytest.mark.parametrize("name", ["steps", "values"])
def test_a_value_is_there_once(name: str) -> None:
    rows = [{"value": value, "points": "1"} for value in ("a", "b", "a")]
    assert mistake({"kind": "field", "of": "region", name: rows}) == (
        f"m/{name}/2/value",
        "twice",
        {"value": "a"},
    )


def test_points_of_all_other_values_and_of_missing_ones_are_checked_too() -> None:
    found = measure(FORM, otherwise="0", missing="100")
    assert (found.otherwise, found.missing) == (Fraction(0), Fraction(100))
    assert measure(OVERDUE, missing="10").missing == 10
    for name in ("otherwise", "missing"):
        assert mistake(FORM, **{name: "101"}) == (f"m/{name}", "points", {"value": "101"})
        assert mistake(FORM, **{name: "few"}) == (f"m/{name}", "number", {"value": "few"})


@pytest.mark.parametrize(
    ("one", "other"), [("steps", "values"), ("steps", "zones"), ("values", "bands"), ("bands", "zones")]
)
def test_points_stand_in_one_table(one: str, other: str) -> None:
    tables = {
        "steps": SHOP["steps"], "values": FORM["values"], "bands": OVERDUE["bands"], "zones": Z["zones"],
    }  # fmt: skip
    both = {"kind": "ratio", "of": "altman_z2", other: tables[other], one: tables[one]}
    assert mistake(both) == ("m", "two_tables", {"value": f"{one}, {other}"})


@pytest.mark.parametrize("table", [OVERDUE, Z])
def test_bands_and_zones_have_points_for_no_other_value(table: dict[str, Any]) -> None:
    assert mistake(table, otherwise="0") == ("m/otherwise", "beside_bands", {"value": "0"})


def test_where_there_is_no_value_zones_have_points_as_bands_have() -> None:
    assert measure(Z, missing="10").missing == measure(OVERDUE, missing="10").missing == 10


def test_a_measure_says_how_many_points_a_value_gets() -> None:
    assert mistake({"kind": "field", "of": "region"}) == ("m", "no_points", {})


# -- bands and zones ---------------------------------------------------------------------------------------------

LAST = {"points": "0"}


@pytest.mark.parametrize(
    ("bands", "place", "problem", "values"),
    [
        ([{"up_to": "30", "points": "1"}, {"below": "30", "points": "1"}, LAST], "1/below", "band_order", {"value": "30"}),
        ([{"below": "30", "points": "1"}, {"up_to": 29, "points": "1"}, LAST], "1/up_to", "band_order", {"value": 29}),
        ([{"up_to": "30", "points": "1"}, {"below": "90", "points": "1"}, {"up_to": "60", "points": "1"}, LAST],
         "2/up_to", "band_order", {"value": "60"}),
        ([{"up_to": "30", "below": "30", "points": "1"}, LAST], "0", "two_bounds", {}),
        ([{"up_to": "30", "points": "1"}, {"points": "1"}, LAST], "1", "last_band", {}),
        ([{"up_to": "30", "points": "1"}], "0", "last_band", {}),
        ([{"up_to": "few", "points": "1"}, LAST], "0/up_to", "number", {"value": "few"}),
        ([{"below": "few", "points": "1"}, LAST], "0/below", "number", {"value": "few"}),
        ([{"up_to": "30", "points": "1"}, {"points": "101"}], "1/points", "points", {"value": "101"}),
    ],
)  # fmt: skip
def test_bands_go_up_and_only_the_last_one_goes_on_for_ever(
    bands: list[dict[str, Any]], place: str, problem: str, values: dict[str, object]
) -> None:
    assert mistake(OVERDUE, bands=bands) == (f"m/bands/{place}", problem, values)


def test_bands_may_be_a_hair_apart() -> None:
    bands = [{"up_to": "0.30", "points": "1"}, {"below": "0.3000001", "points": "2"}, LAST]
    assert measure(OVERDUE, bands=bands).bands == (
        Band(Fraction("0.3"), inclusive=True, points=Fraction(1)),
        Band(Fraction("0.3000001"), inclusive=False, points=Fraction(2)),
        Band(None, inclusive=False, points=Fraction(0)),
    )


@pytest.mark.parametrize(
    ("form", "distress", "safe"),
    [("altman_z", "1.81", "2.99"), ("altman_z1", "1.23", "2.9"), ("altman_z2", "1.1", "2.6")],
)
def test_each_of_altmans_forms_has_its_own_zones(form: str, distress: str, safe: str) -> None:
    assert measure(Z, of=form).bands == (
        Band(Fraction(distress), inclusive=False, points=Fraction(5)),
        Band(Fraction(safe), inclusive=True, points=Fraction(50)),
        Band(None, inclusive=False, points=Fraction(100)),
    )


def test_only_altmans_forms_have_zones() -> None:
    assert mistake(Z, of="gearing") == ("m/zones", "zones", {"value": "gearing"})


@pytest.mark.parametrize("zone", ["safe", "grey", "distress"])
def test_points_of_a_zone_are_wrong_in_their_place(zone: str) -> None:
    zones = {"safe": "100", "grey": "50", "distress": "5", zone: "101"}
    assert mistake(Z, zones=zones) == (f"m/zones/{zone}", "points", {"value": "101"})


# -- grades ------------------------------------------------------------------------------------------------------


def grades(*least: str | float) -> list[dict[str, Any]]:
    return [{"grade": name, "min_score": one} for name, one in zip("ABCDE", least, strict=False)]


def test_each_grade_needs_less_than_the_one_before() -> None:
    assert build_grades(grades("70.5", 40, "0")) == (
        Rank("A", Fraction("70.5")),
        Rank("B", Fraction(40)),
        Rank("C", Fraction(0)),
    )
    for wrong, shown in (("70.50", "70.5"), ("100", "100"), ("70.51", "70.51")):
        assert refused(lambda wrong=wrong: build_grades(grades("70.5", wrong, "0"))) == (  # type: ignore[misc]
            "grades/1/min_score",
            "order",
            {"value": shown},
        )


def test_a_grade_is_there_once_and_its_points_are_a_number() -> None:
    twice = [*grades("70", "40"), {"grade": "A", "min_score": "0"}]
    assert refused(lambda: build_grades(twice)) == ("grades/2/grade", "twice", {"value": "A"})
    assert refused(lambda: build_grades(grades("70", "most"))) == (
        "grades/1/min_score",
        "number",
        {"value": "most"},
    )


def test_the_last_grade_is_that_of_all_others() -> None:
    check_last_grade(build_grades(grades("10", "0.00")))
    high, low = build_grades(grades("10", "5.10")), build_grades(grades("10", "-5"))
    assert refused(lambda: check_last_grade(high)) == ("grades/1/min_score", "last_grade", {"value": "5.1"})
    assert refused(lambda: check_last_grade(low)) == ("grades/1/min_score", "last_grade", {"value": "-5"})


def test_the_scales_that_a_setting_can_name() -> None:
    scales = {
        name: " ".join(f"{rank.grade}{rank.min_score}" for rank in ranks) for name, ranks in SCALES.items()
    }
    assert scales == {
        "abc": "A75 B55 C0",
        "aaa_d": "AAA90 AA80 A70 BBB60 BB50 B40 CCC30 CC20 C10 D0",
    }


def test_a_setting_chooses_a_scale_its_own_or_that_of_the_model() -> None:
    own = [{"grade": "good", "min_score": "60"}, {"grade": "bad", "min_score": "0"}]
    assert scale_of("own", own) == (Rank("good", Fraction(60)), Rank("bad", Fraction(0)))
    assert scale_of("abc", own) == SCALES["abc"]
    assert scale_of("model", own) is None
    assert refused(lambda: scale_of("own", own[:1])) == ("grades/0/min_score", "last_grade", {"value": "60"})
