"""The factorised space of MobileNet-like networks, trained from scratch.

After MnasNet (Tan et al. 2019, section 4.1): the network is cut into seven stages, the blocks of a stage
are equal, and every stage makes its own choices. The skeleton is EfficientNet-B0's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nas.architecture import MBConvArchitecture, Operator, Stage
from nas.errors import SpaceError
from nas.spaces.base import Choices, Decision, SearchSpace
from nas.spaces.lite import HEAD_CHANNELS, LITE0_STAGES, STEM_CHANNELS
from nas.spaces.resolutions import useful_resolutions
from nas.spaces.widths import round_channels

RESOLUTIONS: tuple[int, ...] = (32, 48, 64, 96, 128, 160, 192, 224)
EXPANSIONS: tuple[int, ...] = (1, 3, 4, 6)
KERNELS: tuple[int, ...] = (3, 5, 7)
SE_RATIOS: tuple[float, ...] = (0.0, 0.25)
WIDTHS: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25)
"""Multipliers of the skeleton's channels; those that round to the same number are one choice."""

FUSED_STAGES = 3
"""Stages that may be fused: later ones would cost up to 50 times the weights (Tan & Le 2021, section 3.2)."""

SMALL_IMAGES = 64
"""Up to this many pixels the second stage keeps its size, or the last maps would be one pixel."""


@dataclass(frozen=True)
class _Slot:
    """One stage of the skeleton: what is fixed (stride) and what there is to choose from."""

    stride: int
    operators: tuple[Operator, ...]
    depths: tuple[int, ...]
    channels: tuple[int, ...]


class MBConvSpace(SearchSpace):
    """Seven stages with operator, kernel, expansion, squeeze-excite, depth and channels; one resolution.

    A depthwise-separable stage has no expansion: its canonical form carries the first one.
    """

    name = "mbconv"

    def __init__(self, *, max_resolution: int = 224, resolutions: Sequence[int] | None = None) -> None:
        """Sets up the decisions.

        Args:
            max_resolution: Side of the cached images in pixels; choices go up to the next one above it.
            resolutions: Exactly these resolutions instead.

        Raises:
            SpaceError: If `resolutions` is empty or has a side below 32.
        """
        sides = (
            useful_resolutions(max_resolution, RESOLUTIONS)
            if resolutions is None
            else tuple(sorted(set(resolutions)))
        )
        if not sides or sides[0] < 32:
            raise SpaceError("The space needs at least one resolution of 32 pixels or more.")
        self.resolutions = sides
        self._slots = _skeleton(small=sides[-1] <= SMALL_IMAGES)
        decisions = [
            decision
            for number, slot in enumerate(self._slots, start=1)
            for decision in _slot_decisions(number, slot)
        ]
        if len(sides) > 1:
            decisions.append(Decision("resolution", sides))
        self.decisions = tuple(decisions)
        self._position = {decision.name: index for index, decision in enumerate(self.decisions)}

    def decode(self, choices: Choices) -> MBConvArchitecture:
        """Returns the network; see the base class."""
        values = self.values(choices)
        stages = []
        for number, slot in enumerate(self._slots, start=1):
            operator = _operator(values[f"stage{number}.op"])
            expansion = 1 if operator == "ds" else int(values[f"stage{number}.expansion"])
            stages.append(
                Stage(
                    operator,
                    kernel=int(values[f"stage{number}.kernel"]),
                    expansion=expansion,
                    se_ratio=float(values[f"stage{number}.se"]),
                    depth=int(values[f"stage{number}.depth"]),
                    channels=int(values[f"stage{number}.channels"]),
                    stride=slot.stride,
                )
            )
        return MBConvArchitecture(
            resolution=int(values.get("resolution", self.resolutions[0])),
            stem_channels=STEM_CHANNELS,
            head_channels=HEAD_CHANNELS,
            stages=tuple(stages),
        )

    def canonical(self, choices: Choices) -> Choices:
        """Returns the choices with the expansion of every depthwise-separable stage set to the first."""
        values = self.values(choices)
        result = list(choices)
        for number in range(1, len(self._slots) + 1):
            if values[f"stage{number}.op"] == "ds":
                result[self._position[f"stage{number}.expansion"]] = 0
        return tuple(result)


def _skeleton(*, small: bool) -> tuple[_Slot, ...]:
    """Returns the seven slots around EfficientNet-B0's depths, channels and strides."""
    return tuple(
        _Slot(
            stride=1 if small and number == 2 else stage.stride,
            operators=("ds", "ir", "er") if number <= FUSED_STAGES else ("ds", "ir"),
            depths=tuple(range(1, stage.depth + 2)),
            channels=tuple(sorted({round_channels(stage.channels * width) for width in WIDTHS})),
        )
        for number, stage in enumerate(LITE0_STAGES, start=1)
    )


def _slot_decisions(number: int, slot: _Slot) -> list[Decision]:
    return [
        Decision(f"stage{number}.op", slot.operators),
        Decision(f"stage{number}.kernel", KERNELS),
        Decision(f"stage{number}.expansion", EXPANSIONS),
        Decision(f"stage{number}.se", SE_RATIOS),
        Decision(f"stage{number}.depth", slot.depths),
        Decision(f"stage{number}.channels", slot.channels),
    ]


def _operator(value: str | float) -> Operator:
    operators: dict[str | float, Operator] = {"ds": "ds", "ir": "ir", "er": "er"}
    return operators[value]
