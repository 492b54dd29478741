"""Weights of one MBConv network for another one that is narrower, shallower, wider, deeper or all of it.

The mechanism is one: every tensor of the child gets a source tensor of the parent and, for its output and
input channels, a map that says which channel of the parent each one comes from (-1: it is new).

Shrinking keeps the channels that matter most, consistently along a residual stream, the first blocks of each
stage and the centre of each kernel. Growing leaves the function as it was (Net2Net, Chen et al. 2016): old
outputs read new channels with zero weight, new blocks are residual with a last batch-norm gamma of zero,
larger kernels are zero outside the old one. New channels are fresh and not zero, so that gradients flow.
(One exception: where the new widths give or take the first block of a stage its shortcut.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas.architecture import MBConvArchitecture, Stage
from nas.networks.channels import channel_map, identity, mid_importance, resize_kernel, stream_importance

_LAYERS = {
    "ds": (("conv_dw", "bn1"), ("conv_pw", "bn2")),
    "ir": (("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3")),
    "er": (("conv_exp", "bn1"), ("conv_pwl", "bn2")),
}
"""Convolution and batch norm of each layer of a block, in order, as timm names them."""


@dataclass(frozen=True)
class Inheritance:
    """What became of the child's tensors (convolutions, batch norms, classifier; each counted once).

    Attributes:
        copied: Taken as they were.
        cropped: Channels or kernels left out.
        grown: Extended by new channels or kernel positions.
        fresh: Not inherited, drawn at random.
        identical: True if the child is the parent but for a fresh classifier; resolution included.
        description: One plain sentence.
    """

    copied: int
    cropped: int
    grown: int
    fresh: int
    identical: bool
    description: str


def inherit(
    child: nn.Module,
    child_architecture: MBConvArchitecture,
    parent_state: Mapping[str, Tensor],
    parent_architecture: MBConvArchitecture,
) -> Inheritance:
    """Fills a freshly built network with a parent's weights, in place.

    Args:
        child: A network of `build_network(child_architecture, ...)`.
        child_architecture: Its architecture.
        parent_state: State dict of the parent in timm's layout; the classifier may be missing.
        parent_architecture: Its architecture.
    """
    heir = _Heir(child.state_dict(), parent_state, parent_architecture)
    with torch.no_grad():
        heir.take_all(child_architecture)
    counts = heir.counts
    same_size = child_architecture.resolution == parent_architecture.resolution
    changed = counts["cropped"] + counts["grown"] + counts["fresh"] - heir.fresh_classifier
    same_depth = [stage.depth for stage in child_architecture.stages] == [
        stage.depth for stage in parent_architecture.stages
    ]
    return Inheritance(
        copied=counts["copied"],
        cropped=counts["cropped"],
        grown=counts["grown"],
        fresh=counts["fresh"],
        identical=same_size and same_depth and changed == 0,
        description=", ".join(f"{counts[kind]} layers {kind}" for kind in _KINDS if counts[kind]),
    )


_KINDS = ("copied", "cropped", "grown", "fresh")


class _Heir:
    """Walks child and parent together."""

    def __init__(
        self,
        child: Mapping[str, Tensor],
        parent: Mapping[str, Tensor],
        parent_architecture: MBConvArchitecture,
    ) -> None:
        self.child, self.parent = child, parent
        self.parent_stages = parent_architecture.stages
        self.counts: Counter[str] = Counter()
        self.fresh_classifier = 0

    def take_all(self, architecture: MBConvArchitecture) -> None:
        stem = self.stem_map(architecture.stem_channels)
        self.conv("conv_stem", "conv_stem", stem, identity(3))
        self.norm("bn1", "bn1", stem)
        stream = stem
        for index, stage in enumerate(architecture.stages):
            stream = self.take_stage(index, stage, stream)
        head = channel_map(architecture.head_channels, self.parent["bn2.weight"].abs())
        if len(architecture.stages) == len(self.parent_stages):
            self.conv("conv_head", "conv_head", head, stream)
            self.norm("bn2", "bn2", head)
        else:
            self.counts["fresh"] += 2
        self.take_classifier(head)

    def take_stage(self, index: int, stage: Stage, stream: Tensor) -> Tensor:
        """Fills one stage and returns the map of its output channels."""
        if index >= len(self.parent_stages):
            self.counts["fresh"] += 2 * len(_LAYERS[stage.op]) * stage.depth
            return torch.full((stage.channels,), -1)
        source = self.parent_stages[index]
        outputs = self.stage_map(index, stage)
        for number in range(stage.depth):
            block = f"blocks.{index}.{number}."
            if source.op != stage.op:
                self.counts["fresh"] += 2 * len(_LAYERS[stage.op])
            elif number < source.depth:
                self.take_block(block, stage.op, stream, outputs)
            else:
                self.silence_new_block(block, stage.op)
            stream = outputs
        return outputs

    def take_block(self, block: str, op: str, inputs: Tensor, outputs: Tensor) -> None:
        layers = _LAYERS[op]
        mid = self.mid_map(block, op, inputs)
        for number, (conv, norm) in enumerate(layers):
            is_last = number == len(layers) - 1
            if is_last:
                self.squeeze_excite(f"{block}se.", mid)
            outs = outputs if is_last else mid
            ins = inputs if number == 0 else mid
            self.conv(block + conv, block + conv, outs, ins)
            self.norm(block + norm, block + norm, outs)

    def silence_new_block(self, block: str, op: str) -> None:
        """Leaves a block that the parent has not as drawn, but makes its residual branch zero."""
        self.counts["fresh"] += 2 * len(_LAYERS[op])
        last = _LAYERS[op][-1][1]
        self.child[f"{block}{last}.weight"].zero_()
        self.child[f"{block}{last}.bias"].zero_()

    def stem_map(self, n: int) -> Tensor:
        first = _LAYERS[self.parent_stages[0].op][0][0]
        return channel_map(n, stream_importance(self.parent, ["bn1"], [f"blocks.0.0.{first}"]))

    def stage_map(self, index: int, stage: Stage) -> Tensor:
        source = self.parent_stages[index]
        first, last = _LAYERS[source.op][0][0], _LAYERS[source.op][-1][1]
        kept = range(min(stage.depth, source.depth))
        producers = [f"blocks.{index}.{number}.{last}" for number in kept]
        consumers = [f"blocks.{index}.{number}.{first}" for number in kept if number > 0]
        if index + 1 < len(self.parent_stages):
            consumers.append(f"blocks.{index + 1}.0.{_LAYERS[self.parent_stages[index + 1].op][0][0]}")
        else:
            consumers.append("conv_head")
        return channel_map(stage.channels, stream_importance(self.parent, producers, consumers))

    def mid_map(self, block: str, op: str, inputs: Tensor) -> Tensor:
        """Returns the map of the channels between the first and the last convolution of a block."""
        if op == "ds":
            return inputs  # depthwise first: no channels of its own
        (_, norm), (projection, last) = _LAYERS[op][-2:]
        importance = mid_importance(self.parent, block, norm, projection, last)
        return channel_map(self.child[f"{block}{projection}.weight"].shape[1], importance)

    def squeeze_excite(self, key: str, mid: Tensor) -> None:
        if f"{key}conv_reduce.weight" not in self.child:
            return
        if f"{key}conv_reduce.weight" not in self.parent:
            self.counts["fresh"] += 2
            return
        reduce_weight = self.parent[f"{key}conv_reduce.weight"]
        n_child = len(self.child[f"{key}conv_reduce.weight"])
        squeezed = channel_map(n_child, reduce_weight.abs().sum(dim=(1, 2, 3)))
        self.conv(f"{key}conv_reduce", f"{key}conv_reduce", squeezed, mid)
        self.conv(f"{key}conv_expand", f"{key}conv_expand", mid, squeezed)

    def conv(self, key: str, source_key: str, outs: Tensor, ins: Tensor) -> None:
        """Fills a convolution: (out, in, k, k), or (channels, 1, k, k) if depthwise."""
        child, parent = self.child[f"{key}.weight"], self.parent[f"{source_key}.weight"]
        source = resize_kernel(parent, child.shape[-1])
        depthwise = parent.shape[1] == 1 and child.shape[1] == 1
        if depthwise:
            ins = identity(1)
        old_out, old_in = outs >= 0, ins >= 0
        rows = torch.zeros((int(old_out.sum()), *child.shape[1:]))  # new inputs: zero for old outputs
        rows[:, old_in] = source[outs[old_out]][:, ins[old_in]]
        child[old_out] = rows
        if f"{key}.bias" in self.child:
            self.child[f"{key}.bias"][old_out] = self.parent[f"{source_key}.bias"][outs[old_out]]
        self.count(child.shape, parent.shape, outs, ins)

    def norm(self, key: str, source_key: str, outs: Tensor) -> None:
        """Fills a batch norm; new channels keep gamma 1, beta 0, mean 0, variance 1."""
        old = outs >= 0
        for name in ("weight", "bias", "running_mean", "running_var"):
            self.child[f"{key}.{name}"][old] = self.parent[f"{source_key}.{name}"][outs[old]]
        shapes = self.child[f"{key}.weight"].shape, self.parent[f"{source_key}.weight"].shape
        self.count(*shapes, outs, outs)

    def take_classifier(self, head: Tensor) -> None:
        child = self.child["classifier.weight"]  # (classes, head channels)
        parent = self.parent.get("classifier.weight")
        if parent is None or len(parent) != len(child) or bool((head < 0).all()):
            # timm draws a small head with large weights; their gradients would tear the inherited features.
            child.zero_()
            self.child["classifier.bias"].zero_()
            self.counts["fresh"] += 1
            self.fresh_classifier = 1
            return
        old = head >= 0
        child.zero_()
        child[:, old] = parent[:, head[old]]
        self.child["classifier.bias"].copy_(self.parent["classifier.bias"])
        self.count(child.shape, parent.shape, identity(len(child)), head)

    def count(self, child: torch.Size, parent: torch.Size, *maps: Tensor) -> None:
        new = any(bool((each < 0).any()) for each in maps)
        if new or child[-1] > parent[-1]:
            self.counts["grown"] += 1
        elif child != parent:
            self.counts["cropped"] += 1
        else:
            self.counts["copied"] += 1
