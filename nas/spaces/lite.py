"""EfficientNet-Lite0 as data: the network whose ImageNet weights the engine inherits."""

from __future__ import annotations

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

STEM_CHANNELS = 32
HEAD_CHANNELS = 1280


def lite0_architecture(resolution: int = 224) -> MBConvArchitecture:
    """Returns the full EfficientNet-Lite0 at a resolution (pixels of the square input)."""
    return MBConvArchitecture(
        resolution=resolution,
        stem_channels=STEM_CHANNELS,
        head_channels=HEAD_CHANNELS,
        stages=LITE0_STAGES,
        activation="relu6",
    )


def is_whole(architecture: Architecture) -> bool:
    """True for the full EfficientNet-Lite0 at whatever resolution."""
    return isinstance(architecture, MBConvArchitecture) and architecture == lite0_architecture(
        architecture.resolution
    )
