"""The evaluator of table spaces: looks a metric up instead of training. No torch here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nas.errors import EvaluationError
from nas.objectives import Objective
from nas.spaces.base import Choices
from nas.spaces.table import Table, TableSpace


class TableEvaluator:
    """Answers with a row's metrics, those of `objectives`."""

    def __init__(self, table: Table, space: TableSpace, objectives: Sequence[Objective]) -> None:
        """Looks all metrics up once.

        Raises:
            DataError: If a metric is missing or not numeric.
        """
        self.objectives = tuple(objectives)
        columns = {one.name: table.values(one.name) for one in self.objectives}
        self._values: dict[Choices, dict[str, float]] = {
            space.encode(decided): {name: column[decided] for name, column in columns.items()}
            for decided in next(iter(columns.values()))
        }

    def evaluate(self, choices: Choices) -> dict[str, float]:
        """Returns metric name -> value of one architecture.

        Raises:
            EvaluationError: If the table has no row or no number for it: a failed evaluation.
        """
        values = self._values.get(choices)
        if values is None or any(math.isnan(value) for value in values.values()):
            raise EvaluationError("The table has no result for this architecture.")
        return dict(values)

    def finite(self) -> list[tuple[float, ...]]:
        """Returns the objectives' values of all architectures that have them, in the table's order."""
        rows = [tuple(values[one.name] for one in self.objectives) for values in self._values.values()]
        return [row for row in rows if not any(math.isnan(value) for value in row)]
