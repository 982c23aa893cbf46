"""Ageing, overdue amounts, DSO and defaults of generated ledgers, against loops over the rows of the same ledgers."""

from __future__ import annotations

import random
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from crmcore_credit_5c.receivables.ageing import Asked, ageing, ageing_by_customer
from crmcore_credit_5c.receivables.collection import collection, period_of
from crmcore_credit_5c.receivables.defaults import default_tests
from crmcore_credit_5c.receivables.overdue import overdue
from crmcore_credit_5c.receivables.paying import habits

TODAY = date(2026, 3, 2)
RATES = {"CNY": Fraction(1), "USD": Fraction("7.12"), "JPY": Fraction("0.0456") * 100}
"""What one smallest unit is worth in fen: a yen has no smaller unit."""
SETTINGS = 'USD = "7.12"\nJPY = "0.0456"\n'
CODES = ["K1", "K2", "K3", "K4", "K5"]


class Ledger:
    """Random documents with what settled them, kept as plain rows beside the database."""

    def __init__(self, seed: int, count: int = 60) -> None:
        rng = random.Random(seed)
        self.documents: list[dict[str, Any]] = []
        for _number in range(count):
            on = TODAY - timedelta(days=rng.randrange(300))
            due = rng.choice([None, on, on + timedelta(days=30), on + timedelta(days=rng.randrange(90))])
            amount = rng.choice([-1, 1, 1, 1, 1]) * rng.randrange(1, 300_000)
            document: dict[str, Any] = {
                "code": rng.choice(CODES),
                "on": on,
                "due": due,
                "amount": amount,
                "paid": [],
            }
            document["currency"] = rng.choice(["CNY", "CNY", "USD", "JPY"])
            left = amount
            for _part in range(rng.randrange(4)):
                part = left if rng.random() < 0.4 else int(left * rng.random())
                paid_on = min(on + timedelta(days=rng.randrange(-5, 200)), TODAY)
                if part:
                    document["paid"].append((paid_on, part))
                    left -= part
            self.documents.append(document)

    def write(self, company) -> None:
        company.add(*CODES)
        numbers = company.invoices(
            [
                (
                    d["code"],
                    d["on"].isoformat(),
                    d["due"] and d["due"].isoformat(),
                    d["amount"],
                    d["currency"],
                )
                for d in self.documents
            ]
        )
        company.settlements(
            [
                (number, on.isoformat(), part)
                for number, document in zip(numbers, self.documents, strict=True)
                for on, part in document["paid"]
            ]
        )

    def open_on(self, day: date):
        """Yield the documents that were open at the end of a day, each with how much."""
        for document in self.documents:
            left = document["amount"] - sum(part for on, part in document["paid"] if on <= day)
            if document["on"] <= day and left:
                yield document, left


def rounded(amount: Fraction) -> int:
    return int(abs(amount) + Fraction(1, 2)) * (-1 if amount < 0 else 1)


def converted(sums) -> int:
    return sum(rounded(amount * RATES[currency]) for currency, amount in sums.items())


def bucket_of(days: int) -> str:
    for last, name in ((0, "current"), (30, "1-30"), (60, "31-60"), (90, "61-90")):
        if days <= last:
            return name
    return ">90"


def expected_ageing(ledger, day, by, key=lambda code: code):
    sums: dict[str, dict[str, int]] = {}
    debtors: dict[str, set[str]] = {}
    for document, left in ledger.open_on(day):
        since = document["on"] if by == "invoice" else document["due"] or document["on"]
        name = bucket_of((day - since).days)
        in_bucket = sums.setdefault(name, {})
        in_bucket[document["currency"]] = in_bucket.get(document["currency"], 0) + left
        debtors.setdefault(name, set()).add(key(document["code"]))
    names = ("current", "1-30", "31-60", "61-90", ">90")
    return [(name, converted(sums.get(name, {})), len(debtors.get(name, ()))) for name in names]


@pytest.fixture(params=[1, 2, 3])
def written(request, make_receivables, database):
    """Return a generated ledger, and the company that has it in its books."""
    company = make_receivables(database, settings=SETTINGS)
    ledger = Ledger(request.param)
    ledger.write(company)
    return ledger, company


def test_ageing_is_what_a_loop_over_the_documents_finds(written):
    ledger, company = written
    with company.app.read("credit_5c") as ctx:
        for day in [TODAY, *(TODAY - timedelta(days=back) for back in (1, 17, 90, 200, 299))]:
            for by in ("due", "invoice"):
                found = ageing(ctx, Asked(day, by))["buckets"]
                shown = [(one["bucket"], one["amount_minor"], one["customers"]) for one in found]
                assert shown == expected_ageing(ledger, day, by), (day, by)


def test_groups_are_counted_once(written):
    ledger, company = written
    company.group("K1", "K2", "K3")
    company.group("K3", "K4")
    head = dict.fromkeys(CODES[:4], "K1") | {"K5": "K5"}
    with company.app.read("credit_5c") as ctx:
        found = ageing(ctx, Asked(group=True))["buckets"]
    shown = [(one["bucket"], one["amount_minor"], one["customers"]) for one in found]
    assert shown == expected_ageing(ledger, TODAY, "due", head.__getitem__)


def test_the_list_of_customers_is_what_a_loop_finds(written):
    ledger, company = written
    day = TODAY - timedelta(days=40)
    sums: dict[Any, dict[str, int]] = {}
    for document, left in ledger.open_on(day):
        name = bucket_of((day - (document["due"] or document["on"])).days)
        place = sums.setdefault((document["code"], name), {})
        place[document["currency"]] = place.get(document["currency"], 0) + left
    with company.app.read("credit_5c") as ctx:
        for line in ageing_by_customer(ctx, Asked(day)):
            for name, amount in line["buckets"].items():
                assert amount == converted(sums.get((line["customer"], name), {})), (line["customer"], name)


def test_what_is_overdue_is_what_a_loop_finds(written):
    ledger, company = written
    late: dict[str, Any] = {}
    for document, left in ledger.open_on(TODAY):
        due = document["due"] or document["on"]
        if left > 0 and due < TODAY:
            oldest, sums = late.setdefault(document["code"], [due, {}])
            late[document["code"]][0] = min(oldest, due)
            sums[document["currency"]] = sums.get(document["currency"], 0) + left
    with company.app.read("credit_5c") as ctx:
        found = overdue(ctx, company.ids(*CODES))
    shown = {code: found.get(number) for code, number in zip(CODES, company.ids(*CODES), strict=True)}
    for code in CODES:
        if code not in late:
            assert shown[code] is None
        else:
            oldest, sums = late[code]
            assert shown[code] == ((TODAY - oldest).days, converted(sums), "CNY")


def test_days_beyond_terms_are_what_a_loop_finds(written):
    ledger, company = written
    start = TODAY - timedelta(days=120)
    weights: dict[str, Any] = {}
    for document in ledger.documents:
        for on, part in document["paid"]:
            if document["amount"] > 0 and start <= on <= TODAY:
                weight, total = weights.get(document["code"], (0, 0))
                worth = part * RATES[document["currency"]]
                late = (on - (document["due"] or document["on"])).days
                weights[document["code"]] = (weight + worth, total + worth * late)
    with company.app.read("credit_5c") as ctx:
        found = habits(ctx, start, TODAY)
    by_code = {code: found.get(number) for code, number in zip(CODES, company.ids(*CODES), strict=True)}
    assert by_code == {
        code: (weights[code][1] / weights[code][0] if code in weights else None) for code in CODES
    }


def test_collection_is_what_a_loop_finds(written):
    ledger, company = written
    start, end = TODAY - timedelta(days=180), TODAY - timedelta(days=10)

    def owed(day, *, current=False):
        sums: dict[str, int] = {}
        for document, left in ledger.open_on(day):
            if not current or (document["due"] or document["on"]) >= day:
                sums[document["currency"]] = sums.get(document["currency"], 0) + left
        return converted(sums)

    with company.app.read("credit_5c") as ctx:
        found = collection(ctx, period_of(ctx, start, end))
    assert found["beginning_minor"] == owed(start - timedelta(days=1))
    assert found["ending_minor"] == owed(end)
    assert found["ending_current_minor"] == owed(end, current=True)
    months: dict[Any, int] = {}
    for document in ledger.documents:
        if start <= document["on"] <= end:
            place = (document["on"].year, document["on"].month, document["currency"])
            months[place] = months.get(place, 0) + document["amount"]
    assert found["sales_minor"] == sum(rounded(amount * RATES[place[2]]) for place, amount in months.items())


def test_days_in_default_are_what_a_loop_over_days_finds(written):
    ledger, company = written
    with company.app.read("credit_5c") as ctx:
        found = {one["customer"]: one for one in default_tests(ctx, company.ids(*CODES))}
    for code in CODES:
        days = 0
        last: date | None = None
        past_due = owed = Fraction(0)
        for back in range(700, -1, -1):
            day = TODAY - timedelta(days=back)
            past_due = owed = Fraction(0)
            for document, left in ledger.open_on(day):
                if document["code"] == code and document["amount"] > 0:
                    owed += left * RATES[document["currency"]]
                    if (document["due"] or document["on"]) < day:
                        past_due += left * RATES[document["currency"]]
            days = days + 1 if past_due > 50_000 and past_due * 100 > owed else 0
            last = day if days > 90 else last
        shown = found[code]
        assert shown["past_due"]["days"] == days, code
        assert shown["past_due"]["amount_minor"] == rounded(past_due)
        assert shown["past_due"]["owed_minor"] == rounded(owed)
        state = "performing" if last is None else "default" if last == TODAY else None
        if state is None and last is not None:
            free: date = last + timedelta(days=1)
            month = free.month + 3
            over = date(free.year + (month > 12), (month - 1) % 12 + 1, min(free.day, 28))
            state = "probation" if over > TODAY else "performing"
        assert shown["state"] == state, code
