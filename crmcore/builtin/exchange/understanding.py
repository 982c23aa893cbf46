"""Before a row is taken: which entity, which file, which columns; all that can be refused is refused here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path

from crmcore.app import App
from crmcore.builtin.exchange.columns import Choose, ColumnPlan, plan_columns
from crmcore.builtin.exchange.headers import HeaderTable
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.builtin.exchange.numbers import DECIMAL_STYLES
from crmcore.builtin.exchange.reading import open_table
from crmcore.builtin.exchange.rows import RowParser
from crmcore.builtin.exchange.table_file import TableFile
from crmcore.builtin.exchange.values import Writing
from crmcore.errors import PluginError, UsageProblem
from crmcore.i18n import translator
from crmcore.plugins.isolation import blaming
from crmcore.plugins.types import Field, Importable

_ = translator("crmcore")


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for besides the mapping."""

    create_customers: bool = False
    clear_empty: bool = False
    generate_codes: bool = False
    refuse_duplicates: bool = False


@dataclass(frozen=True, slots=True)
class Understanding:
    """A file, understood."""

    importable: Importable
    table: TableFile
    mapping: ColumnMapping
    plan: ColumnPlan
    parser: RowParser
    options: Options

    @property
    def columns(self) -> frozenset[str]:
        """The fields that the rows may have."""
        return self.plan.fields() | self.mapping.constants.keys()

    def warnings(self) -> list[str]:
        """Return what the user should know before the rows are read."""
        return [*self.table.warnings, *self.plan.warnings]

    def saved_mapping(self) -> ColumnMapping:
        """Return the mapping that would understand the next such file without a question."""
        return replace(self.mapping, entity=self.importable.name, columns=self.plan.mapping_of(self.mapping))


def importables(app: App) -> dict[str, Importable]:
    """Return what can be imported, by name; two plugins with one name are refused, both named."""
    found: dict[str, Importable] = {}
    for importable in app.host.registered("importables"):
        if importable.name in found:
            raise PluginError(
                _("{name} is offered by two plugins, {one} and {other}; disable one of them").format(
                    name=importable.name, one=found[importable.name].plugin, other=importable.plugin
                )
            )
        found[importable.name] = importable
    return found


def find_importable(app: App, name: str) -> Importable:
    """Return an importable by name; UsageProblem says which there are."""
    known = importables(app)
    if name not in known:
        app.host.suspect("importables")
        near = get_close_matches(name, known, n=1)
        hint = " " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
        raise UsageProblem(
            _("{name!r} cannot be imported or exported{hint}; known are {known}").format(
                name=name, hint=hint, known=", ".join(sorted(known))
            )
        )
    return known[name]


def fields_of(app: App, importable: Importable) -> tuple[Field, ...]:
    """Return an importable's fields, as the company's settings have them."""
    if not callable(importable.fields):
        return importable.fields
    with app.read(importable.plugin) as ctx, blaming(importable.plugin, "importables"):
        return tuple(importable.fields(ctx))


def understand(  # noqa: PLR0913 -- all that a user can say about a file
    app: App,
    importable: Importable,
    path: Path,
    mapping: ColumnMapping,
    options: Options,
    *,
    encoding: str | None = None,
    choose: Choose | None = None,
) -> Understanding:
    """Open a file and settle what its columns are; CrmError says why it cannot be imported. The caller closes it."""
    fields = [_relaxed(field, options) for field in fields_of(app, importable)]
    table = HeaderTable(fields)
    file = open_table(
        path,
        lambda cells: table.known(cells) + sum(cell.strip() in mapping.columns for cell in cells),
        encoding=encoding,
        usual_encoding=mapping.encoding,
        delimiter=mapping.delimiter,
        sheet=mapping.sheet,
        point=DECIMAL_STYLES[mapping.decimal_style][1],
    )
    try:
        plan = plan_columns(table, file.headers, mapping, choose)
        writing = Writing(app.config.timezone, mapping.date_order, mapping.decimal_style)
        by_name: Mapping[str, Field] = {field.name: field for field in fields}
        parser = RowParser(plan, by_name, mapping.constants, writing, len(file.headers))
    except BaseException:
        file.close()
        raise
    return Understanding(importable, file, mapping, plan, parser, options)


def factors_text(plan: ColumnPlan) -> dict[str, Decimal]:
    """Return header → factor of the columns whose header has a unit."""
    return {column.header: column.factor for column in plan.columns if column.factor != 1}


def _relaxed(field: Field, options: Options) -> Field:
    """Let a code be absent where codes are generated."""
    return replace(field, required=False) if options.generate_codes and field.name == "code" else field
