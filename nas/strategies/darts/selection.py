"""From a mixed network to a cell: by the largest alphas, or by what hurts most when it is left out."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from nas.cells import NONE, CellTemplate, Edge
from nas.networks.mixed import MixedNetwork

Judgement = tuple[float, float]
"""Accuracy, then the negative loss that decides between equal accuracies."""

Cells = dict[str, tuple[Edge, ...]]
"""Cell kind -> its edges."""


def by_alphas(template: CellTemplate, mixture: Mapping[str, Tensor]) -> Cells:
    """Returns the strongest operation of each edge, ``none`` excluded, on the edges that a node keeps.

    A node of the DARTS cell keeps the two edges whose strongest operation weighs most (section 2.4).

    Args:
        template: The cell family.
        mixture: Kind -> (edges, operations) softmax weights.
    """
    first = template.operations.index(NONE) + 1
    cells = {}
    for kind, weights in mixture.items():
        best = weights[:, first:].max(dim=1)
        ops = [template.operations[first + int(index)] for index in best.indices]
        strength = [float(value) for value in best.values]
        cells[kind] = _keep(template, ops, strength)
    return cells


def _keep(template: CellTemplate, ops: list[str], strength: list[float]) -> tuple[Edge, ...]:
    """Returns the edges that each node keeps, the strongest first where it must choose."""
    kept = []
    for target in template.targets:
        into = [i for i, pair in enumerate(template.pairs) if pair[1] == target]
        if template.n_kept is not None:
            into = sorted(into, key=lambda i: -strength[i])[: template.n_kept]
        kept += [Edge(template.pairs[i][0], target, ops[i]) for i in sorted(into)]
    return tuple(kept)


def by_perturbation(
    network: MixedNetwork,
    judge: Callable[[], Judgement],
    tune: Callable[[int], None],
    *,
    seed: int,
    on_edge: Callable[[str, Edge], None] | None = None,
) -> Cells:
    """Settles edge by edge in random order, keeping the operation whose removal hurts most.

    Wang et al. 2021, "Rethinking Architecture Selection in Differentiable NAS", algorithm 1. Afterwards each
    node of a DARTS cell keeps the edges whose removal hurts most. The network's masks are narrowed.

    Args:
        network: The trained mixed network.
        judge: Judges the network as it is now.
        tune: Trains the weights a little after the n-th settled edge.
        seed: Seed of the order.
        on_edge: Told each settled edge.
    """
    template, rng = network.template, random.Random(seed)
    jobs = [(kind, i) for kind in network.alphas for i in range(len(template.pairs))]
    rng.shuffle(jobs)
    chosen: dict[str, dict[int, str]] = {kind: {} for kind in network.alphas}
    for number, (kind, i) in enumerate(jobs):
        allowed = network.allowed(kind)[i]
        candidates = [j for j, op in enumerate(template.operations) if op != NONE]
        hurt = {j: _without(allowed, [j], judge) for j in candidates}
        best = min(candidates, key=lambda j: hurt[j])
        allowed.copy_(_only(len(allowed), best))
        chosen[kind][i] = template.operations[best]
        if on_edge is not None:
            on_edge(kind, Edge(*template.pairs[i], template.operations[best]))
        tune(number)
    return {kind: _topology(network, kind, chosen[kind], judge) for kind in network.alphas}


def _topology(
    network: MixedNetwork, kind: str, ops: Mapping[int, str], judge: Callable[[], Judgement]
) -> tuple[Edge, ...]:
    template, kept = network.template, []
    for target in template.targets:
        into = [i for i, pair in enumerate(template.pairs) if pair[1] == target]
        if template.n_kept is not None and len(into) > template.n_kept:
            hurt = {i: _closed(network.allowed(kind)[i], judge) for i in into}
            into = sorted(sorted(into, key=lambda i: hurt[i])[: template.n_kept])
            for i, pair in enumerate(template.pairs):
                if pair[1] == target and i not in into:
                    network.allowed(kind)[i].copy_(_only(len(template.operations), 0))
        kept += [Edge(template.pairs[i][0], target, ops[i]) for i in into]
    return tuple(kept)


def _without(allowed: Tensor, removed: list[int], judge: Callable[[], Judgement]) -> Judgement:
    before = allowed.clone()
    allowed[removed] = False
    try:
        return judge()
    finally:
        allowed.copy_(before)


def _closed(allowed: Tensor, judge: Callable[[], Judgement]) -> Judgement:
    """Judges the network with ``none``, the first operation, alone on an edge."""
    before = allowed.clone()
    allowed.copy_(_only(len(allowed), 0))
    try:
        return judge()
    finally:
        allowed.copy_(before)


def _only(n: int, index: int) -> Tensor:
    mask = torch.zeros(n, dtype=torch.bool)
    mask[index] = True
    return mask
