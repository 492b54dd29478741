"""Spaces of cells, for small images, trained from scratch: NAS-Bench-201's and that of NASNet and DARTS."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache

from nas.architecture import CellArchitecture
from nas.cells import DARTS, NASBENCH201, NONE, Edge, graph_form, live_edges
from nas.errors import SpaceError
from nas.spaces.base import Choices, Decision, SearchSpace
from nas.spaces.resolutions import useful_resolutions

RESOLUTIONS: tuple[int, ...] = (32, 48, 64)
"""Sides in pixels: the published networks of cells are for 32, and every node works at the full side."""


class CellSpace(SearchSpace):
    """What both spaces share: the resolution and the size of the skeleton around the cells.

    Attributes:
        template: Name of the cell family.
    """

    template: str

    def __init__(
        self,
        *,
        max_resolution: int = 224,
        resolutions: Sequence[int] | None = None,
        channels: int = 16,
        cells: int = 1,
    ) -> None:
        """Sets up the decisions.

        Args:
            max_resolution: Side of the cached images in pixels; choices go up to the next one above it.
            resolutions: Exactly these resolutions instead, multiples of 4 and at least 16.
            channels: Channels of a node in the first stage.
            cells: Normal cells a stage.

        Raises:
            SpaceError: If no network can be built of it.
        """
        sides = (
            useful_resolutions(max_resolution, RESOLUTIONS)
            if resolutions is None
            else tuple(sorted(set(resolutions)))
        )
        if not sides or sides[0] < 16 or any(side % 4 for side in sides):
            raise SpaceError("The space needs at least one resolution; each a multiple of 4 from 16 pixels.")
        if min(channels, cells) < 1:
            raise SpaceError("The space needs at least one channel and one cell a stage.")
        self.resolutions, self.channels, self.cells = sides, channels, cells
        decisions = list(self._cell_decisions())
        if len(sides) > 1:
            decisions.append(Decision("resolution", sides))
        self.decisions = tuple(decisions)

    def encode(self, architecture: CellArchitecture) -> Choices:
        """Returns the canonical choices of a derived cell; the skeleton's size is that of the space.

        Raises:
            SpaceError: If the cell or its resolution is none of this space.
        """
        if architecture.template != self.template or architecture.resolution not in self.resolutions:
            raise SpaceError(f"The space {self.name} holds no such cell.")
        choices = self._cell_choices(architecture)
        if len(self.resolutions) > 1:
            choices = (*choices, self.resolutions.index(architecture.resolution))
        return self.canonical(choices)

    @abstractmethod
    def _cell_choices(self, architecture: CellArchitecture) -> Choices:
        """Returns the choices of the cells."""

    @abstractmethod
    def _cell_decisions(self) -> list[Decision]:
        """Returns the decisions on the cells."""

    def _resolution(self, choices: Choices) -> int:
        return int(self.values(choices).get("resolution", self.resolutions[0]))


class NasBench201Space(CellSpace):
    """One of five operations on each of six edges: 15,625 choices a resolution, 4,930 different cells.

    The skeleton is that of the benchmark with fewer cells: one instead of five a stage by default.
    """

    name = "nasbench201"
    template = "nasbench201"

    def _cell_choices(self, architecture: CellArchitecture) -> Choices:
        ops = {(edge.source, edge.target): edge.op for edge in architecture.normal}
        return tuple(NASBENCH201.operations.index(ops.get(pair, NONE)) for pair in NASBENCH201.pairs)

    def _cell_decisions(self) -> list[Decision]:
        return [Decision(f"edge{s}-{t}", NASBENCH201.operations) for s, t in NASBENCH201.pairs]

    def decode(self, choices: Choices) -> CellArchitecture:
        """Returns the network; see the base class."""
        resolution = self._resolution(choices)
        chosen = self.canonical(choices)
        edges = [
            Edge(source, target, NASBENCH201.operations[index])
            for (source, target), index in zip(NASBENCH201.pairs, chosen, strict=False)
        ]
        live = live_edges(NASBENCH201, edges)
        return CellArchitecture(resolution, "nasbench201", self.channels, self.cells, live)

    def canonical(self, choices: Choices) -> Choices:
        """Returns the first choices, in the order of `walk`, whose cell is the same sum of operations."""
        self.values(choices)  # refuses what does not fit
        n = len(NASBENCH201.pairs)
        return (*_representatives()[_form(choices[:n])], *choices[n:])


class DartsCellSpace(CellSpace):
    """A normal and a reduction cell of four nodes with two inputs and two operations each.

    Canonical forms put the two inputs of a node in order, turn edges that carry only zeros into ``none`` of
    the first node, and are the same for cells with equal edges. Nodes keep their numbers: two cells that
    differ in the order of their nodes count as two.
    """

    name = "cell"
    template = "darts"

    def _cell_choices(self, architecture: CellArchitecture) -> Choices:
        return tuple(
            index
            for edges in (architecture.normal, architecture.reduction)
            for target in DARTS.targets
            for edge in _two(edges, target)
            for index in (edge.source, DARTS.operations.index(edge.op))
        )

    def _cell_decisions(self) -> list[Decision]:
        return [
            decision
            for cell in ("normal", "reduction")
            for target in DARTS.targets
            for side in ("a", "b")
            for decision in (
                Decision(f"{cell}.node{target}.{side}.input", tuple(range(target))),
                Decision(f"{cell}.node{target}.{side}.op", DARTS.operations),
            )
        ]

    def decode(self, choices: Choices) -> CellArchitecture:
        """Returns the network; see the base class."""
        normal, reduction = self._cells(choices)
        resolution = self._resolution(choices)
        return CellArchitecture(resolution, "darts", self.channels, self.cells, normal, reduction)

    def canonical(self, choices: Choices) -> Choices:
        """Returns the choices with live edges only, in order, and ``none`` of node 0 where one is missing."""
        result: list[int] = []
        for edges in self._cells(choices):
            for target in DARTS.targets:
                for edge in _two(edges, target):
                    result += [edge.source, DARTS.operations.index(edge.op)]
        return (*result, *choices[len(result) :])

    def _cells(self, choices: Choices) -> tuple[tuple[Edge, ...], tuple[Edge, ...]]:
        values = self.values(choices)
        normal, reduction = (
            live_edges(
                DARTS,
                [
                    Edge(
                        int(values[f"{cell}.node{target}.{side}.input"]),
                        target,
                        str(values[f"{cell}.node{target}.{side}.op"]),
                    )
                    for target in DARTS.targets
                    for side in ("a", "b")
                ],
            )
            for cell in ("normal", "reduction")
        )
        return normal, reduction


def _two(edges: Sequence[Edge], target: int) -> list[Edge]:
    """Returns the two edges into a node, with ``none`` of node 0 where one is missing."""
    into = [edge for edge in edges if edge.target == target]
    return [Edge(0, target, NONE)] * (2 - len(into)) + into


def _form(indices: Sequence[int]) -> str:
    return graph_form([NASBENCH201.operations[index] for index in indices])


@lru_cache(maxsize=1)
def _representatives() -> dict[str, Choices]:
    """Returns the first choices of each graph form; a fraction of a second, once a process."""
    first: dict[str, Choices] = {}
    every = itertools.product(range(len(NASBENCH201.operations)), repeat=len(NASBENCH201.pairs))
    for choices in every:
        first.setdefault(_form(choices), choices)
    return first
