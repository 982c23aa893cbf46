"""Loading evidence: a row for each value of an indicator of a customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmcore_credit_5c.assessing.checking import Indicators, NotTakenError, check_answer, indicators_of
from crmcore_credit_5c.assessing.given import value_of
from crmcore_credit_5c.tables.evidence import CreditEvidence

from .loading import Key, Loader, Piece

if TYPE_CHECKING:
    from crmcore.api import LoadContext, Loaded, Row, Tx


def load_evidence(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    """Add the evidence of the rows; what is there already, or was withdrawn, is left alone."""
    return _Evidence(tx, ctx).load(rows)


class Words:
    """What people call indicators and answers: as the models do, in any language, besides their own names."""

    def __init__(self, indicators: Indicators) -> None:
        """Gather the words; a title that two indicators bear names neither."""
        self._names: dict[str, set[str]] = {}
        self._answers: dict[tuple[str, str], str] = {}
        for name, measured in indicators.items():
            for one in measured:
                for title in one.title.values():
                    self._names.setdefault(title.casefold(), set()).add(name)
                for step in one.measure.steps:
                    self._answers |= {(name, text.casefold()): step.value for text in step.texts.values()}

    def indicator(self, said: str) -> str:
        """Return the name of an indicator; what nobody knows stays as it is."""
        names = self._names.get(said.casefold(), set())
        return next(iter(names)) if len(names) == 1 else said

    def answer(self, indicator: str, said: str) -> str:
        """Return the step of the scale that a text describes; what nobody knows stays as it is."""
        return self._answers.get((indicator, said.casefold()), said)


class _Evidence(Loader):
    model = CreditEvidence
    key_field = "indicator"
    day = ("at", "evidence_on")

    def __init__(self, tx: Tx, ctx: LoadContext) -> None:
        super().__init__(tx, ctx)
        self._indicators = indicators_of(tx.ctx)
        self._words = Words(self._indicators)
        self._checked: dict[tuple[str, str], NotTakenError | None] = {}

    def piece(self, row: Row) -> Piece:
        indicator = self._words.indicator(row.values["indicator"])
        return {"indicator": indicator, "value": self._words.answer(indicator, row.values["value"])}

    def key(self, piece: Piece) -> Key:
        value = piece["value"]
        return piece["indicator"], value and value_of(value), piece["source"], piece["evidence_on"]

    def check(self, piece: Piece) -> None:
        """Raise NotTakenError as for a single value; the same answers come again and again."""
        answer = piece["indicator"], piece["value"]
        if answer not in self._checked:
            try:
                check_answer(self._indicators, *answer)
                self._checked[answer] = None
            except NotTakenError as problem:
                self._checked[answer] = problem
        if (known := self._checked[answer]) is not None:
            raise NotTakenError(known.key, known.sentence)
