"""Write the generated parts of docs/reference: commands, JSON contracts, facts, settings; cog calls this."""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from crmcore.cli.kit import Group, Session
from crmcore.cli.main import COMMANDS, crm
from crmcore.facts import FACTS
from crmcore.i18n import set_language, speak_click
from tools.hook_docs import users
from tools.workspace import distributions, inside

WIDTH = 100
_JSON_COMMAND = re.compile(r"(crm (?:\w[\w|-]* )+--json)")

FACT_TITLES = {
    "purchases": "Lines of posted invoices, less returns and credit notes (negative), net of VAT. Orders never "
    "count twice.",
    "receivables": "Posted invoices, returns and credit notes, with what is still open of each, VAT included.",
    "payments": "Posted payments, with what of each is allocated to documents.",
    "orders": "All orders but drafts that were cancelled, VAT included.",
    "order_invoices": "What of each order became part of which invoice, VAT included.",
    "deliveries_open": "Deliveries, with what of each is not yet invoiced, VAT included; a return that is not yet "
    "credited is negative.",
    "settlements": "Allocations to invoices (positive) and credit notes (negative): a row for each payment of each, on "
    "the day on which it was settled.",
    "orders_open": "Released orders, with what of each is not yet delivered, VAT included.",
    "documents": "The number that people know a document by, for the `document_id` of the same provider's other facts.",
    "products": "What the `product_id` of the same provider's other facts is.",
    "stock": "What lay in the warehouses at the end of a day, at cost; one row for each product and day counted.",
    "cost_to_serve": "What serving a customer cost: visits, freight, service.",
    "investments": "What was spent to win or keep a customer: time, samples, hospitality.",
    "complaints": "One row for each complaint.",
    "wallet": "What a customer buys in a year of such goods, from us and from others, as estimated on a day.",
    "potential": "What a customer could buy from us in a year, as estimated on a day.",
    "credit_limits": "How much a customer may owe, from a day on until its next row.",
}
FACT_COLUMNS = {
    "customer_id": (
        "integer",
        "The customer's id; of receivables, payments, settlements, orders and deliveries the one who is billed.",
    ),
    "occurred_on": (
        "date",
        "The day of the document. Which document that is for a purchase is a setting of the provider.",
    ),
    "currency": ("text, 3", "ISO 4217. Amounts of different currencies are never added."),
    "amount_minor": (
        "integer",
        "Amount in the smallest unit of `currency`; negative = return or credit note.",
    ),
    "cost_minor": ("integer or NULL", "What the goods of the line cost us; NULL = not known."),
    "quantity_micro": ("integer or NULL", "Quantity in millionths of the unit; NULL = none."),
    "product_id": ("integer or NULL", "The provider's id of the product; NULL = none."),
    "document_id": ("integer", "The provider's id of the document."),
    "line": ("integer", "Number of the line within its document."),
    "kind": ("text", "What kind of document it is, in the provider's words, such as `invoice`."),
    "document": ("text", "The document's number as people know it."),
    "orders.amount_minor": (
        "integer",
        "How much was ordered, in the smallest unit of `currency`; not below 0.",
    ),
    "order_id": ("integer", "The provider's id of the order, as `document_id` of its fact `orders`."),
    "order_invoices.document_id": ("integer", "The provider's id of the invoice."),
    "order_invoices.occurred_on": ("date", "The day of the invoice."),
    "order_invoices.amount_minor": (
        "integer",
        "How much of the order it invoices, in the smallest unit of `currency`.",
    ),
    "state": ("text", "How far it is: `draft`, `released`, `delivered`, `invoiced` or `cancelled`."),
    "settlements.amount_minor": ("integer", "How much was settled, in the smallest unit of `currency`."),
    "settled_on": (
        "date",
        "The day on which it was settled; it lies before `occurred_on` where it was paid in advance.",
    ),
    "due_on": ("date or NULL", "The day on which it is due; NULL = none agreed."),
    "open_minor": ("integer", "What is still open, in the smallest unit of `currency`."),
    "allocated_minor": ("integer", "What is allocated to documents, never more than `amount_minor`."),
    "products.product_id": ("integer", "The provider's id of the product."),
    "products.line": ("text or NULL", "The product line that it belongs to; NULL = none."),
    "code": ("text", "The code that people know it by."),
    "name": ("text", "Its name."),
    "unit": ("text or NULL", "The unit of its quantities; NULL = none."),
    "stock.product_id": ("integer", "The provider's id of the product, as in its purchases."),
    "stock.quantity_micro": ("integer", "Quantity in millionths of the unit."),
    "as_of": ("date", "The day that it was counted or estimated for."),
    "value_minor": ("integer", "What it cost us, in the smallest unit of `currency`."),
    "cost_to_serve.occurred_on": ("date", "The day of the visit, freight or service."),
    "cost_to_serve.kind": ("text", "What the money was spent on, in the provider's words, such as `visit`."),
    "cost_to_serve.amount_minor": ("integer", "What it cost, in the smallest unit of `currency`; positive."),
    "investments.occurred_on": ("date", "The day on which it was spent."),
    "investments.kind": ("text", "What the money was spent on, in the provider's words, such as `samples`."),
    "investments.amount_minor": (
        "integer",
        "What was spent, in the smallest unit of `currency`; positive.",
    ),
    "complaints.occurred_on": ("date", "The day on which the customer complained."),
    "complaint_id": ("integer", "The provider's id of the complaint."),
    "severity": ("integer or NULL", "1 = the gravest; NULL = not known."),
    "wallet.amount_minor": ("integer", "The amount of a year, in the smallest unit of `currency`."),
    "estimated_on": ("date", "The day of the estimate; the latest one counts."),
    "potential.amount_minor": ("integer", "The amount of a year, in the smallest unit of `currency`."),
    "valid_from": ("date", "The first day on which it holds."),
    "limit_minor": ("integer", "The limit, in the smallest unit of `currency`."),
}
"""Column → type and meaning; `fact.column` where it is another one in that fact."""


# -- commands ------------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Return the help of every command in English: the core's, then those of the bundled plugins."""
    set_language("en")
    speak_click()
    lines = []
    for name, path, command in leaves():
        lines += [f"### {path}", "", "```text", help_of(command, path), "```", ""] if name else []
    return "\n".join(lines)


def global_help() -> str:
    """Return what `crm --help` prints where no plugin is enabled."""
    set_language("en")
    speak_click()
    crm.lazy = dict(COMMANDS)
    context = click.Context(
        crm, info_name="crm", terminal_width=WIDTH, max_content_width=WIDTH, obj=_no_plugins()
    )
    return f"```text\n{crm.get_help(context)}\n```\n"


def leaves() -> Iterator[tuple[str, str, click.Command]]:
    """Give every command that does something: first word, full name, command."""
    for name, target in {**{n: t for n, (_help, t) in COMMANDS.items()}, **plugin_targets()}.items():
        yield from _below(name, f"crm {name}", Group(lazy={name: ("", target)}).get_command(_context(), name))


def _below(name: str, path: str, command: click.Command | None) -> Iterator[tuple[str, str, click.Command]]:
    if isinstance(command, click.Group):
        for member in command.list_commands(_context()):
            yield from _below(name, f"{path} {member}", command.get_command(_context(), member))
    elif command is not None:
        yield name, path, command


def plugin_targets() -> dict[str, str]:
    """Return name → target of the commands that the bundled plugins' manifests name."""
    found = {}
    for distribution in distributions()[1:]:
        manifest = distribution.package / "plugin.json"
        if manifest.exists():
            commands = json.loads(manifest.read_bytes()).get("commands", [])
            found.update({command["name"]: command["target"] for command in commands})
    return found


def help_of(command: click.Command, path: str) -> str:
    """Return the help of one command without the options that all have."""
    context = click.Context(command, info_name=path, terminal_width=WIDTH, max_content_width=WIDTH)
    context.help_option_names = ["-h", "--help"]
    shown = command.get_help(context).splitlines()
    return "\n".join(
        line for line in shown if not re.match(r"\s+(--actor TEXT|--lang TEXT|-h, --help)", line)
    )


def _context() -> click.Context:
    return click.Context(click.Command("crm"), obj=_no_plugins())


def _no_plugins() -> Session:
    return Session(no_plugins=True)


# -- JSON ----------------------------------------------------------------------------------------------------


def json_page() -> str:
    """Return a table: each command with --json, and the published schema of what it prints."""
    told = dict(_described_commands())
    lines = ["| command | prints | schema |", "| --- | --- | --- |"]
    for _name, path, command in leaves():
        if any("--json" in parameter.opts for parameter in command.params):
            found = told.get(path)
            schema = f"[{found}](../../schemas/{found})" if found else "—"
            shape = _shape(command)
            lines.append(f"| `{path} --json` | {shape} | {schema} |")
    return "\n".join([*lines, ""])


def _described_commands() -> Iterator[tuple[str, str]]:
    """Give command → schema, from the schemas' own descriptions (``What `crm abc run --json` prints``)."""
    for name, schema in published().items():
        for words in _JSON_COMMAND.findall(str(schema.get("description", ""))):
            for path in _paths(words):
                yield path, name


def _paths(words: str) -> Iterator[str]:
    """Read `crm customer add|edit --json` as two commands; words in capitals are arguments."""
    parts = [part for part in words.removesuffix(" --json").split() if not part.isupper()]
    for last in parts[-1].split("|"):
        yield " ".join([*parts[:-1], last])


def _shape(command: click.Command) -> str:
    """Tell lists from single things by what the command calls."""
    callback = command.callback
    text = inspect.getsource(inspect.unwrap(callback)) if callback else ""
    return "JSON Lines" if re.search(r"\b(emit_lines|list_records)\(", text) else "one document"


def published() -> dict[str, dict[str, Any]]:
    """Return file name in schemas/ → schema, read from the packages."""
    return {name: json.loads(path.read_bytes()) for name, path in schema_files().items()}


def schema_files() -> dict[str, Path]:
    """Return file name in schemas/ → file in its package."""
    from crmcore.builtin.administration.published import published_schemas

    ours = tuple(distribution.package for distribution in distributions())
    return {n: p for n, p in published_schemas().items() if any(p.is_relative_to(folder) for folder in ours)}


# -- facts ---------------------------------------------------------------------------------------------------


def facts_page() -> str:
    """Return one section per fact: what its rows are, who provides it, its columns in order."""
    lines = []
    for fact, columns in FACTS.items():
        lines += [
            f"### {fact}",
            "",
            _told(FACT_TITLES, fact),
            "",
            f"Provided by: {', '.join(_providers(fact))}.",
            "",
        ]
        lines += ["| column | type | meaning |", "| --- | --- | --- |"]
        lines += ["| `{}` | {} | {} |".format(column, *_column(fact, column)) for column in columns]
        lines += [""]
    return "\n".join(lines)


def _column(fact: str, column: str) -> Any:
    own = f"{fact}.{column}"
    return _told(FACT_COLUMNS, own if own in FACT_COLUMNS else column)


def _told(texts: Mapping[str, Any], name: str) -> Any:
    if name not in texts:
        raise ValueError(f"say in tools/reference_docs.py what the fact or column {name!r} is")
    return texts[name]


def _providers(fact: str) -> list[str]:
    """Return the bundled plugins that implement the hook and have a function or a provider of that name."""
    named = []
    provided = rf'\bdef {fact}\(|FactProvider\("{fact}"'
    for distribution in distributions()[1:]:
        if distribution.folder.name in users("facts"):
            text = "".join(
                path.read_text(encoding="utf-8") for path in distribution.files("facts.py", "plugin.py")
            )
            named += [f"`{distribution.folder.name}`"] if re.search(provided, text) else []
    return named or ["no bundled plugin"]


# -- settings ------------------------------------------------------------------------------------------------


def settings_page() -> str:
    """Return a table per schema of settings: crm.toml first, then each bundled plugin's own."""
    lines = []
    for title, prefix, schema in _settings_schemas():
        lines += [f"## {title}", "", str(schema.get("description", "")), ""]
        lines += ["| key | allowed | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [*_rows(schema, prefix, schema), ""]
    return "\n".join(lines)


def _settings_schemas() -> Iterator[tuple[str, str, dict[str, Any]]]:
    core = distributions()[0].package / "schemas" / "crm_toml.schema.json"
    yield "crm.toml", "", json.loads(core.read_bytes())
    for distribution in distributions()[1:]:
        path = distribution.package / "settings.schema.json"
        if path.exists():
            name = distribution.folder.name
            yield f"[plugins.{name}]", "", json.loads(path.read_bytes())


def _rows(schema: Mapping[str, Any], prefix: str, root: Mapping[str, Any]) -> Iterator[str]:
    for key, given in schema.get("properties", {}).items():
        sub = _resolved(given, root)
        if sub.get("properties"):
            yield f"| `{prefix}{key}` | table | — | {_cell(sub.get('description', ''))} |"
            yield from _rows(sub, f"{prefix}{key}.", root)
            continue
        default = f"`{_cell(_json(sub['default']))}`" if "default" in sub else "—"
        yield f"| `{prefix}{key}` | {_cell(allowed(sub))} | {default} | {_cell(sub.get('description', ''))} |"


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    target = str(schema.get("$ref", ""))
    return {**root["$defs"][target.rpartition("/")[2]], **schema} if target.startswith("#/$defs/") else schema


def allowed(schema: Mapping[str, Any]) -> str:
    """Say in a few words what a schema allows."""
    if "enum" in schema:
        return ", ".join(f"`{_json(value)}`" for value in schema["enum"])
    kind = schema.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if "pattern" in schema:
        words += f" `{schema['pattern']}`"
    bounds = {
        "minimum": "≥ {}",
        "exclusiveMinimum": "> {}",
        "maximum": "≤ {}",
        "maxLength": "≤ {} characters",
    }
    return ", ".join([words, *(text.format(schema[key]) for key, text in bounds.items() if key in schema)])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _cell(text: Any) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def schema_list() -> str:
    """Return a table of all published schemas."""
    lines = ["| schema | what it describes |", "| --- | --- |"]
    for name, schema in published().items():
        lines.append(
            f"| [{name}](../../schemas/{name}) | {_cell(schema.get('description', schema.get('title', '')))} |"
        )
    return "\n".join([*lines, ""])


__all__ = [
    "commands_page",
    "facts_page",
    "global_help",
    "inside",
    "json_page",
    "schema_list",
    "settings_page",
]
