"""Comparisons in pairs: where they stop being usable, what is said of them, and how weights are rounded."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from typing import Any

import pytest

from crmcore_credit_5c.rules import building
from crmcore_credit_5c.rules.ahp import (
    RANDOM_INDEX,
    Hierarchy,
    MatrixProblem,
    check,
    exact_weights,
    weigh,
    worst_triple,
)
from crmcore_credit_5c.rules.building import matrix_of, matrix_problem, weights_of_matrix
from crmcore_credit_5c.rules.problems import ModelProblem


def consistent(size: int, better: float = 2) -> list[list[float]]:
    """Return comparisons of which each is so many times the next, without any contradiction."""
    return [[better ** (j - i) for j in range(size)] for i in range(size)]


# -- what is no matrix of comparisons ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrix", "problem", "row", "column", "value"),
    [
        ([], "empty", -1, -1, None),
        (consistent(16), "size", -1, -1, 16),
        ([[1, 2]], "square", 0, -1, 2),
        ([[1, 2], [0.5]], "square", 1, -1, 1),
        ([[1, 0], [1, 1]], "number", 0, 1, 0),
        ([[1, 2], [-0.5, 1]], "number", 1, 0, -0.5),
        ([[1, inf], [1, 1]], "number", 0, 1, inf),
        ([[2]], "diagonal", 0, 0, 2),
        ([[1, 2], [0.5, 0.99999]], "diagonal", 1, 1, 0.99999),
        ([[1, 2], [0.4, 1]], "reciprocal", 1, 0, 0.4),
        ([[1, 2, 3], [1 / 2, 1, 4], [1 / 3, 1 / 5, 1]], "reciprocal", 2, 1, 1 / 5),
    ],
)
def test_what_is_wrong_with_a_matrix_is_named_with_its_row_and_column(
    matrix: list[list[float]], problem: str, row: int, column: int, value: object
) -> None:
    with pytest.raises(MatrixProblem, match=f"^{problem}$") as refused:
        check(matrix)
    found = refused.value
    assert (found.problem, found.row, found.column, found.value) == (problem, row, column, value)


def test_what_is_no_number_at_all_is_no_comparison() -> None:
    with pytest.raises(MatrixProblem, match="number"):
        check([[1, nan], [nan, 1]])


@pytest.mark.parametrize("huge", [1.1e100, 1e200, 1.7e308])
def test_nothing_is_more_important_than_numbers_can_say(huge: float) -> None:
    """A product of two such comparisons would be no number any more."""
    matrix = [[1, huge, huge], [1 / huge, 1, huge], [1 / huge, 1 / huge, 1]]
    with pytest.raises(MatrixProblem, match="number") as refused:
        weigh(matrix)
    assert (refused.value.row, refused.value.column) == (0, 1)
    with pytest.raises(MatrixProblem, match="number") as refused:
        weigh([[1, 1 / huge], [1, 1]])
    assert (refused.value.row, refused.value.column) == (0, 1)


def test_the_largest_comparisons_that_are_taken_can_be_reckoned_with() -> None:
    huge = 1e100
    matrix = [[1, huge, huge], [1 / huge, 1, huge], [1 / huge, 1 / huge, 1]]
    assert weigh(matrix).cr > 1
    assert worst_triple(matrix) == (0, 1, 2)


def test_fifteen_can_be_compared_at_once() -> None:
    found = weigh(consistent(15))
    assert found.weights[0] == pytest.approx(2 * found.weights[1])
    assert found.cr == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("written", "taken"), [(0.5000009, True), (0.4999991, True), (0.5000012, False)])
def test_the_reciprocal_is_exact_to_six_places(written: float, taken: bool) -> None:  # noqa: FBT001
    if taken:
        check([[1, 2], [written, 1]])
    else:
        with pytest.raises(MatrixProblem, match="reciprocal"):
            check([[1, 2], [written, 1]])


def test_it_is_the_smaller_of_both_that_is_compared() -> None:
    """0.111111 is 1/9 to six places, while 1 / 0.111111 is 9.000009: further from 9 than a millionth."""
    check([[1, 9], [0.111111, 1]])
    check([[1, 0.111111], [9, 1]])


def test_on_saatys_scale_up_to_nine_the_smaller_one_is_near_enough_to_six_places() -> None:
    check([[1, 9], [0.1111105, 1]])
    with pytest.raises(MatrixProblem, match="reciprocal"):
        check([[1, 9], [0.1111095, 1]])
    with pytest.raises(MatrixProblem, match="reciprocal"):
        check([[1, 9.1], [0.1098896, 1]])


def test_a_row_compared_with_itself_is_one_to_six_places() -> None:
    check([[1.0000009]])
    check([[0.9999991]])
    with pytest.raises(MatrixProblem, match="diagonal"):
        check([[1.0000011]])


# -- weights and consistency -------------------------------------------------------------------------------------


def test_saatys_random_indices() -> None:
    """Saaty (1980), for 1 to 15 rows."""
    assert RANDOM_INDEX == (
        0, 0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59,
    )  # fmt: skip


def test_three_rows_that_contradict_each_other_by_hand() -> None:
    """A is twice B, B twice C, A equal to C: λmax = 1 + t + 1/t with t the cube root of 4."""
    found = weigh([[1, 2, 1], [1 / 2, 1, 2], [1, 1 / 2, 1]])
    root = 4 ** (1 / 3)
    assert found.lambda_max == pytest.approx(1 + root + 1 / root)
    assert found.ci == pytest.approx((root + 1 / root - 2) / 2)
    assert found.cr == pytest.approx(found.ci / 0.58)
    # the geometric means of the rows, which for three rows are the eigenvector: ∛2, 1, ∛½
    means = [2 ** (1 / 3), 1, 2 ** (-1 / 3)]
    assert found.weights == pytest.approx([one / sum(means) for one in means], abs=1e-9)


def test_weights_are_reckoned_until_none_of_them_changes() -> None:
    """Each is twice the next, and the first twice the last: geometric means ∛4, 1, ∛¼.

    The sums of the rows are 5, 3.5 and 2; the second of these is a third of all from the start, and not yet a weight.
    """
    found = weigh([[1, 2, 2], [1 / 2, 1, 2], [1 / 2, 1 / 2, 1]])
    means = [4 ** (1 / 3), 1, 4 ** (-1 / 3)]
    assert found.weights == pytest.approx([one / sum(means) for one in means], abs=1e-9)


def test_two_rows_do_not_contradict_each_other_by_the_places_left_out() -> None:
    assert weigh([[1, 3], [0.333334, 1]])[2:] == (0, 0)


def test_weights_with_six_places_sum_to_one_and_the_largest_remainder_is_rounded_up() -> None:
    assert exact_weights([0.5, 0.3000004, 0.1999996]) == [
        Decimal("0.500000"), Decimal("0.300000"), Decimal("0.200000"),
    ]  # fmt: skip
    assert exact_weights([0.25, 0.75]) == [Decimal("0.250000"), Decimal("0.750000")]


def test_it_is_not_the_smallest_weight_that_is_rounded_up() -> None:
    """Remainders of .4, .9 and .7 millionths: two are missing, and the last two get them."""
    assert [str(one) for one in exact_weights([0.2000004, 0.2999999, 0.4999997])] == [
        "0.200000",
        "0.300000",
        "0.500000",
    ]


def test_of_equal_remainders_the_first_is_rounded_up() -> None:
    assert exact_weights([1 / 3] * 3) == [Decimal("0.333334"), Decimal("0.333333"), Decimal("0.333333")]
    assert [str(one) for one in exact_weights([1.0])] == ["1.000000"]


# -- in a model --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cr", "refused"), [(0.0999, False), (0.10, True), (0.1001, True)])
def test_from_a_consistency_ratio_of_a_tenth_on_comparisons_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    cr: float,
    refused: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(building, "weigh", lambda _rows: Hierarchy((0.5, 0.25, 0.25), 3.1, 0.05, cr))
    matrix = consistent(3)
    if not refused:
        assert sum(weights_of_matrix(matrix, "ahp", "abc")) == 1
        return
    with pytest.raises(ModelProblem) as problem:
        weights_of_matrix(matrix, "ahp", "abc")
    assert (problem.value.path, problem.value.problem) == ("ahp", "inconsistent")
    assert problem.value.values == {"value": f"{cr:.3f}", "triple": "a, b, c"}


def test_of_four_the_three_that_contradict_each_other_most_are_named() -> None:
    """B against C is wrong by a factor of 90; D agrees with everybody but that."""
    matrix = consistent(4)
    matrix[1][2], matrix[2][1] = 180.0, 1 / 180
    assert worst_triple(matrix) in {(0, 1, 2), (1, 2, 3)}
    matrix[0][1], matrix[1][0] = (
        4.0,
        1 / 4,
    )  # A twice as much above B as it should be: now A, B, C are out by 180
    assert worst_triple(matrix) == (0, 1, 2)
    upside_down = [list(row)[::-1] for row in matrix[::-1]]
    assert worst_triple(upside_down) == (1, 2, 3)


def test_a_large_comparison_is_no_contradiction() -> None:
    """D is a hundredth of A, B and C, as all of them say; A, B and C are alike but for A being twice C."""
    matrix: list[list[float]] = [
        [1, 1, 2, 100],
        [1, 1, 1, 100],
        [1 / 2, 1, 1, 100],
        [1 / 100, 1 / 100, 1 / 100, 1],
    ]
    assert worst_triple(matrix) == (0, 1, 2)


def test_too_much_and_too_little_are_contradictions_alike() -> None:
    """A is four times C but through B it should be the same; D is a third of E but through the others the same."""
    matrix: list[list[float]] = [[1] * 5 for _row in range(5)]
    matrix[0][2], matrix[2][0] = 4, 1 / 4
    matrix[3][4], matrix[4][3] = 1 / 3, 3
    assert worst_triple(matrix) == (0, 1, 2)


def test_a_matrix_has_a_row_for_each_name() -> None:
    with pytest.raises(ModelProblem) as refused:
        weights_of_matrix([[1, 2], [0.5, 1]], "factors/0/ahp", ["a", "b", "c"])
    assert (refused.value.path, refused.value.problem) == ("factors/0/ahp", "rows")
    assert refused.value.values == {"value": 2, "wanted": 3}


def test_comparisons_are_numbers_or_fractions() -> None:
    assert matrix_of([[1, "1/4"], [Decimal(4), 1.0]], "") == [[1.0, 0.25], [4.0, 1.0]]
    assert matrix_of([["3", " 1.5 / 3 "]], "") == [[3.0, 0.5]]


@pytest.mark.parametrize(
    "value", [True, None, "x", "1/0", "1/", "/3", "1/2/3", [1], "1" + "0" * 400, "1e9999999"]
)
def test_anything_else_is_no_comparison_and_its_place_is_named(value: Any) -> None:
    with pytest.raises(ModelProblem) as refused:
        matrix_of([[1, 2], [value, 1]], "ahp")
    assert (refused.value.path, refused.value.problem) == ("ahp/1/0", "comparison")
    assert refused.value.values == {"value": value}


@pytest.mark.parametrize(
    ("problem", "path", "place", "code"),
    [
        (MatrixProblem("reciprocal", 1, 0, 0.4), "factors/3/ahp", "factors/3/ahp/1/0", "reciprocal"),
        (MatrixProblem("square", 1, value=0.4), "ahp", "ahp/1", "square"),
        (MatrixProblem("size", value=0.4), "ahp", "ahp", "size"),
        (MatrixProblem("number", 0, 1, 0.4), "", "0/1", "comparison"),
        (MatrixProblem("empty", value=0.4), "", "", "empty"),
    ],
)
def test_a_problem_of_a_matrix_gets_the_place_of_the_matrix_in_the_file(
    problem: MatrixProblem, path: str, place: str, code: str
) -> None:
    found = matrix_problem(problem, path)
    assert (found.path, found.problem, found.values) == (place, code, {"value": 0.4})


def test_weights_by_comparisons_are_exact() -> None:
    assert [Fraction(one) for one in weights_of_matrix([[1, 3], ["1/3", 1]], "ahp", "ab")] == [
        Fraction(3, 4),
        Fraction(1, 4),
    ]
