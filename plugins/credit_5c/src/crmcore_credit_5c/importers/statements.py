"""Loading financial statements (财务报表): a row for each period of a customer, its figures in columns."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from crmcore.api import translator
from crmcore_credit_5c.assessing.checking import NotTakenError, check_currency, check_figure
from crmcore_credit_5c.rules.ratios import FIGURES
from crmcore_credit_5c.tables.evidence import CreditStatement

from .columns import FIGURE_DECIMALS
from .loading import Key, Loader, Piece

if TYPE_CHECKING:
    from crmcore.api import LoadContext, Loaded, Row, Tx

_ = translator("crmcore_credit_5c")
_YEAR = 12


def load_statements(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    """Add the statements of the rows; what is there already, or was withdrawn, is left alone."""
    return _Statements(tx, ctx).load(rows)


class _Statements(Loader):
    model = CreditStatement
    key_field = "period"
    day = ("period", "period_end")

    def piece(self, row: Row) -> Piece:
        figures = {name: _text(row.values[name]) for name in FIGURES if name in row.values}
        if not figures:
            message = _("the row has no figure of the statement; fill in at least one")
            raise NotTakenError("period", message)
        return {
            "months": row.values.get("months", _YEAR),
            "currency": row.values.get("currency", self._ctx.currency),
            "figures": figures,
        }

    def key(self, piece: Piece) -> Key:
        figures = frozenset((name, Decimal(amount)) for name, amount in (piece["figures"] or {}).items())
        return piece["period_end"], piece["months"], piece["currency"], piece["source"], figures

    def check(self, piece: Piece) -> None:
        check_currency(piece["currency"], self._ctx.currency)
        for name, amount in piece["figures"].items():
            check_figure(name, amount)
            if len(amount.partition(".")[2]) > FIGURE_DECIMALS:
                message = _("{value} has more than {count} decimals; round it")
                raise NotTakenError(f"figures/{name}", message.format(value=amount, count=FIGURE_DECIMALS))


def _text(amount: Decimal) -> str:
    """Return an amount as statements keep it, without zeros at its end."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
