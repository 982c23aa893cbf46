"""Evidence of customers' credit that plugins add to what people found out (信用调查)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmcore.entities.lookup import batches
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crmcore.plugins.types import Context, Evidence

_HOOK = "evidence"


def collect_evidence(ctx: Context, customer_ids: Iterable[int], indicators: Sequence[str]) -> list[Evidence]:
    """Return what plugins know of customers, by customer, indicator and day; the latest of a plugin last.

    A plugin that fails, or answers for somebody or something that it was not asked about, is left out and its error
    kept, as with every contribution.
    """
    if not gives_evidence(ctx):
        return []  # the ordinary case, which a million customers should not pay for
    host = ctx._app.host  # noqa: SLF001  (the kernel's own way back)
    found: list[Evidence] = []
    for part in batches(customer_ids):
        for indicator in dict.fromkeys(indicators):
            given = host.contribute(_HOOK, ctx.connection, ctx.actor, customer_ids=part, indicator=indicator)
            found += _asked_for(host, given, frozenset(part), indicator)
    return sorted(found, key=lambda one: (one.customer_id, one.indicator, one.at))


def gives_evidence(ctx: Context) -> bool:
    """Say whether any enabled plugin adds evidence at all."""
    return any(_HOOK in hosted.hooks for hosted in ctx._app.host.plugins)  # noqa: SLF001  (the kernel's own way back)


def _asked_for(
    host: Any, given: Sequence[Evidence], customer_ids: frozenset[int], indicator: str
) -> list[Evidence]:
    """Leave out all of a plugin that answers for what it was not asked about."""
    wrong = {
        one.plugin: one for one in given if one.customer_id not in customer_ids or one.indicator != indicator
    }
    for plugin, one in wrong.items():
        message = _("it gave {indicator!r} of customer {id}, which it was not asked about")
        error = LookupError(message.format(indicator=one.indicator, id=one.customer_id))
        host.failed(host.get(plugin), _HOOK, error)
    return [one for one in given if one.plugin not in wrong]
