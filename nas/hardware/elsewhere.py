"""What one image costs a network in any place: this machine, a profile's device, a measured device.

Knows no torch, so that a web process can ask it about the devices of its users.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from nas.architecture import Architecture
from nas.candidate import Metrics
from nas.hardware.analytic import estimate_groups
from nas.hardware.groups import GroupedNetwork
from nas.hardware.profile import Profile

if TYPE_CHECKING:
    from nas.hardware.target import TableTarget

How = Literal["measured", "table", "profile", "scaled", "unknown"]


@dataclass(frozen=True)
class PlaceCost:
    """What one image costs a network in one place; None where nothing tells.

    Attributes:
        how: `"measured"` there, `"table"`: predicted from blocks measured there, `"profile"`: all from an
            analytic model, `"scaled"`: measured here, times the ratio of the two machines' reference
            networks, `"unknown"`: nothing can tell.
        latency_ms: Milliseconds.
        energy_mj: Millijoules.
        images_per_joule: 1000 / `energy_mj`.
        peak_sram_bytes: Most bytes of activations alive at a time.
        size_bytes: Bytes of weights at the device's precision; here, of the fp32 ONNX file.
        broken_limits: A sentence for each hard limit of the device that the network exceeds.
    """

    how: How
    latency_ms: float | None = None
    energy_mj: float | None = None
    images_per_joule: float | None = None
    peak_sram_bytes: int | None = None
    size_bytes: int | None = None
    broken_limits: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """False if the network exceeds a hard limit of the device."""
        return not self.broken_limits

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON-ready dict; `from_json` is its inverse."""
        return {**asdict(self), "broken_limits": list(self.broken_limits)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PlaceCost:
        """Rebuilds the cost from `to_json`."""
        return cls(**{**data, "broken_limits": tuple(data["broken_limits"])})


UNKNOWN = PlaceCost("unknown")


def cost_here(metrics: Metrics) -> PlaceCost:
    """Returns what was measured on this machine, whatever device was searched for."""
    return PlaceCost("measured", latency_ms=metrics.here_ms, size_bytes=metrics.size_bytes)


def cost_searched(metrics: Metrics) -> PlaceCost:
    """Returns what the search itself found for the place that it searched for."""
    device = metrics.device
    if device is None:
        return cost_here(metrics)
    return PlaceCost(
        how=device.how,
        latency_ms=metrics.latency_ms,
        energy_mj=device.energy_mj,
        images_per_joule=device.images_per_joule,
        peak_sram_bytes=device.peak_sram_bytes,
        size_bytes=device.size_bytes,
        broken_limits=device.broken_limits,
    )


def cost_by_profile(profile: Profile, network: GroupedNetwork) -> PlaceCost:
    """Returns what the analytic model says of a network on a profile's device."""
    found = estimate_groups(profile, network)
    return PlaceCost("profile", found.latency_ms, **found.figures(profile))


def cost_by_table(
    device: TableTarget, architecture: Architecture, here_ms: float, anchor_ms: float | None
) -> PlaceCost:
    """Returns what a device table says of a network: its latency only.

    Args:
        device: The device that measured the table.
        architecture: The network.
        here_ms: What it takes on this machine, milliseconds.
        anchor_ms: What the reference network takes on this machine at rest, milliseconds; None if not known.
    """
    if anchor_ms is None and not device.knows(architecture):
        return UNKNOWN
    latency_ms, how = device.time_of(architecture, here_ms, anchor_ms or math.nan)
    return PlaceCost(how, latency_ms=latency_ms)
