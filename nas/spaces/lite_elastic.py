"""The space of sub-networks of EfficientNet-Lite0: every one can inherit its ImageNet weights.

Elastic depth, expansion and kernel after Once-for-All (Cai et al. 2020), plus the input resolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nas.architecture import MBConvArchitecture, Stage
from nas.errors import SpaceError
from nas.spaces.base import Choices, Decision, SearchSpace
from nas.spaces.lite import HEAD_CHANNELS, LITE0_STAGES, STEM_CHANNELS
from nas.spaces.resolutions import useful_resolutions

EXPANSIONS: tuple[int, ...] = (3, 4, 6)
"""Expansion ratios of a stage whose full ratio is 6."""

KERNELS: tuple[int, ...] = (3, 5)
"""Kernel sizes of a stage whose full size is 5."""


def _stage_choices(stage: Stage) -> dict[str, tuple[int, ...]]:
    """Returns the fields of a stage that may shrink, with their values from small to full."""
    fields: dict[str, tuple[int, ...]] = {}
    if stage.depth > 1:
        fields["depth"] = tuple(range(1, stage.depth + 1))
    if stage.op == "ir":
        fields["expansion"] = EXPANSIONS
    if stage.kernel == max(KERNELS):
        fields["kernel"] = KERNELS
    return fields


class LiteElastic(SearchSpace):
    """Per stage depth, expansion and kernel below Lite0's own; one resolution for all.

    A decision exists only where there is something to decide, so that choices and networks correspond
    one to one and the canonical form is the choices themselves. Channels stay those of Lite0.
    """

    name = "lite-elastic"

    def __init__(self, *, max_resolution: int = 224, resolutions: Sequence[int] | None = None) -> None:
        """Sets up the decisions.

        Args:
            max_resolution: Side of the cached images in pixels; choices go up to the next one above it.
            resolutions: Exactly these resolutions instead (ascending, multiples of 32).

        Raises:
            SpaceError: If `resolutions` is empty or has a side below 32.
        """
        sides = useful_resolutions(max_resolution) if resolutions is None else tuple(sorted(set(resolutions)))
        if not sides or sides[0] < 32:
            raise SpaceError("The space needs at least one resolution of 32 pixels or more.")
        self.resolutions = sides
        decisions = [
            Decision(f"stage{number}.{field}", values)
            for number, stage in enumerate(LITE0_STAGES, start=1)
            for field, values in _stage_choices(stage).items()
        ]
        if len(sides) > 1:
            decisions.append(Decision("resolution", sides))
        self.decisions = tuple(decisions)

    def decode(self, choices: Choices) -> MBConvArchitecture:
        """Returns the sub-network; see the base class."""
        values = self.values(choices)
        stages = []
        for number, stage in enumerate(LITE0_STAGES, start=1):
            fields = {name: int(values[f"stage{number}.{name}"]) for name in _stage_choices(stage)}
            depth, kernel = fields.get("depth", stage.depth), fields.get("kernel", stage.kernel)
            expansion = fields.get("expansion", stage.expansion)
            stages.append(replace(stage, depth=depth, kernel=kernel, expansion=expansion))
        return MBConvArchitecture(
            resolution=int(values.get("resolution", self.resolutions[0])),
            stem_channels=STEM_CHANNELS,
            head_channels=HEAD_CHANNELS,
            stages=tuple(stages),
        )

    def encode(self, architecture: MBConvArchitecture) -> Choices:
        """Returns the choices that decode to `architecture`.

        Raises:
            SpaceError: If the architecture is not in this space.
        """
        try:
            choices = tuple(
                decision.choices.index(_read(architecture, decision.name)) for decision in self.decisions
            )
        except (ValueError, IndexError):
            choices = ()
        if not choices or self.decode(choices) != architecture:
            raise SpaceError("This architecture is not part of the space lite-elastic.")
        return choices

    def full(self, resolution: int) -> Choices:
        """Returns the choices of the full Lite0 at one of `resolutions`.

        Raises:
            SpaceError: If the space does not offer this resolution.
        """
        if resolution not in self.resolutions:
            offered = ", ".join(map(str, self.resolutions))
            raise SpaceError(f"Resolution {resolution} is not offered here; choose one of {offered}.")
        return tuple(
            decision.choices.index(resolution) if decision.name == "resolution" else len(decision.choices) - 1
            for decision in self.decisions
        )


def _read(architecture: MBConvArchitecture, name: str) -> int | float:
    """Returns the value that an architecture has for a decision's name."""
    if name == "resolution":
        return architecture.resolution
    stage, field = name.split(".")
    value: int | float = getattr(architecture.stages[int(stage.removeprefix("stage")) - 1], field)
    return value
