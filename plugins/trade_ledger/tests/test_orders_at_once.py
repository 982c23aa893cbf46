"""Several processes release orders of one group at once: what a plugin allows is never exceeded."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from crmcore.api import App, Customer
from crmcore.testing import ACTOR, PluginInstaller, ProcessRunner
from plugins.trade_ledger.tests.ordering import WARDEN, rule

LIMIT, AMOUNT, ROUNDS = 10_000, 60, 25
"""In minor units, in main units: only one of two such orders fits."""


def keep_releasing(folder: str, customer: str, rounds: str) -> None:
    """Release an order again and again, look at what is open by then, and cancel it to make room."""
    import json
    import random
    import sys
    import time
    from decimal import Decimal

    import sqlalchemy as sa

    from crmcore.app import create_app
    from crmcore_trade_ledger.ordering.adding import NewOrder, add_order
    from crmcore_trade_ledger.ordering.cancelling import cancel_order
    from crmcore_trade_ledger.ordering.releasing import release_order

    app = create_app(folder)
    number, released, held, most = "", 0, 0, 0
    while released < int(rounds):
        number = number or add_order(app, "tester", NewOrder(customer, amount=Decimal(60)))
        if release_order(app, "tester", number):
            held += 1
            time.sleep(random.random() / 100)
            continue
        released += 1
        with app.read("trade_ledger") as ctx:
            fact = ctx.facts.select("orders_open").subquery()
            most = max(most, int(ctx.connection.scalar(sa.select(sa.func.sum(fact.c.open_minor)))))
        time.sleep(random.random() / 50)
        cancel_order(app, "tester", number, "room for others")
        number = ""
    app.close()
    sys.stdout.write(json.dumps({"released": released, "held": held, "most": most}))


@pytest.fixture
def group(make_app: Callable[..., App], install_plugin: PluginInstaller, database: str) -> App:
    """Return a company with a group of two customers and a warden over what is open of both together."""
    install_plugin("warden", WARDEN)
    app = make_app(["trade_ledger", "warden"], database, standing_clock=False)
    with app.write(ACTOR) as tx:
        (parent,) = tx.insert(Customer, [{"code": "G", "name": "Group"}])
        tx.insert(Customer, [{"code": c, "name": c, "parent_id": parent} for c in ("C1", "C2")])
    rule(app.config.folder, LIMIT)
    return app


@pytest.mark.slow
def test_two_processes_that_release_at_once_never_exceed_the_limit(group: App, run_in_process: ProcessRunner):
    def run(customer: str) -> Any:
        return run_in_process(keep_releasing, group.config.folder, customer, ROUNDS)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, ("C1", "C2")))
    assert [(r.exit_code, r.stderr) for r in results] == [(0, ""), (0, "")]
    told = [json.loads(r.stdout) for r in results]
    assert [one["released"] for one in told] == [ROUNDS, ROUNDS]
    assert max(one["most"] for one in told) == AMOUNT * 100 <= LIMIT
    assert sum(one["held"] for one in told) > 0, "they met"
