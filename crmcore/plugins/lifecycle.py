"""Enable, disable and accept plugins; it is done by the built-in `crmcore.builtin.lifecycle`."""

from crmcore.builtin.lifecycle.enabling import accept, disable, enable, trust
from crmcore.builtin.lifecycle.recording import PERMISSION

__all__ = ["PERMISSION", "accept", "disable", "enable", "trust"]
