"""Compound scaling of a found base network: depth, width and resolution together (Tan & Le 2019).

Depth grows by alpha^phi, width by beta^phi and resolution by gamma^phi with alpha * beta^2 * gamma^2
near 2, so that one step of phi about doubles the MACs (equations 2 and 3 of the paper). Stem, head and
the depth of the first and last stage stay, as in EfficientNet-Lite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from nas.architecture import MBConvArchitecture, Stage
from nas.cost import macs
from nas.errors import SpaceError
from nas.spaces.widths import round_channels

MIN_RESOLUTION = 32
DEFAULT_MAX_RESOLUTION = 512


@dataclass(frozen=True)
class Coefficients:
    """How one unit of phi is spent.

    Attributes:
        alpha: Factor of depth, >= 1.
        beta: Factor of width, >= 1.
        gamma: Factor of resolution, >= 1.
    """

    alpha: float
    beta: float
    gamma: float

    @property
    def macs_factor(self) -> float:
        """MACs that one unit of phi multiplies, in theory: alpha * beta^2 * gamma^2."""
        return self.alpha * self.beta**2 * self.gamma**2


EFFICIENTNET = Coefficients(1.2, 1.1, 1.15)
"""What the grid search of Tan & Le (2019, section 4) found for EfficientNet-B0."""

DEPTH_ONLY = Coefficients(2.0, 1.0, 1.0)
WIDTH_ONLY = Coefficients(1.0, 1.41, 1.0)
RESOLUTION_ONLY = Coefficients(1.0, 1.0, 1.41)

GRID: tuple[Coefficients, ...] = (
    EFFICIENTNET,
    RESOLUTION_ONLY,
    Coefficients(1.1, 1.1, 1.22),  # mostly resolution
    Coefficients(1.4, 1.1, 1.1),  # mostly depth
    Coefficients(1.0, 1.12, 1.26),  # width and resolution
    DEPTH_ONLY,
    WIDTH_ONLY,
    Coefficients(1.41, 1.0, 1.19),  # depth and resolution
)
"""The small grid around the base; every entry about doubles the MACs. What matters most comes first, for a
short run trains the beginning only."""


@dataclass(frozen=True)
class Released:
    """A member of EfficientNet's family as it was released: factors over B0, rounded by hand.

    Attributes:
        name: Of the network.
        width: Factor of width.
        depth: Factor of depth.
        resolution: Side of the input in pixels; B0's is 224.
    """

    name: str
    width: float
    depth: float
    resolution: int

    @property
    def phi(self) -> float:
        """The phi at which the formula gives the released depth."""
        return float(math.log(self.depth) / math.log(EFFICIENTNET.alpha))

    @property
    def formula_width(self) -> float:
        """Factor of width by the formula at that phi."""
        return float(EFFICIENTNET.beta**self.phi)

    @property
    def formula_resolution(self) -> float:
        """Side in pixels by the formula at that phi."""
        return float(_B0_SIDE * EFFICIENTNET.gamma**self.phi)

    def to_json(self) -> dict[str, float | str]:
        """Returns released values and formula side by side."""
        return {
            "name": self.name,
            "phi": round(self.phi, 2),
            "depth": self.depth,
            "width": self.width,
            "formula_width": round(self.formula_width, 2),
            "resolution": self.resolution,
            "formula_resolution": round(self.formula_resolution),
        }


_B0_SIDE = 224
RELEASED: tuple[Released, ...] = (
    Released("B1", 1.0, 1.1, 240),
    Released("B2", 1.1, 1.2, 260),
    Released("B3", 1.2, 1.4, 300),
    Released("B4", 1.4, 1.8, 380),
    Released("B5", 1.6, 2.2, 456),
    Released("B6", 1.8, 2.6, 528),
    Released("B7", 2.0, 3.1, 600),
)
"""What the authors' code (tensorflow/tpu, efficientnet_builder.py) builds: near the formula, not equal."""


def scale(
    base: MBConvArchitecture,
    coefficients: Coefficients,
    phi: float,
    *,
    resolution_step: int = 16,
    max_resolution: int = DEFAULT_MAX_RESOLUTION,
) -> MBConvArchitecture:
    """Scales a base network by phi.

    Width rounds to multiples of 8 by the usual 90% rule. Depth rounds away from the base (up for phi > 0,
    as in the paper) or to the nearest, and the resolution goes to the multiple of `resolution_step` below
    or above: of these combinations the one whose MACs are nearest to 2^phi times the base's is taken.
    Rounding a stage of one block up doubles it; without this choice a step of phi could mean anything
    between 1.4 and 3 times the MACs, and the entries of a grid would not compare.

    Args:
        base: Network at phi 0.
        coefficients: Share of depth, width and resolution.
        phi: Any real number; 0 returns the base itself.
        resolution_step: Resolutions are multiples of it, pixels.
        max_resolution: Largest resolution worth using, pixels; at least 32.

    Returns:
        The scaled network. Its MACs miss 2^phi where `max_resolution` binds or where every
        stage is already at one block: compare with `macs_ratio`.

    Raises:
        SpaceError: If `max_resolution` is below 32 or the step is not positive.
    """
    if max_resolution < MIN_RESOLUTION or resolution_step < 1:
        raise SpaceError(f"Scaling needs a largest resolution of at least {MIN_RESOLUTION} pixels.")
    if phi == 0:
        return base
    target = macs(base) * 2.0**phi
    wanted = base.resolution * coefficients.gamma**phi
    options = [
        replace(base, stages=stages, resolution=resolution)
        for stages in _stage_options(base.stages, coefficients, phi)
        for resolution in _resolution_options(wanted, resolution_step, max_resolution)
    ]
    return min(options, key=lambda option: abs(math.log(macs(option) / target)))


def macs_ratio(base: MBConvArchitecture, scaled: MBConvArchitecture) -> float:
    """Returns the MACs of `scaled` over those of `base`, to set beside the predicted 2^phi."""
    return macs(scaled) / macs(base)


def _stage_options(
    stages: tuple[Stage, ...], coefficients: Coefficients, phi: float
) -> list[tuple[Stage, ...]]:
    """Returns the scaled stages under each rounding of depth."""
    width, depth = coefficients.beta**phi, coefficients.alpha**phi
    roundings: list[Callable[[float], int]] = [_ceil, _nearest] if phi > 0 else [_floor, _nearest]
    return [
        tuple(
            replace(
                stage,
                channels=round_channels(stage.channels * width),
                depth=stage.depth if index in (0, len(stages) - 1) else max(1, rounding(stage.depth * depth)),
            )
            for index, stage in enumerate(stages)
        )
        for rounding in roundings
    ]


def _resolution_options(wanted: float, step: int, largest: int) -> list[int]:
    """Returns the multiples of `step` around `wanted` that lie between 32 and `largest` pixels."""
    top = max(MIN_RESOLUTION, largest // step * step)
    low = _ceil(MIN_RESOLUTION / step) * step
    around = (_floor(wanted / step) * step, _ceil(wanted / step) * step)
    return sorted({min(max(side, low), max(top, low)) for side in around})


def _ceil(value: float) -> int:
    # A product such as 2 * 1.5 may come out a hair above the whole number it means.
    return math.ceil(value - 1e-9)


def _floor(value: float) -> int:
    return math.floor(value + 1e-9)


def _nearest(value: float) -> int:
    return math.floor(value + 0.5)
