"""Which orders are held, rule by rule of the book, with the amounts that say why."""

from __future__ import annotations

from fractions import Fraction

import pytest

from crmcore_credit_5c.rules.holds import Account, Breach, Buyer, Terms, breaches, release_in_turn


def buyer(terms: Terms, group: Account | None = None, *, is_top: bool = False, **own: int | None) -> Buyer:
    return Buyer(terms, Account(**own), group, is_top)  # type: ignore[arg-type]


# -- limits ------------------------------------------------------------------------------------------------------


def test_an_order_that_just_fills_the_limit_is_released() -> None:
    known = buyer(Terms("limit"), limit_minor=1000, exposure_minor=700, owed_minor=500)
    assert breaches(known, 300) == []
    assert breaches(known, 301) == [Breach("limit", 1000, 700)]


def test_the_limit_of_the_group_binds_beside_the_own_and_is_named_after_it() -> None:
    known = buyer(Terms("limit"), Account(1500, 1400), limit_minor=1000, exposure_minor=900)
    assert breaches(known, 100) == []
    assert breaches(known, 101) == [Breach("limit", 1000, 900), Breach("group_limit", 1500, 1400)]


def test_the_limit_of_the_top_parent_is_that_of_the_group_and_is_asked_once() -> None:
    group = Account(1000, 950)
    top = buyer(Terms("limit"), group, is_top=True, limit_minor=1000, exposure_minor=100)
    assert breaches(top, 51) == [Breach("group_limit", 1000, 950)]
    assert breaches(top, 50) == []


def test_a_limit_of_the_group_is_a_limit_for_who_has_none() -> None:
    member = buyer(Terms("limit"), Account(1000, 0), limit_minor=None)
    assert breaches(member, 1000) == []
    assert breaches(member, 1001) == [Breach("group_limit", 1000, 0)]


def test_an_own_limit_is_enough_where_the_group_has_none() -> None:
    member = buyer(Terms("limit"), Account(None, 0), limit_minor=1000)
    assert breaches(member, 1000) == []
    assert breaches(member, 1001) == [Breach("limit", 1000, 0)]


def test_without_any_limit_there_is_no_credit() -> None:
    for group in (None, Account(None, 99)):
        nobody = buyer(Terms("limit"), group, limit_minor=None, exposure_minor=40)
        assert breaches(nobody, 1) == [Breach("no_limit", exposure_minor=40)]


def test_a_limit_of_nothing_is_a_limit() -> None:
    assert breaches(buyer(Terms("limit"), limit_minor=0), 1) == [Breach("limit", 0, 0)]


def test_the_company_may_release_without_a_limit() -> None:
    assert breaches(buyer(Terms("limit", without_limit="release")), 10**9) == []


def test_who_pays_in_advance_needs_no_limit() -> None:
    paid = buyer(Terms("limit"), exposure_minor=40, owed_minor=10, unallocated_minor=140)
    assert breaches(paid, 100) == []
    assert breaches(paid, 101) == [Breach("no_limit", exposure_minor=40)]


def test_an_account_and_a_breach_say_nothing_that_is_not_given() -> None:
    assert Account() == Account(None, 0, 0, 0, 0, 0)
    assert Breach("limit") == Breach("limit", 0, 0, 0, 0, 0, 0)


# -- overdue -----------------------------------------------------------------------------------------------------


def test_nothing_more_is_released_while_an_invoice_is_overdue_for_longer_than_the_policy_bears() -> None:
    late = Account(10_000, 500, 500, oldest_days=11, overdue_minor=300)
    assert breaches(Buyer(Terms("overdue", overdue_days=11), late), 1) == []
    assert breaches(Buyer(Terms("overdue", overdue_days=10), late), 1) == [
        Breach("overdue", days=11, overdue_minor=300)
    ]
    assert breaches(Buyer(Terms("limit", overdue_days=10), late), 1) == [], "where only the limit holds"


def test_who_says_nothing_bears_no_overdue_day_and_asks_no_deposit() -> None:
    assert Terms() == ("overdue", 0, Fraction(0), "hold")
    assert breaches(Buyer(Terms(), Account(10, oldest_days=0)), 1) == []
    assert breaches(Buyer(Terms(), Account(10, oldest_days=1)), 1) == [Breach("overdue", days=1)]


# -- deposit, prepayment, never ----------------------------------------------------------------------------------


def test_a_deposit_is_paid_for_this_order_and_for_the_others_that_are_not_invoiced() -> None:
    """Thirty per cent of 200 ordered before and of 100 now: 60 and 30."""
    terms = Terms("limit", deposit=Fraction("0.3"))
    assert breaches(Buyer(terms, Account(10_000, 250, 50, unallocated_minor=90)), 100) == []
    assert breaches(Buyer(terms, Account(10_000, 250, 50, unallocated_minor=89)), 100) == [
        Breach("deposit", needed_minor=30, available_minor=29)
    ]


def test_a_deposit_of_the_whole_is_what_is_left_after_all_invoices_are_paid() -> None:
    """Owed 50, ordered 200: of payments of 349 only 99 are left for an order of 100."""
    terms = Terms("limit", deposit=Fraction(1))
    assert breaches(Buyer(terms, Account(10_000, 250, 50, unallocated_minor=350)), 100) == []
    assert breaches(Buyer(terms, Account(10_000, 250, 50, unallocated_minor=349)), 100) == [
        Breach("deposit", needed_minor=100, available_minor=99)
    ]


def test_payments_that_are_spoken_for_leave_nothing_and_never_less() -> None:
    poor = Account(None, 300, 200, unallocated_minor=120)
    assert breaches(Buyer(Terms("prepayment"), poor), 10) == [
        Breach("prepayment", needed_minor=10, available_minor=0)
    ]


def test_payment_before_dispatch_asks_for_nothing_else() -> None:
    """Not for a limit, not how late old invoices are, not for a deposit."""
    terms = Terms("prepayment", overdue_days=0, deposit=Fraction("0.5"))
    paid = Account(0, 0, 0, unallocated_minor=100, oldest_days=400)
    assert breaches(Buyer(terms, paid), 100) == []
    assert breaches(Buyer(terms, paid), 101) == [Breach("prepayment", needed_minor=101, available_minor=100)]


def test_a_policy_of_never_holds_nothing() -> None:
    terms = Terms("never", deposit=Fraction(1))
    assert breaches(Buyer(terms, Account(0, 900, 900, oldest_days=400)), 10**9) == []


def test_all_rules_that_an_order_breaks_are_named_in_the_order_of_the_book() -> None:
    own = Account(100, 90, 90, oldest_days=5, overdue_minor=90)
    found = breaches(Buyer(Terms("overdue", deposit=Fraction("0.1")), own, Account(100, 95)), 20)
    assert [one.rule for one in found] == ["limit", "group_limit", "overdue", "deposit"]


# -- one after another -------------------------------------------------------------------------------------------


def test_what_is_released_counts_for_the_next_order_on_the_own_account_and_that_of_the_group() -> None:
    group = Account(250)
    one, other = buyer(Terms("limit"), group, limit_minor=150), buyer(Terms("limit"), group, limit_minor=150)
    found = release_in_turn([(one, 100), (one, 60), (one, 50), (other, 101), (other, 100)])
    assert [[breach.rule for breach in broken] for broken in found] == [
        [],
        ["limit"],
        [],
        ["group_limit"],
        [],
    ]
    assert (one.own.exposure_minor, other.own.exposure_minor, group.exposure_minor) == (150, 100, 250)


@pytest.mark.parametrize("amount", [1, 100])
def test_an_order_that_is_held_counts_for_nothing(amount: int) -> None:
    nobody = buyer(Terms("limit"), exposure_minor=7)
    release_in_turn([(nobody, amount)])
    assert nobody.own.exposure_minor == 7


def test_what_is_undelivered_is_what_is_used_and_not_owed() -> None:
    assert Account(None, 300, 120).undelivered_minor == 180
