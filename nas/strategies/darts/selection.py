"""From a mixed network to a cell: by the largest alphas, or by what hurts most when it is left out."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from nas.cells import NONE, SKIP, CellTemplate, Edge
from nas.networks.mixed import MixedNetwork

Judgement = tuple[float, float]
"""What counts, then what decides between equals; the larger the better."""

_NONE = 0  # `CellTemplate` has it first

Cells = dict[str, tuple[Edge, ...]]
"""Cell kind -> its edges."""


def by_alphas(
    template: CellTemplate,
    mixture: Mapping[str, Tensor],
    factors: Mapping[str, Tensor] | None = None,
    most_skips: int | None = None,
) -> Cells:
    """Returns the strongest operation of each edge, ``none`` excluded, on the edges that a node keeps.

    A node of the DARTS cell keeps the two edges whose strongest operation weighs most (section 2.4), times
    the factor of the edge where there is one (PC-DARTS).

    Args:
        template: The cell family.
        mixture: Kind -> (edges, operations) softmax weights.
        factors: Kind -> (edges,) of the edge normalisation; None or empty without it.
        most_skips: Skips that the normal cell may keep, those of the largest weights (P-DARTS, Chen et al.
            2019); None for all. What loses its skip becomes the next strongest operation.
    """
    cells = _strongest(template, mixture, factors or {})
    skips = [edge for edge in cells["normal"] if edge.op == SKIP]
    if most_skips is None or len(skips) <= most_skips:
        return cells
    column = template.operations.index(SKIP)
    normal = mixture["normal"].clone()
    weakest = min(
        (template.pairs.index((edge.source, edge.target)) for edge in skips),
        key=lambda i: float(normal[i, column]),
    )
    normal[weakest, column] = 0.0
    return by_alphas(template, {**mixture, "normal": normal}, factors, most_skips)


def _strongest(template: CellTemplate, mixture: Mapping[str, Tensor], factors: Mapping[str, Tensor]) -> Cells:
    first = template.operations.index(NONE) + 1
    cells = {}
    for kind, weights in mixture.items():
        best = weights[:, first:].max(dim=1)
        ops = [template.operations[first + int(index)] for index in best.indices]
        scale = factors.get(kind, torch.ones(len(ops)))
        strength = [float(value) for value in (best.values * scale).detach()]
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


def settle(
    network: MixedNetwork,
    judge: Callable[[], Judgement],
    tune: Callable[[int], None],
    *,
    seed: int,
    on_settled: Callable[[], None] | None = None,
) -> None:
    """Settles edge by edge in random order, keeping the operation whose removal hurts most.

    Wang et al. 2021, "Rethinking Architecture Selection in Differentiable NAS", algorithm 1. What is removed
    leaves its weight to nobody, as in the authors' code: handed to the others it would be the growth of these
    that is judged. The network's masks are narrowed to one operation an edge.

    Args:
        network: The trained mixed network; edges that are settled already are left as they are.
        judge: Judges the network as it is now.
        tune: Trains the weights a little before the n-th edge is settled.
        seed: Seed of the order.
        on_settled: Called after each edge.
    """
    jobs = [(kind, i) for kind in network.alphas for i in range(len(network.template.pairs))]
    random.Random(seed).shuffle(jobs)
    for number, (kind, i) in enumerate(jobs):
        allowed, present = network.allowed(kind)[i], network.present(kind)[i]
        if int(allowed.sum()) == 1:
            continue
        tune(number)
        candidates = [j for j, there in enumerate(allowed.tolist()) if there and j != _NONE]
        hurt = {j: _without(present, j, judge) for j in candidates}
        allowed.copy_(_only(len(allowed), min(candidates, key=lambda j: hurt[j])))
        if on_settled is not None:
            on_settled()


def reopen_skips(network: MixedNetwork, judge: Callable[[], Judgement], most: int) -> None:
    """Leaves the normal cell `most` skips, those whose removal hurts most, and takes skips from the others.

    P-DARTS' limit (Chen et al. 2019), with removal in the place of the largest weight. The edges that lose
    their skip must be settled again.

    Args:
        network: A network whose edges are settled.
        judge: Judges the network as it is now.
        most: Skips that may stay.
    """
    allowed, skip = network.allowed("normal"), network.template.operations.index(SKIP)
    skips = [i for i, row in enumerate(allowed) if row[skip] and int(row.sum()) == 1]
    if len(skips) <= most:
        return
    hurt = {i: _closed(allowed[i], judge) for i in skips}
    for i in sorted(skips, key=lambda i: hurt[i])[most:]:
        allowed[i] = True
        allowed[i, skip] = False


def by_masks(network: MixedNetwork, judge: Callable[[], Judgement]) -> Cells:
    """Returns the settled operations, on the edges of a node whose removal hurts most where it must choose.

    Args:
        network: A network whose edges are settled.
        judge: Judges the network as it is now.
    """
    return {kind: _topology(network, kind, judge) for kind in network.alphas}


def _topology(network: MixedNetwork, kind: str, judge: Callable[[], Judgement]) -> tuple[Edge, ...]:
    template, allowed, kept = network.template, network.allowed(kind), []
    ops = [template.operations[int(row.int().argmax())] for row in allowed]
    for target in template.targets:
        into = [i for i, pair in enumerate(template.pairs) if pair[1] == target]
        if template.n_kept is not None and len(into) > template.n_kept:
            hurt = {i: _closed(allowed[i], judge) for i in into}
            into = sorted(sorted(into, key=lambda i: hurt[i])[: template.n_kept])
            for i, pair in enumerate(template.pairs):
                if pair[1] == target and i not in into:
                    allowed[i].copy_(_only(len(template.operations), _NONE))
        kept += [Edge(template.pairs[i][0], target, ops[i]) for i in into]
    return tuple(kept)


def _without(present: Tensor, removed: int, judge: Callable[[], Judgement]) -> Judgement:
    present[removed] = False
    try:
        return judge()
    finally:
        present[removed] = True


def _closed(allowed: Tensor, judge: Callable[[], Judgement]) -> Judgement:
    """Judges the network with ``none``, the first operation, alone on an edge."""
    before = allowed.clone()
    allowed.copy_(_only(len(allowed), _NONE))
    try:
        return judge()
    finally:
        allowed.copy_(before)


def _only(n: int, index: int) -> Tensor:
    mask = torch.zeros(n, dtype=torch.bool)
    mask[index] = True
    return mask
