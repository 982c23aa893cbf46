"""What an engine needs that may not be installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from crmcore.i18n import _


def lacking(engine: str, extra: str, modules: Sequence[str]) -> str | None:
    """Return the sentence that helps where a module is absent; nothing is imported."""
    if all(map(_there, modules)):
        return None
    return _("the engine {engine} needs more than is installed; run: pip install 'crmcore[{extra}]'").format(
        engine=engine, extra=extra
    )


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
