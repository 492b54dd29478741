"""The place where the model will run, if it is not this machine: a device table or an analytic profile."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from onnx import ModelProto

from nas.architecture import Architecture, TimmArchitecture
from nas.candidate import HERE, DeviceFigures
from nas.errors import DeviceError
from nas.hardware.analytic import estimate, estimate_groups
from nas.hardware.blocks import JOINS
from nas.hardware.device_table import KEPT_TABLE, DeviceTable, load_table
from nas.hardware.onnx_groups import group_onnx
from nas.hardware.plan import network_blocks
from nas.hardware.predictor import LatencyPredictor
from nas.hardware.profile import Profile, load_profile, profile_path

_FLOAT_BITS = 32
KEPT_PROFILE = "device.toml"
"""Name under which a run keeps the profile of its device."""


@dataclass(frozen=True)
class Built:
    """A network that was built and measured on this machine.

    Attributes:
        architecture: The network.
        core: The same as ONNX, with its weights.
        here_ms: What it takes on this machine, milliseconds.
        anchor_ms: What the reference network takes on this machine at rest, milliseconds.
    """

    architecture: Architecture
    core: ModelProto
    here_ms: float
    anchor_ms: float


class DeviceTarget(ABC):
    """A device to search for.

    Attributes:
        name: What people call it.
        limits: Hard limits, value by name (`latency_ms`, `peak_sram_bytes`, `size_bytes`); none for most.
        weight_bits: Width of the weights that its figures are for.
    """

    name: str
    weight_bits: int
    limits: Mapping[str, float]

    @abstractmethod
    def check_space(self, space: str) -> None:
        """Raises DeviceError if nothing is known about the networks of a space on this device."""

    @abstractmethod
    def predict(self, architecture: Architecture, n_classes: int) -> Mapping[str, float]:
        """Returns what is known before a network is built: `latency_ms`, and whatever a limit is about.

        Raises:
            SpaceError: If the network is not made of blocks.
        """

    @abstractmethod
    def judge(self, built: Built) -> tuple[float, DeviceFigures]:
        """Returns the latency on the device in milliseconds, and the rest.

        Raises:
            DeviceError: If the network cannot be judged.
        """

    @abstractmethod
    def keep(self, directory: Path) -> None:
        """Copies the device's file to a directory, from where `kept_target` reads it again."""

    def excess(self, architecture: Architecture, n_classes: int) -> float:
        """Returns by how much a network exceeds the hard limits: sum of value / limit - 1; 0 if it fits."""
        if not self.limits:
            return 0.0
        found = self.predict(architecture, n_classes)
        return sum(max(0.0, found[name] / limit - 1.0) for name, limit in self.limits.items())


class ProfileTarget(DeviceTarget):
    """A device that is known by an analytic profile."""

    def __init__(self, profile: Profile, source: Path) -> None:
        """Takes a checked profile and the file that it was read from."""
        self.profile, self._source = profile, source
        self.name = profile.title
        self.weight_bits = profile.weight_bits
        self.limits = {name: figure.value for name, figure in profile.limits.items()}

    def check_space(self, space: str) -> None:
        """Accepts every space."""

    def predict(self, architecture: Architecture, n_classes: int) -> Mapping[str, float]:
        """Returns all figures of the profile; see the base class."""
        return vars(estimate(self.profile, architecture, n_classes))

    def judge(self, built: Built) -> tuple[float, DeviceFigures]:
        """Counts the exported graph, so that hand-made networks are judged alike; see the base class."""
        found = estimate_groups(self.profile, group_onnx(built.core))
        return found.latency_ms, DeviceFigures(
            name=self.name,
            how="profile",
            here_ms=built.here_ms,
            **found.figures(self.profile),
        )

    def keep(self, directory: Path) -> None:
        """Copies the profile; see the base class."""
        shutil.copyfile(self._source, directory / KEPT_PROFILE)


class TableTarget(DeviceTarget):
    """A device that measured the blocks of some spaces."""

    def __init__(self, table: DeviceTable) -> None:
        """Takes a checked table and learns its correction."""
        self.table = table
        self.name = table.device.name
        self.limits, self.weight_bits = {}, _FLOAT_BITS  # blocks are measured in fp32
        self._predictor = LatencyPredictor(table)

    def check_space(self, space: str) -> None:
        """Accepts the spaces that were measured; see the base class."""
        if space not in self.table.spaces:
            known = ", ".join(self.table.spaces)
            raise DeviceError(
                f"{self.name} measured the blocks of {known}, not those of {space}. Search one of these "
                "spaces, or measure the device again for this one."
            )

    def predict(self, architecture: Architecture, n_classes: int) -> Mapping[str, float]:
        """Returns the predicted latency; see the base class."""
        return {"latency_ms": self._predictor.predict(architecture)}

    def judge(self, built: Built) -> tuple[float, DeviceFigures]:
        """Predicts networks of blocks whose operators were measured; others are scaled by the reference."""
        latency_ms, how = self.time_of(built.architecture, built.here_ms, built.anchor_ms)
        return latency_ms, DeviceFigures(self.name, how, built.here_ms)

    def time_of(
        self, architecture: Architecture, here_ms: float, anchor_ms: float
    ) -> tuple[float, Literal["table", "scaled"]]:
        """Returns the milliseconds of a network on the device, and how they were come by.

        Args:
            architecture: The network.
            here_ms: What it takes on this machine, milliseconds.
            anchor_ms: What the reference network takes on this machine at rest, milliseconds.
        """
        if self.knows(architecture):
            return self._predictor.predict(architecture), "table"
        return here_ms * self.table.reference_ms / anchor_ms, "scaled"

    def block_times(self, architecture: Architecture) -> list[float]:
        """Returns the predicted milliseconds of each block, see `LatencyPredictor.block_times`."""
        return self._predictor.block_times(architecture)

    def knows(self, architecture: Architecture) -> bool:
        """True if the device measured the operators of a network; a regression knows no other operators."""
        if isinstance(architecture, TimmArchitecture):
            return False
        measured = {block.op for block in self.table.blocks}
        return all(block.op in measured or block.op in JOINS for block in network_blocks(architecture))

    def keep(self, directory: Path) -> None:
        """Writes the table; see the base class."""
        self.table.save(directory / KEPT_TABLE)


def load_target(name: str) -> DeviceTarget | None:
    """Returns the device of a name or file; None for this machine.

    Args:
        name: `here`, the name of a profile, a path to a profile (.toml) or to a device table (.json).

    Raises:
        DeviceError: If there is no such device or its file is damaged; the sentence says what to do.
    """
    if name == HERE:
        return None
    if name.endswith(".json"):
        return TableTarget(load_table(Path(name)))
    return ProfileTarget(load_profile(name), profile_path(name))


def kept_target(directory: Path) -> DeviceTarget | None:
    """Returns the device that `DeviceTarget.keep` put into a directory, None if there is none.

    Raises:
        DeviceError: If the file is damaged.
    """
    for name in (KEPT_TABLE, KEPT_PROFILE):
        path = directory / name
        if path.exists():
            return load_target(str(path))
    return None
