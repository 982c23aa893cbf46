"""Use cases: classify the customers of a period, write the run, publish it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import BadConfig, Guarded, UsageProblem, collector_off, to_minor, translator

from .computing import Computed, Computing, Plan, too_much
from .inputs import Wanted
from .rules.classes import (
    OWN,
    PRESETS,
    BadCutoffs,
    By,
    Rule,
    choose_rule,
    last_full_year,
    own_rule,
    threshold_rule,
)
from .runs import publications, runs
from .tables import BUILDING, CURRENT, OLD, PUBLISHED, AbcPublication, AbcRun
from .writing import Writing

if TYPE_CHECKING:
    from crmcore.api import App

_ = translator("crmcore_abc_analysis")

PLUGIN = "abc_analysis"
REASON = "crm abc run"
LARGEST = 2**63 - 1
_PUBLISHING = 726_866
"""Lock of PostgreSQL under which runs are published, one after the other."""
ABANDONED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked for; None = the usual."""

    start: date | None = None
    end: date | None = None
    preset: str | None = None
    by: By | None = None
    basis: str | None = None
    level: str | None = None
    engine: str | None = None


def make_run(app: App, actor: str, request: Request, *, source: str = "cli") -> int:
    """Classify the customers of a period and make the result the current one; returns the run's id.

    The same inputs under the same settings give the run that there is. UsageProblem for half a period or one that
    ends before it begins, MissingFact without a provider of what the basis needs, CrmError for unknown rates.
    """
    started = perf_counter()
    writing = Writing(app, actor, source, PLUGIN, REASON)
    with (
        writing.or_discard(),
        collector_off(),
        Computing(app, request.engine, lambda: plan_of(app, request), PLUGIN) as computing,
    ):
        with writing.transaction():
            """Who may not write is told so before anything is computed, while the engine starts."""
        computed = computing.compute()
        values = _values(app, computing.plan, computed)
        _refuse_to_empty(app, values)
        known = _known_run(app, values["fingerprint"])
        if known is not None:
            return _publish(writing, known, 0)
        _discard_abandoned(app, writing)
        run_id = writing.write(values, computing, computed.members)
        published = _publish(writing, run_id, round((perf_counter() - started) * 1000))
    if published != run_id:
        with suppress(Exception):
            writing.discard(run_id)
    return published


def _refuse_to_empty(app: App, values: Mapping[str, Any]) -> None:
    """Raise Guarded where a mistyped period would take everybody's class away."""
    kind = (runs.c.basis == values["basis"], runs.c.level == values["level"])
    if values["customers"]:
        return
    with app.read(PLUGIN) as ctx:
        query = sa.select(runs.c.customers).where(runs.c.state == CURRENT, *kind)
        classed = ctx.connection.scalar(query)
    if classed:
        raise Guarded(
            _(
                "nothing counts from {start} to {end}, and {count} customers would lose their class; check --from and --to"
            ).format(start=values["period_start"], end=values["period_end"], count=classed)
        )


def plan_of(app: App, request: Request) -> Plan:
    """Complete a request by the settings of the company."""
    with app.read(PLUGIN) as ctx:
        settings = ctx.settings
        start, end = period_of(request, ctx.today)
        currency = settings["currency"] or ctx.currency
        wanted = Wanted(request.basis or settings["basis"], request.level or settings["level"], start, end)
        return Plan(wanted, rule_of(settings, request, currency), currency, settings["rounding"])


def period_of(request: Request, today: date) -> tuple[date, date]:
    """Return the first and last day of a request: both as given, or the last full calendar year."""
    if request.start is None and request.end is None:
        return last_full_year(today)
    if request.start is None or request.end is None:
        raise UsageProblem(_("a period needs both its days: give --from and --to, or neither"))
    if request.start > request.end:
        raise UsageProblem(
            _("the period ends before it begins: --from {start} is after --to {end}").format(
                start=request.start, end=request.end
            )
        )
    return request.start, request.end


def rule_of(settings: Mapping[str, Any], request: Request, currency: str) -> Rule:
    """Return the rule of a request; BadConfig where the company's own cut-offs are none."""
    thresholds = _checked("own_thresholds", lambda: threshold_rule(_floors(settings, currency)))
    own = thresholds
    if settings["own_by"] != "threshold":
        cutoffs = [(cutoff["grade"], cutoff["within"]) for cutoff in settings["own_cutoffs"]]
        own = _checked("own_cutoffs", lambda: own_rule(settings["own_by"], cutoffs))
    usual = own if settings["preset"] == OWN else PRESETS[settings["preset"]]
    return choose_rule(request.preset, request.by, usual, own, thresholds)


def _floors(settings: Mapping[str, Any], currency: str) -> list[tuple[str, int | None]]:
    try:
        return [
            (row["grade"], to_minor(Decimal(row["from"]), currency) if "from" in row else None)
            for row in settings["own_thresholds"]
        ]
    except ValueError as error:
        raise BadConfig(f"crm.toml: plugins.abc_analysis.own_thresholds: {error}") from None


def _checked(setting: str, make: Callable[[], Rule]) -> Rule:
    try:
        return make()
    except BadCutoffs as error:
        sentence = _sentence(error, by_threshold=setting == "own_thresholds")
        raise BadConfig(f"crm.toml: plugins.abc_analysis.{setting}: {sentence}") from None


def _sentence(error: BadCutoffs, *, by_threshold: bool) -> str:
    if error.problem == "repeated":
        text = _("class {grade} stands there twice; name each class once")
    elif error.problem == "falling":
        text = (
            _("class {grade} does not begin below the class before it; let the amounts fall")
            if by_threshold
            else _("class {grade} ends no later than the class before it; let the shares rise")
        )
    else:
        text = (
            _("the last class, {grade}, must take the rest; leave out its amount")
            if by_threshold
            else _("the last class, {grade}, leaves customers out; let it be within 1")
        )
    return text.format(grade=error.grade)


def _values(app: App, plan: Plan, computed: Computed) -> dict[str, Any]:
    """Return the row of a run but for what is known when it is written."""
    wanted, money = plan.wanted, computed.money
    if max(computed.positive_minor, abs(computed.amount_minor)) > LARGEST:
        raise too_much()
    settings = _settings_of(app, plan)
    values: dict[str, Any] = {
        "period_start": wanted.start,
        "period_end": wanted.end,
        "basis": wanted.basis,
        "level": wanted.level,
        "by": plan.rule.by,
        "preset": plan.rule.preset,
        "currency": plan.currency,
        "settings": settings,
        "settings_version": _digest(settings)[:12],
        "rates": {name: str(rate) for name, rate in money.rates.items()},
        "input_checksum": computed.checksum,
        "customers": computed.customers,
        "purchases": computed.purchases,
        "amount_minor": computed.amount_minor,
        "positive_minor": computed.positive_minor,
        "remarks": computed.remarks,
        "engine": computed.engine,
    }
    identity = ("settings", "rates", "input_checksum", "remarks")
    period = [wanted.start.isoformat(), wanted.end.isoformat()]
    members = [computed.members] if computed.members else []
    values["fingerprint"] = _digest([*period, *(values[key] for key in identity), *members])
    return values


def _settings_of(app: App, plan: Plan) -> dict[str, Any]:
    """Write out all that decides the classes, whichever preset or option it came from."""
    rule, wanted = plan.rule, plan.wanted
    settings: dict[str, Any] = {
        "basis": wanted.basis,
        "level": wanted.level,
        "by": rule.by,
        "preset": rule.preset,
        "currency": plan.currency,
        "rounding": plan.rounding,
    }
    if rule.by == "threshold":
        settings["thresholds"] = [{"grade": f.grade, "from_minor": f.least_minor} for f in rule.floors]
    else:
        settings["cutoffs"] = [
            {"grade": c.grade, "within": f"{c.within.normalize():f}"} for c in rule.cutoffs
        ]
    own = app.settings(PLUGIN)
    if wanted.basis == "profit":
        settings["cost_of_credit"] = own["cost_of_credit"]
    if own["purchases_files"] and wanted.basis != "potential":
        settings["purchases_files"] = own["purchases_files"]
    return settings


def _digest(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()


def _known_run(app: App, fingerprint: str) -> int | None:
    query = sa.select(runs.c.id).where(runs.c.fingerprint == fingerprint, runs.c.state.in_(PUBLISHED))
    with app.read(PLUGIN) as ctx:
        found: int | None = ctx.connection.scalar(query.order_by(runs.c.id).limit(1))
    return found


def _publish(writing: Writing, run_id: int, taken_ms: int) -> int:
    """Make a run the current one of its kind: a short transaction that moves one word and remembers the day.

    Returns its id, or that of its twin: the same inputs under the same settings that somebody else was quicker with.
    """
    with writing.transaction() as tx:
        if tx.connection.dialect.name == "postgresql":  # on SQLite the transaction holds the lock already
            tx.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PUBLISHING)))
        run = tx.connection.execute(sa.select(runs).where(runs.c.id == run_id)).one()
        if run.state == BUILDING:
            twin = sa.select(runs).where(runs.c.fingerprint == run.fingerprint, runs.c.state.in_(PUBLISHED))
            run = tx.connection.execute(twin.order_by(runs.c.id).limit(1)).first() or run
        latest = sa.select(publications.c.run_id).order_by(publications.c.id.desc()).limit(1)
        if run.state == CURRENT and tx.connection.scalar(latest) == run.id:
            return int(run.id)
        if run.state != CURRENT:
            kind = (runs.c.basis == run.basis, runs.c.level == run.level)
            current = tx.connection.scalar(sa.select(runs.c.id).where(runs.c.state == CURRENT, *kind))
            if current is not None:
                tx.update(AbcRun, [(current, {"state": OLD})])
            made = {"published_at": tx.now, "duration_ms": taken_ms} if run.state == BUILDING else {}
            tx.update(AbcRun, [(run.id, {"state": CURRENT, **made})])
        row = {"run_id": run.id, "published_on": tx.ctx.today, "published_at": tx.now, "actor": tx.actor}
        tx.insert(AbcPublication, [row])
    return int(run.id)


def _discard_abandoned(app: App, writing: Writing) -> None:
    """Remove what a killed process left a day ago or earlier; a younger one may still be at work."""
    with app.read(PLUGIN) as ctx:
        limit = ctx.now - ABANDONED
        query = sa.select(runs.c.id).where(runs.c.state == BUILDING, runs.c.created_at < limit)
        abandoned = list(ctx.connection.scalars(query))
    for run_id in abandoned:
        with suppress(Exception):  # somebody else may be at it
            writing.discard(run_id)
