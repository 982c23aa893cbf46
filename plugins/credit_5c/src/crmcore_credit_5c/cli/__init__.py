"""`crm credit …`: the commands, each imported when it is used."""

from __future__ import annotations

import click

from crmcore.api import N_, Group

_HERE = "crmcore_credit_5c.cli"

_COMMANDS: dict[str, tuple[str, str]] = {
    # models, evidence, assessments
    "model": (N_("Check, import and show credit models."), "models:model"),
    "ahp": (N_("Work weights out from comparisons in pairs."), "models:ahp_command"),
    "evidence": (N_("Add, list and withdraw evidence."), "evidence:evidence"),
    "checklist": (N_("Show what evidence an assessment has and lacks."), "evidence:checklist_command"),
    "assess": (N_("Assess a customer: points by factor, total, grade."), "assessing:assess_command"),
    "explain": (N_("Show what a grade stands on and what would change it."), "assessing:explain_command"),
    "history": (N_("List the assessments of a customer, the newest first."), "assessing:history_command"),
    "due": (N_("List customers who are due for an assessment."), "assessing:due_command"),
    "batch": (N_("Assess all customers who are due."), "assessing:batch_command"),
    # limits and exposure
    "limit": (N_("Propose, decide and show limits."), "limits:limit"),
    "exposure": (N_("Show what of a limit is used."), "exposure:exposure_command"),
    # receivables
    "ageing": (
        N_("Show what is owed by age: current, 1-30, 31-60, 61-90, over 90 days."),
        "receivables:ageing_command",
    ),
    "dso": (
        N_("Show how well money is collected: DSO, collection effectiveness, days beyond terms."),
        "receivables:dso_command",
    ),
    "forecast": (
        N_("Show what will be collected when, by how late customers usually pay."),
        "receivables:forecast_command",
    ),
    "default": (
        N_("Test whether customers are in default, after the banks' rule."),
        "watching:default_command",
    ),
    "dunning": (N_("Show or record the steps of dunning."), "watching:dunning"),
    "alarms": (N_("List the alarms about customers' credit, the latest first."), "watching:alarms_command"),
    "alarm": (N_("Close an alarm."), "watching:alarm"),
    # policy
    "policy": (N_("Show, change and try out what each grade means."), "policy:policy"),
    # scorecard
    "scorecard": (
        N_("Fit scorecards from past customers, propose them, score by them."),
        "scorecard:scorecard",
    ),
}


@click.group(
    cls=Group,
    help=N_("Grade customers' credit, set limits, watch receivables."),
    lazy={name: (text, f"{_HERE}.{target}") for name, (text, target) in _COMMANDS.items()},
)
def credit() -> None:
    """Hold the commands above."""
