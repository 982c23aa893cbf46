"""The rule book under any numbers, against oracles that share no code with it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from crmcore_trade_ledger import rules
from crmcore_trade_ledger.rules import Claim

MINOR = st.integers(-(10**15), 10**15)
RATE = st.integers(0, 99).map(lambda percent: Decimal(percent) / 100)
ROUNDING = st.sampled_from(["half_up", "half_even"])
QUANTUM = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}


def rounded(exact: Fraction, rounding: str) -> int:
    """Round by the decimal module, with digits to spare."""
    with localcontext() as context:
        context.prec = 80
        number = Decimal(exact.numerator) / Decimal(exact.denominator)
        return int(number.quantize(Decimal(1), rounding=QUANTUM[rounding]))


@given(MINOR, RATE, ROUNDING)
def test_tax_on_a_net_amount_is_the_rounded_product(net, rate, rounding):
    result = rules.amounts(net, None, None, rate, rounding)
    assert result.net == net
    assert result.tax == rounded(net * Fraction(rate), rounding)
    assert result.gross == result.net + result.tax


@given(MINOR, RATE, ROUNDING)
def test_net_of_a_gross_amount_is_the_rounded_quotient(gross, rate, rounding):
    result = rules.amounts(None, None, gross, rate, rounding)
    assert result.gross == gross == result.net + result.tax
    assert result.net == rounded(gross / (1 + Fraction(rate)), rounding)


@given(MINOR, RATE)
def test_rounding_half_up_treats_both_signs_alike(net, rate):
    there, back = rules.amounts(net, None, None, rate), rules.amounts(-net, None, None, rate)
    assert (there.net, there.tax, there.gross) == (-back.net, -back.tax, -back.gross)


@given(
    st.integers(-(10**12), 10**12),
    st.decimals(min_value=0, max_value=10**6, places=4),
    st.integers(0, 4),
    ROUNDING,
)
def test_a_price_times_a_quantity_is_the_rounded_product(quantity, price, digits, rounding):
    exact = Fraction(quantity, 10**6) * Fraction(price) * 10**digits
    assert rules.priced(quantity, price, digits, rounding) == rounded(exact, rounding)


@st.composite
def open_documents(draw):
    """Draw a payment and documents that it might settle; duplicates of day and number among them."""
    count = draw(st.integers(0, 8))
    documents = [
        Claim(
            10 + place,
            draw(st.sampled_from(["invoice", "return"])),
            draw(st.sampled_from(["CNY", "CNY", "USD"])),
            draw(st.integers(-50, 200)),
            date(2026, 1, 1) + timedelta(days=draw(st.integers(0, 3))),
            draw(st.sampled_from("ABC")),
        )
        for place in range(count)
    ]
    return Claim(1, "payment", "CNY", draw(st.integers(-200, 400)), date(2026, 2, 1), "P"), documents


@given(open_documents())
def test_what_the_oldest_rule_allocates_is_allowed_step_by_step(case):
    payment, documents = case
    left = {document.id: document for document in documents}
    for number, amount in rules.allocate_oldest(payment, documents):
        rules.check_allocation(payment, left[number], amount)
        paid, remaining = rules.open_after(payment, left[number], amount)
        payment = Claim(payment.id, payment.kind, payment.currency, paid, payment.day, payment.number)
        old = left[number]
        left[number] = Claim(old.id, old.kind, old.currency, remaining, old.day, old.number)


@given(open_documents())
def test_the_oldest_rule_gives_each_yuan_to_the_oldest_open_document(case):
    payment, documents = case
    sign = 1 if payment.open >= 0 else -1
    pots = {d.id: d.open * sign for d in documents if d.currency == "CNY" and d.open * sign > 0}
    queue = sorted((d for d in documents if d.id in pots), key=lambda d: (d.day, d.number, d.id))
    expected: dict[int, int] = {}
    for _yuan in range(abs(payment.open)):
        first = next((d.id for d in queue if pots[d.id] > 0), None)
        if first is None:
            break
        pots[first] -= 1
        expected[first] = expected.get(first, 0) + sign
    assert dict(rules.allocate_oldest(payment, documents)) == expected


@given(open_documents())
def test_the_oldest_rule_does_not_depend_on_the_order_of_the_documents(case):
    payment, documents = case
    assert rules.allocate_oldest(payment, documents) == rules.allocate_oldest(payment, documents[::-1])


@given(
    st.integers(-400, 4000), st.lists(st.integers(1, 400), min_size=1, max_size=6, unique=True).map(sorted)
)
def test_every_age_falls_into_the_one_bucket_that_names_it(late, bounds):
    names = rules.bucket_names(bounds)
    found = names[rules.ageing_bucket(late, bounds)]
    fitting = []
    for name in names:
        if name == "current":
            fits = late < 1
        elif name.startswith(">"):
            fits = late > int(name[1:])
        else:
            low, high = map(int, name.split("-"))
            fits = low <= late <= high
        fitting += [name] if fits else []
    assert fitting == [found]


TRADE = st.lists(st.sampled_from(["order", "delivery", "invoice"]), unique=True, max_size=3)


@given(TRADE, st.sampled_from(list(rules.BASIS)))
def test_a_trade_counts_exactly_once_in_each_basis_that_it_has_reached(documents, basis):
    """Whatever documents a trade consists of, walked in their order, the first at or after the basis counts, no other."""
    order = ["order", "delivery", "invoice"]
    trade = [kind for kind in order if kind in documents]
    counted = [
        kind
        for place, kind in enumerate(trade)
        if rules.counts_in(kind, rules.USUAL_STATE[kind], trade[:place]) & rules.BASIS[basis]
    ]
    looked_at = order[{"ordered": 0, "delivered": 1, "invoiced": 2}[basis] :]
    assert counted == [kind for kind in trade if kind in looked_at][:1]


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_twelve_months_begin_the_day_after_the_same_day_a_year_before(day):
    last_of_before = rules.year_before(day) - timedelta(days=1)
    if (day.month, day.day) == (2, 29):
        assert (last_of_before.month, last_of_before.day) == (2, 28)
    else:
        assert (last_of_before.year, last_of_before.month, last_of_before.day) == (
            day.year - 1,
            day.month,
            day.day,
        )
