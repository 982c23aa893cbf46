"""Whom papers may be about that leave their drawer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.builtin.privacy.restricted import is_restricted
from crmcore.errors import Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.tx import Tx


def require_unrestricted(tx: Tx, customer_id: int) -> None:
    """Raise Refused where a paper is about a restricted person: it is kept, and not used."""
    if is_restricted(tx.connection, "customer", customer_id):
        raise Refused(
            _("the person is restricted: kept, not used; lift that with: crm person unrestrict CODE")
        )
