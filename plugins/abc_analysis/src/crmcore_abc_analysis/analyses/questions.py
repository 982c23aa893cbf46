"""The six questions on commercial value (客户价值六问), and the four kinds of customers that the answers yield."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from crmcore.api import Column, Context, Report, Table, translator
from crmcore_abc_analysis.rules.value import (
    KINDS,
    Kind,
    Question,
    Reason,
    Signs,
    Verdict,
    kind_of,
    unanswered_for,
)
from crmcore_abc_analysis.runs import find_run, grades_of, grades_of_rule

from .amounts import largest
from .answers import Answer, Answers
from .scope import limit_of

_ = translator("crmcore_abc_analysis")
SHOWN = 10


def questions(ctx: Context, limit: int | None = SHOWN) -> dict[str, Any]:
    """Answer the six questions for the run made last and name the four kinds: schemas/questions.schema.json.

    `limit`: how many customers each list holds at most. NotFound before the first run.
    """
    run = find_run(ctx)
    answers = Answers(ctx, run)
    known = answers.all()
    return {
        "run": run.id,
        "period": [day.isoformat() for day in answers.period],
        "period_before": [day.isoformat() for day in answers.before],
        "currency": run.currency,
        "level": run.level,
        "limit": limit,
        "questions": [_question(ctx, answer, limit) for answer in known],
        "kinds": _kinds(answers, known, limit),
    }


def _question(ctx: Context, answer: Answer, limit: int | None) -> dict[str, Any]:
    return {
        "question": answer.question,
        "title": title_of(answer.question),
        "answered": answer.answered,
        "needs": list(answer.needs),
        "note": answer.note,
        "count": len(answer.customers) if answer.answered else None,
        "customers": [
            {
                "customer": customer.code,
                "name": customer.name,
                **answer.figures(customer.id),
                "why": answer.why(customer.id),
            }
            for customer in largest(ctx.connection, answer.customers, limit)
        ],
    }


# -- kinds ---------------------------------------------------------------------------------------------------

_SIGNS = tuple(field.name for field in fields(Signs))


@cache
def _verdict(mask: int) -> Verdict | None:
    """Return the kind for a pattern of signs, one bit each."""
    return kind_of(Signs(**{name: bool(mask >> place & 1) for place, name in enumerate(_SIGNS)}))


def _kinds(answers: Answers, known: Sequence[Answer], limit: int | None) -> list[dict[str, Any]]:
    masks: dict[int, int] = {}
    for name, customers in _signs(answers, known).items():
        bit = 1 << _SIGNS.index(name)
        for customer in customers:
            masks[customer] = masks.get(customer, 0) | bit
    members: dict[Kind, dict[int, Verdict]] = {kind: {} for kind in KINDS}
    for customer, mask in masks.items():
        if (verdict := _verdict(mask)) is not None:
            members[verdict.kind][customer] = verdict
    incomplete = [answer.question for answer in known if answer.needs or not answer.answered]
    return [_kind(answers, kind, members[kind], unanswered_for(kind, incomplete), limit) for kind in KINDS]


def _signs(answers: Answers, known: Sequence[Answer]) -> dict[str, Collection[int]]:
    """Return sign → the customers who have it."""
    by_question = {answer.question: answer.customers for answer in known}
    grades = grades_of_rule(answers.run)
    middle = answers.reading.classed(grades[1:-1])
    return {
        **{name: by_question[name] for name in ("gold", "costly", "wanted", "complained", "elsewhere")},
        "lapsed": answers.lapsed(by_question["reordered"]),
        "nothing": [customer for customer, amount in answers.bought.items() if amount <= 0],
        "middle": list(answers.ctx.connection.scalars(middle.with_only_columns(middle.selected_columns[0]))),
    }


def _kind(
    answers: Answers,
    kind: Kind,
    members: Mapping[int, Verdict],
    open_questions: Sequence[Question],
    limit: int | None,
) -> dict[str, Any]:
    amounts = {customer: answers.bought.get(customer, 0) for customer in members}
    listed = largest(answers.ctx.connection, amounts, limit)
    grades = grades_of(answers.ctx, answers.run, [customer.id for customer in listed])
    return {
        "kind": kind,
        "title": kind_title(kind),
        "count": len(members),
        "provisional": bool(open_questions),
        "open_questions": list(open_questions),
        "customers": [
            {
                "customer": customer.code,
                "name": customer.name,
                "grade": grades[customer.id].grade if customer.id in grades else None,
                "amount_minor": amounts[customer.id],
                "because": list(members[customer.id].because),
                "why": "; ".join(map(reason_sentence, members[customer.id].because)),
            }
            for customer in listed
        ],
    }


# -- words ---------------------------------------------------------------------------------------------------


def title_of(question: Question) -> str:
    """Return a question as people ask it."""
    return {
        "gold": _("Who are the gold customers?"),
        "costly": _("Who costs us money?"),
        "wanted": _("Whom do we most want this year?"),
        "complained": _("Which large customers of the period before complained repeatedly?"),
        "reordered": _("Did the largest orders of the period before come again?"),
        "elsewhere": _("Who buys one or two things from us and many from others?"),
    }[question]


def kind_title(kind: Kind) -> str:
    """Return what people call a kind."""
    return {
        "most_valuable": _("Most valuable"),
        "without_value": _("Without value"),
        "to_develop": _("To be developed"),
        "new_growth": _("Able to bring new growth"),
    }[kind]


def reason_sentence(reason: Reason) -> str:
    """Say what decided the kind of a customer."""
    return {
        "gold": _("gold customer"),
        "costly": _("costs us money"),
        "wanted": _("much of its potential is not yet realised"),
        "complained": _("large, and complained repeatedly"),
        "reordered": _("its large order did not come again"),
        "elsewhere": _("buys little from us and much from others"),
        "nothing": _("its purchases come to nothing"),
        "middle": _("between the best class and the last"),
    }[reason]


# -- report --------------------------------------------------------------------------------------------------


def questions_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the answers and the kinds; parameter `limit`: how many customers in each list, by default 10."""
    return report_of(questions(ctx, limit_of(parameters) or SHOWN))


def report_of(found: Mapping[str, Any]) -> Report:
    """Turn answers, as `questions` returns them, into a report."""
    start, end = found["period"]
    currency = found["currency"]
    answered = [_answer_table(question) for question in found["questions"] if question["customers"]]
    tables = (_overview(found["questions"]), *answered, _kinds_overview(found["kinds"]))
    kinds = [_kind_table(kind, currency) for kind in found["kinds"] if kind["customers"]]
    title = _("Value of customers, {start} to {end}").format(start=start, end=end)
    return Report(title, (*tables, *kinds), (), tuple(_notes(found)))


def _overview(asked: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("question", _("Question")),
        Column("count", _("Customers"), "integer"),
        Column("note", _("Note")),
    )
    rows = [(question["title"], question["count"], question["note"]) for question in asked]
    return Table("questions", _("Six questions"), columns, rows)


def _answer_table(question: Mapping[str, Any]) -> Table:
    columns = (Column("customer", _("Code")), Column("name", _("Name")), Column("why", _("Why")))
    rows = [(c["customer"], c["name"], c["why"]) for c in question["customers"]]
    return Table(question["question"], question["title"], columns, rows)


def _kinds_overview(kinds: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("kind", _("Kind")),
        Column("count", _("Customers"), "integer"),
        Column("provisional", _("Standing")),
    )
    words = {True: _("provisional"), False: _("settled")}
    rows = [(kind["title"], kind["count"], words[kind["provisional"]]) for kind in kinds]
    return Table("kinds", _("Four kinds of customers"), columns, rows)


def _kind_table(kind: Mapping[str, Any], currency: str) -> Table:
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("grade", _("Class")),
        Column("amount", _("Purchases"), "amount"),
        Column("why", _("Why")),
    )
    rows = [(c["customer"], c["name"], c["grade"], c["amount_minor"], c["why"]) for c in kind["customers"]]
    return Table(kind["kind"], kind["title"], columns, rows, currency)


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    yield _("The period before is {start} to {end}.").format(
        start=found["period_before"][0], end=found["period_before"][1]
    )
    open_ones = [q for kind in found["kinds"] for q in kind["open_questions"]]
    titles = [q["title"] for q in found["questions"] if q["question"] in open_ones]
    if titles:
        yield _("Kinds are provisional where these questions are not answered in full: {questions}").format(
            questions=" ".join(titles)
        )
