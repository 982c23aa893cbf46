"""Stored words as people read them."""

from __future__ import annotations

from crmcore.i18n import N_, translate

DRAWERS = (
    "basic",
    "contracts_orders",
    "debts_repayments",
    "trading_record",
    "returns_compensation_discounts",
)
"""The five drawers of a customer's documents."""
_WORDS = {
    "organisation": N_("organisation"),
    "person": N_("person"),
    "prospect": N_("prospect"),
    "active": N_("active"),
    "former": N_("former"),
    "owned": N_("owned"),
    "rented": N_("rented"),
    "decides": N_("decides"),
    "advises": N_("advises"),
    "opposes": N_("opposes"),
    "influences": N_("influences"),
    "uses": N_("uses"),
    "gatekeeper": N_("gatekeeper"),
    "owner": N_("owner"),
    "legal_representative": N_("legal representative"),
    "key_person": N_("key person"),
    "in": N_("incoming"),
    "out": N_("outgoing"),
    "visit": N_("visit"),
    "phone": N_("phone"),
    "email": N_("e-mail"),
    "letter": N_("letter"),
    "fax": N_("fax"),
    "sms": N_("text message"),
    "web": N_("web form"),
    "wechat": N_("WeChat"),
    "wecom": N_("WeCom"),
    "fair": N_("fair"),
    "forum": N_("forum"),
    "seminar": N_("seminar"),
    "service": N_("service"),
    "basic": N_("basic data"),
    "contracts_orders": N_("contracts and orders"),
    "debts_repayments": N_("debts and repayments"),
    "trading_record": N_("trading record"),
    "returns_compensation_discounts": N_("returns, compensation and discounts"),
    "human": N_("human"),
    "job": N_("job"),
    "plugin": N_("plugin"),
    "administrator": N_("administrator"),
    "general_manager": N_("general manager"),
    "sales_manager": N_("sales manager"),
    "sales_representative": N_("sales representative"),
    "credit_controller": N_("credit controller"),
    "service_desk": N_("service desk"),
    "reader": N_("reader"),
    "critical": N_("critical"),
    "warning": N_("warning"),
    "info": N_("info"),
    "running": N_("running"),
    "done": N_("done"),
    "failed": N_("failed"),
    "interrupted": N_("interrupted"),
    "undoing": N_("being undone"),
    "undo_stopped": N_("undo stopped"),
    "undone": N_("undone"),
    "partly_undone": N_("partly undone"),
}
"""What JSON says in English for good; a company's own words are shown as they are."""


def shown(word: str | None) -> str:
    """Return a stored word in the user's language."""
    return translate("crmcore", _WORDS[word]) if word in _WORDS else word or ""


def shown_all(words: list[str]) -> str:
    """Return several stored words in the user's language."""
    return ", ".join(shown(word) for word in words)
