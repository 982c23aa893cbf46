"""Write docs/reference/hooks.md from crmcore/hookspecs.py and crmcore/plugins/types.py; cog calls this.

What the code cannot say itself (when the host calls a hook) stands in `CALLED`; a hook without an entry there
fails `make check`.
"""

import ast
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from crmcore import hookspecs
from crmcore.deprecated import among, used_by
from crmcore.hookspecs import FAMILIES, Family, Hooks
from tools.workspace import ROOT, distributions

PAGE = ROOT / "docs" / "reference" / "hooks.md"
NOBODY = "nothing of ours yet"
CONTEXT = "the plugin's [Context](#context): its settings, a connection to read from, the facts, the moment"

CALLED = {
    "validate_changes": "once for each call of `tx.insert`, `tx.update`, `tx.archive`, `tx.restore` and "
    "`tx.delete`, with all rows of that call, before any of them is written: one edit by hand is a batch of one, "
    "an import comes in batches of up to 5,000.",
    "approve_requests": "once for each call of `request_approvals`, with all new requests of that call, before they "
    "are written; a request that is open already is not asked about again.",
    "release_orders": "by `ask_holds`, once for all orders that are released together, before any of them is. The "
    "customers who are billed, and those above them, are locked until the transaction ends (PostgreSQL; SQLite has one "
    "writer): what the plugin reads of them still holds when it commits.",
    "move_references": "once for each merge of customers (`crm duplicates merge`, and for its plan, which is taken back) "
    "and once when it is taken back (`crm duplicates unmerge`), with `undo`. It may write, with `tx`.",
    "export_persons": "by `crm person export`, once for the person and the customers merged with them.",
    "erase_persons": "by `crm person erase`, `crm privacy go-on` and the job `privacy_retention`: each time first in a "
    "rehearsal that is rolled back, then in earnest, with all persons that are erased together.",
    "service_policies": "when a module asks how customers are served.",
    "card_sections": "when cards are shown or listed (`crm customer show`, `crm customer list --json`), and with no "
    "customers by `crm doctor`.",
    "work_items": "by `crm work`, and by `crm doctor`.",
    "alerts": "by `crm work`, and by `crm doctor`.",
    "evidence": "by `collect_evidence`, once for each indicator and for up to 500 customers.",
    "observe_changes": "after each committed transaction, in the same process; of an import once, at its end; and by "
    "`crm jobs run deliver_changes`.",
    "models": "when the plugin is enabled, and once per process before the first row is written.",
    "facts": "when the plugin is enabled, and once per process when a fact is first asked for.",
    "importables": "when the plugin is enabled, and by `crm import`, `crm export` and `crm imports`.",
    "list_columns": "when the plugin is enabled, and by `crm customer list` with `--columns`, `--where` or `--sort`.",
    "search_terms": "when a row of one of the plugin's tables is first written, and by `crm find`, `crm search rebuild` "
    "and `crm doctor`.",
    "reports": "when the plugin is enabled, and by `crm report`.",
    "jobs": "when the plugin is enabled, and by `crm jobs`.",
    "approval_kinds": "when the plugin is enabled, when a request is made or decided, and by `crm approvals`.",
    "demo_data": "when the plugin is enabled, and by `crm demo`.",
    "code_generator": "when a code is needed and none was given. The company chooses the provider in "
    "`[strategies] code_generator`.",
    "currency_rates": "when an analysis asks `ctx.facts.rate(...)`. The company chooses the provider in "
    "`[strategies] currency_rates`.",
    "workdays": "by `crm jobs` for jobs that keep to working days, and when a plugin asks `is_workday` or `next_workday`. "
    "The company chooses the provider in `[strategies] workdays`.",
    "analytics_engine": "when a plugin opens a bench (`open_bench(app, engine, plugin)`) or asks which engines there "
    "are. The company chooses one in `[analytics] engine`.",
}

TRANSACTION: dict[Family, str] = {
    "decision": "inside the writing transaction, on its connection, which the plugin may read from. An exception "
    "rolls everything back and names the plugin.",
    "strategy": "wherever the caller is; reads only.",
    "contribution": "none of its own: a read-only connection, in a savepoint that a failure takes back. An "
    "exception costs only this plugin's part.",
    "registration": "none. It may not touch a database; it returns descriptions.",
}
OWN_TRANSACTION = {
    "move_references": "inside the transaction of the merge, which the plugin writes with. An exception rolls everything "
    "back and names the plugin.",
    "export_persons": "none: a read-only connection. An exception refuses the export and names the plugin.",
    "erase_persons": "inside the transaction of the erasure, which the plugin writes with. An exception rolls everything "
    "back and names the plugin.",
    "observe_changes": "after the commit, on a read-only connection. What it read last is kept by the host in a "
    "transaction of its own, after it returned: a process killed in between offers the same changes again.",
}


def hooks_overview() -> str:
    """Return the table of all hooks, family by family."""
    lines = ["| hook | family | in one sentence |", "| --- | --- | --- |"]
    lines += [f"| [`{name}`](#{name}) | {FAMILIES[name]} | {_doc(name)[0]} |" for name in _names()]
    return "\n".join(lines)


def hooks_page() -> str:
    """Return one section per hook, in the order of the overview."""
    return "\n".join(_section(name) for name in _names())


def _names() -> list[str]:
    """Return the hooks, family by family."""
    return [name for family in get_args(Family) for name, its in FAMILIES.items() if its == family]


def records_page() -> str:
    """Return one section per record that crosses the border between kernel and plugins."""
    path = ROOT / "crmcore" / "plugins" / "types.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return "\n".join(_record(node) for node in tree.body if isinstance(node, ast.ClassDef))


# -- hooks ---------------------------------------------------------------------------------------------------


def _section(name: str) -> str:
    family = FAMILIES[name]
    sentence, arguments, returns, example, since = _doc(name)
    parameters = [p for p in inspect.signature(getattr(Hooks, name)).parameters.values() if p.name != "self"]
    result = _plain(str(inspect.signature(getattr(Hooks, name)).return_annotation))
    shown = ", ".join(f"{p.name}: {_plain(str(p.annotation))}" for p in parameters)
    lines = [f"### {name}", "", sentence, "", "```python", f"def {name}({shown}) -> {result}", "```", ""]
    lines += [f"* **Family**: {family}. **Since** {since}."]
    if name not in CALLED:
        raise ValueError(f"say in tools/hook_docs.py when the hook {name!r} is called")
    lines += [f"* **Called** {CALLED[name]}", f"* **Transaction**: {_transaction(name, family)}"]
    for parameter in parameters:
        told = arguments.get(parameter.name) or (CONTEXT if parameter.name == "ctx" else "")
        lines += [f"* `{parameter.name}`: {told.rstrip('.')}."]
    lines += [f"* **Returns** {_lower(returns)}"]
    lines += [f"* **Used by** {', '.join(_links(name)) or NOBODY}."]
    lines += [f"* **Deprecated**: {found}." for found in among([("hook", name)])]
    lines += [
        f"* **Deprecated**: {found}." for found in among(used_by(name, [p.name for p in parameters])[1:])
    ]
    lines += ["", "For example:", ""]
    return "\n".join([*lines, "```python", f"{example}", "```", ""])


def _transaction(name: str, family: Family) -> str:
    return OWN_TRANSACTION.get(name, TRANSACTION[family])


def _doc(name: str) -> tuple[str, dict[str, str], str, str, str]:
    """Take a hook's docstring apart: sentence, arguments, what it returns, example, version."""
    text = inspect.getdoc(getattr(hookspecs, name)) or ""
    sentence, _blank, rest = text.partition("\n\n")
    names = list(inspect.signature(getattr(hookspecs, name)).parameters)
    found = re.search(r"Returns (.*?)^Example: `(.*?)`$.*^Since (\S+)\.$", rest, re.DOTALL | re.MULTILINE)
    if not found or not sentence:
        raise ValueError(f"the docstring of {name} lacks a sentence, Returns, Example or Since")
    told = re.split(rf"\b({'|'.join(names) or '-'}): ", " ".join(rest[: found.start()].split()))
    arguments = {key: value.strip() for key, value in zip(told[1::2], told[2::2], strict=True)}
    return " ".join(sentence.split()), arguments, " ".join(found[1].split()), found[2], found[3]


def users(name: str) -> dict[str, Path]:
    """Return the plugins of this checkout that implement a hook, built-ins and examples among them: name → module."""
    return {plugin: path for plugin, path in sorted(_plugin_modules()) if name in _implementations(path)}


def _links(name: str) -> Iterator[str]:
    for plugin, path in users(name).items():
        yield f"[`{plugin}`]({Path(os.path.relpath(path, PAGE.parent)).as_posix()})"


def _plugin_modules() -> Iterator[tuple[str, Path]]:
    for path in (ROOT / "crmcore" / "builtin").glob("*/plugin.py"):
        yield path.parent.name, path
    for distribution in distributions()[1:]:
        yield distribution.folder.name, distribution.package / "plugin.py"
    for path in (ROOT / "docs" / "examples").glob("*/src/*/plugin.py"):
        yield path.parents[2].name, path


def _implementations(path: Path) -> set[str]:
    if not path.exists():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {f.name for f in functions if any("hookimpl" in ast.unparse(d) for d in f.decorator_list)}


# -- records -------------------------------------------------------------------------------------------------


def _record(node: ast.ClassDef) -> str:
    lines = [f"### {node.name}", "", (ast.get_docstring(node) or "").split("\n", maxsplit=1)[0], ""]
    lines += ["| field | type | meaning |", "| --- | --- | --- |"]
    for field, following in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            default = f" Default {_default(field.value)}." if field.value is not None else ""
            told = f"{_string_of(following)}{default}".strip()
            kind = _plain(ast.unparse(field.annotation)).replace("|", "\\|")
            lines.append(f"| `{field.target.id}` | `{kind}` | {told or '—'} |")
    return "\n".join([*lines, ""])


def _string_of(node: ast.AST | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return " ".join(str(node.value.value).split())
    return ""


def _default(value: ast.expr) -> str:
    text = ast.unparse(value)
    made = re.fullmatch(r"field\(default_factory=(\w+)\)", text)
    return "empty" if made or text in {"''", "()", "frozenset()"} else f"`{text}`"


def _plain(annotation: str) -> str:
    # Three brackets in a row would end cog's own marker.
    return re.sub(r"\bt\.", "", annotation).replace("]]]", "]] ]")


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:] if not sentence.startswith("`") else sentence
