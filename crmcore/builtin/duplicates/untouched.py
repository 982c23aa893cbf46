"""Whose merges are nobody's business: who is restricted is kept and not used, of who was erased nothing is left to move."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.privacy.restricted import is_restricted
from crmcore.builtin.privacy.tables import Erasure
from crmcore.entities.lookup import customer_codes, table_of
from crmcore.errors import Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.tx import Tx

_erasure = table_of(Erasure).c


def require_free(tx: Tx, customer_ids: Iterable[int]) -> None:
    """Raise Refused where one of the customers is restricted or was erased.

    Only of the customers themselves: whoever works at a merged firm is restricted or erased as before and goes along,
    since their place there is the firm's, and nobody looks at it. So a merge is exempt from the guard of such persons.
    """
    for number, code in customer_codes(tx.connection, customer_ids).items():
        if is_restricted(tx.connection, "customer", number):
            message = _(
                "{code!r} is restricted: kept, not used; lift that first with: crm person unrestrict {code}"
            )
            raise Refused(message.format(code=code))
        erased = sa.select(sa.exists().where(_erasure.entity == "customer", _erasure.entity_id == number))
        if tx.connection.scalar(erased):
            message = _("{code!r} was erased; it is neither merged nor taken out of a merge again")
            raise Refused(message.format(code=code))
