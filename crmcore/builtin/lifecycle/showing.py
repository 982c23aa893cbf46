"""A plan for people: what is gained, lost or kept, line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmcore.builtin.lifecycle.plans import Plan
from crmcore.cli.kit import echo
from crmcore.db.base import dumps
from crmcore.i18n import N_, _

_TITLES = {
    "enable": N_("To enable {name} would change this; nothing was done:"),
    "disable": N_("To disable {name} would change this; nothing was done:"),
    "upgrade": N_("To upgrade {name} would change this; nothing was done:"),
    "uninstall": N_("To uninstall {name} with --export or --drop would change this; nothing was done:"),
    "keep": N_("To uninstall {name} with --keep would change this; nothing was done:"),
}
_NOTHING = {
    "enable": N_("There is nothing to change: {name} is enabled."),
    "disable": N_("There is nothing to change: {name} is not enabled."),
    "upgrade": N_("There is nothing to change: {name} has its files and tables."),
    "uninstall": N_("There is nothing to change: this company has nothing of {name}."),
    "keep": N_("There is nothing to change: {name} is not enabled."),
}
_LISTS = {
    "commands": N_("commands"),
    "permissions": N_("permissions"),
    "facts": N_("facts"),
    "reports": N_("reports"),
    "jobs": N_("jobs"),
    "importables": N_("imports and exports"),
    "list_columns": N_("columns of lists"),
    "card_fields": N_("fields of the card"),
    "approval_kinds": N_("kinds of approvals"),
    "search_terms": N_("tables by whose rows customers are found"),
}
_EFFECTS = {
    "gained": N_("gained: {what}: {names}"),
    "lost": N_("lost: {what}: {names}"),
    "kept": N_("provided: {what}: {names}"),
}
_CHANGES = {
    "created": N_("table {name} is made"),
    "altered": N_("table {name} with {rows} rows is changed"),
    "dropped": N_("table {name} with {rows} rows is dropped"),
    "kept": N_("table {name} with {rows} rows stays as it is"),
    "added": N_("column {table}.{name} is added"),
    "removed": N_("column {table}.{name} is dropped"),
    "values": N_("field {name} of the card has a value for {rows} customers"),
    "cleared": N_(
        "field {name} of the card: the values of {rows} customers go, with --export into the export"
    ),
}


def show_plan(plan: Plan) -> None:
    """Print a plan."""
    nothing = not plan["changes"] and not plan["refusals"]
    title = (_NOTHING if nothing else _TITLES)["keep" if _keeps(plan) else plan["action"]]
    echo(_(title).format(name=_named(plan)))
    if plan["problem"]:
        echo("  " + _("its package cannot be read: {reason}").format(reason=plan["problem"]))
    for line in [] if nothing else [*_data(plan), *_provided(plan), *_others(plan)]:
        echo(f"  {line}")
    for refusal in plan["refusals"]:
        echo("  " + _("would be refused: {reason}").format(reason=refusal))


def _named(plan: Plan) -> str:
    recorded, installed = plan["version"]["recorded"], plan["version"]["installed"]
    versions = [version for version in dict.fromkeys((recorded, installed)) if version]
    return " ".join([plan["plugin"], " → ".join(versions)]).strip()


def _data(plan: Plan) -> list[str]:
    lines = [_("migration {name} runs").format(name=name) for name in plan["migrations"]]
    lines += [_changed(table["change"]).format(**table) for table in plan["tables"]]
    for column in plan["columns"]:
        change = "removed" if column["change"] == "dropped" else column["change"]
        lines.append(_changed(change).format(**column))
    for name, rows in plan["card_values"].items():
        lines.append(_changed("values" if plan["keeps_data"] else "cleared").format(name=name, rows=rows))
    return lines + _waiting(plan)


def _waiting(plan: Plan) -> list[str]:
    """Say which requests nobody could approve any more."""
    if plan["action"] not in {"disable", "uninstall"} or not plan["open_requests"]:
        return []
    sentence = (
        _("open requests that nobody can approve without it: {requests}")
        if plan["keeps_data"]
        else _("open requests that nobody can approve without it, and that --drop withdraws: {requests}")
    )
    return [sentence.format(requests=", ".join(f"{k} {n}" for k, n in plan["open_requests"].items()))]


def _changed(change: str) -> str:
    sentence = _CHANGES[change]
    return _(sentence)


def _provided(plan: Plan) -> list[str]:
    if plan["effect"] == "kept" and not plan["enabled"]:
        return []  # it does not run, and will not
    effect = _EFFECTS[plan["effect"]]
    sentence = _(effect)
    lines = [
        sentence.format(what=_(title), names=", ".join(plan[key]))
        for key, title in _LISTS.items()
        if plan[key]
    ]
    if plan["grants"]:
        lines.append(sentence.format(what=_("permissions of roles"), names=_roles(plan["grants"])))
    if plan["not_granted"] and plan["effect"] != "lost":
        message = _(
            "crm.toml sets these roles itself, without these permissions: {roles}; add them in [roles]"
        )
        lines.append(message.format(roles=_roles(plan["not_granted"])))
    return lines


def _roles(roles: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{role}: {', '.join(names)}" for role, names in sorted(roles.items()))


def _others(plan: Plan) -> list[str]:
    lines = []
    if plan["settings"]:
        sentence = (
            _("settings in crm.toml are removed: {names}")
            if _goes(plan)
            else _("settings in crm.toml: {names}")
        )
        lines.append(sentence.format(names=_settings(plan["settings"])))
    if plan["roles"] and _goes(plan):
        sentence = _("permissions are taken out of roles in crm.toml: {roles}")
        lines.append(sentence.format(roles=_roles(plan["roles"])))
    if plan["choices"] and plan["action"] in {"disable", "uninstall"}:
        shown = ", ".join(f"{key} = {dumps(value)}" for key, value in plan["choices"].items())
        lines.append(_("choices are taken out of crm.toml, their defaults hold: {names}").format(names=shown))
    for key, plugins in plan["to_choose"].items():
        sentence = _("a choice is needed in crm.toml: {key} = one of {names}")
        lines.append(sentence.format(key=key, names=", ".join(plugins)))
    if plan["requires"]:
        needed = ", ".join(f"{need['name']}{need['range']}" for need in plan["requires"])
        lines.append(_("it requires: {names}").format(names=needed))
    if plan["required_by"]:
        lines.append(_("it is required by: {names}").format(names=", ".join(plan["required_by"])))
    return lines


def _goes(plan: Plan) -> bool:
    return not plan["keeps_data"]


def _keeps(plan: Plan) -> bool:
    return bool(plan["action"] == "uninstall" and plan["keeps_data"])


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {dumps(value)}" for key, value in sorted(settings.items()))
