"""A network as data: what a search space decodes to and what `nas.networks` builds. No torch here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

from nas.cells import Edge

Operator = Literal["ds", "ir", "er"]
"""Depthwise-separable, inverted residual (MBConv), fused MBConv: timm's names."""


@dataclass(frozen=True)
class Stage:
    """A run of equal blocks; the first one carries the stride and the change of width.

    Attributes:
        op: Block type.
        kernel: Depthwise (or fused) kernel size: 3, 5 or 7.
        expansion: Expansion ratio of the inverted bottleneck, >= 1.
        se_ratio: Squeeze-excite ratio, 0 for none.
        depth: Number of blocks, >= 1.
        channels: Output channels, >= 1.
        stride: Stride of the first block: 1 or 2.
    """

    op: Operator
    kernel: int
    expansion: float
    se_ratio: float
    depth: int
    channels: int
    stride: int


@dataclass(frozen=True)
class MBConvArchitecture:
    """A MobileNet-like network at one input resolution (pixels of a square input)."""

    resolution: int
    stem_channels: int
    head_channels: int
    stages: tuple[Stage, ...]
    activation: Literal["relu6", "swish"] = "relu6"
    kind: ClassVar[str] = "mbconv"


@dataclass(frozen=True)
class TimmArchitecture:
    """A network that timm knows by name: the hand-made baselines."""

    resolution: int
    name: str
    kind: ClassVar[str] = "timm"


@dataclass(frozen=True)
class CellArchitecture:
    """A network that repeats one or two cells, see `nas.cells`.

    Three stages of equal cells with a reduction between them that halves the side and doubles the channels:
    a residual block in the style of NAS-Bench-201, the reduction cell in that of NASNet and DARTS.

    Attributes:
        resolution: Side of the square input in pixels, a multiple of 4.
        template: Name of a cell family.
        channels: Channels of a node in the first stage, >= 1.
        cells: Normal cells a stage, >= 1.
        normal: Live edges of the normal cell.
        reduction: Live edges of the reduction cell; empty in the style of NAS-Bench-201.
    """

    resolution: int
    template: Literal["nasbench201", "darts"]
    channels: int
    cells: int
    normal: tuple[Edge, ...]
    reduction: tuple[Edge, ...] = ()
    kind: ClassVar[str] = "cell"


Architecture = MBConvArchitecture | TimmArchitecture | CellArchitecture


def architecture_to_json(architecture: Architecture) -> dict[str, Any]:
    """Returns a JSON-ready dict; `architecture_from_json` is its inverse."""
    # Not asdict: it copies every value deeply, and pages write hundreds of architectures.
    plain = {
        name: tuple(dict(vars(part)) for part in value) if isinstance(value, tuple) else value
        for name, value in vars(architecture).items()
    }
    return {"kind": architecture.kind, **plain}


def architecture_from_json(data: dict[str, Any]) -> Architecture:
    """Rebuilds an architecture.

    Raises:
        ValueError: If `kind` is unknown.
    """
    fields = {key: value for key, value in data.items() if key != "kind"}
    if data.get("kind") == MBConvArchitecture.kind:
        fields["stages"] = tuple(Stage(**stage) for stage in fields["stages"])
        return MBConvArchitecture(**fields)
    if data.get("kind") == TimmArchitecture.kind:
        return TimmArchitecture(**fields)
    if data.get("kind") == CellArchitecture.kind:
        for cell in ("normal", "reduction"):
            fields[cell] = tuple(Edge(**edge) for edge in fields[cell])
        return CellArchitecture(**fields)
    raise ValueError(f"unknown architecture kind {data.get('kind')!r}")


@lru_cache(maxsize=16_384)
def architecture_key(architecture: Architecture) -> str:
    """Returns 16 hex digits that are equal exactly for equal architectures (also across processes)."""
    text = json.dumps(architecture_to_json(architecture), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
