"""A plain range is read without `packaging`, and means what it means there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from crmcore.plugins.version_ranges import within

VERSIONS = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda n: ".".join(map(str, n)))


@given(VERSIONS, VERSIONS, VERSIONS)
def test_a_plain_range_means_what_packaging_says(version, lower, upper):
    wanted = f">={lower},<{upper}"
    assert within(version, wanted) == SpecifierSet(wanted).contains(version, prereleases=True)


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("0.1.0", " >= 0.1 , < 0.2 ", True),
        ("0.2.0", ">=0.1,<0.2", False),
        ("0.2.0.dev0", ">=0.1,<0.2", False),
        ("0.2.0.dev0", ">=0.1,<0.3", True),
        ("0.1.5", "~=0.1.2", True),
        ("0.1.5", "", True),
        ("0.1.5", "soon", None),
        ("0.1.5", ">=0.1,<0.2,!=0.1.5", False),
    ],
)
def test_any_other_range_is_left_to_packaging(version, wanted, fits):
    assert within(version, wanted) is fits


def test_a_plain_range_does_not_load_packaging(run_in_process):
    code = (
        "import sys\nfrom crmcore.plugins.version_ranges import within\n"
        "assert within('0.1.0', '>=0.1,<0.2')\nassert 'packaging' not in sys.modules"
    )
    assert run_in_process(code).exit_code == 0
