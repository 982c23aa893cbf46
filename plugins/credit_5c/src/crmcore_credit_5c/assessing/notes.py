"""Why an indicator has no evidence, said to people."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.api import translator

_ = translator("crmcore_credit_5c")


def note_of(note: Sequence[str] | None) -> str | None:
    """Return the sentence for a short name and its word; None where there is evidence."""
    if note is None:
        return None
    name, word = note
    sentences = {
        "nothing": _("nobody has entered evidence"),
        "expired": _("the evidence expired on {word}"),
        "not_understood": _("the model does not know the answer {word!r}"),
        "no_fact": _("no enabled plugin provides the fact {word!r}"),
        "no_rate": _("there is no exchange rate for {word}, in which the customer trades too"),
        "no_trade": _("there is no trade to compute it from"),
        "no_statement": _("there is no financial statement that counts"),
        "no_figures": _("the financial statement lacks {word}"),
        "not_assessable": _("not assessable: it would divide by nothing, or the equity is negative"),
    }
    return sentences[name].format(word=word)
