"""Named facts: one provider per fact and company, with exactly the agreed columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import CrmError, MissingFact, PluginError
from crmcore.app import App
from crmcore.facts import FACTS

CODE = """
import sqlalchemy as sa
from crmcore.api import FactProvider, hookimpl

COLUMNS = {columns!r}

def rows(settings):
    return sa.select(*(sa.literal(settings.get("value", {value})).label(name) for name in COLUMNS))

@hookimpl
def facts():
    return [FactProvider({fact!r}, rows)]
"""


def provider(fact: str = "purchases", columns: tuple[str, ...] | None = None, value: int = 1) -> str:
    return CODE.format(fact=fact, columns=columns or FACTS[fact], value=value)


def select(app: App, fact: str = "purchases") -> sa.Select[Any]:
    with app.read() as ctx:
        return ctx.facts.select(fact)


@pytest.mark.parametrize("fact", FACTS)
def test_a_provider_is_found_by_its_fact(
    make_app: Callable[..., App], install_plugin: Any, fact: str
) -> None:
    install_plugin("sales", provider(fact))
    app = make_app(["sales"])
    assert tuple(c.key for c in select(app, fact).selected_columns) == FACTS[fact]
    with app.read() as ctx:
        assert ctx.facts.available() == (fact,)


def test_without_a_provider_the_sentence_says_what_to_enable(make_app: Callable[..., App]) -> None:
    with pytest.raises(
        MissingFact, match="no enabled plugin provides the fact 'purchases'; enable one, such as trade_ledger"
    ):
        select(make_app())


def test_an_unknown_fact_is_told_with_those_that_are_known(make_app: Callable[..., App]) -> None:
    with pytest.raises(MissingFact, match="there is no fact 'purchase'; known are purchases, receivables"):
        select(make_app(), "purchase")


def test_two_providers_are_refused_until_one_is_chosen(
    make_app: Callable[..., App], install_plugin: Any, reopen: Callable[..., App]
) -> None:
    install_plugin("one", provider(value=1))
    install_plugin("two", provider(value=2))
    app = make_app(["one", "two"])
    with pytest.raises(
        MissingFact, match=r"has several providers: one, two; choose one in crm.toml: strategies.purchases"
    ):
        select(app)
    text = app.config.path.read_text(encoding="utf-8")
    for name, value in (("two", 2), ("one", 1)):
        app.config.path.write_text(text + f'\n[strategies]\npurchases = "{name}"\n', encoding="utf-8")
        again = reopen(app)
        with again.read() as ctx:
            assert ctx.connection.execute(ctx.facts.select("purchases")).one().amount_minor == value
    app.config.path.write_text(text + '\n[strategies]\npurchases = "three"\n', encoding="utf-8")
    with pytest.raises(MissingFact, match=r"strategies.purchases = 'three' does not provide it; one, two do"):
        select(reopen(app))


WRONG = {
    "one too few": FACTS["purchases"][:-1],
    "one too many": (*FACTS["purchases"], "colour"),
    "another order": (FACTS["purchases"][1], FACTS["purchases"][0], *FACTS["purchases"][2:]),
    "another name": ("customer", *FACTS["purchases"][1:]),
}


@pytest.mark.parametrize("what", WRONG)
def test_other_columns_than_agreed_are_refused_by_name(
    make_app: Callable[..., App], install_plugin: Any, what: str
) -> None:
    install_plugin("sales", provider(columns=WRONG[what]))
    app = make_app(["sales"])
    with pytest.raises(
        MissingFact,
        match=r"plugin 'sales' provides the fact 'purchases' with the columns .* it must have customer_id",
    ):
        select(app)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ValueError('no')", "ValueError: no"),
        ("return None", "AttributeError"),
        ("raise SystemExit", "SystemExit"),
    ],
)
def test_a_provider_that_fails_is_named(
    make_app: Callable[..., App], install_plugin: Any, body: str, reason: str
) -> None:
    code = provider().replace("return sa.select", body + "\n    return sa.select")
    install_plugin("sales", code)
    app = make_app(["sales"])
    with pytest.raises(PluginError, match=f"plugin 'sales' fails to provide the fact 'purchases' .{reason}"):
        select(app)


def test_a_provider_gets_its_own_settings(make_app: Callable[..., App], install_plugin: Any) -> None:
    schema = '{"type": "object", "properties": {"value": {"type": "integer", "default": 5}}}'
    install_plugin("sales", provider(), {"settings": "s.json"}, files={"s.json": schema})
    app = make_app(["sales"])
    with app.read() as ctx:
        assert ctx.connection.execute(ctx.facts.select("purchases")).one().amount_minor == 5
    app.config.path.write_text(
        app.config.path.read_text(encoding="utf-8") + "\n[plugins.sales]\nvalue = 8\n", encoding="utf-8"
    )
    app.refresh()
    with app.read() as ctx:
        assert ctx.connection.execute(ctx.facts.select("purchases")).one().amount_minor == 8


def test_rates_of_crm_toml_hold_both_ways(make_app: Callable[..., App]) -> None:
    app = make_app()
    text = app.config.path.read_text(encoding="utf-8")
    app.config.path.write_text(text + '\nUSD = "8"\nJPY = "0.05"\nNUL = "0"\n', encoding="utf-8")
    app.refresh()
    with app.read() as ctx:
        day = date(2026, 3, 2)
        assert ctx.facts.rate("USD", "CNY", day) == Decimal(8)
        assert ctx.facts.rate("CNY", "USD", day) == Decimal("0.125")
        assert ctx.facts.rate("CNY", "CNY", day) == 1
        assert ctx.facts.rate("XYZ", "XYZ", day) == 1
        assert ctx.facts.rate("USD", "JPY", day) == 160  # by way of the company's currency
        assert ctx.facts.rate("JPY", "USD", day) == Decimal("0.00625")
        for source, target in (("EUR", "CNY"), ("USD", "EUR"), ("CNY", "NUL"), ("NUL", "CNY")):
            with pytest.raises(CrmError, match="exchange rate"):
                ctx.facts.rate(source, target, day)


def test_an_unknown_strategy_is_told_with_those_that_are_known(make_app: Callable[..., App]) -> None:
    app = make_app(settings='\n[strategies]\ncurrency_rates = "tabel"\ncode_generator = "patern"\n')
    with (
        app.read() as ctx,
        pytest.raises(
            CrmError, match=r"strategies.currency_rates = 'tabel' is not known; write one of: table"
        ),
    ):
        ctx.facts.rate("USD", "CNY", date(2026, 3, 2))
    with (
        pytest.raises(CrmError, match=r"strategies.code_generator = 'patern' is not known"),
        app.write("tester") as tx,
    ):
        tx.new_codes("customer", 1)


def test_a_strategy_offered_twice_is_refused_and_both_are_named(
    make_app: Callable[..., App], install_plugin: Any
) -> None:
    code = "from crmcore.api import hookimpl\n@hookimpl\ndef currency_rates():\n    return {'bank': lambda *a: None}\n"
    install_plugin("one", code)
    install_plugin("two", code)
    app = make_app(["one", "two"], settings='\n[strategies]\ncurrency_rates = "bank"\n')
    with (
        app.read() as ctx,
        pytest.raises(PluginError, match="currency_rates 'bank' is offered by 'one' and 'two'"),
    ):
        ctx.facts.rate("USD", "CNY", date(2026, 3, 2))
