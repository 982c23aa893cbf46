"""Orders of persons whose data may not be used (限制处理): none is entered, none is released."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from crmcore.api import Refused, customer_codes, restricted_ids, translator

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_trade_ledger")


def refuse_restricted(ctx: Context, customer_ids: Collection[int]) -> None:
    """Raise Refused, which names the person, where the data of one of these customers may not be used."""
    found = restricted_ids(ctx).intersection(customer_ids)
    if found:
        code = customer_codes(ctx.connection, found)[min(found)]
        message = _("the data of {customer} may not be used (restricted); see: crm person restrict")
        raise Refused(message.format(customer=code))
