"""Choices of crm.toml between plugins: those that go with a plugin, and those that several plugins ask for."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.administration.settings.document import changed
from crmcore.builtin.administration.settings.keys import MISSING, join_key, value_at
from crmcore.builtin.lifecycle.known import look_up, start, table
from crmcore.errors import CrmError
from crmcore.i18n import _
from crmcore.plugins.discovery import get_installed
from crmcore.plugins.extension import own_hooks
from crmcore.plugins.host import BUILTINS, call_strategy
from crmcore.plugins.loading import Hosted, load_functions
from crmcore.plugins.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from crmcore.app import App
    from crmcore.builtin.lifecycle.known import Known

Choices = dict[tuple[str, ...], str]
"""Key of crm.toml → what is chosen there."""
NAMED: dict[str, tuple[str, ...]] = {
    "code_generator": ("strategies", "code_generator"),
    "currency_rates": ("strategies", "currency_rates"),
    "workdays": ("strategies", "workdays"),
    "analytics_engine": ("analytics", "engine"),
}
"""Hooks whose providers have names of their own → where one is chosen; all else is chosen by the plugin's name."""
_NOBODYS = ("auto", "python")
"""What may stand in `analytics.engine` and is no plugin's."""
_POLICIES = "service_policies"


def recorded_hooks(app: App, names: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return plugin → the hooks that it had when it was enabled last."""
    with app.read() as ctx:
        query = sa.select(table.c.name, table.c.hooks).where(table.c.name.in_(list(names)))
        return {row.name: frozenset(row.hooks) for row in ctx.connection.execute(query)}


def chosen_of(app: App, going: Mapping[str, Iterable[str]]) -> Choices:
    """Return what crm.toml chooses of these plugins (name → hooks) alone; none of them is imported."""
    data = app.config.data
    found: Choices = {
        ("strategies", key): value
        for key, value in data["strategies"].items()
        if key not in NAMED and value in going
    }
    hooks = set(chain.from_iterable(going.values()))
    for hook, path in NAMED.items():
        value = str(value_at(data, path))
        if hook in hooks and value not in _NOBODYS and not _offered_by_others(app, hook, value, going):
            found[path] = value
    return found


def without_choices(text: str, choices: Choices) -> str:
    """Return the text of crm.toml without these choices: what the core itself offers holds again."""
    content = text.encode()
    for path in choices:
        content = changed(content, path, MISSING)
    return content.decode()


def tell(app: App, choices: Choices) -> None:
    """Say which choices went out of crm.toml."""
    for path, value in choices.items():
        message = _(
            "{key} = {value!r} was taken out of crm.toml, for nobody offers it any more; its default holds"
        )
        app.warn(message.format(key=join_key(path), value=value))


def shown(choices: Choices) -> dict[str, str]:
    """Return choices as JSON has them: key → value."""
    return {join_key(path): value for path, value in sorted(choices.items())}


def _offered_by_others(app: App, hook: str, value: str, going: Mapping[str, Any]) -> bool:
    """Say whether the core or another enabled plugin offers a provider; one that cannot be asked may."""
    if any(value in offered for offered in _builtin_offers(hook)):
        return True
    others = [name for name, row in app.database_plugins.items() if name not in going and hook in row.hooks]
    return any(app.no_plugins or _may_offer(app, name, hook, value) for name in others)


def _builtin_offers(hook: str) -> Iterator[Mapping[str, Any]]:
    for name in BUILTINS:
        manifest = Manifest(name, f"crmcore.builtin.{name}", None, {})
        hosted = Hosted(name, manifest, functions=load_functions(name, f"{manifest.package}.plugin"))
        if hook in hosted.functions:
            yield call_strategy(hosted, hook)


def _may_offer(app: App, name: str, hook: str, value: str) -> bool:
    """Ask another plugin without recording what it does wrong."""
    try:
        plugin = get_installed(name)
        manifest = plugin.manifest()
        declared = own_hooks(app.installed, (name, *manifest.requires))
        hosted = Hosted(name, manifest, functions=load_functions(name, plugin.module, declared))
        return hook in hosted.functions and value in call_strategy(hosted, hook)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  (a plugin may raise anything)
        return True


def asked_for(app: App, known: Known) -> dict[str, list[str]]:
    """Return what several plugins would provide once this one runs and crm.toml does not choose: key → the plugins."""
    providers: dict[str, list[str]] = {}
    for name, hooks in {
        **recorded_hooks(app, app.database_plugins),
        known.name: frozenset(known.hooks),
    }.items():
        facts = {spec.fact for spec in _facts_of(app, name, hooks, known)}
        for what in sorted(facts | (hooks & {_POLICIES})):
            providers.setdefault(what, []).append(name)
    chosen = app.config.data["strategies"]
    return {
        f"strategies.{what}": sorted(names)
        for what, names in sorted(providers.items())
        if known.name in names and len(names) > 1 and chosen.get(what) not in names
    }


def _facts_of(app: App, name: str, hooks: frozenset[str], known: Known) -> list[Any]:
    if name == known.name:
        return known.specs.get("facts", [])
    if "facts" not in hooks:
        return []
    other = look_up(app, name)
    start(app, other)
    return other.specs.get("facts", [])


def unmade(app: App) -> list[str]:
    """Return a sentence for each choice that the running plugins ask for and crm.toml does not make."""
    with app.read() as ctx:
        looks: list[Callable[[], object]] = [
            partial(ctx.facts.provider, fact) for fact in ctx.facts.available()
        ]
        looks.append(partial(app.host.service_policies, [], ctx.connection))
        return [sentence for look in looks if (sentence := _complaint(look))]


def _complaint(look: Callable[[], object]) -> str:
    try:
        look()
    except CrmError as error:
        return str(error)
    return ""
