"""The mixed network of a differentiable search: every operation on every edge, weighted by softmax(alpha).

After Liu et al. 2019, "DARTS: Differentiable Architecture Search" (arXiv 1806.09055), equation 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.cells import NONE, SKIP, TEMPLATES
from nas.networks.cells import CellNetwork
from nas.networks.fused import FUSED_OPERATIONS, fused_cell, shuffle_channels
from nas.networks.operations import make_operation

_ALPHA_DEVIATION = 1e-3


@dataclass(frozen=True)
class Mixture:
    """What all cells of a mixed network multiply with.

    Attributes:
        operations: Cell kind -> (edges, operations).
        edges: Cell kind -> (edges,) of the edge normalisation; empty without it.
    """

    operations: Mapping[str, Tensor]
    edges: Mapping[str, Tensor]


class MixedEdge(nn.Module):
    """All operations of one edge at once.

    Args:
        operations: Their names; ``none`` adds nothing.
        channels: Input and output channels C, a multiple of `share`.
        stride: 1 or 2.
        share: K of PC-DARTS (Xu et al. 2020): one K-th of the channels goes through the operations, the rest
            around them, and the channels are shuffled afterwards. 1 sends all through.
        auxiliary: Adds beta times a skip of its own (DARTS-, Chu et al. 2021, equation 6).
    """

    def __init__(
        self, operations: tuple[str, ...], channels: int, stride: int, *, share: int, auxiliary: bool
    ) -> None:
        super().__init__()
        self.share = share
        self.mixed = channels // share
        self.names = operations
        self.ops = nn.ModuleDict(
            {
                name: make_operation(name, self.mixed, stride, searching=True)
                for name in operations
                if name != NONE
            }
        )
        self.around = nn.Identity() if stride == 1 else nn.MaxPool2d(2, 2)
        self.auxiliary = make_operation(SKIP, channels, stride, searching=True) if auxiliary else None

    def forward(self, x: Tensor, weights: Tensor, beta: Tensor, factor: Tensor | None = None) -> Tensor:
        """Maps (N, C, S, S) to (N, C, S / stride, S / stride).

        Args:
            x: The input.
            weights: (operations,) that sum to 1; an operation of weight 0 is not computed.
            beta: () weight of the auxiliary skip.
            factor: () factor of the edge normalisation on all but the auxiliary skip; None for none.
        """
        part = x[:, : self.mixed] if self.share > 1 else x
        terms = [
            _weighted(self.ops[name], part, weight)
            for name, weight in zip(self.names, weights, strict=True)
            if name != NONE and float(weight.detach()) > 0
        ]
        result = sum(terms) if terms else self.around(part) * 0
        assert isinstance(result, Tensor)
        if self.share > 1:
            result = shuffle_channels(torch.cat([result, self.around(x[:, self.mixed :])], dim=1), self.share)
        if factor is not None:
            result = factor * result
        if self.auxiliary is not None:
            result = result + beta * self.auxiliary(x)
        return result


def _weighted(operation: nn.Module, x: Tensor, weight: Tensor) -> Tensor:
    """Returns weight * operation(x).

    Where the operation ends in a norm, the weight is handed to it as its scale: a pass over memory less, of
    which such small networks are made.
    """
    if not isinstance(operation, nn.Sequential):
        return weight * operation(x)  # type: ignore[no-any-return]
    last = operation[-1]
    assert isinstance(last, nn.BatchNorm2d)
    for layer in list(operation)[:-1]:
        x = layer(x)
    scale = weight.expand(last.num_features).contiguous()  # torch reads strides of 0 wrongly here
    shift = torch.zeros(last.num_features)
    return F.batch_norm(x, None, None, weight=scale, bias=shift, training=True, eps=last.eps)


class _MixedBody(nn.Module):
    """A cell in which every pair of nodes has a mixed edge."""

    def __init__(self, template_name: str, channels: int, *, reduces: bool, share: int, auxiliary: bool):
        super().__init__()
        template = TEMPLATES[template_name]
        self.template, self.reduces = template, reduces
        self.share, self.auxiliary = share, auxiliary
        self.fuses = template.operations == FUSED_OPERATIONS and not template.concatenates
        self.inputs = tuple(range(template.n_inputs))
        self.width = template.n_nodes if template.concatenates else 1
        self.edges = nn.ModuleList(
            MixedEdge(
                template.operations,
                channels,
                2 if reduces and source < template.n_inputs else 1,
                share=share,
                auxiliary=auxiliary,
            )
            for source, _ in template.pairs
        )

    def forward(self, states: list[Tensor], mixture: Mixture, beta: Tensor) -> Tensor:
        kind = "reduction" if self.reduces else "normal"
        weights, factors = mixture.operations[kind], mixture.edges.get(kind)
        if self.fuses:
            return fused_cell(
                self.template,
                list(self.edges),
                states[0],
                weights,
                beta=beta,
                factors=factors,
                share=self.share,
                auxiliary=self.auxiliary,
            )
        nodes = dict(enumerate(states))
        for number, ((source, target), edge) in enumerate(zip(self.template.pairs, self.edges, strict=True)):
            factor = None if factors is None else factors[number]
            value = edge(nodes[source], weights[number], beta, factor)
            nodes[target] = nodes[target] + value if target in nodes else value
        if not self.template.concatenates:
            return nodes[self.template.targets[-1]]
        return torch.cat([nodes[target] for target in self.template.targets], dim=1)


class MixedNetwork(nn.Module):
    """The network that a differentiable search trains: shared weights, and alphas that choose among them.

    Attributes:
        alphas: Cell kind (``normal``, and ``reduction`` where there is one) -> (edges, operations).
        betas: Cell kind -> (edges,): what the softmax over the edges into a node is taken of; empty without
            edge normalisation.

    Args:
        template_name: Name of the cell family.
        channels: Channels of a node in the first stage.
        cells: Normal cells a stage.
        n_classes: Number of outputs.
        share: See `MixedEdge`.
        auxiliary: See `MixedEdge`.
        edge_normalisation: Weighs the edges into a node by a softmax of their own (PC-DARTS, equation 3).
        stem_stride: See `CellNetwork`.
    """

    def __init__(
        self,
        template_name: str,
        channels: int,
        cells: int,
        n_classes: int,
        *,
        share: int = 1,
        auxiliary: bool = False,
        edge_normalisation: bool = False,
        stem_stride: int = 1,
    ) -> None:
        super().__init__()
        template = TEMPLATES[template_name]
        self.template = template

        def body(width: int, reduces: bool) -> nn.Module:
            return _MixedBody(template_name, width, reduces=reduces, share=share, auxiliary=auxiliary)

        self.net = CellNetwork(
            template, channels, cells, n_classes, body, searching=True, stem_stride=stem_stride
        )
        shape = (len(template.pairs), len(template.operations))
        kinds = ("normal", "reduction") if template.concatenates else ("normal",)

        def small(*shape: int) -> nn.Parameter:
            return nn.Parameter(_ALPHA_DEVIATION * torch.randn(shape))

        self.alphas = nn.ParameterDict({kind: small(*shape) for kind in kinds})
        self.betas = nn.ParameterDict({kind: small(shape[0]) for kind in kinds if edge_normalisation})
        for kind in kinds:
            self.register_buffer(f"allowed_{kind}", torch.ones(shape, dtype=torch.bool))
            self.register_buffer(f"present_{kind}", torch.ones(shape, dtype=torch.bool))
        self.register_buffer("beta", torch.tensor(1.0 if auxiliary else 0.0))

    def weights(self) -> list[nn.Parameter]:
        """Returns all parameters but the alphas and betas."""
        return list(self.net.parameters())

    def allowed(self, kind: str) -> Tensor:
        """Returns the (edges, operations) mask of the operations that the softmax is taken of."""
        return self.get_buffer(f"allowed_{kind}")

    def present(self, kind: str) -> Tensor:
        """Returns the (edges, operations) mask whose False takes out an operation with its weight."""
        return self.get_buffer(f"present_{kind}")

    def mixture(self) -> dict[str, Tensor]:
        """Returns softmax(alpha) over the allowed operations: kind -> (edges, operations), rows sum to 1."""
        return {
            kind: F.softmax(alpha.masked_fill(~self.allowed(kind), float("-inf")), dim=1)
            for kind, alpha in self.alphas.items()
        }

    def edge_factors(self) -> dict[str, Tensor]:
        """Returns softmax(beta) over the edges into each node: kind -> (edges,); empty without betas."""
        pairs = self.template.pairs
        into = [[i for i, pair in enumerate(pairs) if pair[1] == target] for target in self.template.targets]
        return {
            kind: torch.cat([F.softmax(beta[numbers], dim=0) for numbers in into])
            for kind, beta in self.betas.items()
        }

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, 3, R, R) to (N, n_classes) logits."""
        operations = {kind: weights * self.present(kind) for kind, weights in self.mixture().items()}
        logits: Tensor = self.net(x, Mixture(operations, self.edge_factors()), self.get_buffer("beta"))
        return logits
