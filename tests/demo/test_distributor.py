"""The generated distributor: counts, full cards, the stated law of its sales, the same from the same seed."""

from __future__ import annotations

import csv
import random
from collections import Counter
from datetime import date, datetime, timedelta
from math import erf
from typing import Any

import pytest

from crmcore.builtin.demo import files
from crmcore.builtin.demo.companies import customers
from crmcore.builtin.demo.trading import EXPECTED_GINI, gini, weights
from crmcore.builtin.demo.words import cities, words

LAST_YEAR = date(2025, 1, 1), date(2025, 12, 31)
OPTIONAL = {"parent", "first_trade_on", "premises_rented_from", "premises_rented_to"}


def test_the_same_seed_and_day_give_the_same_company(distributor, another):
    assert distributor == another


def test_another_seed_gives_another_company(distributor):
    other = customers(random.Random("2"), distributor.today)
    assert [customer.card["name"] for customer in other] != [c.card["name"] for c in distributor.customers]


def test_there_are_2000_organisations_and_a_few_natural_persons(distributor):
    kinds = Counter(customer.card["kind"] for customer in distributor.customers)
    assert kinds == {"企业": 2000, "个人": 20}
    assert len({customer.code for customer in distributor.customers}) == 2020


def test_every_card_of_an_organisation_is_full(distributor):
    fields = set(files.CUSTOMER_HEADERS)
    for customer in distributor.firms:
        assert set(customer.card) == fields
        assert {name for name, value in customer.card.items() if not value} <= OPTIONAL
        assert (customer.card["premises"] == "自有") == (customer.card["premises_rented_from"] == "")
        assert (customer.card["lifecycle"] == "潜在") == (customer.card["first_trade_on"] == "")


def test_names_are_marked_as_generated_and_differ(distributor):
    names = [customer.card["name"] for customer in distributor.customers]
    names += [customer.card["legal_representative"] for customer in distributor.firms]
    names += [contact["name"] for contact in distributor.contacts]
    assert all(name.endswith(" (演示)") for name in names)
    firms = [customer.card["name"] for customer in distributor.firms]
    assert len(set(firms)) == len(firms)
    assert {customer.card["source"] for customer in distributor.customers} == {"演示数据(生成)"}


def test_some_firms_have_an_english_trade_name_that_says_demo(distributor):
    english = [c.card["short_name"] for c in distributor.firms if c.card["short_name"].isascii()]
    assert 200 < len(english) < 600
    assert all(name.endswith("Co., Ltd. (Demo)") for name in english)


def test_numbers_are_handed_out_once(distributor):
    for field in ("tax_id", "licence_number", "bank_account", "phone", "fax"):
        numbers = [customer.card[field] for customer in distributor.firms]
        assert len(set(numbers)) == 2000, field


def test_phones_of_everybody_are_impossible(distributor):
    cards = [customer.card for customer in distributor.customers] + distributor.contacts
    phones = [card[field] for card in cards for field in ("phone", "fax", "mobile") if card.get(field)]
    assert all(phone.startswith("102") or phone.split("-")[1].startswith("0") for phone in phones)


def test_mail_goes_to_reserved_domains_only(distributor):
    assert all(
        contact["email"].endswith((".example.com", ".example.net", ".test"))
        for contact in distributor.contacts
    )


def test_120_groups_have_heads_that_stand_before_their_members(distributor):
    parents = Counter(c.card["parent"] for c in distributor.firms if c.card["parent"])
    assert len(parents) == 120
    assert set(parents.values()) == {1, 2, 3, 4}
    seen = set()
    for customer in distributor.firms:
        assert not customer.card["parent"] or customer.card["parent"] in seen
        seen.add(customer.code)


def test_coordinates_lie_near_the_city_of_the_address(distributor):
    for customer in distributor.customers:
        address = customer.card["address"]
        near = next(city for city in cities() if address.startswith(f"{city.province}{city.city}演示区"))
        assert abs(float(customer.card["longitude"]) - near.longitude) <= 0.101
        assert abs(float(customer.card["latitude"]) - near.latitude) <= 0.101
        assert customer.card["region"] == near.region


def test_lifecycle_follows_the_trading(distributor):
    for customer in distributor.firms:
        trading = customer.trading
        stage = "潜在" if trading.weight == 0 else "旧" if trading.stopped_on else "现有"
        assert customer.card["lifecycle"] == stage
        assert trading.stopped_on is None or trading.since < trading.stopped_on < distributor.today
    lifecycles = Counter(customer.card["lifecycle"] for customer in distributor.firms)
    assert lifecycles == {"潜在": 280, "旧": 220, "现有": 1500}


def test_the_law_has_the_gini_and_the_80_20_share_that_are_stated():
    law = weights(20_000)
    assert pytest.approx(erf(1.7 / 2)) == EXPECTED_GINI
    assert gini(law) == pytest.approx(EXPECTED_GINI, abs=0.005)
    assert sum(law[-4000:]) / sum(law) == pytest.approx(0.80, abs=0.01)
    assert sum(law) / len(law) == pytest.approx(1)


def test_about_1500_organisations_buy_in_a_year_and_their_gini_is_in_the_stated_band(distributor):
    buyers = [c.trading.weight for c in distributor.customers if c.trading.buys_between(*LAST_YEAR)]
    assert 1450 <= len(buyers) <= 1600
    assert 0.73 <= gini(buyers) <= 0.81


def test_the_customer_of_the_tutorial_buys_and_the_representative_of_the_tutorial_has_customers(distributor):
    first = next(customer for customer in distributor.firms if customer.code == "HD0001")
    assert first.trading.buys_between(*LAST_YEAR)
    assert any(customer.card["owner"] == "hd01" for customer in distributor.firms)


def test_what_is_shared_suits_the_generators_of_documents(distributor):
    for customer in distributor.customers:
        shared = customer.shared()
        assert shared["code"] == customer.code
        assert shared["terms_days"] in {0, 30, 45, 60, 90}
        assert shared["payment_behaviour"] in {"prompt", "usual", "late", "very_late"}
        assert 0.75 <= shared["growth"] <= 1.45
        assert shared["weight"] == 0 or 2.5 <= shared["orders_per_year"] <= 40


def test_every_organisation_has_one_to_four_contacts_the_legal_representative_first(distributor):
    assert {len(customer.people) for customer in distributor.firms} == {1, 2, 3, 4}
    for customer in distributor.firms:
        names = [contact["name"] for contact in customer.people]
        assert len(set(names)) == len(names)
        assert names[0] == customer.card["legal_representative"]
        assert "法定代表人" in customer.people[0]["roles"]


def test_the_card_names_a_contact_who_is_more_than_legal_representative(distributor):
    for customer in distributor.firms:
        first = next(contact for contact in customer.people if contact["roles"] != "法定代表人")
        assert customer.card["contact"] == first["name"]
        assert customer.card["contact_phone"] == first["phone"]


def test_every_role_and_every_channel_occurs(distributor):
    roles = {role for contact in distributor.contacts for role in contact["roles"].split("、")}
    assert roles == {place["role"] for place in words()["roles"]}
    channels = {interaction["channel"] for interaction in distributor.interactions}
    assert channels == set(words()["interaction_channels"])


def test_interactions_cover_eighteen_months_of_working_days_before_today(distributor):
    times = [datetime.strptime(i["at"], "%Y-%m-%d %H:%M") for i in distributor.interactions]  # noqa: DTZ007
    assert len(times) == 6000
    assert times == sorted(times)
    assert distributor.today - timedelta(days=548) <= times[0].date()
    assert times[-1].date() < distributor.today
    assert (times[-1] - times[0]).days > 500
    assert all(at.isoweekday() <= 5 and 8 <= at.hour < 18 for at in times)


def test_interactions_name_people_of_their_customer_and_owners_that_exist(distributor):
    people = {(contact["customer"], contact["name"]) for contact in distributor.contacts}
    owners = {owner["code"] for owner in words()["owners"]} | {"kf01"}
    for interaction in distributor.interactions:
        named = (interaction["customer"], interaction["contact"])
        assert named in people or (interaction["contact"] == "" and named[0].startswith("GR"))
        assert interaction["owner"] in owners


def test_most_promises_are_kept_and_some_are_open(distributor):
    promised = [i for i in distributor.interactions if i["due_on"]]
    open_ones = [i for i in promised if not i["done_at"]]
    overdue = [i for i in open_ones if i["due_on"] < str(distributor.today)]
    assert len(promised) > 2000
    assert 50 < len(open_ones) < 400
    assert 30 < len(overdue) < 300


def test_files_have_chinese_headers_and_a_byte_order_mark(tmp_path, distributor):
    shared: dict[str, Any] = {"today": distributor.today}
    for name in ("customers", "contacts", "interactions"):
        getattr(files, f"write_{name}")(tmp_path / f"{name}.csv", random.Random(f"1:{name}"), shared)
        raw = (tmp_path / f"{name}.csv").read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf")
        rows = list(csv.reader(raw.decode("utf-8-sig").splitlines()))
        assert not any(header.isascii() for header in rows[0])
        assert {len(row) for row in rows} == {len(rows[0])}
    codes = [customer["code"] for customer in shared["customers"]]
    assert codes == sorted(codes)
    assert len(codes) == 2020
