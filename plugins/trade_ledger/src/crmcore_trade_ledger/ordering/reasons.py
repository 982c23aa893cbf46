"""Why somebody does something with an order: a line that people read."""

from __future__ import annotations

from crmcore.api import UsageProblem, printable, translator
from crmcore_trade_ledger.ordering.steps import LONGEST_REASON

_ = translator("crmcore_trade_ledger")


def checked_reason(reason: str) -> str:
    """Return a reason without blanks around it; UsageProblem where it is empty or too long."""
    reason = printable(reason).strip()
    if not reason:
        raise UsageProblem(_("say why, with --reason"))
    if len(reason) > LONGEST_REASON:
        message = _("the reason has {length} characters; {most} are allowed")
        raise UsageProblem(message.format(length=len(reason), most=LONGEST_REASON))
    return reason
