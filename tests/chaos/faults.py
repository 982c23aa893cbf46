"""The faults as data: where each makes sense, and how it ends. `misdeeds.py` says what each does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crmcore.hookspecs import FAMILIES

End = Literal["fails", "works", "breaks", "interrupts"]
"""fails: kept and shown with its type, the house goes on, a decision refuses. works: the answer is taken, nothing kept.
breaks: as fails, but it leaves nobody a connection to go on with, so the command is refused by its name, too.
"""

DECISION = frozenset({"decision"})
ASKED = frozenset({"decision", "contribution"})
"""Families that get a context with a connection."""
LISTS = frozenset({"decision", "contribution", "registration"})
"""Families that return records."""
ALL = frozenset(FAMILIES.values())


@dataclass(frozen=True)
class Fault:
    """One fault: how it ends, with which error, in which families."""

    end: End
    error: str = ""
    """Type of the error that is kept; several where databases or families differ: any of `A|B`."""
    families: frozenset[str] = ALL
    hooks: frozenset[str] | None = None
    """Only these hooks, where the family says too much."""
    not_hooks: frozenset[str] = frozenset()
    message: str = ""
    """Part of what is kept."""


NO_RECORDS = frozenset({"observe_changes"})
WRITES = frozenset({"erase_persons", "move_references"})
"""Hooks that may write: the database cannot tell a write past the gate from one through it."""
_UNREAD = "GateError"
_GONE = "PendingRollbackError|ProgrammingError|OperationalError|InterfaceError"

FAULTS: dict[str, Fault] = {
    "raises": Fault("fails", "ValueError", message="the scale is broken"),
    "exits": Fault("fails", "SystemExit", message="3"),
    "exits_well": Fault("fails", "SystemExit", message="SystemExit"),
    "recurses": Fault("fails", "RecursionError"),
    "ends_a_generator": Fault("fails", "GeneratorExit"),
    "ends_an_iteration": Fault("fails", "StopIteration"),
    "runs_out_of_memory": Fault("fails", "MemoryError"),
    "raises_a_base_exception": Fault("fails", "Odd", message="no Exception"),
    "cannot_say_why": Fault("fails", "Mute", message="Mute"),
    "exits_saying_why": Fault("fails", "Leaving", message="Leaving"),
    "shouts": Fault("fails", "ValueError", message="[31m[red][/a] xxx"),
    "is_interrupted": Fault("interrupts"),
    "returns_nothing": Fault("works", not_hooks=frozenset({"code_generator", "currency_rates", "workdays"})),
    "returns_a_number": Fault("fails", "TypeError"),
    "returns_text": Fault("fails", "TypeError"),
    "returns_dicts": Fault("fails", "TypeError"),
    "returns_a_class": Fault("fails", "TypeError", families=LISTS, not_hooks=NO_RECORDS),
    "returns_hollow_records": Fault("fails", "AttributeError", families=LISTS, not_hooks=NO_RECORDS),
    "returns_wrong_fields": Fault("fails", "TypeError", families=LISTS, not_hooks=NO_RECORDS),
    "returns_a_naive_time": Fault("fails", "TypeError", hooks=frozenset({"alerts", "card_sections"})),
    "returns_a_number_that_no_database_holds": Fault(
        "fails",
        "TypeError",
        hooks=frozenset({"work_items", "alerts", "card_sections", "service_policies", "evidence"}),
    ),
    "returns_a_number_that_nobody_can_print": Fault(
        "fails", "ValueError", hooks=frozenset({"card_sections"})
    ),
    "returns_a_trap": Fault("fails", "ValueError|TypeError"),
    "fails_at_the_second": Fault("fails", "ValueError", families=LISTS, not_hooks=NO_RECORDS),
    "fails_when_closed": Fault("fails", "ValueError|TypeError"),
    "returns_a_million": Fault(
        "fails", "ValueError", families=LISTS, not_hooks=NO_RECORDS, message="more than"
    ),
    "returns_without_end": Fault(
        "fails", "ValueError", families=LISTS, not_hooks=NO_RECORDS, message="more than"
    ),
    "updates": Fault("fails", _UNREAD, ASKED, message="customer went round the gate"),
    "deletes": Fault("fails", _UNREAD, ASKED, message="customer went round the gate"),
    "inserts": Fault("fails", _UNREAD, ASKED, message="customer went round the gate"),
    "updates_in_hiding": Fault("fails", _UNREAD, ASKED, message="went round the gate"),
    "drops": Fault("fails", _UNREAD, ASKED, message="drop went round the gate"),
    "opens_the_lock": Fault("fails", _UNREAD, ASKED, message="pragma went round the gate"),
    "attaches": Fault("fails", _UNREAD, ASKED, message="attach went round the gate"),
    "commits_by_text": Fault("fails", _UNREAD, ASKED),
    "breaks_a_statement": Fault("fails", "OperationalError|ProgrammingError", ASKED, message="nowhere"),
    "hides_a_broken_statement": Fault("works", families=ASKED),
    "updates_raw": Fault("fails", "OperationalError|ReadOnlySqlTransaction", ASKED, not_hooks=WRITES),
    "commits": Fault("fails", _UNREAD, ASKED, message="lent"),
    "rolls_back": Fault("fails", _UNREAD, ASKED, message="lent"),
    "closes": Fault("fails", _UNREAD, ASKED, message="lent"),
    "detaches": Fault("fails", _UNREAD, ASKED, message="lent"),
    "commits_the_transaction": Fault("breaks", "GateError", ASKED, message="lent"),
    "invalidates": Fault("breaks", _GONE, ASKED),
    "breaks_the_connection": Fault("breaks", _GONE, ASKED),
    "leaves_a_savepoint": Fault("works", families=ASKED),
    "leaves_a_cursor": Fault("works", families=ASKED),
    "sets_options": Fault("works", families=ASKED),
    "prints": Fault("works"),
    "prints_to_stderr": Fault("works"),
    "asks": Fault("fails", "EOFError"),
    "reads_input": Fault("works"),
    "closes_the_streams": Fault("works"),
    "replaces_the_streams": Fault("works"),
    "changes_the_environment": Fault("works"),
    "replaces_the_environment": Fault("works"),
    "removes_the_environment": Fault("works"),
    "changes_the_folder": Fault("works"),
    "changes_the_locale": Fault("works"),
    "changes_how_money_is_rounded": Fault("works"),
    "changes_the_recursion_limit": Fault("works"),
    "takes_ctrl_c": Fault("works"),
    "makes_warnings_errors": Fault("works"),
    "seeds": Fault("works"),
    "logs_much": Fault("works"),
    "leaves_a_thread": Fault("works"),
    "empties_its_arguments": Fault("works", families=ASKED),
    "rewrites_its_arguments": Fault("fails", "TypeError", hooks=frozenset({"validate_changes"})),
    "rewrites_what_lies_deeper": Fault("fails", "TypeError", hooks=frozenset({"validate_changes"})),
}

ON_POSTGRES: dict[str, Fault] = {
    **{
        name: fault
        for name, fault in FAULTS.items()
        if fault.families == ASKED and name not in {"opens_the_lock", "attaches"}
    },
    "raises": FAULTS["raises"],
    # PostgreSQL ends a transaction in which a statement failed, whoever hides it.
    "hides_a_broken_statement": Fault(
        "fails", "InternalError|OperationalError|InFailedSqlTransaction", ASKED
    ),
}
"""The faults that the other database may take otherwise."""


def apply(fault: Fault, hook: str, family: str) -> bool:
    """Say whether a fault makes sense in a hook."""
    if fault.hooks is not None:
        return hook in fault.hooks
    return family in fault.families and hook not in fault.not_hooks
