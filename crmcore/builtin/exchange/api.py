"""What the kernel asks of the exchange."""

from __future__ import annotations

from crmcore.builtin.exchange.runs import interrupted_runs as interrupted_imports
from crmcore.builtin.exchange.runs import stopped_undos

__all__ = ["interrupted_imports", "stopped_undos"]
