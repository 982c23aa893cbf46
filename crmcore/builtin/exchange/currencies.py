"""Currencies as files from outside name them."""

from __future__ import annotations

_WORDS = {
    **dict.fromkeys(("人民币", "RMB", "￥", "¥", "元", "CNH"), "CNY"),
    **dict.fromkeys(("美元", "美金", "$"), "USD"),
    **dict.fromkeys(("欧元", "€"), "EUR"),
    **dict.fromkeys(("港币", "港元"), "HKD"),
    **dict.fromkeys(("日元", "日圆"), "JPY"),
    **dict.fromkeys(("英镑", "£"), "GBP"),
    **dict.fromkeys(("新台币", "台币"), "TWD"),
}


def currency_code(text: str) -> str:
    """Return the ISO 4217 code that a cell means, such as CNY for 人民币 or RMB; other texts in capitals, unchecked."""
    word = text.strip().upper()
    return _WORDS.get(word, word)
