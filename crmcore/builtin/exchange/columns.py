"""Decide which column of a file fills which field; refuse where that is not certain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches

from crmcore.builtin.exchange.headers import IGNORED_PREFIX, Certainty, HeaderTable, Match, folded
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.errors import CrmError
from crmcore.i18n import translator
from crmcore.plugins.types import Field

_ = translator("crmcore")

Choose = Callable[[str, Sequence[str]], int | None]
"""Ask a person: (question, answers) → which answer, None = none of them."""

HEADERS_NAMED = 6


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file that fills a field."""

    index: int
    header: str
    field: Field
    factor: Decimal = Decimal(1)


@dataclass(slots=True)
class ColumnPlan:
    """All columns of a file, understood."""

    columns: list[Column] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    outdone: dict[str, Column] = field(default_factory=dict)
    """Header of an unused column → the surer column of the same field."""
    computed: list[str] = field(default_factory=list)
    """Columns of computed fields: left out, and no field to ask about."""
    warnings: list[str] = field(default_factory=list)
    line_column: int | None = None
    """Where a corrected rejects file keeps the line that a row had."""

    def fields(self) -> frozenset[str]:
        """Return the names of the fields that the file has."""
        return frozenset(column.field.name for column in self.columns)

    def mapping_of(self, mapping: ColumnMapping) -> dict[str, str | None]:
        """Return header → field as understood, to be saved."""
        found: dict[str, str | None] = dict.fromkeys([*self.unused, *self.computed])
        found.update({column.header: column.field.name for column in self.columns})
        return {**mapping.columns, **found}


def plan_columns(
    table: HeaderTable, headers: Sequence[str], mapping: ColumnMapping, choose: Choose | None = None
) -> ColumnPlan:
    """Match headers to fields; CrmError for two columns of one field, an unknown field or a missing required one.

    choose: how to ask a person, None where nobody can be asked.
    """
    _check_mapping(table, headers, mapping)
    plan = ColumnPlan()
    claims: dict[str, list[tuple[Match, int]]] = {}
    for index, header in enumerate(headers):
        match = _meaning(table, header, mapping)
        if header.startswith(IGNORED_PREFIX):
            plan.line_column = index if header == "_line" else plan.line_column
        elif match is None:
            if header:
                plan.unused.append(header)
        elif match.field.computed_by:
            plan.computed.append(header)
            plan.warnings.append(
                _("column {header!r} is left out: {field} is computed by the plugin {plugin}").format(
                    header=header, field=match.field.name, plugin=match.field.computed_by
                )
            )
        else:
            claims.setdefault(match.field.name, []).append((match, index))
    for name, claimed in claims.items():
        _settle(plan, headers, name, claimed, choose)
    _require(plan, table, headers, mapping, choose)
    plan.columns.sort(key=lambda column: column.index)
    _warn_of_unused(plan, mapping)
    return plan


def _meaning(table: HeaderTable, header: str, mapping: ColumnMapping) -> Match | None:
    told = _told(header, mapping.columns)
    match = table.find(header)
    if told is not None:
        name = told[0]
        if name is None:
            return None
        factor = match.factor if match and match.field.name == name else Decimal(1)
        match = Match(table.fields[name], Certainty.TOLD, factor)
    factor_told = _told(header, mapping.factors)
    if match is not None and factor_told is not None and factor_told[0] is not None:
        match = Match(match.field, match.certainty, Decimal(factor_told[0]))
    return match


def _told(header: str, said: Mapping[str, str | None]) -> tuple[str | None] | None:
    if header in said:
        return (said[header],)
    for key, value in said.items():
        if folded(key) == folded(header):
            return (value,)
    return None


def _settle(
    plan: ColumnPlan,
    headers: Sequence[str],
    name: str,
    claimed: list[tuple[Match, int]],
    choose: Choose | None,
) -> None:
    """Give a field to the column that is surest; two equally sure ones are asked about or refused."""
    best = max(match.certainty for match, _index in claimed)
    surest = [(match, index) for match, index in claimed if match.certainty == best]
    if len(surest) > 1:
        names = [headers[index] for _match, index in surest]
        undecided = best != Certainty.WEAK and not (best == Certainty.TOLD and len(set(names)) == 1)
        surest = [surest[_ask_which(name, names, choose) if undecided else 0]]
    match, index = surest[0]
    column = Column(index, headers[index], match.field, match.factor)
    plan.columns.append(column)
    others = [headers[other] for _match, other in claimed if other != index]
    plan.unused += others
    plan.outdone |= dict.fromkeys(others, column)


def _ask_which(name: str, headers: Sequence[str], choose: Choose | None) -> int:
    answer = None
    if choose is not None:
        answer = choose(_("Which column is {field}?").format(field=name), headers)
    if answer is None:
        raise CrmError(
            _(
                "the columns {headers} both mean {field}; remove one, or say which in a mapping file (--map)"
            ).format(headers=", ".join(map(repr, headers)), field=name)
        )
    return answer


def _require(
    plan: ColumnPlan,
    table: HeaderTable,
    headers: Sequence[str],
    mapping: ColumnMapping,
    choose: Choose | None,
) -> None:
    """See to it that every required field has a column or a constant."""
    there = plan.fields() | mapping.constants.keys()
    for required in table.fields.values():
        missing = required.required and required.name not in there and not there.intersection(required.unless)
        if not missing:
            continue
        answer = None
        if choose is not None and plan.unused:
            answer = choose(_("Which column is {field}?").format(field=required.name), plan.unused)
        if answer is None:
            raise CrmError(_missing_sentence(required, plan))
        header = plan.unused.pop(answer)
        plan.columns.append(Column(headers.index(header), header, required))


def _missing_sentence(required: Field, plan: ColumnPlan) -> str:
    would_do = [required.name, *(h for h in required.headers if not h.startswith("~"))][:HEADERS_NAMED]
    sentence = _("the file has no column for {field}; one of these headers would do: {headers}").format(
        field=required.name, headers=", ".join(would_do)
    )
    if plan.unused:
        sentence += "; " + _("or map one of its columns with --map: {columns}").format(
            columns=", ".join(plan.unused[:HEADERS_NAMED])
        )
    return sentence


def _warn_of_unused(plan: ColumnPlan, mapping: ColumnMapping) -> None:
    left_out = {folded(header) for header, field_name in mapping.columns.items() if field_name is None}
    plan.warnings += [
        _left_out(header, plan.outdone.get(header))
        for header in plan.unused
        if folded(header) not in left_out
    ]


def _left_out(header: str, better: Column | None) -> str:
    if better is None:
        return _("column {header!r} is left out: no field has this header").format(header=header)
    return _("column {header!r} is left out: {field} is read from the column {other!r}").format(
        header=header, field=better.field.name, other=better.header
    )


def _check_mapping(table: HeaderTable, headers: Iterable[str], mapping: ColumnMapping) -> None:
    for name in (*filter(None, mapping.columns.values()), *mapping.constants):
        if name not in table.fields:
            near = get_close_matches(name, table.fields, n=1)
            hint = " " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
            raise CrmError(
                _("the mapping names the unknown field {name!r}{hint}").format(name=name, hint=hint)
            )
    present = {folded(header) for header in headers}
    for header, wanted in mapping.columns.items():
        if wanted is not None and table.fields[wanted].required and folded(header) not in present:
            raise CrmError(
                _("the mapping wants a column {header!r}, which the file does not have").format(header=header)
            )
