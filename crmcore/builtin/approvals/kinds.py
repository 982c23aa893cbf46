"""The kinds of requests of all plugins: found, asked and carried out, each in its plugin's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from crmcore.builtin.approvals.company import company_bands
from crmcore.builtin.approvals.rules import last_day
from crmcore.errors import BadConfig, CrmError, NotFound, PluginError, Refused
from crmcore.i18n import _, translate
from crmcore.plugins import health
from crmcore.plugins.isolation import nobodys_fault, set_apart

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import ApprovalKind, ApprovalRequest
    from crmcore.tx import Tx

HOOK = "approval_kinds"
T = TypeVar("T")


class Terms(NamedTuple):
    """What a kind says of one request, once and for all."""

    permission: str
    outside_policy: bool
    expires_on: date | None


def find_kind(app: App, name: str) -> ApprovalKind:
    """Return a kind by name; NotFound says which may be meant, PluginError names two plugins that claim it."""
    kinds = app.host.registered(HOOK)
    found = [kind for kind in kinds if kind.name == name]
    if len(found) > 1:
        message = _("plugins {one!r} and {other!r} both claim the {kind} {what!r}; enable only one of them")
        one, other, *_more = found
        raise PluginError(
            message.format(one=one.plugin, other=other.plugin, kind=_("kind of request"), what=name)
        )
    if not found:
        near = get_close_matches(name, [str(kind.name) for kind in kinds], n=1)
        hint = " " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
        message = _("there is no kind of request {name!r}{hint}; list them with: crm approvals kinds")
        raise NotFound(message.format(name=name, hint=hint))
    return found[0]  # type: ignore[no-any-return]


def title_of(app: App, kind: ApprovalKind) -> str:
    """Return what people call a kind, in their language."""
    return translate(package_of(app, kind.plugin), kind.title)


def package_of(app: App, plugin: str) -> str:
    """Return the package whose catalogue holds a plugin's texts; the core's for one that is not there any more."""
    packages = [hosted.manifest.package for hosted in app.host.plugins if hosted.name == plugin]
    return str(packages[0]).split(".", maxsplit=1)[0] if packages else "crmcore"


def as_json(app: App, kind: ApprovalKind) -> dict[str, Any]:
    """Return the published JSON of a kind; what depends on the request is null."""
    return {
        "name": kind.name,
        "title": title_of(app, kind),
        "plugin": kind.plugin,
        "permission": None if callable(kind.permission) else kind.permission,
        "outside_policy": None if callable(kind.outside_policy) else kind.outside_policy,
        "expires_days": kind.expires_days,
        "does_something": kind.apply is not None,
        "bands": [
            {
                "up_to": None if band.up_to is None else f"{band.up_to:f}",
                "holder": band.holder,
                "deputies": band.deputies,
            }
            for band in company_bands(app, kind.name)
        ],
    }


def terms_of(app: App, kind: ApprovalKind, request: ApprovalRequest, today: date) -> Terms:
    """Ask a kind who may decide on a request, whether that needs a reason, and until when it can be done."""

    def ask() -> Terms:
        permission: Any = kind.permission(request) if callable(kind.permission) else kind.permission
        outside: Any = kind.outside_policy(request) if callable(kind.outside_policy) else kind.outside_policy
        if not isinstance(permission, str) or not permission or not isinstance(outside, bool):
            raise TypeError(f"permission = {permission!r}, outside_policy = {outside!r}")
        return Terms(permission, outside, last_day(today, kind.expires_days))

    return _in_its_name(app, kind, ask)


def check_payload(app: App, kind: ApprovalKind, payload: Mapping[str, Any]) -> None:
    """Raise CrmError unless a payload is what the kind's schema wants; a schema that is none is its plugin's fault."""
    schema = kind.payload_schema
    if schema is not None:
        from crmcore.settings.validation import check

        what = _("request of the kind {kind!r}").format(kind=kind.name)
        try:
            _in_its_name(app, kind, lambda: check(dict(payload), schema, what))
        except BadConfig as error:  # nothing is wrong with crm.toml
            raise CrmError(str(error)) from None


def carry_out(app: App, tx: Tx, kind: ApprovalKind, request: ApprovalRequest) -> None:
    """Do what follows from an approval, with the view of the kind's own plugin; Refused if that cannot be done."""
    apply = kind.apply
    if apply is None:
        return
    before, tx.ctx = tx.ctx, app.context(kind.plugin, tx.connection, tx.actor)
    options = tx.connection.get_execution_options()
    try:
        _in_its_name(app, kind, lambda: _done(apply(tx, request)))
    finally:
        tx.ctx = before
        tx.connection._execution_options = options  # noqa: SLF001  (there is no public way to take one back)


def _done(result: object) -> None:
    """Refuse what was not done but only promised: a generator runs when somebody asks for its items."""
    if result is not None:
        raise TypeError(_("it returned {type} and not None").format(type=type(result).__name__))


def _in_its_name(app: App, kind: ApprovalKind, call: Callable[[], T]) -> T:
    """Call what belongs to a plugin; whatever goes wrong refuses the write and names it."""
    try:
        with set_apart():
            return call()
    except BaseException as error:
        if nobodys_fault(error):
            raise
        health.record(app, kind.plugin, error, HOOK)
        raise Refused(
            _(
                "plugin {plugin!r} failed at a request of the kind {kind!r} ({type}: {message}), so nothing was written; repair it or reject the request"
            ).format(
                plugin=kind.plugin,
                kind=kind.name,
                type=type(error).__name__,
                message=health.message_of(error),
            )
        ) from error
