"""Errors that users see: one sentence with the value and what to do next."""

from __future__ import annotations


class CrmError(Exception):
    """A failure that is told to the user in one sentence; exit code 1."""

    exit_code = 1


class Refused(CrmError):
    """A write that the gate or a decision plugin refused; nothing was changed."""


class StaleVersion(Refused):
    """The row was changed by somebody else since it was read."""


class NotFound(CrmError):
    """A code, name or file that does not exist."""


class NoWorkspace(CrmError):
    """The folder holds no crm.toml."""


class BadConfig(CrmError):
    """crm.toml or a settings value breaks its schema."""


class PluginError(CrmError):
    """A plugin that cannot be found, imported, migrated or run."""


class MissingFact(CrmError):
    """A required fact has no provider, or two without a choice."""


class GateError(CrmError):
    """A write that went round the gate."""


class UsageProblem(CrmError):
    """Wrong words on the command line; exit code 2."""

    exit_code = 2


class Guarded(CrmError):
    """A guard stopped the action until the user confirms it; exit code 3."""

    exit_code = 3
