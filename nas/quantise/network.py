"""A trained network as a straight list of steps with batch norms folded: what is quantised and exported.

Every step writes one tensor. While the network simulates, weights are rounded and so is every tensor that a
step writes, the input included; the logits stay as they are. First and last layer: their weights have 8
bits where others have fewer than 7, as in HAQ (Wang et al. 2019).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from nas.architecture import Architecture, MBConvArchitecture
from nas.errors import ExportError
from nas.export.graph import block_layers, fold_norm, same_padding
from nas.quantise.layers import Activation, Layer, Range

Operation = Literal["layer", "add", "mul", "sigmoid", "pool"]
IMAGE = 0
"""Number of the input tensor."""

# `nas.data.preprocess` maps grey levels 0..255 to -1..1. Steps of 1/127 hold -1, 0 and 1 exactly; with steps
# of 2/255 every grey level would lie in the middle between two of them, where rounding is a matter of luck.
_IMAGE_RANGE = (-1.0, 128 / 127)


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes:
        op: What it does; `pool` is the average over a map, (N, C, 1, 1).
        reads: Tensors it reads, by number.
        writes: Tensor it writes.
        layer: Its weights, a position in `QuantNetwork.layers`; -1 for none.
        group: Name of the part of the network that gets one bit-width: stem, a block, head or classifier.
    """

    op: Operation
    reads: tuple[int, ...]
    writes: int
    layer: int = -1
    group: str = ""


class QuantNetwork(nn.Module):
    """The steps with their weights and ranges; (N, 3, R, R) normalised -> (N, K) logits.

    Attributes:
        steps: In order.
        resolution: Side R of the input.
        simulated: False computes the network in float, with whatever weights it has.
    """

    def __init__(self, steps: Sequence[Step], layers: Sequence[Layer], resolution: int) -> None:
        super().__init__()
        self.steps = tuple(steps)
        self.resolution = resolution
        self.simulated = False
        self._layers = nn.ModuleList(layers)
        self._ranges = nn.ModuleList(Range() for _ in range(len(steps) + 1))
        self.range_of(IMAGE).set(*_IMAGE_RANGE)
        self.range_of(IMAGE).fixed = True
        self.range_of(self.steps[-1].writes).bits = None
        last = {tensor: step.writes for step in self.steps for tensor in step.reads}
        self._frees = {step.writes: [t for t in set(step.reads) if last[t] == step.writes] for step in steps}

    @property
    def layers(self) -> list[Layer]:
        """The layers with weights, in order."""
        return cast(list[Layer], list(self._layers))

    @property
    def ranges(self) -> list[Range]:
        """The ranges, one a tensor."""
        return cast(list[Range], list(self._ranges))

    def range_of(self, tensor: int) -> Range:
        """Returns the range of a tensor."""
        return cast(Range, self._ranges[tensor])

    def layer_steps(self) -> list[tuple[Step, Layer]]:
        """Returns the steps that have weights, with these."""
        return [(step, self.layers[step.layer]) for step in self.steps if step.layer >= 0]

    def frees(self, step: Step) -> list[int]:
        """Returns the tensors that a step is the last to read."""
        return self._frees[step.writes]

    def groups(self) -> list[str]:
        """Returns the names of the groups with weights, in order."""
        return list(dict.fromkeys(step.group for step, _ in self.layer_steps()))

    def twin(self, *, simulated: bool) -> QuantNetwork:
        """Returns a copy with weights of its own."""
        made = copy.deepcopy(self)
        made.simulated = simulated
        return made

    def forward(self, x: Tensor) -> Tensor:
        """Returns the logits."""
        for _step, _made, values in self.walk(x):
            x = values
        return x.flatten(1)

    def walk(
        self, x: Tensor, run: Callable[[Step, Sequence[Tensor]], Tensor] | None = None
    ) -> Iterator[tuple[Step, list[Tensor], Tensor]]:
        """Yields each step with what it reads and what it writes.

        Args:
            x: The input.
            run: Computes a step instead of `self.run`.
        """
        run = run or self.run
        alive = {IMAGE: self.rounded(IMAGE, x)}
        for step in self.steps:
            inputs = [alive[tensor] for tensor in step.reads]
            made = run(step, inputs)
            yield step, inputs, made
            alive[step.writes] = made
            for tensor in self.frees(step):
                del alive[tensor]

    def rounded(self, tensor: int, values: Tensor) -> Tensor:
        """Returns a tensor as the network holds it."""
        return cast(Tensor, self._ranges[tensor](values)) if self.simulated else values

    def run(self, step: Step, inputs: Sequence[Tensor]) -> Tensor:
        """Computes one step, its rounding included."""
        return self.rounded(step.writes, self.finish(step, self.begin(step, inputs)))

    def begin(self, step: Step, inputs: Sequence[Tensor]) -> Tensor:
        """Computes one step before its activation."""
        if step.op == "layer":
            layer = self.layers[step.layer]
            return layer.linear_part(inputs[0], *self.weights_of(step))
        if step.op == "pool":
            return inputs[0].mean(dim=(2, 3), keepdim=True)
        if step.op == "sigmoid":
            return inputs[0].sigmoid()
        return inputs[0] + inputs[1] if step.op == "add" else inputs[0] * inputs[1]

    def finish(self, step: Step, values: Tensor) -> Tensor:
        """Applies a step's activation."""
        return self.layers[step.layer].act(values) if step.op == "layer" else values

    def weights_of(self, step: Step) -> tuple[Tensor, Tensor]:
        """Returns weight and bias as the network uses them."""
        layer = self.layers[step.layer]
        if not self.simulated:
            return layer.weight, layer.bias
        source = self.range_of(step.reads[0])
        if source.bits is None or source.bits + layer.bits > 16:  # wider sums than 32 bits: the bias is exact
            return layer.rounded_weight(), layer.bias
        return layer.rounded_weight(), layer.rounded_bias(source.scale)

    def settle(self) -> None:
        """Keeps all biases within 32 bits; to be called after scales, ranges or biases have changed."""
        for step, layer in self.layer_steps():
            layer.make_room_for_bias(self.range_of(step.reads[0]).scale)


def edge_groups(network: QuantNetwork) -> tuple[str, str]:
    """Returns the groups of the first and of the last layer, which keep at least 8 bits."""
    names = network.groups()
    return names[0], names[-1]


def runs_as_integers(network: QuantNetwork) -> bool:
    """True if it can be an integer graph: weights of 7 or 8 bits, activations of 8."""
    activations = {each.bits for each in network.ranges} - {None}
    return activations == {8} and {layer.bits for layer in network.layers} <= {7, 8}


def fold_network(module: nn.Module, architecture: Architecture) -> QuantNetwork:
    """Returns a trained network with batch norms folded, computing in float; the module is left as it is.

    Args:
        module: A network of `nas.networks.build_network`.
        architecture: Its architecture.

    Raises:
        ExportError: If it is not a network of MBConv blocks, or holds something unknown.
    """
    if not isinstance(architecture, MBConvArchitecture):
        raise ExportError(
            "Only networks of MBConv blocks can be quantised yet; "
            "choose one of the spaces lite-elastic and mbconv."
        )
    return _Folder(architecture.resolution).fold(module)


class _Folder:
    """Walks a network of blocks as timm's forward does; see `nas.export.graph`."""

    def __init__(self, resolution: int) -> None:
        self.resolution = self.side = resolution
        self.steps: list[Step] = []
        self.layers: list[Layer] = []
        self.group = ""

    def fold(self, module: nn.Module) -> QuantNetwork:
        net = cast(Any, module)
        self.group = "stem"
        x = self.conv(IMAGE, net.conv_stem, net.bn1)
        for number, stage in enumerate(net.blocks):
            for position, block in enumerate(stage):
                self.group = f"block {number + 1}.{position + 1}"
                x = self.block(x, block)
        self.group = "head"
        x = self.conv(x, net.conv_head, net.bn2)
        x = self.add("pool", x)
        self.group = "classifier"
        # (N, C, 1, 1) in, so that the pooled tensor needs no reshaping between integers
        weight = net.classifier.weight.detach()[:, :, None, None]
        self.layer(x, Layer(weight, net.classifier.bias.detach()))
        return QuantNetwork(self.steps, self.layers, self.resolution)

    def block(self, x: int, block: Any) -> int:
        shortcut = x
        for layer in block_layers(block):
            x = self.conv(x, *layer) if isinstance(layer, tuple) else self.squeeze_excite(x, layer)
        return self.add("add", x, shortcut) if block.has_skip else x

    def conv(self, x: int, conv: nn.Conv2d, norm: Any, act: Any = None) -> int:
        act = act if norm is None else getattr(norm, "act", None)
        weight, bias = (torch.from_numpy(each) for each in fold_norm(conv, norm))
        kernel, stride = conv.kernel_size[0], conv.stride[0]
        padding = same_padding(self.side, kernel, stride)
        self.side = -(-self.side // stride)
        kind = _activation_kind(act)
        fused: Activation = "none" if kind == "swish" else kind
        layer = Layer(
            weight,
            bias,
            stride=stride,
            padding=padding,
            groups=conv.groups,
            activation=fused,
            normed=norm is not None,
        )
        made = self.layer(x, layer)
        return self.add("mul", made, self.add("sigmoid", made)) if kind == "swish" else made

    def squeeze_excite(self, x: int, layer: Any) -> int:
        side, self.side = self.side, 1
        gate = self.conv(self.add("pool", x), layer.conv_reduce, None, layer.act1)
        gate = self.add("sigmoid", self.conv(gate, layer.conv_expand, None))
        self.side = side
        return self.add("mul", x, gate)

    def layer(self, x: int, layer: Layer) -> int:
        self.layers.append(layer)
        return self.add("layer", x, layer=len(self.layers) - 1)

    def add(self, op: Operation, *reads: int, layer: int = -1) -> int:
        writes = len(self.steps) + 1
        self.steps.append(Step(op, reads, writes, layer, self.group))
        return writes


def _activation_kind(layer: Any) -> Literal["none", "relu", "relu6", "swish"]:
    if layer is None or isinstance(layer, nn.Identity):
        return "none"
    if isinstance(layer, nn.ReLU6):
        return "relu6"
    if isinstance(layer, nn.ReLU):
        return "relu"
    if isinstance(layer, nn.SiLU) or type(layer).__name__ == "Swish":
        return "swish"
    raise ExportError(f"The activation {type(layer).__name__} cannot be quantised yet.")
