"""Small architectures that the tests of networks, training and export share."""

from nas.architecture import MBConvArchitecture, Stage


def lite0(resolution: int = 224) -> MBConvArchitecture:
    rows = [
        ("ds", 3, 1, 16, 1, 1),
        ("ir", 3, 6, 24, 2, 2),
        ("ir", 5, 6, 40, 2, 2),
        ("ir", 3, 6, 80, 2, 3),
        ("ir", 5, 6, 112, 1, 3),
        ("ir", 5, 6, 192, 2, 4),
        ("ir", 3, 6, 320, 1, 1),
    ]
    stages = tuple(Stage(op, k, e, 0.0, d, c, s) for op, k, e, c, s, d in rows)
    return MBConvArchitecture(resolution, 32, 1280, stages)


def tiny(resolution: int = 32) -> MBConvArchitecture:
    """A network of four blocks that trains in milliseconds."""
    stages = (
        Stage("ds", 3, 1, 0.0, 1, 8, 1),
        Stage("ir", 5, 3, 0.0, 2, 16, 2),
        Stage("ir", 3, 3, 0.0, 1, 24, 2),
    )
    return MBConvArchitecture(resolution, 8, 32, stages)


def every_feature(resolution: int = 45) -> MBConvArchitecture:
    """All block types, squeeze-excite, swish, kernels 3, 5, 7, odd sizes on the way."""
    stages = (
        Stage("ds", 3, 1, 0.25, 2, 16, 1),
        Stage("er", 3, 4, 0.25, 2, 24, 2),
        Stage("ir", 7, 3, 0.25, 2, 32, 2),
        Stage("ir", 5, 1, 0.0, 2, 32, 1),
        Stage("ds", 5, 1, 0.0, 2, 40, 2),
    )
    return MBConvArchitecture(resolution, 16, 64, stages, activation="swish")
