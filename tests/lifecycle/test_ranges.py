"""A set whose versions do not meet is refused, with the smallest change that would do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.app import App
from crmcore.builtin.lifecycle.ranges import Need, can_meet, smallest_change
from crmcore.plugins.manifest import Manifest
from crmcore.testing import CommandLine
from tests.lifecycle.seen import lasting

EMPTY = "from crmcore.api import hookimpl\n"


def refusal(crm: CommandLine, *words: str) -> str:
    done = crm("plugins", *words)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1), done
    return done.stderr


@pytest.mark.parametrize(
    ("entry", "name", "wanted"),
    [
        ("trade_ledger", "trade_ledger", ""),
        ("trade_ledger>=0.1,<0.2", "trade_ledger", ">=0.1,<0.2"),
        ("trade_ledger >= 0.1, < 0.2", "trade_ledger", ">= 0.1, < 0.2"),
        ("abc2~=1.4", "abc2", "~=1.4"),
        ("x!=1.0", "x", "!=1.0"),
    ],
)
def test_a_requirement_may_carry_a_range(entry: str, name: str, wanted: str) -> None:
    manifest = Manifest("one", "crmcore_one", None, {"requires": [entry]})
    assert manifest.requirements == {name: wanted}
    assert manifest.requires == (name,)


@pytest.mark.parametrize("entry", ["base>>1", "base >=", "Base>=1", "base>=1;x", "base>=1,", "base 1", ""])
def test_a_requirement_that_is_no_range_is_refused(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, entry: str
) -> None:
    app = make_app()
    install_plugin("base", EMPTY)
    install_plugin("top", EMPTY, {"requires": [entry]})
    before = lasting(app)
    refusal(crm, "enable", "base", "top")
    assert lasting(app) == before


def test_a_range_that_is_met_is_no_hindrance(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    make_app()
    install_plugin("base", EMPTY, version="0.1.7")
    install_plugin("top", EMPTY, {"requires": ["base>=0.1,<0.2"]})
    assert crm.json("plugins", "enable", "top", "base") == {"enabled": ["base", "top"]}


def test_an_older_version_than_required_is_refused_with_what_to_install(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    app = make_app()
    install_plugin("base", EMPTY, version="0.1.7")
    install_plugin("top", EMPTY, {"requires": ["base>=0.2,<0.3"]})
    crm.ok("plugins", "enable", "base")
    before = lasting(app)
    message = refusal(crm, "enable", "top")
    assert "plugin 'top' needs base >=0.2,<0.3, installed is 0.1.7" in message
    assert "the smallest change that would do: install base >=0.2,<0.3" in message
    assert lasting(app) == before
    assert message.removeprefix("crm: ").strip() == "; ".join(
        crm.json("plugins", "plan", "enable", "top")["refusals"]
    )


def test_an_upgrade_that_others_cannot_follow_is_refused(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, reopen: Callable[..., App]
) -> None:
    from tests.lifecycle.test_upgrade import replace

    base = install_plugin("base", EMPTY, version="0.1.7")
    top = install_plugin("top", EMPTY, {"requires": ["base<0.2"]})
    app = make_app(["base", "top"])
    replace(base, "0.2")
    before = lasting(app)
    assert "plugin 'top' needs base <0.2, installed is 0.2" in refusal(crm, "upgrade", "base")
    assert lasting(app) == before
    top.write({"plugin.json": '{"requires": ["base<0.3"]}'})
    replace(top, "1.1")
    crm.ok("plugins", "upgrade", "base", "top")
    crm.ok("customer", "add", "--name", "x")


def test_where_no_version_would_suit_two_one_of_them_has_to_give_way(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    make_app()
    install_plugin("base", EMPTY, version="1.0")
    install_plugin("old", EMPTY, {"requires": ["base<2"]})
    install_plugin("new", EMPTY, {"requires": ["base>=2"]})
    message = refusal(crm, "enable", "base", "old", "new")
    assert "install a version of new that works with base 1.0, or leave new out" in message
    crm.ok("plugins", "enable", "base", "old")


def test_one_change_that_suits_all_is_preferred_to_several(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    make_app()
    install_plugin("base", EMPTY, version="1.0")
    for number in range(3):
        install_plugin(f"top{number}", EMPTY, {"requires": [f"base>={number + 1}.5,<5"]})
    message = refusal(crm, "enable", "base", "top0", "top1", "top2")
    assert message.endswith("the smallest change that would do: install base >=1.5,<5,>=2.5,>=3.5\n")


def test_a_plugin_for_another_core_is_changed_rather_than_the_core(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    make_app()
    install_plugin("late", EMPTY, {"api": ">=7"})
    message = refusal(crm, "enable", "late")
    assert "plugin 'late' needs crmcore >=7, this is 0.1.0" in message
    assert "install a version of late that works with crmcore 0.1.0, or leave late out" in message


def test_what_does_not_meet_elsewhere_does_not_keep_others_from_being_enabled(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    from tests.lifecycle.test_upgrade import replace

    base = install_plugin("base", EMPTY, version="1.0")
    install_plugin("top", EMPTY, {"requires": ["base<2"]})
    make_app(["base", "top"])
    replace(base, "2.0")
    install_plugin("third", EMPTY)
    crm.ok("plugins", "enable", "third")


BOUNDS = st.sampled_from(["0.1", "0.2", "0.2.1", "1", "1.5", "2.0", "10"])
RANGES = st.lists(
    st.tuples(st.sampled_from([">=", ">", "<", "<=", "==", "!="]), BOUNDS), min_size=1, max_size=3
).map(lambda parts: ",".join(sign + bound for sign, bound in parts))
MANY = [f"{a}.{b}.{c}" for a in (0, 1, 2, 3, 10, 11) for b in range(7) for c in (0, 1, 2, 5)]


@given(st.lists(RANGES, min_size=1, max_size=3))
def test_whether_ranges_can_meet_is_what_trying_many_versions_says(ranges: list[str]) -> None:
    needs = [Need(f"p{n}", "base", wanted, "1") for n, wanted in enumerate(ranges)]
    tried = any(all(need.specifier.contains(v) for need in needs) for v in MANY)
    if tried:
        assert can_meet(needs)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), RANGES), min_size=1, max_size=5))
def test_the_smallest_change_leaves_nothing_unmet(triples: list[tuple[str, str, str]]) -> None:
    needs = [Need(one, other, wanted, "1.5") for one, other, wanted in triples if one != other]
    unmet = [need for need in needs if not need.met]
    if unmet:
        said = smallest_change(needs, unmet, dict.fromkeys("abc", "1.5"))
        assert said.startswith("the smallest change that would do: ")
        assert all(need.plugin in said or need.on in said for need in unmet)
