"""What personal data is kept, where, why, how sensitive, for how long (个人信息清单): read from what each part declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from crmcore.builtin.privacy.retention import rules_of
from crmcore.builtin.records.services.persons import PURPOSES
from crmcore.i18n import _, translate

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.db.tables import TableInfo

_PERSONAL, _SENSITIVE = "personal", "sensitive"


def inventory(app: App) -> list[dict[str, Any]]:
    """Return a line per personal field, by plugin, table and field."""
    lines = [*_columns(app), *_card(app)]
    return sorted(lines, key=lambda line: (line["plugin"], line["table"], line["field"]))


def _columns(app: App) -> Iterator[dict[str, Any]]:
    for info in app.tables.values():
        if info.persons and info.entity != "customer":
            for name in sorted(info.personal_columns):
                yield _line(app, info, name, _PERSONAL, _purpose(app, info))


def _card(app: App) -> Iterator[dict[str, Any]]:
    """Give the fields of the customer card, those of plugins and of the company among them."""
    info = app.core_tables["customer"]
    for field in app.catalogue.fields.values():
        if field.source in {"column", "attribute"} and (field.personal or field.sensitive):
            line = _line(
                app, info, field.name, _SENSITIVE if field.sensitive else _PERSONAL, _purpose(app, info)
            )
            yield {**line, "title": field.shown_title}


def _line(app: App, info: TableInfo, name: str, sensitivity: str, purpose: str) -> dict[str, Any]:
    whose = "contact" if info.entity == "contact" or "contact_id" in info.persons else "customer"
    return {
        "plugin": info.spec.plugin or "records",
        "table": info.entity,
        "field": name,
        "title": None,
        "purpose": purpose,
        "sensitivity": sensitivity,
        "retention": _retention(app, whose),
        "encrypted_in_log": sensitivity == _PERSONAL
        or name in info.personal_columns
        or info.is_personal(name),
    }


def _purpose(app: App, info: TableInfo) -> str:
    """Return why a table is kept, as its plugin's manifest says."""
    if info.entity in PURPOSES:
        return translate("crmcore", PURPOSES[info.entity])
    manifest = app.host.get(info.spec.plugin).manifest
    for entry in manifest.values.get("personal_data", ()):
        if entry["table"] == info.entity:
            return translate(manifest.package.split(".")[0], entry["purpose"])
    return ""


def _retention(app: App, whose: str) -> str:
    """Return how long values of such persons are kept, by the company's rules."""
    said = [
        _("{months} months after {event}").format(months=rule["months"], event=_EVENTS[rule["after"]]())
        for rule in rules_of(app)
        if rule["persons"] == whose
    ]
    return _("; ").join(said) or _("until the person is erased")


_EVENTS = {
    "last_interaction": lambda: _("the last interaction"),
    "archived": lambda: _("archiving"),
}


def gaps(app: App) -> list[str]:
    """Return what the list cannot say: fields without a purpose, columns that look personal and are not marked."""
    from crmcore.builtin.conformance.personal import looks_personal

    said = [
        _("plugin {plugin!r} does not say for which purpose {table}.{field} is kept").format(
            plugin=line["plugin"], table=line["table"], field=line["field"]
        )
        for line in inventory(app)
        if not line["purpose"]
    ]
    for name, info in app.tables.items():
        unmarked = {c.name for c in info.table.columns if looks_personal(c)} - info.personal_columns
        said += [
            _(
                "{table}.{field} of plugin {plugin!r} looks personal and is not marked so: it is neither encrypted in the log nor erased"
            ).format(table=name, field=field, plugin=info.spec.plugin or "records")
            for field in sorted(unmarked)
        ]
        if info.personal_columns and not info.persons:
            said.append(_("table {table} holds personal values and does not say whose").format(table=name))
    return said
