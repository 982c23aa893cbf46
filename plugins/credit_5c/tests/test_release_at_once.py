"""Two processes that type `crm order release` at once: the limit of customer and group is never exceeded."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import pytest

pytestmark = [
    pytest.mark.skipif(find_spec("crmcore_trade_ledger") is None, reason="trade_ledger is not installed"),
    pytest.mark.slow,
]
LIMIT, AMOUNT, ORDERS = 10_000, 60, 12
"""In minor units, in whole units: only one of these orders fits."""


def keep_releasing(folder: str, *numbers: str) -> None:
    """Release each order by the command line, cancel it once it is released, and tell how often it was."""
    import json
    import sys
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    from crmcore.cli.main import main

    def crm(*words: str) -> tuple[int, str]:
        out = StringIO()
        with redirect_stdout(out), redirect_stderr(StringIO()):
            code = main(["-C", folder, *words], exit_process=False)
        return code, out.getvalue()

    released, most = 0, 0
    for number in numbers:
        for _attempt in range(400):
            if crm("order", "release", number)[0] == 0:
                break
        else:
            raise SystemExit(f"{number} was never released")
        released += 1
        most = max(
            most, json.loads(crm("credit", "exposure", "TOP", "--group", "--json")[1])["exposure_minor"]
        )
        crm("order", "cancel", number, "--reason", "room for others")
    sys.stdout.write(json.dumps({"released": released, "most": most}))


def test_the_limit_of_a_group_is_never_exceeded(
    make_app: Any, crm: Any, run_in_process: Any, database: str
) -> None:
    from plugins.credit_5c.tests.conftest import Trade

    app = make_app(["trade_ledger", "credit_5c"], database, standing_clock=False)
    trade = Trade(app)
    trade.add("TOP")
    trade.add("A", "B", parent="TOP")
    trade.limit("TOP", LIMIT)
    for code in ("A", "B"):
        for place in range(ORDERS):
            words = ("--amount", AMOUNT, "--tax-rate", "0%", "--number", f"{code}{place}")
            crm.ok("order", "add", code, *words)

    def run(code: str) -> Any:
        return run_in_process(keep_releasing, app.config.folder, *(f"{code}{n}" for n in range(ORDERS)))

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, ("A", "B")))
    assert [result.exit_code for result in results] == [0, 0], [result.stderr for result in results]
    told = [json.loads(result.stdout) for result in results]
    assert [one["released"] for one in told] == [ORDERS, ORDERS]
    assert max(one["most"] for one in told) <= AMOUNT * 100, "never two at once"


def test_of_two_that_release_at_the_same_moment_one_is_held(
    make_app: Any, crm: Any, run_in_process: Any, database: str
) -> None:
    from plugins.credit_5c.tests.conftest import Trade

    app = make_app(["trade_ledger", "credit_5c"], database, standing_clock=False)
    trade = Trade(app)
    trade.add("K1")
    trade.limit("K1", LIMIT)
    for number in ("X1", "X2"):
        crm.ok("order", "add", "K1", "--amount", AMOUNT, "--tax-rate", "0%", "--number", number)
    code = """
import sys
from crmcore.cli.main import main
main(["-C", sys.argv[1], "order", "release", sys.argv[2]])
"""
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda number: run_in_process(code, app.config.folder, number), ("X1", "X2")))
    assert sorted(result.exit_code for result in results) == [0, 1], [result.stderr for result in results]
    states = sorted(crm.json("order", "show", number)["state"] for number in ("X1", "X2"))
    assert states == ["draft", "released"]
    assert crm.json("credit", "exposure", "K1")["exposure_minor"] == AMOUNT * 100
