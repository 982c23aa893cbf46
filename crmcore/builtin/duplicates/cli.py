"""`crm duplicates …`: the commands, each imported when it is used."""

from __future__ import annotations

import click

from crmcore.cli.kit import Group
from crmcore.i18n import N_

COMMANDS = {
    "find": (
        N_("Look for customers that may be one and the same, and list them."),
        "crmcore.builtin.duplicates.cli_find:find_command",
    ),
    "merge": (
        N_("Merge one customer into another: all that names it moves, both codes stay findable."),
        "crmcore.builtin.duplicates.cli_merge:merge_command",
    ),
    "never": (
        N_("Say that two customers are not the same; they are not listed again."),
        "crmcore.builtin.duplicates.cli_review:never_command",
    ),
    "review": (
        N_("Show pairs that wait for a decision, both customers side by side."),
        "crmcore.builtin.duplicates.cli_review:review_command",
    ),
    "unmerge": (
        N_("Take a merge back, also after later edits."),
        "crmcore.builtin.duplicates.cli_merge:unmerge_command",
    ),
}


@click.group(
    cls=Group, lazy=COMMANDS, help=N_("Customers that may be one and the same: find, review, decide")
)
def duplicates() -> None:
    """Hold the commands above."""
