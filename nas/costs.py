"""What a search weighs accuracy against: time, energy, memory or size of a network where it will run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from nas.candidate import Metrics
from nas.objectives import LATENCY_MS, Objective

CostName = Literal["latency", "energy", "memory", "size"]


@dataclass(frozen=True)
class Cost:
    """A cost of one image.

    Attributes:
        name: Its name among the options of a search.
        objective: The metric, by the name that a device gives it (`DeviceTarget.predict`).
        title: What people call it.
        unit: Unit that it is shown in.
        scale: Units of the metric in one of `unit`.
    """

    name: CostName
    objective: Objective
    title: str
    unit: str
    scale: float = 1.0

    def of(self, metrics: Metrics) -> float:
        """Returns a network's cost in the metric's own unit, NaN where nothing tells."""
        device = metrics.device
        found: float | None
        if self.name == "latency":
            found = metrics.latency_ms
        elif self.name == "energy":
            found = None if device is None else device.energy_mj
        elif self.name == "memory":
            found = None if device is None else device.peak_sram_bytes
        else:
            there = None if device is None else device.size_bytes
            found = metrics.size_bytes if there is None else there
        return math.nan if found is None else float(found)

    def shown(self, metrics: Metrics) -> str:
        """Returns a network's cost with three digits and its unit, e.g. ``"3.23 ms"``."""
        return f"{self.of(metrics) / self.scale:.3g} {self.unit}"


def _least(name: str) -> Objective:
    return Objective(name, maximize=False)


COSTS: Mapping[CostName, Cost] = MappingProxyType(
    {
        "latency": Cost("latency", LATENCY_MS, "Latency of one image", "ms"),
        "energy": Cost("energy", _least("energy_mj"), "Energy of one image", "mJ"),
        "memory": Cost("memory", _least("peak_sram_bytes"), "Memory for activations", "kB", 1e3),
        "size": Cost("size", _least("size_bytes"), "Size", "MB", 1e6),
    }
)
"""The costs by name, the default first. Size is that of the weights at the device's precision, of the fp32
file where no profile tells; energy and memory are known for devices with a profile only."""


def cost_refusal(name: CostName, *, profiled: bool, target_latency_ms: float | None = None) -> str:
    """Returns why a search cannot weigh accuracy against a cost; empty if it can.

    Args:
        name: The cost.
        profiled: True if the search is for a device with a profile.
        target_latency_ms: Wanted latency, if one was named.
    """
    if name in ("energy", "memory") and not profiled:
        return (
            f"What {name} a network needs is known for devices with a profile only, such as a phone or a "
            "microcontroller. Choose such a device, or search by time or size."
        )
    if name != "latency" and target_latency_ms is not None:
        return "Only a search by latency can keep a wanted latency. Leave it out, or search by latency."
    return ""
