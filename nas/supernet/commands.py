"""Elastic weights as a command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from nas.errors import DataError


def add_pretrain_command(commands: Any) -> None:
    """Adds the parser of `pretrain-supernet` to the sub-commands of the command line."""
    parser = commands.add_parser(
        "pretrain-supernet", help="make elastic weights from any images, for one-shot searches"
    )
    parser.add_argument("data", type=Path, help="folder, zip, tar or tar.gz of images; labels are not needed")
    parser.add_argument(
        "--out", type=Path, required=True, help="file to write, .safetensors; goes on with it"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="of training")
    parser.add_argument(
        "--side", type=int, default=None, help="largest resolution in pixels; 224 if left out"
    )
    parser.add_argument("--seed", type=int, default=0)


def pretrain_command(options: argparse.Namespace) -> int:
    """Makes the weights, or goes on with them; Ctrl-C writes what there is.

    Raises:
        DataError: If there are no images, or the name of the file is no such name.
    """
    from nas.benches.commands import interruptible
    from nas.runtime import tune_process
    from nas.supernet.images import unlabelled_cache
    from nas.supernet.pretraining import LARGEST_SIDE, pretrain

    if options.out.suffix != ".safetensors":
        raise DataError(f"{options.out} should end in .safetensors. Name another file.")
    if options.minutes <= 0:
        raise DataError("--minutes must be more than 0.")
    side = options.side or LARGEST_SIDE
    if side % 32 or side < 32:
        raise DataError("--side must be a multiple of 32.")
    cache = unlabelled_cache(options.data, options.out.with_suffix(".images"), side=side)
    tune_process()
    console, shown = Console(stderr=True), 0

    def on_progress(fraction: float) -> None:
        nonlocal shown
        if int(20 * fraction) > shown:
            shown = int(20 * fraction)
            console.print(f"{5 * shown}% of {options.minutes:g} minutes", highlight=False)

    with interruptible() as should_stop:
        result = pretrain(
            cache,
            options.out,
            seconds=60.0 * options.minutes,
            seed=options.seed,
            on_progress=on_progress,
            should_stop=should_stop,
        )
    console.print(
        f"{options.out}: {result.images_seen} images in {result.steps} steps, {result.seconds / 60:.1f} "
        "minutes. Search with it: python -m nas search … --strategy one_shot "
        f"--elastic-weights {options.out}",
        highlight=False,
        markup=False,
    )
    return 0
