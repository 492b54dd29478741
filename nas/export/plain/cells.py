"""Networks of cells as code: each cell with its wiring written out, then the list of cells."""

from __future__ import annotations

from typing import Any, cast

from torch import nn

from nas.architecture import CellArchitecture
from nas.cells import SKIP, TEMPLATES
from nas.errors import ExportError
from nas.export.plain.parts import with_parts
from nas.networks.cells import FixedBody, ResidualReduction
from nas.networks.operations import FactorizedReduce

_BODY = """\
class {name}(nn.Module):
    \"\"\"{about}\"\"\"

    def __init__(self, channels: int) -> None:
        super().__init__()
{operations}

    def forward(self, {arguments}) -> Tensor:
        \"\"\"{shapes}\"\"\"
{sums}"""

_NETWORK = """\
class Network(nn.Module):
    \"\"\"Normalised pixels in, logits out; the names are those of model.safetensors.\"\"\"

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, {stem}, 3, padding=1, bias=False),
            nn.BatchNorm2d({stem}),
        )
        self.layers = nn.ModuleList(
            [
{layers}
            ]
        )
        self.classifier = nn.Linear({width}, {n_classes})

    def forward(self, x: Tensor) -> Tensor:
        \"\"\"(N, 3, {side}, {side}) -> (N, {n_classes}).\"\"\"
{walk}"""

_WALK_ONE = """\
        x = self.stem(x)
        for layer in self.layers:
            x = layer(x)
        return self.classifier(x.mean(dim=(2, 3)))"""

_WALK_TWO = """\
        before = previous = self.stem(x)
        for cell in self.layers:
            before, previous = previous, cell(before, previous)
        return self.classifier(previous.mean(dim=(2, 3)))"""

_OPERATIONS = {
    "nor_conv": "relu_conv_norm(channels, channels, {kernel}{stride})",
    "sep_conv": "separable(channels, {kernel}, stride={step})",
    "dil_conv": "dilated(channels, {kernel}, stride={step})",
    "max_pool": "nn.MaxPool2d({kernel}, stride={step}, padding={half})",
    "avg_pool": "nn.AvgPool2d({kernel}, stride={step}, padding={half}, count_include_pad=False)",
}
_ONE_INPUT, _TWO_INPUTS, _REDUCTION = "NormalCell", "NormalBody", "ReductionBody"
_ABOUT = {
    _ONE_INPUT: "The cell that was searched for: each node is a sum of operations on earlier ones.",
    _TWO_INPUTS: "The nodes of a normal cell: each is a sum of operations on earlier ones.",
    _REDUCTION: "The nodes of a cell that halves the side: each is a sum of operations on earlier ones.",
}


def cells_code(module: nn.Module, architecture: CellArchitecture) -> str:
    """Returns the class `Network` of a network of `nas.networks.cells.build_cells`, with its parts.

    Raises:
        ExportError: If it holds something for which there is no part.
    """
    net = cast(Any, module)
    two = TEMPLATES[architecture.template].n_inputs == 2
    network = _NETWORK.format(
        stem=net.stem[0].out_channels,
        layers="\n".join(f"{' ' * 16}{_layer(layer)}," for layer in net.layers),
        width=net.classifier.in_features,
        n_classes=net.classifier.out_features,
        side=architecture.resolution,
        walk=_WALK_TWO if two else _WALK_ONE,
    )
    bodies: dict[str, str] = {}
    for layer in net.layers:
        body = getattr(layer, "body", layer)
        if isinstance(body, FixedBody) and _name(body) not in bodies:
            bodies[_name(body)] = _body_code(body)
    return "\n" + with_parts("cells.py", "\n\n\n".join([*bodies.values(), network]))


def _name(body: FixedBody) -> str:
    if body.template.n_inputs == 1:
        return _ONE_INPUT
    return _REDUCTION if body.stride == 2 else _TWO_INPUTS


def _layer(layer: Any) -> str:
    if isinstance(layer, FixedBody):
        return _body_call(layer)
    if isinstance(layer, ResidualReduction):
        conv = cast(Any, layer.first)[1]
        return f"ResidualReduction({conv.in_channels}, {conv.out_channels})"
    if isinstance(layer, nn.Sequential):
        return f"nn.Sequential(nn.BatchNorm2d({cast(Any, layer[0]).num_features}), nn.ReLU())"
    return f"Cell({_preparation(layer.first)}, {_preparation(layer.second)}, {_body_call(layer.body)})"


def _preparation(layer: Any) -> str:
    if layer is None:
        return "None"
    if isinstance(layer, FactorizedReduce):
        return f"FactorizedReduce({layer.even.in_channels}, {layer.bn.num_features})"
    return f"relu_conv_norm({layer[1].in_channels}, {layer[1].out_channels}, 1)"


def _body_call(body: FixedBody) -> str:
    return f"{_name(body)}({body.channels})"


def _body_code(body: FixedBody) -> str:
    template = body.template
    inputs = [f"n{number}" for number in range(template.n_inputs)]
    unread = [f"n{number}" for number in range(template.n_inputs) if number not in body.inputs]
    arguments = ", ".join(f"{name}: None" if name in unread else f"{name}: Tensor" for name in inputs)
    return _BODY.format(
        name=_name(body),
        about=_ABOUT[_name(body)],
        operations=_operations(body),
        arguments=arguments,
        shapes=f"(N, channels, S, S) -> (N, {_times(body.width)}channels, {_side(body.stride)}).",
        sums="\n".join(f"{' ' * 8}{line}" for line in _sums(body)),
    )


def _operations(body: FixedBody) -> str:
    if not body.edges:
        return f"{' ' * 8}self.ops = nn.ModuleList()  # nothing is connected"
    lines = [
        f"{' ' * 16}{_operation(edge.op, body.stride if edge.source < body.template.n_inputs else 1)},"
        f"  # n{edge.source} -> n{edge.target}"
        for edge in body.edges
    ]
    opening = f"{' ' * 8}self.ops = nn.ModuleList(\n{' ' * 12}[\n"
    return opening + "\n".join(lines) + f"\n{' ' * 12}]\n{' ' * 8})"


def _operation(op: str, stride: int) -> str:
    if op == SKIP:
        return "nn.Identity()" if stride == 1 else "FactorizedReduce(channels, channels)"
    kind, _, size = op.rpartition("_")
    if kind not in _OPERATIONS:
        raise ExportError(f"The operation {op} cannot be written as code yet.")
    kernel = int(size.partition("x")[0])
    step = "" if stride == 1 else f", stride={stride}"
    return _OPERATIONS[kind].format(kernel=kernel, stride=step, step=stride, half=kernel // 2)


def _sums(body: FixedBody) -> list[str]:
    """Returns the statements of forward: each node is the sum of what enters it, in order."""
    terms: dict[int, list[str]] = {}
    for number, edge in enumerate(body.edges):
        terms.setdefault(edge.target, []).append(f"self.ops[{number}](n{edge.source})")
    lines = [f"n{target} = {' + '.join(added)}" for target, added in terms.items()]
    if not body.ends:
        last = f"n{body.template.n_inputs - 1}"
        part = last if body.stride == 1 else f"{last}[:, :, :: {body.stride}, :: {body.stride}]"
        return [f"return {part} * 0"]
    if len(body.ends) == 1:
        return [*lines, f"return n{body.ends[0]}"]
    return [*lines, f"return torch.cat([n{', n'.join(map(str, body.ends))}], dim=1)"]


def _times(width: int) -> str:
    return "" if width == 1 else f"{width} * "


def _side(stride: int) -> str:
    return "S, S" if stride == 1 else f"S / {stride}, S / {stride}"
