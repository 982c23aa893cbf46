"""`crm abc …`: the commands, each imported when it is used."""

from __future__ import annotations

import click

from crmcore.api import N_, Group

_HERE = "crmcore_abc_analysis.cli"

_COMMANDS = {
    "run": (
        N_(
            "Class all customers who bought anything in a period; without days, in the last full calendar year."
        ),
        "runs:run_command",
    ),
    "runs": (N_("List the runs, the newest first."), "runs:runs_command"),
    "grades": (N_("List the customers of a run in rank order."), "runs:grades_command"),
    "explain": (
        N_("Say why a customer has its class, down to the purchases behind it."),
        "runs:explain_command",
    ),
    "changes": (N_("Show whose amounts have changed since a run was made."), "runs:changes_command"),
    "grade": (N_("Show the class of a customer on a day, past days too."), "grades:grade_command"),
    "set": (N_("Set a customer's class by hand, with a reason and a last day."), "grades:set_command"),
    "unset": (N_("End a class that was set by hand."), "grades:unset_command"),
    "manual": (N_("List the classes that were set by hand."), "grades:manual_command"),
    "potential": (N_("Show or record what a customer could buy in a year."), "potentials:potential"),
    "transitions": (
        N_("Show how customers moved between classes from one run to another."),
        "movements:transitions_command",
    ),
    "matrix": (N_("Show amount against potential, with a name for each cell."), "potentials:matrix_command"),
    "policy": (N_("Show or change how customers of a class are served."), "policies:policy"),
    "load": (
        N_("Count the visits a year that the policies cost each representative."),
        "whatif:load_command",
    ),
    "whatif": (
        N_("Show what other cut-offs would change: who moves, visits, discounts, limits."),
        "whatif:whatif_command",
    ),
    "questions": (
        N_("Answer the six questions on the value of customers, and name the four kinds."),
        "value:questions_command",
    ),
    "worst": (N_("List the customers that bring least, or cost money."), "value:worst_command"),
    "stars": (N_("List tomorrow's stars: small now, able to grow."), "value:stars_command"),
    "balance": (N_("Count customers won, lost and regained in each period."), "value:balance_command"),
    "gaps": (
        N_("List products that comparable customers buy and this one does not."),
        "value:gaps_command",
    ),
    "sales": (N_("Show sales by month and year, with share and rank."), "sales:sales_command"),
    "products": (N_("Show sales, margin and mix by product."), "sales:products_command"),
    "turnover": (
        N_("Show how often the stock of each product turns over in a year."),
        "sales:turnover_command",
    ),
    "concentration": (
        N_("Show how unequally sales are spread over customers: Lorenz curve and Gini coefficient."),
        "sales:concentration_command",
    ),
    "composition": (
        N_("Show customers and their purchases by legal form, kind, industry, region or channel."),
        "sales:composition_command",
    ),
    "report": (N_("Print the report of a run, or write it to a file."), "report:report_command"),
}


@click.group(
    cls=Group,
    help=N_("Class customers by their purchases."),
    lazy={name: (text, f"{_HERE}.{target}") for name, (text, target) in _COMMANDS.items()},
)
def abc() -> None:
    """Hold the commands above."""
