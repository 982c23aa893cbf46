"""The rules of the matrix, against an oracle that looks at each customer by itself."""

from hypothesis import given
from hypothesis import strategies as st

from crmcore_abc_analysis.rules.classes import Floor
from crmcore_abc_analysis.rules.matrix import Cell, CellSum, NamedCells, add_up, name_of

FLOORS = (Floor("A", 100), Floor("B", None), Floor("C", 10), Floor("D", 0))
NAMES = [
    NamedCells("Keep", ("A", "B"), ("A", "B")),
    NamedCells("Develop", ("C", "D"), ("A",)),
    NamedCells("Hope", ("D",), ("A", "B")),
]


def test_a_cell_bears_the_one_name_that_claims_it():
    assert name_of(Cell("A", "B"), NAMES) == "Keep"
    assert name_of(Cell("C", "A"), NAMES) == "Develop"


def test_a_cell_that_none_or_several_names_claim_has_no_name():
    assert name_of(Cell("A", "C"), NAMES) is None
    assert name_of(Cell("D", "A"), NAMES) is None
    assert name_of(Cell("A", "A"), []) is None


def test_one_name_may_stand_for_several_groups_of_cells():
    names = [NamedCells("Talk", ("A",), ("D",)), NamedCells("Talk", ("A", "D"), ("D",))]
    assert name_of(Cell("A", "D"), names) == "Talk"


def test_customers_are_in_the_cell_of_both_classes():
    found = add_up([(1, "A", 500), (2, "A", 400), (3, "C", -5)], {1: 100, 3: 9, 4: 10}, FLOORS)
    assert found.cells == {Cell("A", "A"): CellSum(1, 500, 100), Cell("C", "D"): CellSum(1, -5, 9)}
    assert found.no_estimate == {"A": CellSum(1, 400, 0)}
    assert found.no_purchases == {"C": CellSum(1, 0, 10)}


@given(
    bought=st.dictionaries(st.integers(1, 12), st.tuples(st.sampled_from("ABCD"), st.integers(-9, 500))),
    could=st.dictionaries(st.integers(1, 12), st.integers(0, 150)),
)
def test_each_customer_is_counted_once_where_it_belongs(bought, could):
    found = add_up([(c, grade, amount) for c, (grade, amount) in bought.items()], could, FLOORS)

    def place(potential):
        return "A" if potential >= 100 else "C" if potential >= 10 else "D"

    for amount_class in "ABCD":
        of_class = [c for c, (grade, _) in bought.items() if grade == amount_class]
        lacking = [c for c in of_class if c not in could]
        assert found.no_estimate.get(amount_class, CellSum(0, 0, 0)) == (
            len(lacking),
            sum(bought[c][1] for c in lacking),
            0,
        )
        alone = [c for c in could if c not in bought and place(could[c]) == amount_class]
        assert found.no_purchases.get(amount_class, CellSum(0, 0, 0)) == (
            len(alone),
            0,
            sum(could[c] for c in alone),
        )
        for potential_class in "ABCD":
            here = [c for c in of_class if c in could and place(could[c]) == potential_class]
            assert found.cells.get(Cell(amount_class, potential_class), CellSum(0, 0, 0)) == (
                len(here),
                sum(bought[c][1] for c in here),
                sum(could[c] for c in here),
            )
