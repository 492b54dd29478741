"""Command-line arguments of `scaling-bench`. No torch here, so that `--help` is quick."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nas.benches.images import imported
from nas.errors import SpaceError
from nas.scaling import MIN_RESOLUTION

if TYPE_CHECKING:
    from nas.benches.scaling import ScalingBench


def add_scaling_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `scaling-bench`."""
    parser.add_argument("data", type=Path, help="folder, zip, tar or tar.gz of images")
    parser.add_argument("--out", type=Path, required=True, help="directory of the results; continues a run")
    parser.add_argument("--minutes", type=float, default=60.0, help="after these no training is begun")
    parser.add_argument("--seeds", type=int, default=2, help="of the networks at equal latency")
    parser.add_argument("--resolution", type=int, default=96, help="side of the base in pixels")
    parser.add_argument("--factor", type=float, default=2.0, help="their latency over the base's")
    parser.add_argument("--epochs", type=float, default=4.0, help="of the base; the others get equal work")
    parser.add_argument("--no-flip", action="store_true", help="mirrored images mean another class")


def scaling_bench(options: argparse.Namespace) -> ScalingBench:
    """Imports the images once and returns what to compare.

    Raises:
        SpaceError: If a number makes no sense.
    """
    from nas.benches.scaling import ScalingBench

    if options.factor <= 1 or options.epochs <= 0 or options.seeds < 1:
        raise SpaceError("Name a --factor above 1, --epochs above 0 and at least one seed.")
    if options.resolution < MIN_RESOLUTION:
        raise SpaceError(f"Scaling needs a --resolution of at least {MIN_RESOLUTION} pixels.")
    return ScalingBench(
        data=imported(options),
        out=options.out,
        minutes=options.minutes,
        seeds=options.seeds,
        resolution=options.resolution,
        factor=options.factor,
        epochs=options.epochs,
        flip=not options.no_flip,
    )
