"""Numbers of documents that a plugin makes, by the same patterns and counters as the codes of customers (统一编号)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.codes import check_codes, reserve_numbers

if TYPE_CHECKING:
    from crmcore.tx import Tx

_LONGEST_COUNTER = 128


def new_number(tx: Tx, name: str, pattern: str) -> str:
    """Return the next number of a series of the plugin, such as `order`, made by a pattern such as `SO{year}{seq:05}`.

    A rolled-back transaction gives it back. Numbers from elsewhere (imported ones) are not known here: who finds one
    taken asks again. BadConfig for a pattern that is none.
    """
    # A counter's name that is cut short may be another's, too: that only leaves gaps.
    counter = f"{tx.ctx.plugin}.{name}:{pattern}"[:_LONGEST_COUNTER]
    with tx._rows.gate():  # noqa: SLF001  (the gate of this very transaction)
        numbers = reserve_numbers(tx.connection, counter, 1)
    app = tx._app  # noqa: SLF001
    generator = app.host.strategy("code_generator", check_codes)
    return str(generator(pattern, numbers, tx.ctx.today)[0])
