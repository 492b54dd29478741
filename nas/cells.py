"""Cells as data: small directed graphs of operations that a network repeats. No torch here.

Two families: the cell of NAS-Bench-201 (Dong & Yang 2020), whose nodes add up what comes in, and the cell of
NASNet and DARTS (Zoph et al. 2018; Liu et al. 2019), whose four nodes take two inputs each and are
concatenated. Nodes are numbered with the cell's inputs first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NONE, SKIP = "none", "skip_connect"


@dataclass(frozen=True)
class Edge:
    """One operation on its way from a node to a later one."""

    source: int
    target: int
    op: str


@dataclass(frozen=True)
class CellTemplate:
    """What the cells of a family have in common.

    Attributes:
        name: Name of the family.
        n_inputs: Nodes that come from earlier cells, >= 1.
        n_nodes: Nodes that the cell computes, >= 1.
        operations: What an edge may be; ``none`` is the first.
        concatenates: True if the output is all computed nodes side by side, False if it is the last one.
        n_kept: Incoming edges that a node keeps when a mixed cell is derived; None keeps all.
    """

    name: str
    n_inputs: int
    n_nodes: int
    operations: tuple[str, ...]
    concatenates: bool
    n_kept: int | None

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """All possible (source, target), by target, then by source."""
        targets = range(self.n_inputs, self.n_inputs + self.n_nodes)
        return tuple((source, target) for target in targets for source in range(target))

    @property
    def targets(self) -> tuple[int, ...]:
        """The computed nodes."""
        return tuple(range(self.n_inputs, self.n_inputs + self.n_nodes))


NASBENCH201 = CellTemplate(
    name="nasbench201",
    n_inputs=1,
    n_nodes=3,
    operations=(NONE, SKIP, "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"),
    concatenates=False,
    n_kept=None,
)
"""Four nodes, six edges, five operations, as named by its authors."""

DARTS = CellTemplate(
    name="darts",
    n_inputs=2,
    n_nodes=4,
    operations=(
        NONE,
        SKIP,
        "max_pool_3x3",
        "avg_pool_3x3",
        "sep_conv_3x3",
        "sep_conv_5x5",
        "dil_conv_3x3",
        "dil_conv_5x5",
    ),
    concatenates=True,
    n_kept=2,
)
"""Two inputs, four nodes, up to fourteen edges of which a derived cell keeps eight."""

TEMPLATES = {template.name: template for template in (NASBENCH201, DARTS)}


def live_edges(template: CellTemplate, edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Drops what cannot reach the output with anything but zeros.

    These are ``none`` edges, edges out of nodes that nothing enters, and edges into nodes from which no way
    leads to the output. What is left computes the same and is sorted by target, source and operation.
    """
    kept = [edge for edge in edges if edge.op != NONE]
    entered = set(range(template.n_inputs))
    for target in template.targets:
        if any(edge.target == target and edge.source in entered for edge in kept):
            entered.add(target)
    wanted = set(template.targets) if template.concatenates else {template.targets[-1]}
    for target in reversed(template.targets):
        if target in wanted:
            wanted |= {edge.source for edge in kept if edge.target == target}
    live = (edge for edge in kept if edge.source in entered and edge.target in wanted)
    return tuple(sorted(live, key=lambda edge: (edge.target, edge.source, edge.op)))


def graph_form(operations: Sequence[str]) -> str:
    """Returns a text that two NAS-Bench-201 cells share exactly if they are the same sum of operations.

    A skip is the node it comes from, zeros vanish, and sums are flat and sorted: 4,930 forms among the
    15,625 cells. It goes further than `benchmark_form`, which keeps some zeros and nested sums apart. As
    there, a convolution that is read twice counts like two equal ones.

    Args:
        operations: The six operations in the order of `NASBENCH201.pairs`.
    """
    nodes: list[list[str]] = [["0"]]
    for target in NASBENCH201.targets:
        terms: list[str] = []
        for (source, _), op in _into(target, operations):
            if op == SKIP:
                terms += nodes[source]
            elif op != NONE and nodes[source]:
                terms.append(f"({'+'.join(nodes[source])})@{op}")
        nodes.append(sorted(terms))
    return "+".join(nodes[-1])


def benchmark_form(operations: Sequence[str], *, zeros: bool = True) -> str:
    """Returns the text by which NAS-Bench-201 itself recognises equal cells (Dong & Yang 2020, section 2).

    Args:
        operations: The six operations in the order of `NASBENCH201.pairs`.
        zeros: Whether ``none`` is understood as zero: 6,466 forms with it, 12,751 without.
    """
    nodes = ["0"]
    for target in NASBENCH201.targets:
        terms = []
        for (source, _), op in _into(target, operations):
            if zeros and (op == NONE or nodes[source] == "#"):
                terms.append("#")
            else:
                terms.append(nodes[source] if op == SKIP else f"({nodes[source]})@{op}")
        nodes.append("+".join(sorted(terms)))
    return nodes[-1]


def cell_text(template: CellTemplate, edges: Iterable[Edge]) -> str:
    """Returns a cell in one line, node by node; that of NAS-Bench-201 in its authors' own form.

    For example ``|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|none~2|``.
    """
    given = list(edges)
    nodes = []
    for target in template.targets:
        into = sorted((e.source, e.op) for e in given if e.target == target)
        if not template.concatenates:  # one operation a pair: say "none" where there is none
            into = [(s, dict(into).get(s, NONE)) for s in range(target)]
        nodes.append("|" + "".join(f"{op}~{source}|" for source, op in into))
    return "+".join(nodes)


def count_skips(edges: Iterable[Edge]) -> int:
    """Returns how many edges are skip connections."""
    return sum(edge.op == SKIP for edge in edges)


def _into(target: int, operations: Sequence[str]) -> list[tuple[tuple[int, int], str]]:
    every = zip(NASBENCH201.pairs, operations, strict=True)
    return [(pair, op) for pair, op in every if pair[1] == target]
