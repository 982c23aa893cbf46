"""Use cases: classify the buyers of a period, write the run, publish it."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from operator import itemgetter
from time import perf_counter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import BadConfig, Context, CrmError, UsageProblem, translator

from .inputs import Inputs, read_inputs
from .rules import (
    OWN,
    PRESETS,
    BadCutoffs,
    By,
    Rule,
    Standing,
    choose_rule,
    classify,
    last_full_year,
    own_rule,
    positive_total,
)
from .runs import grades, runs
from .tables import BUILDING, CURRENT, OLD, PUBLISHED, AbcGrade, AbcRun

if TYPE_CHECKING:
    from crmcore.api import App

_ = translator("crmcore_abc_analysis")

PLUGIN = "abc_analysis"
CHUNK = 5000
LARGEST = 2**63 - 1
ABANDONED = timedelta(days=1)
_Since = Mapping[str, Mapping[int, int]]
_NOBODY: Mapping[int, int] = {}


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked for; None = the usual."""

    start: date | None = None
    end: date | None = None
    preset: str | None = None
    by: By | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """A run before it is written."""

    values: dict[str, Any]
    standings: list[Standing]


def make_run(app: App, actor: str, request: Request, *, source: str = "cli") -> int:
    """Classify the buyers of a period and make the result the current one; returns the run's id.

    The same purchases under the same settings give the run that there is. UsageProblem for half a period or
    one that ends before it begins, MissingFact without a provider of purchases, CrmError for an unknown rate.
    """
    started = perf_counter()
    with _no_search_for_cycles():
        with app.read(PLUGIN) as ctx:
            plan = _plan(ctx, request)
            known = _known_run(ctx.connection, plan.values["fingerprint"])
            since = _since(ctx.connection) if known is None else {}
        if known is not None:
            _publish(app, actor, source, known, {})
            return known
        _discard_abandoned(app, actor, source)
        return _write_run(app, actor, source, plan, since, started)


def _write_run(app: App, actor: str, source: str, plan: _Plan, since: _Since, started: float) -> int:
    """Write a new run and publish it; nothing of it is left if that fails."""
    with app.write(actor, reason="crm abc run", source=source, plugin=PLUGIN) as tx:
        (run_id,) = tx.insert(AbcRun, [{**plan.values, "actor": actor, "created_at": tx.now}])
    try:
        _write_grades(app, actor, source, run_id, plan.standings, since)
        _publish(app, actor, source, run_id, {"duration_ms": round((perf_counter() - started) * 1000)})
    except BaseException:
        with suppress(Exception):
            _discard(app, actor, source, run_id)
        raise
    return run_id


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Let Python not look for reference cycles: rows by the hundred thousand hold none, and it took half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def period_of(request: Request, today: date) -> tuple[date, date]:
    """Return the first and last day of a request: both as given, or the last full calendar year."""
    if request.start is None and request.end is None:
        return last_full_year(today)
    if request.start is None or request.end is None:
        raise UsageProblem(_("a period needs both its days: give --from and --to, or neither for last year"))
    if request.start > request.end:
        raise UsageProblem(
            _("the period ends before it begins: --from {start} is after --to {end}").format(
                start=request.start, end=request.end
            )
        )
    return request.start, request.end


def rule_of(settings: Mapping[str, Any], request: Request) -> Rule:
    """Return the rule of a request; BadConfig where the company's own cut-offs are none."""
    cutoffs = [(cutoff["grade"], cutoff["within"]) for cutoff in settings["own_cutoffs"]]
    try:
        own = own_rule(settings["own_by"], cutoffs)
    except BadCutoffs as error:
        raise BadConfig(_own_cutoffs_sentence(error)) from None
    usual = own if settings["preset"] == OWN else PRESETS[settings["preset"]]
    return choose_rule(request.preset, request.by, usual, own)


def _own_cutoffs_sentence(error: BadCutoffs) -> str:
    sentences = {
        "falling": _("class {grade} ends no later than the class before it; let the shares rise"),
        "open": _("the last class, {grade}, leaves customers out; let it be within 1"),
        "repeated": _("class {grade} stands there twice; name each class once"),
    }
    return "crm.toml: plugins.abc_analysis.own_cutoffs: " + sentences[error.problem].format(grade=error.grade)


def _plan(ctx: Context, request: Request) -> _Plan:
    start, end = period_of(request, ctx.today)
    rule = rule_of(ctx.settings, request)
    currency = ctx.settings["currency"] or ctx.currency
    inputs = read_inputs(ctx, start, end, currency, ctx.settings["rounding"])
    standings = classify(inputs.totals, rule)
    settings = _settings_of(rule, inputs)
    amount = sum(inputs.totals.values())
    positive = positive_total(inputs.totals.values())
    if max(positive, abs(amount)) > LARGEST:
        raise CrmError(
            _(
                "the purchases from {start} to {end} add up to more than can be stored; take a shorter period"
            ).format(start=start, end=end)
        )
    values: dict[str, Any] = {
        "period_start": start,
        "period_end": end,
        "by": rule.by,
        "preset": rule.preset,
        "currency": currency,
        "settings": settings,
        "settings_version": _digest(settings)[:12],
        "rates": {name: str(rate) for name, rate in inputs.money.rates.items()},
        "input_checksum": inputs.checksum,
        "customers": len(standings),
        "purchases": inputs.purchases,
        "amount_minor": amount,
        "positive_minor": positive,
        "made_on": ctx.today,
    }
    identity = ("settings", "rates", "input_checksum")
    values["fingerprint"] = _digest([start.isoformat(), end.isoformat(), *(values[key] for key in identity)])
    return _Plan(values, standings)


def _settings_of(rule: Rule, inputs: Inputs) -> dict[str, Any]:
    """Write out all that decides the classes, whichever preset or option it came from."""
    return {
        "basis": "purchases",
        "level": "single",
        "by": rule.by,
        "preset": rule.preset,
        "cutoffs": [{"grade": c.grade, "within": f"{c.within.normalize():f}"} for c in rule.cutoffs],
        "currency": inputs.money.currency,
        "rounding": inputs.money.rounding,
    }


def _digest(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()


def _known_run(connection: sa.Connection, fingerprint: str) -> int | None:
    query = sa.select(runs.c.id).where(runs.c.fingerprint == fingerprint, runs.c.state.in_(PUBLISHED))
    return connection.scalar(query.order_by(runs.c.id).limit(1))


def _since(connection: sa.Connection) -> _Since:
    """Return since which run each customer has the class that it has in the current run: class → id → run."""
    query = sa.select(grades.c.customer_id, grades.c.grade, grades.c.since_run)
    current = query.join(runs, runs.c.id == grades.c.run_id).where(runs.c.state == CURRENT)
    found: dict[str, dict[int, int]] = {}
    for customer, grade, since in connection.execute(current).all():
        found.setdefault(grade, {})[customer] = since
    return found


def _write_grades(
    app: App, actor: str, source: str, run_id: int, standings: Sequence[Standing], since: _Since
) -> None:
    """Write the classes sorted by customer, each chunk in a transaction of its own; nobody sees them yet."""
    ordered = sorted(standings, key=itemgetter(0))
    for first in range(0, len(ordered), CHUNK):
        rows = [
            {
                "run_id": run_id,
                "customer_id": customer,
                "grade": grade,
                "rank": rank,
                "amount_minor": amount,
                "ahead_minor": ahead,
                "since_run": since.get(grade, _NOBODY).get(customer, run_id),
            }
            for customer, amount, rank, grade, ahead in ordered[first : first + CHUNK]
        ]
        with app.write(actor, reason="crm abc run", source=source, plugin=PLUGIN, bulk=True) as tx:
            tx.insert(AbcGrade, rows)


def _publish(app: App, actor: str, source: str, run_id: int, values: Mapping[str, Any]) -> None:
    """Make a run the current one: a short transaction that moves one word."""
    with app.write(actor, reason="crm abc run", source=source, plugin=PLUGIN) as tx:
        current = tx.connection.scalar(sa.select(runs.c.id).where(runs.c.state == CURRENT))
        if current == run_id:
            return
        if current is not None:
            tx.update(AbcRun, [(current, {"state": OLD})])
        tx.update(AbcRun, [(run_id, {"state": CURRENT, "published_at": tx.now, **values})])


def _discard(app: App, actor: str, source: str, run_id: int) -> None:
    """Remove a run that was never published."""
    while True:
        with app.write(actor, reason="crm abc run: discard", source=source, plugin=PLUGIN) as tx:
            query = sa.select(grades.c.id).where(grades.c.run_id == run_id).order_by(grades.c.id).limit(CHUNK)
            ids = list(tx.connection.scalars(query))
            tx.delete(AbcGrade, ids)
            if len(ids) < CHUNK:
                tx.delete(AbcRun, [run_id])
                return


def _discard_abandoned(app: App, actor: str, source: str) -> None:
    """Remove what a killed process left a day ago or earlier; a younger one may still be at work."""
    with app.read(PLUGIN) as ctx:
        limit = ctx.now - ABANDONED
        query = sa.select(runs.c.id).where(runs.c.state == BUILDING, runs.c.created_at < limit)
        abandoned = list(ctx.connection.scalars(query))
    for run_id in abandoned:
        _discard(app, actor, source, run_id)
