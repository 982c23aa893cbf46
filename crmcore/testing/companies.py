"""A small company to try things on, the same in every run: customers, people, interactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from crmcore.testing.command_line import ACTOR

if TYPE_CHECKING:
    from sqlmodel import SQLModel

    from crmcore.app import App
    from crmcore.testing.workspaces import AppMaker
    from crmcore.tx import Tx

_PLACES = (("杭州", "华东"), ("广州", "华南"), ("成都", "西南"), ("天津", "华北"), ("武汉", "华中"))
_TRADES = (
    ("食品有限公司", "dealer", "food"),
    ("百货商场", "retail_terminal", "retail"),
    ("医院", "end_user", "health"),
)
_PERSONS = (("P001", "示例甲"), ("P002", "示例乙"))
_PEOPLE = ("赵示", "钱示", "孙示", "李示", "周示", "吴示", "郑示", "王示", "冯示", "陈示", "褚示", "卫示")
_CHANNELS = ("phone", "visit", "e-mail", "wechat")
ORGANISATIONS = 28


@dataclass(frozen=True)
class SmallCompany:
    """What is in the small company; ids by code, as they are in this database."""

    app: App
    customers: Mapping[str, int]
    """K001 … K028: firms, of which K028 is archived and K002, K003 belong to K001; P001, P002: natural persons."""
    contacts: Mapping[str, int]
    """C001 … C012; C001 works for K001 and K002, C002 has moved from K003 to K004."""
    interactions: Mapping[str, int]
    """I001 … I040, one a day up to yesterday; every fifth waits for a follow-up."""
    persons: tuple[str, ...] = tuple(code for code, _name in _PERSONS)
    """Codes of the customers that are natural persons."""
    actors: tuple[str, ...] = ("li", "wang")
    """Sales representatives, who own the customers in turn."""


CompanyMaker = Callable[..., SmallCompany]
"""(plugins, database="sqlite", settings="") → SmallCompany."""


@pytest.fixture
def small_company(make_app: AppMaker) -> CompanyMaker:
    """Make a small company, then enable the plugins named, as a company does that has worked for a while."""

    def make(plugins: Sequence[str] = (), database: str = "sqlite", **options: Any) -> SmallCompany:
        return _company_in(make_app(plugins, database, fill=fill_company, **options))

    return make


def fill_company(app: App) -> SmallCompany:
    """Write the small company into an empty workspace, in one transaction through the gate."""
    from crmcore.api import Actor

    with app.write(ACTOR, "a small company", "testing", permission="actors.manage") as tx:
        tx.insert(
            Actor, [{"code": c, "name": c.title(), "roles": ["sales_representative"]} for c in ("li", "wang")]
        )
        customers = _customers(tx)
        contacts = _contacts(tx, customers)
        interactions = _interactions(tx, customers, contacts)
    return SmallCompany(app, customers, contacts, interactions)


def _company_in(app: App) -> SmallCompany:
    from crmcore.api import Customer, Interaction
    from crmcore.entities.tables import Contact

    return SmallCompany(app, _ids(app, Customer), _ids(app, Contact), _ids(app, Interaction))


def _ids(app: App, model: type[SQLModel]) -> dict[str, int]:
    import sqlalchemy as sa

    c = app.table(model).table.c
    with app.read() as ctx:
        return {row.code: row.id for row in ctx.connection.execute(sa.select(c.code, c.id).order_by(c.id))}


def _customers(tx: Tx) -> dict[str, int]:
    from crmcore.api import Customer

    rows = [_firm(number) for number in range(1, ORGANISATIONS + 1)]
    rows += [
        {**_firm(place), "code": code, "name": name, "kind": "person", "customer_kind": "consumer"}
        for place, (code, name) in enumerate(_PERSONS)
    ]
    ids = dict(zip((str(row["code"]) for row in rows), tx.insert(Customer, rows), strict=True))
    tx.update(Customer, [(ids[code], {"parent_id": ids["K001"]}) for code in ("K002", "K003")])
    tx.archive(Customer, [ids[f"K{ORGANISATIONS:03}"]])
    return ids


def _firm(number: int) -> dict[str, Any]:
    city, region = _PLACES[number % len(_PLACES)]
    trade, kind, industry = _TRADES[number % len(_TRADES)]
    return {
        "code": f"K{number:03}",
        "name": f"{city}示例{number}号{trade}",
        "customer_kind": kind,
        "lifecycle": "prospect" if number % 7 == 0 else "active",
        "owner": ("li", "wang")[number % 2],
        "region": region,
        "industry": industry,
        "phone": f"0571-{number:08}",
    }


def _contacts(tx: Tx, customers: Mapping[str, int]) -> dict[str, int]:
    from crmcore.entities.tables import Contact, ContactFirm

    rows = [
        {"code": f"C{number:03}", "name": name, "mobile": f"130{number:08}"}
        for number, name in enumerate(_PEOPLE, 1)
    ]
    ids = dict(zip((row["code"] for row in rows), tx.insert(Contact, rows), strict=True))
    day = tx.ctx.today - timedelta(days=100)
    firms: list[dict[str, Any]] = [
        {"contact_id": i, "customer_id": customers[f"K{n:03}"]} for n, i in enumerate(ids.values(), 1)
    ]
    firms[1] = {"contact_id": ids["C002"], "customer_id": customers["K003"], "until": day}
    firms.append(
        {"contact_id": ids["C002"], "customer_id": customers["K004"], "since": day + timedelta(days=1)}
    )
    firms.append({"contact_id": ids["C001"], "customer_id": customers["K002"], "roles": ["advises"]})
    tx.insert(ContactFirm, [{"roles": ["decides"], **firm} for firm in firms])
    return ids


def _interactions(tx: Tx, customers: Mapping[str, int], contacts: Mapping[str, int]) -> dict[str, int]:
    from crmcore.api import Interaction

    firms, people = list(customers.values()), list(contacts.values())
    rows = [
        {
            "code": f"I{number:03}",
            # The first twelve firms have their people with them, the others are met without a name.
            "customer_id": firms[number % len(firms)],
            "contact_id": people[number % len(firms)] if number % len(firms) in {0, 2, 4, 5, 6} else None,
            "channel": _CHANNELS[number % len(_CHANNELS)],
            "direction": ("in", "out")[number % 2],
            "subject": f"示例往来{number}",
            "at": tx.now - timedelta(days=41 - number),
            "owner": ("li", "wang")[number % 2],
            "due_on": tx.ctx.today + timedelta(days=number - 20) if number % 5 == 0 else None,
        }
        for number in range(1, 41)
    ]
    return dict(zip((str(row["code"]) for row in rows), tx.insert(Interaction, rows), strict=True))
