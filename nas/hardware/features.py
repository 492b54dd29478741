"""What physics says of a block: work, traffic and shape, as numbers for a regression."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from nas.hardware.blocks import JOINS, MBCONV_OPS, Block
from nas.hardware.groups import group_block
from nas.spaces.widths import round_channels

SUMMED = ("calls", "blocks", "groups", "macs", "moved", "weights", "gates", "joins", "joined")
"""Quantities that add up over the blocks of a network: see `summed_features`."""


_VECTOR = 16
"""Channels that 512-bit vectors of floats hold; with 256 bits, 8, which all widths of the spaces fill."""


class Work(NamedTuple):
    """Work of a block: multiply-accumulates and numbers moved by operator class, weights, fused groups.

    Linear layers and element-wise work, which squeeze-excite has, are put together in `moved_rest`.
    """

    macs_convolution: int = 0
    macs_pointwise: int = 0
    macs_depthwise: int = 0
    macs_linear: int = 0
    moved_convolution: int = 0
    moved_pointwise: int = 0
    moved_depthwise: int = 0
    moved_rest: int = 0
    weights: int = 0
    groups: int = 0

    @property
    def macs(self) -> int:
        """All multiply-accumulates."""
        return sum(self[:4])

    @property
    def moved(self) -> int:
        """All numbers moved."""
        return sum(self[4:8])


@lru_cache(maxsize=200_000)
def work(block: Block) -> Work:
    """Returns the work of a block: that of its fused groups, in closed form for MBConv blocks.

    The closed form is some fifty times faster, and a search meets thousands of such blocks.
    """
    return _mbconv_work(block) if block.op in MBCONV_OPS else _group_work(block)


def _group_work(block: Block) -> Work:
    net = group_block(block)
    total = dict.fromkeys(Work._fields, 0)
    for group in net.groups:
        if group.macs:
            total[f"macs_{group.kind}"] += group.macs
        moved = f"moved_{group.kind}"
        total[moved if moved in total else "moved_rest"] += net.moved(group)
        total["weights"] += group.weights
        total["groups"] += 1
    return Work(**total)


def _mbconv_work(block: Block) -> Work:
    inputs, outputs, taps, squeeze = block.inputs, block.outputs, block.kernel**2, block.squeeze
    before, after = block.side**2, block.out_side**2
    middle = inputs if block.op == "ds" else round_channels(inputs * block.expansion)
    fused, expands = block.op == "er", block.op == "ir"
    project_moved = (middle + outputs) * after + block.skip * inputs * before
    first = (inputs * before + middle * after) if fused else middle * (before + after)
    first_weights = (inputs if fused else 1) * taps * middle + middle
    gated = bool(squeeze)
    return Work(
        macs_convolution=fused * inputs * taps * middle * after,
        macs_pointwise=expands * inputs * middle * before + middle * outputs * after,
        macs_depthwise=(not fused) * taps * middle * after,
        macs_linear=2 * middle * squeeze,
        moved_convolution=fused * first,
        moved_pointwise=expands * (inputs + middle) * before + project_moved,
        moved_depthwise=(not fused) * first,
        moved_rest=gated * (3 * middle * after + 2 * middle + 2 * (middle + squeeze)),
        weights=expands * (inputs * middle + middle)
        + first_weights
        + gated * (2 * middle * squeeze + squeeze + middle)
        + middle * outputs
        + outputs,
        groups=2 + expands + 4 * gated,
    )


def shape_features(blocks: Sequence[Block]) -> np.ndarray:
    """Returns (N, D) features of blocks, sizes as logarithms: what the regression sees.

    Which channels fill whole vectors belongs to them: ONNX Runtime's blocked kernels take only those, and a
    block of others may need half as long again.
    """
    if not blocks:
        return np.zeros((0, 0))
    works = [work(block) for block in blocks]
    sizes = np.array(
        [
            (*w, w.macs, w.moved, b.inputs, b.outputs, b.side, b.out_side, b.squeeze, *_ends(b))
            for w, b in zip(works, blocks, strict=True)
        ],
        dtype=float,
    )
    rest = np.array(
        [
            (
                *(b.kernel, b.stride, b.expansion, b.skip, b.squeeze > 0),
                *(b.op == op for op in MBCONV_OPS),
                *(channels % _VECTOR == 0 for channels in (b.inputs, _middle(b), b.outputs)),
            )
            for b in blocks
        ],
        dtype=float,
    )
    return np.concatenate([np.log1p(sizes), rest], axis=1)


def _middle(block: Block) -> int:
    """Returns the channels between the first and the last convolution of a block."""
    expands = block.op in ("ir", "er")
    return round_channels(block.inputs * block.expansion) if expands else block.inputs


def _ends(block: Block) -> tuple[int, ...]:
    """Returns middle channels, multiply-accumulates of both pointwise convolutions, and sizes of the maps."""
    middle, before, after = _middle(block), block.side**2, block.out_side**2
    return (
        middle,
        (block.op == "ir") * block.inputs * middle * before,
        middle * block.outputs * after,
        middle * after,
        middle * before,
        block.inputs * before,
        block.outputs * after,
    )


def summed_features(block: Block) -> tuple[float, ...]:
    """Returns the quantities of `SUMMED` of one block.

    The call of the runtime; blocks and groups; millions of MACs, of numbers moved and of weights; gates of
    squeeze-excite; joins are sums and concatenations in cells, which no
    probe can show alone, and the millions of numbers that they move.
    """
    done, join = work(block), block.op in JOINS
    moved = done.moved / 1e6
    return (
        float(block.op == "floor"),
        float(not join and block.op != "floor"),
        float(done.groups),
        done.macs / 1e6,
        moved,
        done.weights / 1e6,
        float(block.squeeze > 0),
        float(join),
        moved if join else 0.0,
    )
