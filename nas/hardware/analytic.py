"""Latency, energy and memory of a network on a device that is not at hand: a roofline model with energy.

After Williams et al. 2009 (roofline) and the energies of Horowitz 2014. For each fused group g:

    t_g = max(MACs / (peak * use), B_dram / BW_dram, B_sram / BW_sram) + launch
    E = sum_g (MACs * e_mac + B_dram * e_dram + B_sram * e_sram) + P_idle * sum_g t_g

B_dram is the weights, unless the device keeps all of them on the chip from one image to the next, and the
tensors that the group reads and writes if what is alive meanwhile does not fit into the on-chip memory.
B_sram is weights and tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nas.architecture import Architecture
from nas.hardware.groups import Group, GroupedNetwork, group_network
from nas.hardware.profile import Profile, whole_bytes

_LIMITED = {
    "latency_ms": "One image takes",
    "peak_sram_bytes": "Its activations need",
    "size_bytes": "Its weights need",
}
_UNIT = {"latency_ms": "ms", "peak_sram_bytes": "bytes", "size_bytes": "bytes"}


@dataclass(frozen=True)
class Estimate:
    """What a network costs on a profile's device, for one image.

    Attributes:
        latency_ms: Milliseconds.
        energy_mj: Millijoules.
        images_per_joule: 1000 / energy_mj.
        peak_sram_bytes: Most bytes of activations alive at a time.
        size_bytes: Bytes of weights and biases.
        dram_bytes: Bytes to and from the memory off the chip.
        spilled_groups: Groups whose live tensors do not fit on the chip.
        groups: Fused groups.
    """

    latency_ms: float
    energy_mj: float
    images_per_joule: float
    peak_sram_bytes: int
    size_bytes: int
    dram_bytes: int
    spilled_groups: int
    groups: int

    def figures(self, profile: Profile) -> dict[str, Any]:
        """Returns what there is beside the latency, by the names of `nas.candidate.DeviceFigures`."""
        return {
            "energy_mj": self.energy_mj,
            "images_per_joule": self.images_per_joule,
            "peak_sram_bytes": self.peak_sram_bytes,
            "size_bytes": self.size_bytes,
            "broken_limits": self.broken_limits(profile),
        }

    def broken_limits(self, profile: Profile) -> tuple[str, ...]:
        """Returns a sentence for each hard limit of the device that the network exceeds."""
        return tuple(
            f"{_LIMITED[name]} {_shown(getattr(self, name))} {_UNIT[name]}; this device allows at most "
            f"{_shown(limit.value)}."
            for name, limit in profile.limits.items()
            if getattr(self, name) > limit.value
        )


def estimate(profile: Profile, architecture: Architecture, n_classes: int) -> Estimate:
    """Estimates a network on a device.

    Raises:
        SpaceError: If the network is not made of blocks (a hand-made one of timm).
    """
    return estimate_groups(profile, group_network(architecture, n_classes))


def estimate_groups(profile: Profile, network: GroupedNetwork) -> Estimate:
    """Estimates fused groups on a device, see the module."""
    size = whole_bytes(network.weights, profile.weight_bits)
    resident = size <= profile["resident_weight_bytes"]
    seconds, joules, dram_total, spilled = 0.0, 0.0, 0.0, 0
    live = network.live()
    for group, alive in zip(network.groups, live, strict=True):
        weights = group.weights * profile.weight_bits / 8
        moved = network.moved(group) * profile.activation_bits / 8
        spills = alive * profile.activation_bits / 8 > profile["sram_bytes"]
        dram, sram = (0.0 if resident else weights) + spills * moved, weights + moved
        seconds += _seconds(profile, group, dram, sram)
        joules += 1e-12 * (
            group.macs * profile["mac_pj"]
            + dram * profile["dram_pj_per_byte"]
            + sram * profile["sram_pj_per_byte"]
        )
        dram_total, spilled = dram_total + dram, spilled + spills
    energy_mj = 1e3 * (joules + profile["idle_w"] * seconds)
    return Estimate(
        latency_ms=1e3 * seconds,
        energy_mj=energy_mj,
        images_per_joule=1e3 / energy_mj,
        peak_sram_bytes=whole_bytes(max(live, default=0), profile.activation_bits),
        size_bytes=size,
        dram_bytes=round(dram_total),
        spilled_groups=spilled,
        groups=len(network.groups),
    )


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _seconds(profile: Profile, group: Group, dram: float, sram: float) -> float:
    """Returns the time of one group: the slowest of arithmetic and the two memories, and the launch."""
    arithmetic = 0.0
    if group.macs:
        arithmetic = group.macs / (1e9 * profile["peak_gmacs"] * profile[f"use_{group.kind}"])
    off_chip = dram / (1e9 * profile["dram_gb_per_s"])
    on_chip = sram / (1e9 * profile["sram_gb_per_s"])
    return max(arithmetic, off_chip, on_chip) + 1e-6 * profile["launch_us"]
