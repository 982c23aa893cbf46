"""The six questions on commercial value, each answered by figures, or by what is missing for an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from crmcore.api import Context, CrmError, MissingFact, format_minor, translator
from crmcore_abc_analysis.inputs import provided
from crmcore_abc_analysis.rules.classes import share_of
from crmcore_abc_analysis.rules.value import (
    Question,
    buys_elsewhere,
    in_proportion,
    is_wanted,
    least_of_large,
    period_before,
)
from crmcore_abc_analysis.runs import grades_of_rule

from .amounts import Reading, archived, pairs
from .profit import Profits, no_data, parts_in_words, profit_figures, read_profits
from .trading import complaints, largest_orders, names_products, products_bought, wallets

_ = translator("crmcore_abc_analysis")

Figures = Callable[[int], dict[str, Any]]
Why = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one question."""

    question: Question
    answered: bool
    needs: Sequence[str]
    """Facts that are missing for an answer, or for a complete one."""
    note: str
    customers: Mapping[int, int]
    """Customer → how much it matters; the largest number stands first."""
    figures: Figures
    why: Why


class Answers:
    """Answers the questions for the period of a run; what several of them need is read once."""

    def __init__(self, ctx: Context, run: Any) -> None:
        """Read nothing yet."""
        self.ctx = ctx
        self.run = run
        self.reading = Reading(ctx, run)
        self.period = (run.period_start, run.period_end)
        self.before = period_before(*self.period)
        self.settings = ctx.settings["questions"]

    def all(self) -> list[Answer]:
        """Return the six answers in their order."""
        asked: tuple[tuple[Question, Sequence[str], Callable[[], Answer]], ...] = (
            ("gold", (), self.gold),
            ("costly", (), self.costly),
            ("wanted", ("potential",), self.wanted),
            ("complained", ("complaints",), self.complained),
            ("reordered", (), self.reordered),
            ("elsewhere", ("wallet", "products"), self.elsewhere),
        )
        return [self._answer(question, needs, answer) for question, needs, answer in asked]

    def _answer(self, question: Question, needs: Sequence[str], answer: Callable[[], Answer]) -> Answer:
        """Answer a question, or say what is missing; a rate that is unknown leaves this question open, no other."""
        lacking: list[str] = []
        try:
            lacking = [fact for fact in needs if not provided(self.ctx, fact)]
            return answer() if not lacking else _open(question, lacking, no_data(lacking))
        except MissingFact as error:  # two providers and no choice
            return _open(question, lacking or list(needs), str(error))
        except CrmError as error:
            return _open(question, [], str(error))

    @cached_property
    def bought(self) -> Mapping[int, int]:
        """What each customer bought in the period."""
        return self.reading.purchases(*self.period)

    @cached_property
    def bought_before(self) -> Mapping[int, int]:
        """What each customer bought in the period before."""
        return self.reading.purchases(*self.before)

    def _yearly(self, amounts: Mapping[int, int]) -> dict[int, int]:
        return {customer: in_proportion(amount, *self.period) for customer, amount in amounts.items()}

    def _money(self, amount: int) -> str:
        return f"{format_minor(amount, self.run.currency)} {self.run.currency}"

    def _before_note(self, sentence: str, **values: Any) -> str:
        """Write a sentence about the period before, or that nobody bought anything in it."""
        start, end = self.before
        if not self.bought_before:
            sentence = _("Nobody bought anything from {start} to {end}.")
        return sentence.format(start=start, end=end, **values)

    # -- 1 -------------------------------------------------------------------------------------------------------

    def gold(self) -> Answer:
        """Answer who is in the best class."""
        classes = grades_of_rule(self.run)[: self.settings["gold_classes"]]
        found = {grade: pairs(self.ctx.connection, self.reading.classed([grade])) for grade in classes}
        grade_of = {customer: grade for grade, members in found.items() for customer in members}
        amounts = {customer: amount for members in found.values() for customer, amount in members.items()}
        return Answer(
            "gold",
            answered=True,
            needs=(),
            note=_("Gold is class {classes} of run {run}.").format(
                classes=", ".join(classes), run=self.run.id
            ),
            customers=amounts,
            figures=lambda customer: {
                "grade": grade_of[customer],
                "amount_minor": amounts[customer],
                "share": float(share_of(max(amounts[customer], 0), self.run.positive_minor)),
            },
            why=lambda customer: _("class {grade} with {amount}").format(
                grade=grade_of[customer], amount=self._money(amounts[customer])
            ),
        )

    # -- 2 -------------------------------------------------------------------------------------------------------

    def costly(self) -> Answer:
        """Answer whose profit is below nothing, as far as costs are known."""
        profits = read_profits(self.reading, *self.period)
        if not profits.costs_known and not self.bought:
            start, end = self.period
            nobody = _("Nobody bought anything from {start} to {end}.").format(start=start, end=end)
            return _open("costly", profits.missing, nobody)
        if not profits.costs_known:
            needs = ["purchases.cost_minor", *profits.missing]
            return _open("costly", needs, no_data(needs))
        below = {customer: -amount for customer, amount in profits.totals.items() if amount < 0}
        losses = {customer: loss for customer, loss in below.items() if profits.of(customer).costs_us_money}
        return Answer(
            "costly",
            answered=True,
            needs=profits.missing,
            note=_profit_note(profits, unsure=len(below) - len(losses)),
            customers=losses,
            figures=lambda customer: profit_figures(profits.of(customer)),
            why=lambda customer: _("customer profit {profit}: {parts}").format(
                profit=self._money(-losses[customer]),
                parts=parts_in_words(profits.of(customer), self.run.currency),
            ),
        )

    # -- 3 -------------------------------------------------------------------------------------------------------

    def wanted(self) -> Answer:
        """Answer whose potential is least realised."""
        potentials = self._yearly(self.reading.potentials())
        if not potentials:
            return _open("wanted", ["potential"], no_data(["potential"]))
        share = Decimal(self.settings["unrealised_share"])
        gone = archived(self.ctx.connection)
        unrealised = {
            customer: potential - max(self.bought.get(customer, 0), 0)
            for customer, potential in potentials.items()
            if customer not in gone and is_wanted(potential, self.bought.get(customer, 0), share)
        }
        return Answer(
            "wanted",
            answered=True,
            needs=(),
            note=_("Wanted is whose potential is by {share:.0%} or more not yet realised.").format(
                share=share
            ),
            customers=unrealised,
            figures=lambda customer: {
                "potential_minor": potentials[customer],
                "amount_minor": self.bought.get(customer, 0),
                "unrealised_minor": unrealised[customer],
            },
            why=lambda customer: _("could buy {potential}, bought {amount}: {unrealised} to win").format(
                potential=self._money(potentials[customer]),
                amount=self._money(self.bought.get(customer, 0)),
                unrealised=self._money(unrealised[customer]),
            ),
        )

    # -- 4 -------------------------------------------------------------------------------------------------------

    def complained(self) -> Answer:
        """Answer which large customers of the period before complained again and again."""
        share = Decimal(self.settings["large_share"])
        least = least_of_large(self.bought_before.values(), share)
        repeated = complaints(self.reading, *self.before, least=self.settings["complaints"])
        large = {
            customer: self.bought_before[customer]
            for customer in repeated
            if least is not None and self.bought_before.get(customer, 0) >= least
        }
        return Answer(
            "complained",
            answered=True,
            needs=(),
            note=self._before_note(
                _("Large are the first {share:.0%} of the buyers from {start} to {end}."), share=share
            ),
            customers=large,
            figures=lambda customer: {
                "complaints": repeated[customer],
                "amount_before_minor": large[customer],
                "amount_minor": self.bought.get(customer, 0),
            },
            why=lambda customer: _("complaints: {count}; bought {amount} in that period").format(
                count=repeated[customer], amount=self._money(large[customer])
            ),
        )

    # -- 5 -------------------------------------------------------------------------------------------------------

    def reordered(self) -> Answer:
        """Answer whether the customers of the largest orders of the period before bought again."""
        orders = largest_orders(self.reading, *self.before, self.settings["largest_orders"])

        def figures(customer: int) -> dict[str, Any]:
            order = orders[customer]
            return {
                "document": order.document,
                "ordered_on": order.ordered_on.isoformat(),
                "order_minor": order.amount_minor,
                "amount_minor": self.bought.get(customer, 0),
                "again": customer not in self.lapsed(orders),
            }

        def why(customer: int) -> str:
            order = {
                "document": orders[customer].document,
                "day": orders[customer].ordered_on,
                "order": self._money(orders[customer].amount_minor),
            }
            if customer in self.lapsed(orders):
                return _("{order} by {document} of {day}; nothing since").format(**order)
            return _("{order} by {document} of {day}; bought {amount} in this period").format(
                **order, amount=self._money(self.bought[customer])
            )

        return Answer(
            "reordered",
            answered=True,
            needs=(),
            note=self._before_note(
                _(
                    "Of {count} customers with the largest orders from {start} to {end}, {again} bought again."
                ),
                count=len(orders),
                again=len(orders) - len(self.lapsed(orders)),
            ),
            customers={customer: order.amount_minor for customer, order in orders.items()},
            figures=figures,
            why=why,
        )

    def lapsed(self, customers: Mapping[int, Any]) -> set[int]:
        """Return which of some customers bought nothing in the period, or returned it all."""
        return {customer for customer in customers if self.bought.get(customer, 0) <= 0}

    # -- 6 -------------------------------------------------------------------------------------------------------

    def elsewhere(self) -> Answer:
        """Answer who buys few products from us, and most of what it needs from others."""
        found = wallets(self.reading, self.ctx.today)
        if not found:
            return _open("elsewhere", ["wallet"], no_data(["wallet"]))
        if not names_products(self.ctx, *self.period):
            return _open("elsewhere", ["purchases.product_id"], no_data(["purchases.product_id"]))
        products = products_bought(self.reading, *self.period)
        wallet = self._yearly(found)
        most, below = self.settings["few_products"], Decimal(self.settings["wallet_share"])
        others = {
            customer: wallet[customer] - max(self.bought.get(customer, 0), 0)
            for customer, count in products.counts.items()
            if customer in wallet
            and customer not in products.unsure
            and buys_elsewhere(count, self.bought.get(customer, 0), wallet[customer], most, below)
        }
        return Answer(
            "elsewhere",
            answered=True,
            needs=(),
            note=_("At most {count} products from us, for less than {share:.0%} of what it buys.").format(
                count=most, share=below
            ),
            customers=others,
            figures=lambda customer: {
                "products": products.counts[customer],
                "amount_minor": self.bought.get(customer, 0),
                "wallet_minor": wallet[customer],
                "share": float(share_of(max(self.bought.get(customer, 0), 0), wallet[customer])),
            },
            why=lambda customer: _(
                "products from us: {count}; {amount} of {wallet} that it buys in all"
            ).format(
                count=products.counts[customer],
                amount=self._money(self.bought.get(customer, 0)),
                wallet=self._money(wallet[customer]),
            ),
        )


def _open(question: Question, needs: Sequence[str], note: str) -> Answer:
    """Return a question without an answer."""

    def nobody(customer: int) -> Any:
        raise KeyError(customer)

    return Answer(question, answered=False, needs=needs, note=note, customers={}, figures=nobody, why=nobody)


def _profit_note(profits: Profits, unsure: int) -> str:
    note = _("Customer profit is margin less cost to serve, investments and cost of credit.")
    if profits.missing:
        note = _("Customer profit as far as it is known; {missing}.").format(missing=no_data(profits.missing))
    if unsure:
        more = _("Left out are {count} customers who may lose money: not all their purchases have a cost.")
        note = f"{note} {more.format(count=unsure)}"
    return note
