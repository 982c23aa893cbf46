"""The host: calls the plugins of one app, each kind of hook by its own rule.

Decisions run inside the transaction and close when their plugin cannot run. Contributions run one plugin at a time
on a read-only connection; what fails is kept, shown, and after three failures quarantined until released.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from itertools import islice
from math import inf
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from crmcore.errors import BadConfig, CrmError, GateError, PluginError, Refused
from crmcore.i18n import _
from crmcore.plugins import health, types
from crmcore.plugins.extension import own_hooks
from crmcore.plugins.isolation import blaming, broken, only_reading, own, set_apart
from crmcore.plugins.loading import Hosted, check_api_range, load_functions
from crmcore.plugins.manifest import Manifest, read_manifest
from crmcore.plugins.stamping import parts, stamped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import sqlalchemy as sa

    from crmcore.app import App
    from crmcore.db.tables import TableInfo
    from crmcore.plugins.discovery import Installed
    from crmcore.tx import Tx

BUILTINS = (
    "strategies",
    "records",
    "exchange",
    "reports",
    "printing",
    "jobs",
    "approvals",
    "documents",
    "privacy",
    "duplicates",
    "demo",
    "analytics",
)
FAILURES_UNTIL_QUARANTINE = 3
MOST_RESULTS = 200_000
RESULT_TYPES: dict[str, type] = {
    "validate_changes": types.Refusal,
    "approve_requests": types.Verdict,
    "release_orders": types.Hold,
    "move_references": types.Moved,
    "export_persons": types.PersonData,
    "erase_persons": types.ErasedData,
    "service_policies": types.ServicePolicy,
    "card_sections": types.CardSection,
    "work_items": types.WorkItem,
    "alerts": types.Alert,
    "evidence": types.Evidence,
    "models": types.TableSpec,
    "facts": types.FactProvider,
    "importables": types.Importable,
    "list_columns": types.ListColumn,
    "search_terms": types.SearchTerms,
    "reports": types.ReportSpec,
    "jobs": types.JobSpec,
    "approval_kinds": types.ApprovalKind,
    "demo_data": types.DemoFile,
}


@cache
def _functions_of_builtin(name: str) -> dict[str, tuple[Callable[..., Any], tuple[str, ...]]]:
    """Return the hooks of a built-in plugin, looked at once in the life of the process."""
    return load_functions(name, f"crmcore.builtin.{name}.plugin")


class Host:
    """The plugins of one app, in the company's order, built-ins first."""

    def __init__(self, app: App) -> None:
        """Load nothing yet; plugins are loaded when first asked for."""
        self._app = app
        self._registered: dict[str, list[Any]] = {}
        self._told: set[str] = set()

    @cached_property
    def plugins(self) -> list[Hosted]:
        """All plugins that should run, those that cannot among them with the reason."""
        hosted = [self._builtin(name) for name in BUILTINS]
        if not self._app.no_plugins:
            hosted += [self._load(row) for row in self._app.enabled_rows]
            for sentence in self.stray_settings():
                self._app.warn(sentence)
        return hosted

    def stray_settings(self) -> list[str]:
        """Say which tables [plugins.NAME] of crm.toml belong to no plugin that there is."""
        given = self._app.config.data["plugins"]
        known = {*BUILTINS, *self._app.config.enabled}
        stray = [name for name in given if isinstance(given[name], dict) and name not in known]
        return [_of_no_plugin(name, self._app.installed) for name in stray if name not in self._app.installed]

    def get(self, name: str) -> Hosted:
        """Return a plugin by name."""
        for hosted in self.plugins:
            if hosted.name == name:
                return hosted
        raise PluginError(
            _("plugin {name!r} is not enabled; enable it with: crm plugins enable {name}").format(name=name)
        )

    def suspect(self, hook: str) -> None:
        """Where something is missing, name a plugin that cannot run and may be the one that brings it: PluginError."""
        for hosted in self.plugins:
            if hosted.error and not hosted.running and hook in hosted.hooks:
                raise PluginError(_cannot_run(hosted))

    # -- loading ---------------------------------------------------------------------------------------------

    def _builtin(self, name: str) -> Hosted:
        return Hosted(
            name,
            read_manifest(name, f"crmcore.builtin.{name}"),
            builtin=True,
            functions=dict(_functions_of_builtin(name)),
        )

    def _load(self, row: Any) -> Hosted:
        found: Installed | None = self._app.installed.get(row.name)
        if found is None:
            hosted = Hosted(
                row.name, read_manifest(row.name, ""), row.distribution, row.version, state="missing"
            )
            message = _(
                "plugin {name!r} is enabled but {distribution} is not installed; install it or run: crm plugins disable {name}"
            )
            hosted.error = health.described(
                PluginError(message.format(name=row.name, distribution=row.distribution)),
                "",
                self._app.clock(),
            )
        else:
            hosted = self._started(found)
        hosted.recorded_hooks = tuple(row.hooks)
        self._apply_health(hosted)
        return hosted

    def _started(self, found: Installed) -> Hosted:
        try:
            hosted = Hosted(found.name, found.manifest(), found.distribution, found.version)
            _ = hosted.manifest.settings_schema, hosted.manifest.card_fields
        except PluginError as error:
            nothing = Manifest(found.name, found.package, None, {})
            shown = self._kept(found.name, error, "")
            return Hosted(found.name, nothing, found.distribution, found.version, state="broken", error=shown)
        try:
            check_api_range(hosted.name, hosted.manifest.api)
        except PluginError as error:
            hosted.state, hosted.error = "incompatible", health.described(error, "", self._app.clock())
            return hosted
        try:
            enabled = {hosted.name, *hosted.manifest.requires}.intersection(
                r.name for r in self._app.enabled_rows
            )
            hosted.declared = own_hooks(self._app.installed, enabled)
            hosted.functions = load_functions(hosted.name, found.module, hosted.declared)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (a plugin may raise anything; the house stands)
            hosted.state, hosted.error = "broken", self._kept(hosted.name, error, "import")
        return hosted

    def _kept(self, name: str, error: BaseException, hook: str) -> dict[str, Any]:
        """Store why a plugin cannot be started; of one in quarantine that is known."""
        known = self._app.health.get(name)
        if known is not None and known.quarantined:
            return health.described(error, hook, self._app.clock())
        return health.record(self._app, name, error, hook)

    def _apply_health(self, hosted: Hosted) -> None:
        known = self._app.health.get(hosted.name)
        if known is None:
            return
        hosted.failures = known.failures
        hosted.error = hosted.error or known.error
        if known.quarantined and hosted.state == "enabled":
            hosted.state = "quarantined"

    # -- registrations ---------------------------------------------------------------------------------------

    def registered(self, hook: str) -> list[Any]:
        """Return the specs of a registration hook, each stamped with its plugin's name."""
        if hook not in self._registered:
            self._registered[hook] = [
                spec for hosted in self.plugins for spec in self._register(hosted, hook)
            ]
        return self._registered[hook]

    def _register(self, hosted: Hosted, hook: str) -> list[Any]:
        if not hosted.running or hook not in hosted.functions:
            return []
        try:
            return call_registration(hosted, hook)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (as above)
            hosted.state = "broken"
            hosted.error = health.record(self._app, hosted.name, error, hook)
            self._tell(hosted)
            return []

    # -- strategies ------------------------------------------------------------------------------------------

    def strategy(self, hook: str, check: Callable[..., None] | None = None) -> Callable[..., Any]:
        """Return the provider that the company chose for a strategy with named providers.

        What it raises, or `check(result, *arguments)` raises of what it returns, becomes a PluginError with its name.
        """
        chosen = self._app.config.data["strategies"][hook]
        offered = self.offers(hook)
        if chosen not in offered:
            self.suspect(hook)
            raise CrmError(
                _("crm.toml: strategies.{hook} = {value!r} is not known; write one of: {known}").format(
                    hook=hook, value=chosen, known=", ".join(sorted(offered))
                )
            )
        return self._named(hook, *offered[chosen], check)

    def offers(self, hook: str) -> dict[str, tuple[str, Callable[..., Any]]]:
        """Return all named providers of a strategy: name → (plugin, provider)."""
        offered: dict[str, tuple[str, Callable[..., Any]]] = {}
        for hosted in self.plugins:
            for name, provider in self._offers(hosted, hook).items():
                if name in offered:
                    raise PluginError(
                        _(
                            "the strategy {hook} {name!r} is offered by {one!r} and {other!r}; disable one of them"
                        ).format(hook=hook, name=name, one=offered[name][0], other=hosted.name)
                    )
                offered[name] = (hosted.name, provider)
        return offered

    def _offers(self, hosted: Hosted, hook: str) -> Mapping[str, Callable[..., Any]]:
        if not hosted.running or hook not in hosted.functions:
            return {}
        try:
            return call_strategy(hosted, hook)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (as above)
            self.failed(hosted, hook, error)
            return {}

    def _named(
        self, hook: str, plugin: str, provider: Callable[..., Any], check: Callable[..., None] | None
    ) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            given = [self._view(plugin, argument) for argument in arguments]
            try:
                with blaming(plugin, hook):
                    result = provider(*given)
                    if check:
                        check(result, *arguments)
            except PluginError as error:
                health.record(self._app, plugin, error.__cause__ or error, hook)
                raise
            return result

        return call

    def _view(self, plugin: str, argument: Any) -> Any:
        """Return an argument as a plugin sees it: a context with its own settings and secrets."""
        if not isinstance(argument, types.Context):
            return argument
        return self._app.context(plugin, argument.connection, argument.actor)

    def service_policies(
        self, customer_ids: list[int], connection: sa.Connection, actor: str = ""
    ) -> list[types.ServicePolicy]:
        """Ask the company's one provider how customers are served; [] if no plugin provides it."""
        able = [h for h in self.plugins if "service_policies" in h.hooks]
        providers = [h for h in able if h.running]
        chosen = self._app.config.data["strategies"].get("service_policies")
        if chosen:
            if chosen not in {h.name for h in able}:
                raise CrmError(
                    _("crm.toml: strategies.{hook} = {value!r} is not known; known are {known}").format(
                        hook="service_policies",
                        value=chosen,
                        known=", ".join(h.name for h in providers) or _("none"),
                    )
                )
            providers = [h for h in providers if h.name == chosen]
        if len(providers) > 1:
            raise CrmError(
                _(
                    "service policies come from several plugins: {known}; choose one in crm.toml: strategies.service_policies"
                ).format(known=", ".join(h.name for h in providers))
            )
        for hosted in able if not providers else ():
            self._tell(hosted)
        if not providers or not customer_ids:
            return []
        return self._guarded(
            providers[0], "service_policies", connection, actor, {"customer_ids": customer_ids}
        )

    # -- decisions -------------------------------------------------------------------------------------------

    def decides(self, hook: str, info: TableInfo) -> bool:
        """Say whether any plugin must be asked before rows of this table change."""
        return info.entity != "plugin" and any(hook in h.decisions for h in self.plugins)

    def decide(self, hook: str, tx: Tx, **arguments: Any) -> list[Any]:
        """Ask each decision plugin inside the transaction; one that cannot run refuses, by name."""
        refusals: list[Any] = []
        for hosted in self.plugins:
            if hook not in hosted.decisions:
                continue
            if hosted.state not in {"enabled", "quarantined"} or hook not in hosted.functions:
                reason = (hosted.error or {}).get("message") or hosted.state
                raise Refused(
                    _(
                        "plugin {plugin!r} decides on this and cannot run ({reason}); repair it or run: crm plugins disable {plugin}"
                    ).format(plugin=hosted.name, reason=reason)
                )
            refusals += self._decision(hosted, hook, tx, arguments)
        return refusals

    def _decision(self, hosted: Hosted, hook: str, tx: Tx, arguments: Mapping[str, Any]) -> list[Any]:
        try:
            ctx = self._app.context(hosted.name, tx.connection, tx.actor)
            with only_reading(tx.connection):
                refusals = answer(hosted, hook, {**arguments, "ctx": ctx})
            _check_indexes(refusals, len(next(iter(arguments.values()))))  # the batch comes first
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if not (isinstance(error, BadConfig) or (hook == "release_orders" and _is_told(error))):
                health.record(self._app, hosted.name, error, hook)
            broken(tx.connection)
            if hook == "release_orders" and _is_told(error):
                message = _("plugin {plugin!r} cannot say whether this may be delivered: {message}")
                said = message.format(plugin=hosted.name, message=health.message_of(error))
                raise Refused(said) from error
            raise Refused(
                _(
                    "plugin {plugin!r} failed in {hook} ({type}: {message}), so nothing was written; repair it or run: crm plugins disable {plugin}"
                ).format(
                    plugin=hosted.name,
                    hook=hook,
                    type=type(error).__name__,
                    message=health.message_of(error),
                )
            ) from error
        return refusals

    # -- contributions ---------------------------------------------------------------------------------------

    def contribute(self, hook: str, connection: sa.Connection, actor: str, /, **arguments: Any) -> list[Any]:
        """Collect what plugins contribute; a failing one is left out, its error kept."""
        results: list[Any] = []
        for hosted in self.plugins:
            if hosted.running and hook in hosted.functions:
                results += self._guarded(hosted, hook, connection, actor, arguments)
            elif not hosted.running and hook in hosted.hooks:
                self._tell(hosted)
        return results

    def _tell(self, hosted: Hosted) -> None:
        """Say once per call of the program that a part is missing, and how to get it back."""
        if hosted.name not in self._told:
            self._told.add(hosted.name)
            message = _(
                "plugin {plugin!r} is quarantined and its part is missing here; see crm plugins list, then run: crm plugins release {plugin}"
            )
            quarantined = hosted.state == "quarantined"
            self._app.warn(message.format(plugin=hosted.name) if quarantined else _cannot_run(hosted))

    def _guarded(
        self, hosted: Hosted, hook: str, connection: sa.Connection, actor: str, arguments: Mapping[str, Any]
    ) -> list[Any]:
        started = time.monotonic()
        try:
            ctx = self._app.context(hosted.name, connection, actor)
            until = started + self._app.config.data["plugins"]["budget_seconds"]
            with only_reading(connection):
                results = answer(hosted, hook, {"actor": actor, **arguments, "ctx": ctx}, until)
            self.charge(hosted, hook, started)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (as above)
            self.failed(hosted, hook, error, connection)
            return []
        return results

    def charge(self, hosted: Hosted, hook: str, started: float) -> None:
        """Count a call that took longer than the company allows as a failure."""
        budget = self._app.config.data["plugins"]["budget_seconds"]
        taken = time.monotonic() - started
        if taken > budget:
            message = _("{hook} took {taken:.1f} s, allowed are {budget} s")
            self.failed(hosted, hook, TimeoutError(message.format(hook=hook, taken=taken, budget=budget)))

    def failed(
        self, hosted: Hosted, hook: str, error: BaseException, connection: sa.Connection | None = None
    ) -> None:
        """Keep a failure; the third puts the plugin in quarantine. Wrong settings are the company's to mend.

        PluginError where it leaves nobody a connection to go on with.
        """
        if isinstance(error, BadConfig):
            self._app.warn(str(error))
            return
        hosted.failures += 1
        if hosted.failures >= FAILURES_UNTIL_QUARANTINE:
            hosted.state = "quarantined"
        hosted.error = health.record(self._app, hosted.name, error, hook)
        self._app.warn(
            _(
                "plugin {plugin!r} failed in {hook}: {error}; its part is missing here (crm plugins list shows it)"
            ).format(plugin=hosted.name, hook=hook, error=_said(error))
        )
        if connection is not None and broken(connection):
            raise PluginError(
                _(
                    "plugin {plugin!r} broke the connection to the database in {hook}; run: crm plugins disable {plugin}"
                ).format(plugin=hosted.name, hook=hook)
            ) from error

    def observers(self) -> Iterable[Hosted]:
        """Return the running plugins that observe changes."""
        return [h for h in self.plugins if h.running and "observe_changes" in h.functions]


def _is_told(error: BaseException) -> bool:
    """Say whether a plugin refuses in a sentence for people, such as for a missing rate: it is not broken then."""
    return isinstance(error, CrmError) and not isinstance(error, (BadConfig, GateError, PluginError))


def _said(error: BaseException) -> str:
    message = health.message_of(error)
    return (
        message if isinstance(error, Exception) else f"{type(error).__name__}: {message}"
    )  # it may be a mere 3


def _of_no_plugin(table: str, installed: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(table, [*installed, *BUILTINS], n=1)
    return _("crm.toml: [plugins.{name}] is of no plugin{hint}; correct its name or remove it").format(
        name=table, hint=" " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
    )


def _cannot_run(hosted: Hosted) -> str:
    message = _("plugin {plugin!r} cannot run ({reason}); repair it or run: crm plugins disable {plugin}")
    return message.format(plugin=hosted.name, reason=(hosted.error or {}).get("message") or hosted.state)


def call_registration(hosted: Hosted, hook: str) -> list[Any]:
    """Call one registration hook of one plugin and check what comes back."""
    return answer(hosted, hook, {})


def call_strategy(hosted: Hosted, hook: str) -> dict[str, Callable[..., Any]]:
    """Call a strategy hook of one plugin: name → provider."""
    with set_apart():
        given = hosted.functions[hook][0]()
        offered = dict(islice(given.items(), MOST_RESULTS)) if isinstance(given, Mapping) else {}
        named = all(isinstance(name, str) and callable(offered[name]) for name in offered)
        if not named or not (given is None or isinstance(given, Mapping)):
            raise TypeError(_("{hook} must return name → function").format(hook=hook))
    return offered


def answer(hosted: Hosted, hook: str, arguments: Mapping[str, Any], until: float = inf) -> list[Any]:
    """Call a hook, set apart from the process, and take what it returns; of a generator no more once time is up."""
    function, names = hosted.functions[hook]
    given = own(arguments)
    with set_apart():
        results = function(*[given[name] for name in names])
        try:
            return _checked(hosted, hook, results, until if isinstance(results, Iterator) else inf)
        finally:
            if isinstance(results, GeneratorType):
                results.close()


def _checked(hosted: Hosted, hook: str, results: Any, until: float) -> list[Any]:
    """Take what a hook returned: an iterable of the right records, not too many, stamped with the plugin's name."""
    wanted = RESULT_TYPES.get(hook, hosted.declared.get(hook, (None, None))[1])
    left = () if results is None else [results] if wanted is None else results
    taken: list[Any] = []
    for part in parts(left, until):
        taken += stamped(hook, part, wanted or type(None), hosted.name)
        if len(taken) > MOST_RESULTS:
            raise ValueError(
                _("{hook} returned more than {most} results").format(hook=hook, most=MOST_RESULTS)
            )
    return taken


def _check_indexes(refusals: list[types.Refusal], count: int) -> None:
    for refusal in refusals:
        if refusal.index not in range(count):
            message = _("it refused change {index}, which is none of those asked about")
            raise IndexError(message.format(index=refusal.index))
