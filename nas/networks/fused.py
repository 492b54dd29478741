"""The mixed cell of NAS-Bench-201, computed node by node: the same sums as edge by edge, in fewer passes.

All edges out of a node read the same input. So its ReLU, its pooling and the pooling's norm (which has no
weights) are computed once, the convolutions of all its edges are one convolution with their kernels side by
side, and what PC-DARTS leads around the operations is shuffled once a target, because a shuffle of a sum is
the sum of the shuffles. Such passes over memory are what a small network costs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.cells import SKIP, CellTemplate

_NARROW, _WIDE, _POOL = "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"
FUSED_OPERATIONS = ("none", SKIP, _NARROW, _WIDE, _POOL)


def shuffle_channels(x: Tensor, groups: int) -> Tensor:
    """Interleaves `groups` equal runs of channels, so that other ones come first on the next edge."""
    n, channels, height, width = x.shape
    apart = x.reshape(n, groups, channels // groups, height, width)
    return apart.transpose(1, 2).reshape(n, channels, height, width)


def fused_cell(
    template: CellTemplate,
    edges: Sequence[nn.Module],
    x: Tensor,
    weights: Tensor,
    *,
    beta: Tensor,
    factors: Tensor | None,
    share: int,
    auxiliary: bool,
) -> Tensor:
    """Maps the input of a cell, (N, C, S, S), to its output of the same shape.

    Args:
        template: A family of stride 1 whose operations are `FUSED_OPERATIONS`.
        edges: A `MixedEdge` for each of its pairs.
        x: The input.
        weights: (edges, operations), see `MixedEdge.forward`.
        beta: () weight of the auxiliary skip.
        factors: (edges,) that the edges are multiplied with; None for none.
        share: See `MixedEdge`.
        auxiliary: See `MixedEdge`.
    """
    mixed = x.shape[1] // share
    scales = None if factors is None else factors.unbind()
    rows = (weights if factors is None else weights * factors[:, None]).unbind()
    nodes = [x]
    arriving: dict[int, list[Tensor]] = {target: [] for target in template.targets}
    around: dict[int, list[Tensor]] = {target: [] for target in template.targets}
    for node in range(1 + template.n_nodes):
        if node:
            value = _gather(arriving[node], around[node], x, share)
            nodes.append(value + beta * _sum(nodes) if auxiliary and float(beta) > 0 else value)
        leaving = [(number, pair[1]) for number, pair in enumerate(template.pairs) if pair[0] == node]
        part = nodes[node][:, :mixed] if share > 1 else nodes[node]
        sums = _leave(part, [edges[number] for number, _ in leaving], [rows[number] for number, _ in leaving])
        for (number, target), terms in zip(leaving, sums, strict=True):
            arriving[target].extend(terms)
            if share > 1:
                rest = nodes[node][:, mixed:]
                around[target].append(rest if scales is None else scales[number] * rest)
    return nodes[-1]


def _gather(terms: list[Tensor], around: list[Tensor], x: Tensor, share: int) -> Tensor:
    """Returns what the operations brought to a node, with what went around them."""
    result = _sum(terms) if terms else x[:, : x.shape[1] // share] * 0
    return shuffle_channels(torch.cat([result, _sum(around)], dim=1), share) if around else result


def _leave(x: Tensor, edges: Sequence[nn.Module], rows: Sequence[Tensor]) -> list[list[Tensor]]:
    """Returns for each edge out of a node the weighted operations; those of weight 0 are not computed."""
    if not rows:
        return []
    present = [{i for i, value in enumerate(row.tolist()) if value > 0} for row in rows]
    weights = [row.unbind() for row in rows]
    terms: list[list[Tensor]] = [[] for _ in edges]
    activated = F.relu(x)
    for index, name, padding in ((2, _NARROW, 0), (3, _WIDE, 1)):
        leaving = [i for i, there in enumerate(present) if index in there]
        if not leaving:
            continue
        kernels = [edges[i].ops[name][1].weight for i in leaving]  # type: ignore[index,union-attr]
        every = F.conv2d(activated, torch.cat(kernels), padding=padding)
        scale = torch.stack([weights[i][index] for i in leaving]).repeat_interleave(x.shape[1])
        every = _norm(every, scale)
        for i, one in zip(leaving, torch.split(every, x.shape[1], dim=1), strict=True):
            terms[i].append(one)
    pooled = x
    if any(4 in there for there in present):
        pooled = _norm(F.avg_pool2d(x, 3, 1, 1, count_include_pad=False), None)
    for i, there in enumerate(present):
        terms[i] += [weights[i][index] * value for index, value in ((4, pooled), (1, x)) if index in there]
    return terms


def _norm(x: Tensor, scale: Tensor | None) -> Tensor:
    """Normalises by the statistics of the batch; the weights of the mixture are handed over as the scale."""
    shift = None if scale is None else torch.zeros_like(scale)
    return F.batch_norm(x, None, None, weight=scale, bias=shift, training=True)


def _sum(terms: Sequence[Tensor]) -> Tensor:
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result
