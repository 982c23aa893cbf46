"""The records that cross the border between the kernel and plugins.

Standard library only: a plugin's light `plugin.py` may import them at start.
Hooks return these; the host stamps the plugin's name on what comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import random

    import sqlalchemy as sa
    from sqlmodel import SQLModel

    from crmcore.catalogue import Catalogue
    from crmcore.facts import Facts
    from crmcore.tx import Tx

type_names = (
    "text",
    "note",
    "code",
    "phone",
    "date",
    "datetime",
    "amount",
    "decimal",
    "integer",
    "boolean",
    "choice",
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a hook or a use case works with: one plugin's view of the company at one moment."""

    plugin: str
    settings: Mapping[str, Any]
    connection: sa.Connection
    """Read-only for contributions; the transaction's own connection for decisions (reads only)."""
    facts: Facts
    now: datetime
    """Aware, UTC."""
    today: date
    """The company's day (its time zone)."""
    actor: str
    currency: str
    """The company's currency, ISO 4217."""
    workspace: Path
    _app: Any = field(default=None, repr=False, compare=False)
    """The kernel's own way back to the company; plugins use what `crmcore.api` offers."""

    def secret(self, key: str) -> str:
        """Return the secret that one of the plugin's settings refers to, such as `api_key` or `server.password`.

        It is looked up now and kept nowhere; BadConfig says what to do where nothing is referred to or found.
        """
        from crmcore.builtin.administration.settings.secrets import find_secret

        return find_secret(self.plugin, key, self.settings)

    @property
    def catalogue(self) -> Catalogue:
        """The fields of the customer card: the core's, the company's own and those of the enabled plugins."""
        catalogue: Catalogue = self._app.catalogue
        return catalogue


@dataclass(frozen=True, slots=True)
class Change:
    """One proposed or made change of one row."""

    entity: str
    id: int
    operation: Literal["create", "update", "archive", "restore", "delete"]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    """Of an update only the changed columns, of a create every set column."""
    seq: int = 0
    """Place in the change log; 0 while only proposed."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A decision plugin's no to one change."""

    index: int
    """Which of the changes handed in."""
    message: str
    field: str | None = None
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """Something that may be done only if somebody else agrees (审批申请)."""

    kind: str
    """Name of an `ApprovalKind`."""
    subject: str
    """One line that says what is asked for; at most 200 characters."""
    reason: str = ""
    """Why it is asked for."""
    key: str | None = None
    """Names the matter: asked again with the same key while it is open, it is still the same request."""
    customer_id: int | None = None
    amount_minor: int | None = None
    """How much it is about, in minor units of `currency`."""
    currency: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    """JSON values that `ApprovalKind.apply` needs; checked by `ApprovalKind.payload_schema`."""
    id: int = 0
    """Its number; this and the fields below are filled in by crmcore."""
    state: Literal["requested", "approved", "rejected", "withdrawn", "expired"] = "requested"
    requested_by: str = ""
    """Code of the actor who asks."""
    decision_reason: str = ""
    """Why it was decided so."""


@dataclass(frozen=True, slots=True)
class ApprovalKind:
    """A kind of requests for approval: who decides, what follows, how long it may wait."""

    name: str
    """Unique in the company; begins with the plugin's name."""
    title: str
    permission: str | Callable[[ApprovalRequest], str] = "approve"
    """Who may decide; a function where that depends on the amount. It is asked once, when the request is made."""
    apply: Callable[[Tx, ApprovalRequest], None] | None = None
    """Does what was asked for, in the transaction of the approval; if it raises, nothing is approved."""
    expires_days: int | None = 14
    """For how many days after the day of the request it can be decided; None = it never expires."""
    payload_schema: Mapping[str, Any] | None = None
    """JSON Schema of the payload."""
    outside_policy: bool | Callable[[ApprovalRequest], bool] = False
    """Whether it goes beyond the company's policy: approving then needs a reason, too; asked as `permission`."""
    plugin: str = ""
    describe: Callable[[ApprovalRequest], str | None] | None = None
    """Says by the payload what is asked for, in the language of whoever reads it; None = as `subject` says.

    What it says in English is stored as the subject. It is asked again for each reader, also of requests that
    an older version made: it returns None for what it does not know.
    """
    bands_of: str = ""
    """Another kind, whose amount bands count where the company has none for this one: both decide on the same matter."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a plugin decides about one request for approval."""

    index: int
    """Which of the requests handed in."""
    decision: Literal["approve", "reject"]
    reason: str
    """Stands in the request, for people to read; one of the plugin's messages is told each of them in their language."""
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class OrderRelease:
    """An order that is about to be released for delivery (放行订单)."""

    customer_id: int
    """Who is billed."""
    document_id: int
    order: str
    """The number that people know it by."""
    amount_minor: int
    """With tax, of what is still to be delivered, in minor units of `currency`."""
    currency: str
    occurred_on: date
    """When it was ordered."""
    due_on: date | None
    """When it is to be delivered."""
    reason: str = ""
    """Why it is to be released all the same, where somebody says so."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A decision plugin's reason to hold an order back (订单冻结)."""

    index: int
    """Which of the orders handed in."""
    rule: str
    """Short stable English name: `limit`, `overdue`, `prepayment`."""
    reason: str
    """A sentence for people, in their language where the plugin has it."""
    permission: str | None
    """Who has it may release the order all the same; None = nobody may."""
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding on a customer's credit (信用证据): an indicator's value, and where it is known from."""

    customer_id: int
    indicator: str
    """As credit models call it."""
    value: Decimal | int | str | bool
    source: str
    """Who says so: a register, a bank, a colleague's visit."""
    at: date
    """Of which day it is."""
    expires: date | None = None
    """The last day on which it counts; None = it does not expire."""
    document: str = ""
    """Code or name of the paper that shows it."""
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class ServicePolicy:
    """How a customer is served: what its grade means to the other modules (服务政策)."""

    customer_id: int
    grade: str
    visit_interval_days: int | None
    visitor: str
    complaint_priority: int
    """1 = first."""
    discount_ceiling: Decimal
    """Share of the price, 0.05 = 5 %."""
    approval_level: str
    since: date
    why: str
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class CardSection:
    """A plugin's part of the customer card."""

    customer_id: int
    name: str
    title: str
    data: Mapping[str, Any]
    """JSON values; keys are stable English names, `labels` gives what people read."""
    labels: Mapping[str, str] = field(default_factory=dict)
    plugin: str = ""
    sensitive: bool = False
    """Whether it is recorded who read it of a natural person (敏感个人信息)."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """Something an actor should do."""

    key: str
    """Stable: the same matter has the same key tomorrow."""
    customer_id: int | None
    due: date | None
    title: str
    severity: Literal["info", "warning", "critical"] = "info"
    command: str | None = None
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that happened and that somebody should know."""

    key: str
    customer_id: int | None
    at: datetime
    title: str
    severity: Literal["info", "warning", "critical"] = "warning"
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table that a plugin keeps: how its changes are logged and whom it speaks of."""

    table: type[SQLModel]
    log: Literal["full", "range"] = "full"
    """`full`: each create is logged with its values; `range`: one entry per chunk (first, last, digest)."""
    customer_references: tuple[str, ...] = ()
    """Columns that hold a customer's id."""
    personal: tuple[str, ...] = ()
    """Columns that are encrypted in the log with the key of the person concerned."""
    person: str | tuple[str, ...] | None = None
    """Column that names whose key that is: a contact's id or a customer's id (`contact_id`, `customer_id`).

    Where it may be either, both; the contact counts where both are set.
    """
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A natural person of whom something is stored (自然人): a contact, or a customer that is a person."""

    entity: Literal["contact", "customer"]
    id: int
    uid: str
    code: str


@dataclass(frozen=True, slots=True)
class PersonData:
    """What a plugin holds of one person in one table."""

    uid: str
    """Of the person."""
    table: str
    rows: tuple[Mapping[str, Any], ...]
    """Column → JSON value."""
    purpose: str = ""
    """Why it is kept."""
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class ErasedData:
    """What a plugin did with its rows of persons in one table."""

    table: str
    erased: int
    """Rows of which personal values were taken away, or that were deleted."""
    kept: int = 0
    """Rows that stay, under the pseudonym of the customer."""
    why_kept: str = ""
    """The law or the duty that asks for it."""
    kept_until: date | None = None
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """Two customers that become one (客户合并), or are two again."""

    from_id: int
    """The customer whose rows go; at an undo the one to whom they had gone."""
    into_id: int
    """The customer to whom they go; at an undo the one who gets its own back."""
    undo: bool = False
    """The merge is taken back; crmcore has put back already what it had changed."""
    rows: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """At an undo: table → ids of the rows that are again as they were before the merge."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of the rows that name a customer in one column, of all moves together."""

    table: str
    column: str
    rows: int
    """So many name the other customer now."""
    kept: int = 0
    """So many name the old one on purpose: they tell what was, such as a past run of an analysis."""
    removed: int = 0
    """So many were deleted, since the other customer has the like already; the undo brings them back."""
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class FactProvider:
    """A plugin's rows for a named fact; columns as in `crmcore.facts.FACTS`, each labelled so."""

    fact: str
    select: Callable[[Mapping[str, Any]], sa.Select[Any]]
    """Gets the plugin's own settings."""
    title: str = ""
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column that lists of customers can show, filter and sort by; it is called `<table prefix>.<name>`."""

    name: str
    title: str
    type: Literal["text", "integer", "amount", "decimal", "date"]
    """`amount`: the smallest unit of the company's currency."""
    select: Callable[[Mapping[str, Any]], sa.Select[Any]]
    """Gets the plugin's own settings; gives the columns `customer_id` and `value`, one row per customer at most.

    One that has a parameter called `today` gets the company's day, too: `select(settings, today=None)`.
    """
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """A table of the plugin's by whose values customers are found (`crm find`); its rows are logged one by one."""

    table: type[SQLModel]
    title: str
    """What such a row is for people: `Loyalty card`."""
    names: tuple[str, ...] = ()
    """Columns that are found by words, characters and pinyin."""
    keys: tuple[str, ...] = ()
    """Columns that are found by the whole, or by how it begins: codes and numbers."""
    phones: tuple[str, ...] = ()
    """Columns with telephone numbers, in any writing."""
    customer: str = "customer_id"
    """Column that holds the id of the customer who is found."""
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A column that an importer understands."""

    name: str
    type: str = "text"
    """One of `type_names`; `note` is text that keeps its line breaks."""
    required: bool = False
    headers: tuple[str, ...] = ()
    """Other headers it is known by, as they stand in real files (case, blanks, width and punctuation are ignored).

    One that begins with `~` counts only where no other column gives the field.
    """
    choices: Mapping[str, str] = field(default_factory=dict)
    """For `choice`: what a file may say → the stored value."""
    title: str = ""
    max_length: int | None = None
    unless: tuple[str, ...] = ()
    """A required field may be absent where the file has one of these."""
    unit: int = 1
    """How many of the currency one stored unit of an `amount` or `decimal` is: 10,000 where the field is in 万元."""
    computed_by: str = ""
    """The plugin that computes it: its column is left out with a warning that says so."""
    accept: Callable[[Any], Any] | None = None
    """Last step of reading a cell: returns the value to load, or raises ValueError with the reason."""


@dataclass(slots=True)
class Row:
    """A parsed row of an import file; absent and empty cells are not in `values`.

    Not frozen: a million of them are made, and a frozen one takes three times as long.
    """

    line: int
    """1 = the header."""
    number: int
    """1 = the first row after the header, counted over the whole file."""
    values: dict[str, Any]
    rejected_line: int | None = None
    """In a corrected rejects file: the line that the row had in the file it was rejected from."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken, and why."""

    line: int
    column: str
    """Field name."""
    value: str
    reason: str


@dataclass(slots=True)
class Loaded:
    """What a loader did with one chunk; created + updated + unchanged + rejected = rows."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    possible_duplicates: int = 0
    deferred: int = 0
    """Rows taken whose reference to a row of the same file is left to `Importable.link`."""
    rejected: list[Rejected] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LoadContext:
    """What a loader is told besides its rows."""

    import_id: int
    file_sha256: str
    settings: Mapping[str, Any]
    currency: str
    today: date
    create_customers: bool = False
    columns: frozenset[str] = frozenset()
    """The fields that the file has."""
    clear_empty: bool = False
    """An empty cell of one of `columns` erases what is there."""
    generate_codes: bool = False
    seen: dict[Any, Any] | None = None
    """Only in a dry run, whose chunks are rolled back one by one: lives as long as the run, to remember keys in."""
    refuse_duplicates: bool = False
    """A new row that is likely to repeat a customer goes to `rejected`."""


@dataclass(frozen=True, slots=True)
class Importable:
    """An entity that `crm import` and `crm export` know."""

    name: str
    """Plural, as typed: `purchases`."""
    title: str
    fields: tuple[Field, ...] | Callable[[Context], tuple[Field, ...]]
    """A function where they depend on the company's settings."""
    load: Callable[[Tx, Sequence[Row], LoadContext], Loaded]
    """Called once per chunk inside its transaction; a row it does not like goes to `rejected`."""
    export: Callable[[Context], Iterator[Mapping[str, Any]]] | None = None
    """Rows keyed by field name, in the order of a stable key; streamed."""
    link: Callable[[Tx, Sequence[Row], LoadContext], Loaded] | None = None
    """Second pass over the file, after the last `load`, where rows were deferred; safe to repeat."""
    plugin: str = ""
    undone: (
        Callable[[Tx, Sequence[Change], AbstractSet[tuple[str, int, str]]], AbstractSet[tuple[str, int, str]]]
        | None
    ) = None
    """Called when rows of an import were taken back, in the same transaction, with what was changed and with what was
    left, as (entity, id, column): brings up to date what is worked out from such rows, and returns those of what was
    left that it answers for."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a report."""

    name: str
    title: str
    type: Literal["text", "date", "integer", "choice"] = "text"
    default: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a report's table."""

    name: str
    title: str
    type: Literal["text", "integer", "amount", "decimal", "share", "date", "datetime"] = "text"
    """`amount`: minor units in the table's currency; `share`: a fraction as Decimal."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under titled columns."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Iterable[Sequence[Any]]
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as data; each renderer draws it its own way. ValueError where its parts do not fit together."""

    name: str
    title: str
    kind: Literal["pareto", "bar", "line", "matrix", "curve"]
    labels: tuple[str, ...]
    """One per value; for `matrix` one per column; for `curve` what x and y are, or nothing."""
    values: tuple[Decimal, ...]
    """For `matrix` row by row, len(rows) * len(labels); for `curve` y, a share, at equal steps of x from 0 to 1."""
    line: tuple[Decimal, ...] = ()
    """Same length as `values`: for `pareto` cumulative shares, for `curve` the reference curve (a diagonal)."""
    rows: tuple[str, ...] = ()
    """For `matrix`: a label per row."""

    def __post_init__(self) -> None:
        """Refuse numbers that no renderer could place."""
        sizes = {"matrix": len(self.rows) * len(self.labels), "curve": len(self.values)}
        if len(self.values) != sizes.get(self.kind, len(self.labels)):
            raise ValueError(f"chart {self.name!r} has {len(self.values)} values, which is not one per label")
        if self.line and len(self.line) != len(self.values):
            raise ValueError(f"chart {self.name!r} has a line of another length than its values")
        if not all(number.is_finite() for number in (*self.values, *self.line)):
            raise ValueError(f"chart {self.name!r} has a value that is no finite number")


@dataclass(frozen=True, slots=True)
class FormField:
    """A place on a printed form: what belongs there and what is written in; without a text it stays empty, as on paper."""

    title: str
    text: str = ""
    width: int = 6
    """How many of the form's twelve columns it takes, its title included; 4 at least."""


@dataclass(frozen=True, slots=True)
class FormPart:
    """Rows of places below a title."""

    title: str
    rows: tuple[tuple[FormField, ...], ...]


@dataclass(frozen=True, slots=True)
class Form:
    """One page of A4 to be printed, filled in and sealed (表单): whatever is written in, it stays one page."""

    title: str
    parts: tuple[FormPart, ...]
    code: str = ""
    """Whose it is; stands above the form."""
    notes: FormField | None = None
    """A text that gets what the parts leave of the page."""
    seal: str = ""
    """Title of the place for a seal."""
    signatures: tuple[str, ...] = ()
    """Titles of the places for signatures."""
    whole: str = ""
    """Where all of it can be read if the page had to be cut: a command."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Sheets of labels of equal size on A4; lengths in millimetres."""

    texts: Iterable[tuple[str, ...]]
    """The lines of each label; the first is the largest."""
    columns: int = 3
    rows: int = 8
    top: float = 0.0
    """Above the first and below the last row."""
    side: float = 0.0
    """Beside the first and the last column."""
    gap_across: float = 0.0
    gap_down: float = 0.0
    used: int = 0
    """How many labels of the first sheet are gone already."""


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report: data only, renderers make every form of it."""

    title: str
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    notes: tuple[str, ...] = ()
    forms: Iterable[Form] | None = None
    """Pages for paper: a PDF shows these instead of the tables, which hold the same for the other renderers."""
    labels: Labels | None = None
    """Labels for paper, likewise."""


@dataclass(frozen=True, slots=True)
class ReportSpec:
    """A report that can be asked for."""

    name: str
    title: str
    run: Callable[[Context, Mapping[str, str]], Report]
    parameters: tuple[Parameter, ...] = ()
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Workday:
    """Whether people work on a day (工作日)."""

    day: date
    works: bool
    official: bool
    """Whether it was published for that year; False: assumed from weekends, or said by the company itself."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """Work that can be run by name; it keeps its progress in the database so that it can be resumed."""

    name: str
    title: str
    run: Callable[[Any, str], Mapping[str, Any]]
    """(app, actor) → a small JSON summary."""
    schedule: str | None = None
    """When it is due, as a cron line in the company's time zone: `30 2 * * *`; None = only when somebody runs it."""
    plugin: str = ""
    workdays: Literal["any", "only", "next"] = "any"
    """`only`: not on days off; `next`: what falls on a day off is done on the next working day at the same time."""
    retries: int = 3
    """So many times it is tried again after it failed or was interrupted at a due time."""
    retry_seconds: int = 60
    """How long after the first failure; each time twice as long, at most a day."""

    def __post_init__(self) -> None:
        """Refuse a schedule that nobody could keep: ValueError."""
        if self.schedule is not None:
            from crmcore.builtin.jobs.schedules import check_schedule

            check_schedule(self.name, self.schedule)


@dataclass(frozen=True, slots=True)
class DemoFile:
    """A generated file of demo data, imported by the importer named."""

    order: int
    """Files are made and imported in this order; customers are 10."""
    importable: str
    file_name: str
    write: Callable[[Path, random.Random, dict[str, Any]], None]
    """(path, seeded random source, shared: whatever earlier files left for later ones)."""
    dataset: str = "distributor"
    plugin: str = ""
