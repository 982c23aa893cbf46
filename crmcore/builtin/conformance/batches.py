"""The hooks that work on batches: nothing, one record and ten thousand; the whole is the sum of its parts, in linear time."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from crmcore.builtin.conformance import files
from crmcore.builtin.conformance.company import add_many
from crmcore.builtin.conformance.findings import Finding, finding, said
from crmcore.builtin.conformance.lent_facts import lend_facts
from crmcore.builtin.conformance.subject import ACTOR
from crmcore.db.base import canonical
from crmcore.entities.lookup import BATCH
from crmcore.errors import CrmError
from crmcore.i18n import _
from crmcore.plugins.types import ApprovalRequest, Change

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.builtin.conformance.subject import Subject
    from crmcore.plugins.loading import Hosted

MANY = 10_000
PART = 1_000
STEEPEST = 3.0
"""So many times as long as a record of a part may a record of the whole take."""
SHORTEST = 0.1
"""Seconds of CPU below which nobody minds how time grows; also the noise of measuring."""
_STATEMENTS = 5
"""So many statements more than for one record a hook may send for each `BATCH` of them, as lookups by id do."""
_TURNS = 3
_COMPANY = "batches"
_RECORDS = {
    "card_sections": "customer_ids",
    "service_policies": "customer_ids",
    "validate_changes": "changes",
    "observe_changes": "changes",
    "approve_requests": "requests",
}
"""Hook → the argument that holds the batch."""
_WHOLE = ("work_items", "alerts")
"""Hooks that look at the whole company."""


@dataclass(frozen=True)
class Batch:
    """A hook of the plugin that takes a batch, with ten thousand records for it."""

    hook: str
    call: Callable[[Sequence[Any]], list[Any]]
    records: Sequence[Any]


class Filled:
    """A company of ten thousand customers with the plugin enabled."""

    def __init__(self, app: App, hosted: Hosted, problems: list[str]) -> None:
        """Take the company, and what went wrong while it grew."""
        self.app = app
        self.hosted = hosted
        self.problems = problems


def check_batches(subject: Subject) -> Finding:
    """Call each hook with no, one and ten thousand records; compare the whole with the sum of its batches."""
    filled = _filled(subject)
    problems = list(filled.problems)
    called = []
    with _counted(filled.app) as sent, filled.app.read(subject.name, ACTOR) as ctx:
        for batch in _batches(filled, ctx):
            called.append(batch.hook)
            problems += _compared(batch, sent)
    fine = _("hooks: {names}; {count} records").format(names=", ".join(called) or _("none"), count=MANY)
    return finding(problems, fine)


def check_time(subject: Subject) -> Finding:
    """Measure whether a record of ten thousand takes much longer than one of a thousand."""
    subject.need("batches")
    filled = _filled(subject)
    problems, fine = [], []
    with filled.app.read(subject.name, ACTOR) as ctx:
        for batch in _batches(filled, ctx):
            ratio, seconds = _steepness(batch)
            fine.append(f"{batch.hook} {seconds:.2f} s")
            if ratio > STEEPEST:
                problems.append(
                    _(
                        "{hook}: a record takes {ratio:.1f} times as long among {many} as among {few}; {most:g} times are allowed"
                    ).format(hook=batch.hook, ratio=ratio, many=MANY, few=PART, most=STEEPEST)
                )
    return finding(problems, ", ".join(fine) or _("no hook takes batches"))


# -- the company -------------------------------------------------------------------------------------------------


def _filled(subject: Subject) -> Filled:
    """Return the company, made once: the hooks that look at all of it are called while it grows."""
    if _COMPANY not in subject.kept:
        subject.need("manifest", "hooks", "use alone")
        subject.kept[_COMPANY] = _grown(subject)
    found: Filled = subject.kept[_COMPANY]
    return found


def _grown(subject: Subject) -> Filled:
    from crmcore.builtin.lifecycle.enabling import enable

    app = subject.made_company(_COMPANY)
    enable(app, [subject.name], ACTOR)
    few: dict[str, int] = {}
    problems = _whole(app, subject.name, 0, few)
    for count, first in ((1, 1), (MANY - 1, 2)):
        with _disabled(app, subject.name):  # whatever it would refuse
            add_many(app, count, first)
        lend_facts(app)
        if first > 1:
            _import_many(subject, app)
            _run_jobs(subject, app)
        problems += _whole(app, subject.name, first + count - 1, few)
    return Filled(app, app.host.get(subject.name), problems)


@contextmanager
def _disabled(app: App, name: str) -> Iterator[None]:
    from crmcore.builtin.lifecycle.enabling import disable, enable

    disable(app, [name], ACTOR)
    yield
    enable(app, [name], ACTOR)


def _whole(app: App, name: str, customers: int, few: dict[str, int]) -> list[str]:
    """Call the hooks that look at the whole company; `few` keeps what each sent while that was small."""
    problems = []
    hosted = app.host.get(name)
    for hook in _WHOLE:
        if hook in hosted.functions:
            with _counted(app) as sent, app.read(hosted.name, ACTOR) as ctx:
                arguments = {"actor": ACTOR, "since": None, "run": None, "ctx": ctx}
                before = sent.count
                try:
                    _called(hosted, hook, arguments)
                except BaseException as error:  # noqa: BLE001  (a plugin may raise anything)
                    problems.append(_at(hook, customers, error))
                count = sent.count - before
            if customers <= 1:
                few[hook] = count
            problems += _too_many(hook, count, customers, few[hook])
    return problems


def _at(hook: str, count: int, error: BaseException) -> str:
    return _("{hook} with {count} records: {error}").format(hook=hook, count=count, error=said(error))


def _import_many(subject: Subject, app: App) -> None:
    """Give customers what the plugin's importers take, so that its hooks find something."""
    from crmcore.builtin.exchange.understanding import fields_of

    folder = app.config.folder.parent / f"{_COMPANY}-files"
    folder.mkdir(exist_ok=True)
    codes = [f"K{number:06}" for number in range(1, MANY + 1)]
    for importable in subject.specs("importables"):
        fields = [field for field in fields_of(app, importable) if field.required]
        if not any(files.names_customer(field) for field in fields):
            continue
        path = folder / f"{importable.name}.csv"
        files.write_file(path, fields, codes, MANY, app.clock().date())
        try:
            files.import_file(app, importable.name, path)
        except CrmError:
            continue  # `use alone` has looked at what may be refused
        return  # one kind of records is enough to work on


def _run_jobs(subject: Subject, app: App) -> None:
    """Let the plugin work out what its hooks show; `use alone` has looked at what may go wrong."""
    for job in subject.specs("jobs"):
        with suppress(Exception):
            job.run(app, ACTOR)


def _batches(filled: Filled, ctx: Any) -> Iterator[Batch]:
    """Yield the hooks of the plugin that take batches."""
    import sqlalchemy as sa

    hosted = filled.hosted
    hooks = [hook for hook in _RECORDS if hook in hosted.functions]
    rows: list[dict[str, Any]] = []
    if hooks:
        query = sa.text("SELECT * FROM customer ORDER BY id LIMIT :most")
        rows = [dict(row) for row in ctx.connection.execute(query, {"most": MANY}).mappings()]
    for hook in hooks:
        name = _RECORDS[hook]
        records = _RECORDS_OF[name](rows)

        def call(some: Sequence[Any], hook: str = hook, name: str = name) -> list[Any]:
            return _called(hosted, hook, {name: list(some), "as_of": None, "ctx": ctx})

        yield Batch(hook, call, records)


def _ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


def _requests(rows: list[dict[str, Any]]) -> list[ApprovalRequest]:
    """Make requests of a kind that is nobody's: whoever decides on some looks for their own first."""
    return [
        ApprovalRequest(
            "somebody_elses",
            f"request {row['id']}",
            key=str(row["id"]),
            customer_id=row["id"],
            amount_minor=row["id"] * 100,
            currency="CNY",
            requested_by=ACTOR,
        )
        for row in rows
    ]


def _changes(rows: list[dict[str, Any]]) -> list[Change]:
    """Make changes of the customers that are there: each gets another region."""
    return [
        Change(
            "customer", row["id"], "update", {"region": row["region"]}, {"region": f"S{row['id'] % 5}"}, seq
        )
        for seq, row in enumerate(rows, 1)
    ]


_RECORDS_OF: dict[str, Callable[[list[dict[str, Any]]], list[Any]]] = {
    "customer_ids": _ids,
    "changes": _changes,
    "requests": _requests,
}


# -- calling and measuring ---------------------------------------------------------------------------------------


def _called(hosted: Hosted, hook: str, arguments: dict[str, Any]) -> list[Any]:
    """Call a hook and take what it returns, whatever kind of iterable that is; TypeError for other records than its own."""
    from crmcore.plugins.host import RESULT_TYPES

    function, names = hosted.functions[hook]
    results = list(function(*[arguments[name] for name in names]) or ())
    wanted = RESULT_TYPES.get(hook)
    for result in results:
        if wanted and not isinstance(result, wanted):
            message = _("{hook} returned a {got}, expected {wanted}")
            raise TypeError(message.format(hook=hook, got=type(result).__name__, wanted=wanted.__name__))
    return results


class _Sent:
    """The statements that an app has sent to its database while they are counted."""

    def __init__(self) -> None:
        """Begin at none."""
        self.count = 0

    def add(self, *_of_the_event: object) -> None:
        """Count one more."""
        self.count += 1


@contextmanager
def _counted(app: App) -> Iterator[_Sent]:
    """Count what is sent on connections that are opened meanwhile."""
    import sqlalchemy as sa

    sent = _Sent()
    sa.event.listen(app.engine, "before_cursor_execute", sent.add)
    try:
        yield sent
    finally:
        sa.event.remove(app.engine, "before_cursor_execute", sent.add)


def _too_many(hook: str, sent: int, records: int, for_one: int) -> list[str]:
    """Refuse statements that grow with the records: one record may cost what it likes, 500 hardly more."""
    most = (for_one + _STATEMENTS) * max(1, math.ceil(records / BATCH))
    if sent <= most:
        return []
    message = _(
        "{hook} sends {sent} statements to the database for {count} records; {most} are allowed: read what all of them need at once"
    )
    return [message.format(hook=hook, sent=sent, count=records, most=most)]


def _compared(batch: Batch, sent: _Sent) -> list[str]:
    """Compare the whole with its batches. One record alone may be told more of: who asks for one looks at it."""
    records = batch.records
    parts: list[Any] = []
    count = 0
    try:
        if batch.call([]):
            return [_("{hook} returns something for no record at all").format(hook=batch.hook)]
        count = 1
        before = sent.count
        batch.call(records[:1])
        for_one = sent.count - before
        for start in range(0, len(records), PART):
            count = len(records[start : start + PART])
            before = sent.count
            parts += [_moved(result, start) for result in batch.call(records[start : start + PART])]
            if problems := _too_many(batch.hook, sent.count - before, count, for_one):
                return problems
        count = len(records)
        whole = batch.call(records)
    except BaseException as error:  # noqa: BLE001  (a plugin may raise anything)
        return [_at(batch.hook, count, error)]
    if sorted(map(_shown, whole)) != sorted(map(_shown, parts)):
        message = _("{hook}: {whole} results for {count} records at once, other ones ({parts}) in batches")
        return [message.format(hook=batch.hook, whole=len(whole), count=len(records), parts=len(parts))]
    return []


def _moved(result: Any, start: int) -> Any:
    """Let a refusal of a batch count from the beginning of all records."""
    return replace(result, index=result.index + start) if hasattr(result, "index") else result


def _shown(result: Any) -> str:
    named = ((field.name, getattr(result, field.name)) for field in fields(result))
    plain = {name: value if isinstance(value, dict) else str(value) for name, value in named}
    try:
        return canonical(plain)
    except (TypeError, ValueError):
        return json.dumps(plain, default=str, sort_keys=True)


def _steepness(batch: Batch) -> tuple[float, float]:
    """Return how much longer a record takes among many, and the CPU seconds of all; measured again where it looks steep.

    The least of several turns is what the work itself takes; what a busy machine adds to it is not the plugin's.
    """
    ratio = seconds = 0.0
    few, many = batch.records[:PART], batch.records
    batch.call(few)  # what is imported and remembered the first time is not measured
    best_few = best_many = float("inf")
    for _turn in range(_TURNS):
        best_few = min(best_few, *(_seconds(batch.call, few) for _small in range(_TURNS)))
        best_many = min(best_many, _seconds(batch.call, many))
        seconds = best_many
        ratio = best_many / max(best_few, SHORTEST / STEEPEST * PART / len(many)) / (len(many) / len(few))
        if ratio <= STEEPEST or best_many < SHORTEST:
            return min(ratio, STEEPEST), seconds
    return ratio, seconds


def _seconds(call: Callable[[Sequence[Any]], object], records: Sequence[Any]) -> float:
    begun = time.process_time()
    call(records)
    return time.process_time() - begun
