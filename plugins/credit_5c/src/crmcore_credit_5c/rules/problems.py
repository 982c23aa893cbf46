"""What can be wrong with a model, by a short name; `assessing.sentences` says it to people."""

from __future__ import annotations


class ModelProblem(ValueError):
    """A mistake in a model, with its place in the file: `factors/0/indicators/1/weight`."""

    def __init__(self, path: str, problem: str, **values: object) -> None:
        """Take the place, the short name of the problem, and the values that a sentence about it names."""
        super().__init__(f"{path}: {problem} {values}")
        self.path, self.problem, self.values = path, problem, values
