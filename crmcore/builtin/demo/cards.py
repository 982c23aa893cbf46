"""Customer cards (客户资料卡): every field of the printed card, as the text that stands in the file."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from crmcore.builtin.demo.names import english_name, firm_name
from crmcore.builtin.demo.words import City, cities, marked, words

if TYPE_CHECKING:
    import random

    from crmcore.builtin.demo.firms import Firm
    from crmcore.builtin.demo.identifiers import Issuer
    from crmcore.builtin.demo.names import Person
    from crmcore.builtin.demo.trading import Trading

Card = dict[str, str]
"""Field name → what stands in the cell."""

_CAPITALS = (10, 30, 50, 100, 200, 500, 1000, 2000, 5000)
"""Usual registered capitals, in 10,000 CNY."""


def organisation_card(rng: random.Random, issuer: Issuer, firm: Firm, today: date) -> Card:
    """Fill in the card of an organisation."""
    trade, form = firm.trade, firm.legal_form
    known_in_english = rng.random() < form["english"]
    in_chinese = firm.brand.chinese + trade["word"]
    return {
        "code": firm.code,
        "name": marked(firm_name(firm.pattern, firm.brand, firm.city, trade)),
        "short_name": english_name(firm.brand, trade) if known_in_english else in_chinese,
        "kind": "企业",
        "customer_kind": firm.channel["kind"],
        "lifecycle": _lifecycle(firm.trading),
        "owner": firm.owner,
        "channel": firm.channel["word"],
        "region": firm.city.region,
        "industry": trade["industry"],
        "legal_form": form["form"],
        "ownership": form["ownership"],
        "parent": firm.parent,
        "tax_id": issuer.tax_id(form["register"]),
        "legal_representative": marked(firm.representative.name),
        "phone": issuer.landline(firm.city),
        "fax": issuer.landline(firm.city),
        "email": f"info@{firm.code.lower()}.example.com",
        "website": f"https://{firm.code.lower()}.example.com",
        "invoice_type": _invoice_kind(rng, form["register"]),
        "bank": f"{words()['bank']}{firm.city.short}分行",
        "bank_account": issuer.account(),
        **_place(rng, firm.city),
        **_operation(rng, issuer, firm, today),
        **_character(rng, firm),
        **_dealings(rng, firm.trading),
    }


def person_card(rng: random.Random, issuer: Issuer, number: int, who: Person, trading: Trading) -> Card:
    """Fill in the card of a natural person (个人客户): no firm's papers, and no identity number."""
    city = rng.choice(cities())
    kind = words()["persons"]
    return {
        "code": f"GR{number:04}",
        "name": marked(who.name),
        "kind": "个人",
        "customer_kind": kind["kind"],
        "lifecycle": _lifecycle(trading),
        "owner": words()["service_desk"]["code"],
        "channel": kind["channel"],
        "region": city.region,
        "industry": kind["industry"],
        "line_of_business": kind["business"],
        "phone": issuer.mobile(),
        **_place(rng, city),
        **_dealings(rng, trading),
    }


def _lifecycle(trading: Trading) -> str:
    if not trading.weight:
        return "潜在"
    return "旧" if trading.stopped_on else "现有"


def _invoice_kind(rng: random.Random, register: str) -> str:
    """Sole traders get ordinary invoices as a rule, firms those that let them deduct the tax."""
    kinds: list[str] = words()["invoice_kinds"]
    return rng.choices(kinds, [5, 45, 5, 45] if register == "92" else [35, 10, 45, 10])[0]


def _place(rng: random.Random, city: City) -> Card:
    """Return an address in a district that exists nowhere, and a point near the city's centre."""
    return {
        "address": _address(rng, city),
        "delivery_address": f"{_address(rng, city)}{rng.randint(1, 9)}号库",
        "longitude": f"{city.longitude + max(-0.1, min(0.1, rng.gauss(0, 0.05))):.5f}",
        "latitude": f"{city.latitude + max(-0.1, min(0.1, rng.gauss(0, 0.04))):.5f}",
    }


def _address(rng: random.Random, city: City) -> str:
    road = rng.choice(words()["roads"]) + rng.choice(words()["road_kinds"])
    return f"{city.province}{city.city}{words()['district']}{road}{rng.randint(1, 999)}号"


def _operation(rng: random.Random, issuer: Issuer, firm: Firm, today: date) -> Card:
    """Organisation and operation 组织及营运; money in 10,000 CNY."""
    founded_on = firm.trading.since - timedelta(days=rng.randint(120, 15 * 365))
    size = firm.trading.weight or rng.lognormvariate(-1.4, 1.2)
    turnover = round(20 + size * rng.uniform(200, 900))
    capital = next((c for c in _CAPITALS if c >= turnover * rng.uniform(0.1, 0.5)), _CAPITALS[-1])
    area = max(20, int(turnover * rng.uniform(0.02, 0.06)) * 10)
    return {
        "licence_number": issuer.licence(),
        "registered_capital": f"{capital}",
        "licence_expires_on": f"{today + timedelta(days=rng.randint(-20, 9 * 365)):%Y-%m-%d}",
        "founded_on": f"{founded_on:%Y-%m-%d}",
        "employees": str(max(2, round(turnover * rng.uniform(0.01, 0.03)))),
        "line_of_business": firm.trade["business"],
        "annual_turnover": f"{turnover:,}",
        **_premises(rng, today),
        "warehouse": rng.choice(words()["tenures"]),
        "warehouse_area": f"{area}",
    }


def _premises(rng: random.Random, today: date) -> Card:
    owned, rented = words()["tenures"]
    if rng.random() < 0.3:  # noqa: PLR2004  (three firms in ten own their premises)
        return {"premises": owned, "premises_rented_from": "", "premises_rented_to": ""}
    start = today - timedelta(days=rng.randint(30, 4 * 365))
    return {
        "premises": rented,
        "premises_rented_from": f"{start:%Y-%m-%d}",
        "premises_rented_to": f"{start + timedelta(days=5 * 365):%Y-%m-%d}",
    }


def _character(rng: random.Random, firm: Firm) -> Card:
    """Characteristics 客户特征, as a representative would judge them from the trade of the last years."""
    trading = firm.trading
    return {
        "mode_of_operation": firm.channel["mode"],
        "service_area": f"{firm.city.short}及周边",
        "selling_power": words()["levels"][(trading.weight > 0.2) + (trading.weight > 1.5)],  # noqa: PLR2004
        "growth_potential": words()["prospects_growth"][(trading.growth > 0.98) + (trading.growth > 1.1)],  # noqa: PLR2004
        "distribution_view": rng.choice(words()["distribution_views"]),
        "credit_standing": words()["credit_standings"][trading.payment_behaviour],
    }


def _dealings(rng: random.Random, trading: Trading) -> Card:
    """Payment 付款状况, and how the customer came to us."""
    return {
        "payment_terms": rng.choice(words()["payment_terms"][str(trading.terms_days)]),
        "payment_days": str(trading.terms_days),
        "since": f"{trading.since - timedelta(days=rng.randint(0, 60)):%Y-%m-%d}",
        "first_trade_on": f"{trading.since:%Y-%m-%d}" if trading.weight else "",
        "source": words()["source"],
        "notes": words()["note"],
    }
