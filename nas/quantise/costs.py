"""What a network of mixed widths costs: size, bit operations, energy on a device of a profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from nas.architecture import Architecture
from nas.errors import DeviceError
from nas.hardware.groups import GroupedNetwork, group_network
from nas.hardware.profile import Profile, whole_bytes
from nas.quantise.network import QuantNetwork

CostName = Literal["size_bytes", "bit_ops", "energy_mj"]
COSTS: tuple[CostName, ...] = ("size_bytes", "bit_ops", "energy_mj")
"""What a mixed-precision search can save."""

_SIDE_BITS = 64  # a 32-bit bias and a 32-bit scale for each output channel
_FLOAT_BITS = 32


@dataclass(frozen=True)
class Costs:
    """Of one image.

    Attributes:
        size_bytes: Weights at their widths, biases and scales at 32 bits each.
        bit_ops: Multiply-accumulates, each times the bits of its weight and of its input.
        energy_mj: Millijoules on the device; None without a profile.
    """

    size_bytes: int
    bit_ops: float
    energy_mj: float | None

    def of(self, name: CostName) -> float:
        """Returns one of them.

        Raises:
            DeviceError: If energy is asked for without a profile.
        """
        value = getattr(self, name)
        if value is None:
            raise DeviceError("Energy needs a device: choose a profile, e.g. npu.")
        return float(value)


class CostModel:
    """Counts a network once and then prices its widths.

    Args:
        network: Of these steps.
        architecture: Its architecture.
        n_classes: Its outputs.
        profile: Device for the energy; None for none.
    """

    def __init__(
        self,
        network: QuantNetwork,
        architecture: Architecture,
        n_classes: int,
        profile: Profile | None = None,
    ) -> None:
        self.profile = profile
        self.grouped: GroupedNetwork = group_network(architecture, n_classes)
        self.macs: list[int] = []
        side = network.resolution
        with torch.inference_mode():
            for step, _inputs, made in network.walk(torch.zeros(1, 3, side, side)):
                if step.layer >= 0:
                    taps = network.layers[step.layer].weight[0].numel()
                    self.macs.append(taps * made.numel())
        counted = [group.macs for group in self.grouped.groups if group.macs]
        if counted != self.macs:
            raise DeviceError("The network does not fit its architecture; build it from this architecture.")

    def price(self, network: QuantNetwork) -> Costs:
        """Returns the costs of a network of the same steps at its present widths."""
        bits, bit_ops = 0, 0.0
        for (step, layer), macs in zip(network.layer_steps(), self.macs, strict=True):
            bits += layer.weight.numel() * layer.bits + _SIDE_BITS * len(layer.bias)
            bit_ops += float(macs) * layer.bits * (network.range_of(step.reads[0]).bits or _FLOAT_BITS)
        energy = None if self.profile is None else self._energy(network, self.profile)
        return Costs(whole_bytes(1, bits), bit_ops, energy)

    def _energy(self, network: QuantNetwork, profile: Profile) -> float:
        """Returns millijoules after `nas.hardware.analytic`, without idle power.

        A multiplication is taken to cost in proportion to the product of its widths, which is about what
        Horowitz 2014 gives between 8 and 32 bits (0.2 and 3.1 pJ); memory costs by the byte.
        """
        widths = [
            (layer.bits, network.range_of(step.reads[0]).bits or _FLOAT_BITS)
            for step, layer in network.layer_steps()
        ]
        own = profile.weight_bits * profile.activation_bits
        size = sum(layer.weight.numel() * layer.bits / 8 + len(layer.bias) * 4 for layer in network.layers)
        resident = size <= profile["resident_weight_bytes"]
        picojoules, number = 0.0, -1
        for group, alive in zip(self.grouped.groups, self.grouped.live(), strict=True):
            number += group.macs > 0
            weight_bits, bits = widths[max(0, number)]
            weights = group.weights * weight_bits / 8
            moved = self.grouped.moved(group) * bits / 8
            spills = alive * bits / 8 > profile["sram_bytes"]
            dram = (0.0 if resident else weights) + spills * moved
            picojoules += group.macs * profile["mac_pj"] * weight_bits * bits / own
            picojoules += dram * profile["dram_pj_per_byte"] + (weights + moved) * profile["sram_pj_per_byte"]
        return 1e-9 * picojoules
