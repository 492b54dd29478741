"""A search space given as a table, one row an architecture: strategies are judged without training.

Columns `d_*` are decisions (any categorical values), columns `m_*` are metrics. Not every combination of
the decisions needs a row.
"""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.architecture import Architecture
from nas.errors import DataError, SpaceError
from nas.spaces.base import Choices, Decision, SearchSpace

_DELIMITERS = ",;\t"
_NO_VALUE = frozenset({"", "na", "n/a", "nan", "none", "null", "-"})
_MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class Table:
    """The rows of a table, before they become a space.

    Attributes:
        name: File name, for messages.
        decisions: Names of the decision columns, without `d_`.
        metrics: Names of the metric columns, as in the file.
        rows: For each row its line in the file, the decisions' values and the metrics' texts.
    """

    name: str
    decisions: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...], tuple[str, ...]], ...]

    def values(self, metric: str) -> dict[tuple[str, ...], float]:
        """Returns the decisions' values of every architecture -> its metric, NaN for a failed evaluation.

        Rows with the same decisions are repetitions: the mean of their numbers counts.

        Raises:
            DataError: If there is no such metric, a cell is neither a number nor empty, or no cell is a
                number.
        """
        if metric not in self.metrics:
            raise DataError(
                f"{self.name} has no metric {metric!r}; its metrics are {', '.join(self.metrics)}."
            )
        position = self.metrics.index(metric)
        repetitions: dict[tuple[str, ...], list[float]] = {}
        for line, decided, measured in self.rows:
            value = _number(measured[position], f"{self.name}, line {line}, column {metric}")
            known = repetitions.setdefault(decided, [])
            if math.isfinite(value):
                known.append(value)
        result = {
            key: math.fsum(known) / len(known) if known else math.nan for key, known in repetitions.items()
        }
        if all(math.isnan(value) for value in result.values()):
            raise DataError(f"{self.name} has no number in the column {metric}; choose another metric.")
        return result


def read_table(path: Path) -> Table:
    """Reads a CSV file (comma, semicolon or tab; UTF-8).

    Raises:
        DataError: If the file cannot be read as a table with decisions and metrics.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(f"{path.name} is larger than 1 GB; give a table that fits into memory.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            return _parse(path.name, csv.reader(file, delimiter=_delimiter(first)))
    except OSError as error:
        reason = (error.strerror or "it is unreadable").lower()
        raise DataError(f"{path.name} cannot be read ({reason}); check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} is no CSV text; save it as CSV with UTF-8 characters.") from error


class TableSpace(SearchSpace):
    """The architectures of a table.

    A column with one value only is no decision. Where the table has gaps, samples are drawn uniformly
    from its rows and mutations go to neighbours that have one.
    """

    name = "table"

    def __init__(self, table: Table) -> None:
        """Sets up the decisions.

        Raises:
            SpaceError: If all rows are of one architecture.
        """
        columns = list(zip(*(decided for _, decided, _ in table.rows), strict=True))
        self._deciding = [index for index, column in enumerate(columns) if len(set(column)) > 1]
        if not self._deciding:
            raise SpaceError(f"{table.name} holds one architecture only; there is nothing to search.")
        values = [tuple(sorted(set(columns[index]), key=_by_number)) for index in self._deciding]
        self.decisions = tuple(
            Decision(table.decisions[index], each) for index, each in zip(self._deciding, values, strict=True)
        )
        self._index = [{value: index for index, value in enumerate(each)} for each in values]
        self._rows = tuple(dict.fromkeys(self.encode(decided) for _, decided, _ in table.rows))
        self._held = frozenset(self._rows)

    def encode(self, decided: Sequence[str]) -> Choices:
        """Returns the choices of a row's decision values (one a `d_*` column, constant ones included)."""
        return tuple(
            index[decided[column]] for index, column in zip(self._index, self._deciding, strict=True)
        )

    def decode(self, choices: Choices) -> Architecture:
        """Refuses: a row is a measured result, not a description that could be built.

        Raises:
            SpaceError: Always.
        """
        raise SpaceError("The rows of a table cannot be built; they are for judging strategies.")

    def holds(self, choices: Choices) -> bool:
        """Tells whether the table has a row of these choices."""
        return choices in self._held

    def sample(self, rng: random.Random) -> Choices:
        """Draws uniformly from the architectures; in a table without gaps uniform over the decisions."""
        return rng.choice(self._rows)

    def mutate(self, choices: Choices, rng: random.Random) -> Choices:
        """Changes exactly one decision, drawn from those with another row to go to.

        A row without any neighbour jumps to a random row, so that no island of a table is a trap.
        """
        movable = [targets for targets in self._neighbours(choices) if targets]
        return rng.choice(rng.choice(movable)) if movable else self.sample(rng)

    def walk(self) -> Iterator[Choices]:
        """Yields the choices of every architecture once, in the order of the file."""
        yield from self._rows

    def size(self) -> int:
        """Returns the number of architectures."""
        return len(self._rows)

    def _neighbours(self, choices: Choices) -> list[list[Choices]]:
        """Returns for each decision the rows that differ from `choices` in it alone."""
        return [
            [
                (*choices[:position], index, *choices[position + 1 :])
                for index in range(len(decision.choices))
                if index != choices[position]
                and (*choices[:position], index, *choices[position + 1 :]) in self._held
            ]
            for position, decision in enumerate(self.decisions)
        ]


def _delimiter(header: str) -> str:
    """Returns the delimiter that finds the most columns of ours in the header."""

    def columns(delimiter: str) -> int:
        return sum(cell.strip(' "\r\n').startswith(("d_", "m_")) for cell in header.split(delimiter))

    return max(_DELIMITERS, key=columns)


def _parse(name: str, reader: Iterator[list[str]]) -> Table:
    header = [cell.strip() for cell in next(reader, [])]
    decisions = [index for index, cell in enumerate(header) if cell.startswith("d_")]
    metrics = [index for index, cell in enumerate(header) if cell.startswith("m_")]
    if not decisions or not metrics:
        raise DataError(
            f"{name} needs a header with at least one decision column d_* and one metric column m_*."
        )
    _refuse_doubles(name, header)
    rows = []
    for line, cells in enumerate(reader, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise DataError(
                f"{name}, line {line} has {len(cells)} cells and the header {len(header)}; mend the row."
            )
        decided = tuple(cells[index].strip() for index in decisions)
        rows.append((line, decided, tuple(cells[index].strip() for index in metrics)))
    if not rows:
        raise DataError(f"{name} has a header but no rows; add one row for each architecture.")
    return Table(
        name=name,
        decisions=tuple(header[index].removeprefix("d_") for index in decisions),
        metrics=tuple(header[index] for index in metrics),
        rows=tuple(rows),
    )


def _refuse_doubles(name: str, header: Sequence[str]) -> None:
    ours = [cell for cell in header if cell.startswith(("d_", "m_"))]
    double = next((cell for cell in ours if ours.count(cell) > 1), None)
    if double is not None:
        raise DataError(f"{name} has two columns called {double}; give each its own name.")


def _number(text: str, where: str) -> float:
    """Returns the number, NaN for an empty cell or one that says so."""
    if text.lower() in _NO_VALUE:
        return math.nan
    try:
        return float(text)
    except ValueError:
        raise DataError(
            f"{where}: {text[:40]!r} is no number; leave the cell empty where an evaluation failed."
        ) from None


def _by_number(text: str) -> tuple[int, float, str]:
    """Sorts numbers by size before words by letters."""
    try:
        return (0, float(text), text)
    except ValueError:
        return (1, 0.0, text)
