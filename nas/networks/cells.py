"""Networks of cells: the skeletons of NAS-Bench-201 and of NASNet around whatever cell there is.

The skeleton takes its cells from a function, so that a derived network and the mixed network of a search are
the same but for what stands on the edges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from nas.architecture import CellArchitecture
from nas.cells import TEMPLATES, CellTemplate, Edge
from nas.cost import CELL_STAGES
from nas.errors import SpaceError
from nas.networks.operations import FactorizedReduce, make_operation, norm, relu_conv_norm

STEM_FACTOR = 3
"""Channels of the DARTS stem over those of a node."""


class Body(Protocol):
    """What stands between the nodes of one cell.

    Attributes:
        inputs: Inputs of the cell that are read.
        width: Output channels over the channels of a node.
    """

    inputs: Sequence[int]
    width: int

    def __call__(self, states: list[Tensor | None], *context: object) -> Tensor:
        """Maps the (prepared) inputs, None for one that is not read, to the output of the cell."""


MakeBody = Callable[[int, bool], nn.Module]
"""(channels, whether it is a reduction cell) -> a `Body` that is a module."""


class FixedBody(nn.Module):
    """The operations of a derived cell.

    Args:
        template: The family.
        edges: Live edges.
        channels: Channels of a node.
        stride: 2 for a reduction cell: edges from the cell's inputs halve the side.
    """

    def __init__(self, template: CellTemplate, edges: Sequence[Edge], channels: int, stride: int) -> None:
        super().__init__()
        self.template, self.edges, self.channels, self.stride = template, tuple(edges), channels, stride
        read = {edge.source for edge in edges if edge.source < template.n_inputs}
        self.inputs = tuple(sorted(read)) or (template.n_inputs - 1,)
        entered = {edge.target for edge in edges}
        ends = template.targets if template.concatenates else template.targets[-1:]
        self.ends = tuple(node for node in ends if node in entered)
        self.width = max(1, len(self.ends))
        self.ops = nn.ModuleList(
            make_operation(edge.op, channels, stride if edge.source < template.n_inputs else 1)
            for edge in edges
        )

    def forward(self, states: list[Tensor | None]) -> Tensor:
        """Maps the inputs to (N, width * channels, S / stride, S / stride)."""
        nodes: dict[int, Tensor] = {i: x for i, x in enumerate(states) if x is not None}
        for edge, op in zip(self.edges, self.ops, strict=True):
            value = op(nodes[edge.source])
            nodes[edge.target] = nodes[edge.target] + value if edge.target in nodes else value
        if self.ends:
            return torch.cat([nodes[end] for end in self.ends], dim=1)
        x = nodes[self.template.n_inputs - 1]  # nothing is connected: zeros of the right shape
        return x[:, :, :: self.stride, :: self.stride] * 0


class ResidualReduction(nn.Module):
    """NAS-Bench-201's step between stages: a residual block of stride 2 that doubles the channels.

    Args:
        inputs: Input channels.
        outputs: Output channels.
        searching: See `nas.networks.operations.norm`.
    """

    def __init__(self, inputs: int, outputs: int, *, searching: bool = False) -> None:
        super().__init__()
        self.first = relu_conv_norm(inputs, outputs, 3, 2, searching=searching)
        self.second = relu_conv_norm(outputs, outputs, 3, searching=searching)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, inputs, S, S) to (N, outputs, S / 2, S / 2)."""
        return self.shortcut(x) + self.second(self.first(x))  # type: ignore[no-any-return]


class _Cell(nn.Module):
    """A body with the preparation of its two inputs (NASNet): same side, same channels."""

    def __init__(self, body: nn.Module, channels: tuple[int, int, int], *, halve: bool, searching: bool):
        super().__init__()
        before, previous, own = channels
        self.body = body
        self.first: nn.Module | None = None
        self.second: nn.Module | None = None
        if 0 in body.inputs:  # type: ignore[operator]
            self.first = (
                FactorizedReduce(before, own, searching=searching)
                if halve
                else relu_conv_norm(before, own, 1, searching=searching)
            )
        if 1 in body.inputs:  # type: ignore[operator]
            self.second = relu_conv_norm(previous, own, 1, searching=searching)

    def forward(self, before: Tensor, previous: Tensor, *context: object) -> Tensor:
        first = None if self.first is None else self.first(before)
        second = None if self.second is None else self.second(previous)
        return self.body([first, second], *context)  # type: ignore[no-any-return]


class CellNetwork(nn.Module):
    """Stem, three stages of cells with reductions between them, pooling, classifier.

    Args:
        template: The cell family, which decides the skeleton.
        channels: Channels of a node in the first stage.
        cells: Normal cells a stage.
        n_classes: Number of outputs.
        make_body: Makes what stands inside each cell.
        dropout: Dropout before the classifier, fraction in [0, 1).
        searching: See `nas.networks.operations.norm`.
        stem_stride: 2 lets the cells work at half of the side, for a search at a quarter of the cost.
    """

    def __init__(
        self,
        template: CellTemplate,
        channels: int,
        cells: int,
        n_classes: int,
        make_body: MakeBody,
        *,
        dropout: float = 0.0,
        searching: bool = False,
        stem_stride: int = 1,
    ) -> None:
        super().__init__()
        self.two_inputs = template.n_inputs == 2
        stem = STEM_FACTOR * channels if self.two_inputs else channels
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 3, stem_stride, padding=1, bias=False), norm(stem, searching=searching)
        )
        self.layers = nn.ModuleList()
        last = self._add_nasnet if self.two_inputs else self._add_benchmark
        width = last(channels, cells, make_body, stem, searching)
        self.drop = nn.Dropout(dropout)
        self.classifier = nn.Linear(width, n_classes)

    def get_classifier(self) -> nn.Linear:
        """Returns the classifier, by the name that timm's networks give it."""
        return self.classifier

    def forward(self, x: Tensor, *context: object) -> Tensor:
        """Maps (N, 3, R, R) to (N, n_classes) logits; `context` is handed to every body."""
        before = previous = self.stem(x)
        for layer in self.layers:
            if isinstance(layer, _Cell):
                before, previous = previous, layer(before, previous, *context)
            elif isinstance(layer, ResidualReduction | nn.Sequential):
                previous = layer(previous)
            else:
                previous = layer([previous], *context)
        pooled = previous.mean(dim=(2, 3))  # (N, width)
        logits: Tensor = self.classifier(self.drop(pooled))
        return logits

    def _add_benchmark(
        self, channels: int, cells: int, make_body: MakeBody, _stem: int, searching: bool
    ) -> int:
        for stage in range(CELL_STAGES):
            if stage:
                step = ResidualReduction(channels, 2 * channels, searching=searching)
                self.layers.append(step)
                channels *= 2
            self.layers.extend(make_body(channels, False) for _ in range(cells))
        self.layers.append(nn.Sequential(norm(channels, searching=searching), nn.ReLU()))
        return channels

    def _add_nasnet(self, channels: int, cells: int, make_body: MakeBody, stem: int, searching: bool) -> int:
        before = previous = stem
        halve = False  # the cell before was a reduction, so the input before it is twice as large
        for stage in range(CELL_STAGES):
            for number in range(cells + (stage > 0)):
                reduces = stage > 0 and number == 0
                channels *= 2 if reduces else 1
                body = make_body(channels, reduces)
                widths = (before, previous, channels)
                self.layers.append(_Cell(body, widths, halve=halve, searching=searching))
                before, previous, halve = previous, channels * int(body.width), reduces  # type: ignore[arg-type]
        return previous


def build_cells(architecture: CellArchitecture, n_classes: int, dropout: float) -> CellNetwork:
    """Builds the network of a cell architecture with fresh weights.

    Raises:
        SpaceError: If the architecture cannot be built.
    """
    template = TEMPLATES.get(architecture.template)
    if template is None:
        raise SpaceError(f"There is no cell family {architecture.template!r}.")
    if min(architecture.channels, architecture.cells) < 1 or architecture.resolution % 4:
        raise SpaceError("Cells need channels, at least one cell a stage and a side that is a multiple of 4.")

    def body(channels: int, reduces: bool) -> nn.Module:
        edges = architecture.reduction if reduces else architecture.normal
        return FixedBody(template, edges, channels, 2 if reduces else 1)

    return CellNetwork(template, architecture.channels, architecture.cells, n_classes, body, dropout=dropout)
