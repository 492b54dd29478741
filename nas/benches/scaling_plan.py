"""Which networks the scaling bench trains: a family by phi, and one network a direction at equal latency."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from nas.architecture import MBConvArchitecture
from nas.cost import macs
from nas.errors import SpaceError
from nas.scaling import DEPTH_ONLY, EFFICIENTNET, RESOLUTION_ONLY, WIDTH_ONLY, Coefficients, scale
from nas.spaces.lite import lite0_architecture, lite_architecture

DIRECTIONS: dict[str, Coefficients] = {
    "compound": EFFICIENTNET,
    "resolution": RESOLUTION_ONLY,
    "width": WIDTH_ONLY,
    "depth": DEPTH_ONLY,
}
"""What is scaled, by name."""

FAMILY = (-2.0, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0)
"""Values of phi whose latency is measured, besides 0."""

TRAINED = (-1.0, 1.0, 2.0, -2.0, 0.5)
"""Values of phi that are trained, too, what matters most first."""

_STEP = 8
_FINEST = 20
"""Parts of a unit of phi that the search for an equal latency tells apart."""
_LARGEST_PHI = 3.0
_MEASUREMENTS = 5
_CLOSE = 0.02

Milliseconds = Callable[[MBConvArchitecture], float]


@dataclass(frozen=True)
class Member:
    """A network of the bench.

    Attributes:
        name: Unique within the bench, e.g. ``"width"`` or ``"phi -1"``.
        group: `base`, `ablation` (at equal latency), `weights` (the same with Lite1's or Lite2's own
            ImageNet weights) or `family`.
        architecture: What is built.
        epochs: Passes over the training images.
        latency_ms: Measured.
        phi: How far it was scaled; None for Lite1 and Lite2.
        version: EfficientNet-Lite whose ImageNet weights it starts from; None for the adapted base.
        predicted_ms: 2^phi times the base's latency; None where there is no phi.
        predicted_macs: 2^phi times the base's MACs; None likewise.
    """

    name: str
    group: str
    architecture: MBConvArchitecture
    epochs: float
    latency_ms: float
    phi: float | None = None
    version: int | None = None
    predicted_ms: float | None = None
    predicted_macs: float | None = None


def at_latency(
    base: MBConvArchitecture,
    coefficients: Coefficients,
    target_ms: float,
    milliseconds: Milliseconds,
    largest: int,
) -> tuple[float, MBConvArchitecture]:
    """Returns phi and network of one direction whose measured latency comes nearest to a target.

    Args:
        base: Network at phi 0.
        coefficients: The direction.
        target_ms: Wanted latency in milliseconds, above the base's.
        milliseconds: Measures a network.
        largest: Largest resolution in pixels.

    Raises:
        SpaceError: If no phi up to 3 changes the network.
    """
    steps: dict[MBConvArchitecture, float] = {}
    for tick in range(1, int(_LARGEST_PHI * _FINEST) + 1):
        phi = tick / _FINEST
        steps.setdefault(scale(base, coefficients, phi, resolution_step=_STEP, max_resolution=largest), phi)
    ladder = sorted((one for one in steps if one != base), key=macs)
    if not ladder:
        raise SpaceError("Nothing is left to scale in this direction. Name a smaller resolution.")
    chosen = _nearest(ladder, target_ms, milliseconds)
    return steps[chosen], chosen


def _nearest(
    ladder: list[MBConvArchitecture], target_ms: float, milliseconds: Milliseconds
) -> MBConvArchitecture:
    """Bisects by measured latency, which rises with the MACs but for noise, and keeps the nearest seen."""
    measured: dict[int, float] = {}
    low, high = 0, len(ladder) - 1
    for _ in range(_MEASUREMENTS):
        middle = (low + high) // 2
        measured[middle] = milliseconds(ladder[middle])
        if abs(math.log(measured[middle] / target_ms)) < _CLOSE or low >= high:
            break
        if measured[middle] < target_ms:
            low = middle + 1
        else:
            high = max(low, middle - 1)
    return ladder[min(measured, key=lambda place: abs(math.log(measured[place] / target_ms)))]


def plan(
    resolution: int, factor: float, epochs: float, largest: int, milliseconds: Milliseconds
) -> tuple[list[Member], list[Member]]:
    """Returns the networks at equal latency (the base first) and the family.

    Args:
        resolution: Side of the base in pixels.
        factor: Latency of the ablation's networks over the base's, > 1.
        epochs: Of the base. Networks at `factor` times its latency train `factor` times fewer; members of the
            family as many as take the base's number of multiply-accumulates.
        largest: Largest resolution in pixels that the images have something to show at.
        milliseconds: Measures a network.
    """
    network = lite0_architecture(resolution)
    base_ms = milliseconds(network)
    base = Member("base", "base", network, epochs, base_ms, 0.0, None, base_ms, float(macs(network)))
    equal = [base]
    for name, coefficients in DIRECTIONS.items():
        phi, network = at_latency(base.architecture, coefficients, factor * base_ms, milliseconds, largest)
        member = _scaled(name, network, phi, milliseconds, base)
        equal.append(replace(member, group="ablation", epochs=epochs / factor))
    for version in (1, 2):
        network = _lite_at(version, factor * base_ms, milliseconds, largest)
        name, took = f"Lite{version}, own weights", milliseconds(network)
        equal.append(Member(name, "weights", network, epochs / factor, took, version=version))
    family = []
    for phi in FAMILY:
        network = scale(base.architecture, EFFICIENTNET, phi, resolution_step=_STEP, max_resolution=largest)
        family.append(_scaled(f"phi {phi:g}", network, phi, milliseconds, base))
    return equal, family


def _scaled(
    name: str, network: MBConvArchitecture, phi: float, milliseconds: Milliseconds, base: Member
) -> Member:
    """Returns a member of the family: equal work, so fewer epochs for a larger network."""
    work = macs(network) / macs(base.architecture)
    return Member(
        name,
        "family",
        network,
        base.epochs / work,
        milliseconds(network),
        phi,
        predicted_ms=2.0**phi * base.latency_ms,
        predicted_macs=2.0**phi * macs(base.architecture),
    )


def _lite_at(version: int, target_ms: float, milliseconds: Milliseconds, largest: int) -> MBConvArchitecture:
    """Returns a Lite network at the resolution whose measured latency comes nearest to a target."""
    sides = range(4 * _STEP, max(4 * _STEP, largest) + 1, _STEP)
    return _nearest([lite_architecture(version, side) for side in sides], target_ms, milliseconds)
