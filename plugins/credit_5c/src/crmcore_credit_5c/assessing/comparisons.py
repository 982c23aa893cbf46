"""A file of comparisons in pairs, weighed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crmcore.api import BadConfig, Refused, translator
from crmcore_credit_5c.rules.ahp import LIMIT, MatrixProblem, weigh, worst_triple
from crmcore_credit_5c.rules.building import matrix_of, matrix_problem
from crmcore_credit_5c.rules.problems import ModelProblem

from .files import read_json
from .sentences import said

_ = translator("crmcore_credit_5c")


def hierarchy_of(path: Path) -> dict[str, Any]:
    """Return weights, λmax, CI and CR of a JSON array of rows.

    BadConfig for what is no matrix of comparisons, with its place; Refused where it contradicts itself too much, with
    the three rows (counted from 1) that do most.
    """
    rows = read_json(path)
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise BadConfig(
            _('{file}: it is no JSON array of rows; write [[1, 3], ["1/3", 1]]').format(file=path.name)
        )
    try:
        matrix = matrix_of(rows, "")
        found = weigh(matrix)
    except ModelProblem as problem:
        raise said(problem, path.name) from None
    except MatrixProblem as problem:
        raise said(matrix_problem(problem, ""), path.name) from None
    if found.cr >= LIMIT:
        first, second, third = (i + 1 for i in worst_triple(matrix))
        message = _(
            "{file}: the comparisons contradict each other (consistency ratio {cr:.3f}, below 0.10 is allowed), "
            "most of all those of rows {first}, {second} and {third}; compare these anew"
        )
        raise Refused(message.format(file=path.name, cr=found.cr, first=first, second=second, third=third))
    return {**found._asdict(), "weights": list(found.weights)}
