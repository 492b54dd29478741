"""EfficientNet-Lite0 to Lite2 as data: the networks whose ImageNet weights the engine inherits."""

from __future__ import annotations

from dataclasses import replace

from nas.architecture import Architecture, MBConvArchitecture, Stage

LITE0_STAGES: tuple[Stage, ...] = (
    Stage("ds", kernel=3, expansion=1, se_ratio=0.0, depth=1, channels=16, stride=1),
    Stage("ir", kernel=3, expansion=6, se_ratio=0.0, depth=2, channels=24, stride=2),
    Stage("ir", kernel=5, expansion=6, se_ratio=0.0, depth=2, channels=40, stride=2),
    Stage("ir", kernel=3, expansion=6, se_ratio=0.0, depth=3, channels=80, stride=2),
    Stage("ir", kernel=5, expansion=6, se_ratio=0.0, depth=3, channels=112, stride=1),
    Stage("ir", kernel=5, expansion=6, se_ratio=0.0, depth=4, channels=192, stride=2),
    Stage("ir", kernel=3, expansion=6, se_ratio=0.0, depth=1, channels=320, stride=1),
)
"""The seven stages of EfficientNet-Lite0: EfficientNet-B0 without squeeze-excite (Tan & Le 2019, table 1)."""

_LITE_CHANNELS = {1: (16, 24, 40, 80, 112, 192, 320), 2: (16, 24, 48, 88, 120, 208, 352)}
_LITE_DEPTHS = (1, 3, 3, 4, 4, 5, 1)
LITE_STAGES: dict[int, tuple[Stage, ...]] = {0: LITE0_STAGES} | {
    version: tuple(
        replace(stage, depth=depth, channels=width)
        for stage, depth, width in zip(LITE0_STAGES, _LITE_DEPTHS, widths, strict=True)
    )
    for version, widths in _LITE_CHANNELS.items()
}
"""Stages by version. Lite1 is Lite0 with depth times 1.1, Lite2 with depth times 1.2 and width times 1.1;
stem, head and the depth of the first and last stage stay. Both are equally deep, for blocks are whole."""

STEM_CHANNELS = 32
HEAD_CHANNELS = 1280


def lite0_architecture(resolution: int = 224) -> MBConvArchitecture:
    """Returns the full EfficientNet-Lite0 at a resolution (pixels of the square input)."""
    return lite_architecture(0, resolution)


def lite_architecture(version: int, resolution: int) -> MBConvArchitecture:
    """Returns a full EfficientNet-Lite.

    Args:
        version: One of `LITE_STAGES`.
        resolution: Side of the square input in pixels.
    """
    return MBConvArchitecture(
        resolution=resolution,
        stem_channels=STEM_CHANNELS,
        head_channels=HEAD_CHANNELS,
        stages=LITE_STAGES[version],
        activation="relu6",
    )


def lite_version(architecture: Architecture) -> int | None:
    """Returns which EfficientNet-Lite an architecture is, at whatever resolution; None if it is none."""
    if not isinstance(architecture, MBConvArchitecture):
        return None
    whole = {lite_architecture(version, architecture.resolution): version for version in LITE_STAGES}
    return whole.get(architecture)


def is_whole(architecture: Architecture) -> bool:
    """True for the full EfficientNet-Lite0 at whatever resolution."""
    return lite_version(architecture) == 0
