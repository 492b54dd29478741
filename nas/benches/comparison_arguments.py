"""Arguments of `bench`, `supernet-bench` and `training-bench`. No torch here, so that `--help` is quick."""

from __future__ import annotations

import argparse
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from nas.benches.images import imported
from nas.benches.numbers import count, counts, several
from nas.data.cache import INDEX_FILE
from nas.errors import SpaceError

if TYPE_CHECKING:
    from nas.benches.ladder import LadderBench
    from nas.benches.supernet import SupernetBench
    from nas.benches.training import TrainingBench


def add_ladder_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `bench`."""
    parser.add_argument("data", type=Path, nargs="+", help="folders, zips, tars or tar.gzs of images")
    parser.add_argument("--out", type=Path, required=True, help="directory of the results; continues a run")
    parser.add_argument("--minutes", type=float, default=20.0, help="of each search")
    parser.add_argument("--seeds", type=count, default=3)
    parser.add_argument(
        "--rungs", type=counts, default=(96, 128, 160, 192, 224), help="input sides of the ladder in pixels"
    )


def ladder_benches(options: argparse.Namespace) -> list[LadderBench]:
    """Imports each set of images once, and returns what to compare on it."""
    from nas.benches.ladder import LadderBench

    benches = []
    for data in options.data:
        out = options.out / data.name.partition(".")[0]
        cache = imported(argparse.Namespace(data=data, out=out))
        benches.append(LadderBench(cache, out, options.minutes, options.seeds, options.rungs))
    return benches


def add_supernet_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `supernet-bench`."""
    parser.add_argument("data", type=Path, help="folder, zip, tar or tar.gz of images")
    parser.add_argument("--out", type=Path, required=True, help="directory of the results; continues a run")
    parser.add_argument("--networks", type=several, default=30, help="sub-networks drawn at random")
    parser.add_argument("--resolutions", type=counts, default=(64, 96, 128), help="sides in pixels")
    parser.add_argument("--teacher-epochs", type=float, default=4.0)
    parser.add_argument("--elastic-minutes", type=float, default=8.0)
    parser.add_argument("--elastic-steps", type=count, default=None, help="ends it earlier")
    parser.add_argument("--plain", action="store_true", help="start from plain slices, nothing folded")
    parser.add_argument("--learning-rate", type=float, default=5e-4, help="of the elastic training")
    parser.add_argument("--epochs", type=float, default=2.0, help="of each network's own training")
    parser.add_argument("--tune", type=int, default=0, help="networks that are tuned with and without it")
    parser.add_argument("--tune-minutes", type=float, default=2.0, help="of processor time")
    parser.add_argument("--seed", type=int, default=0)


def supernet_bench(options: argparse.Namespace) -> SupernetBench:
    """Imports the images once and returns what to measure."""
    from nas.benches.supernet import SupernetBench

    return SupernetBench(
        data=imported(options),
        out=options.out,
        networks=options.networks,
        resolutions=options.resolutions,
        teacher_epochs=options.teacher_epochs,
        elastic_seconds=60.0 * options.elastic_minutes,
        learning_rate=options.learning_rate,
        elastic_steps=options.elastic_steps,
        epochs=options.epochs,
        folded=not options.plain,
        tune=options.tune,
        tune_seconds=60.0 * options.tune_minutes,
        seed=options.seed,
    )


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `training-bench`."""
    parser.add_argument("data", type=Path, help="zip or folder of images")
    parser.add_argument("--out", type=Path, required=True, help="directory of the results; continues a run")
    parser.add_argument("--resolution", type=count, default=128, help="side of the input in pixels")
    parser.add_argument("--epochs", type=int, default=10, help="of the plain loop; 0 measures speed alone")
    parser.add_argument("--rounds", type=count, default=15, help="turns of each loop for its speed")
    parser.add_argument("--threads", type=count, default=1, help="of PyTorch")
    parser.add_argument("--recipes", default="all", help="names with commas between, or all")
    parser.add_argument("--seed", type=int, default=0)


def training_bench(options: argparse.Namespace) -> TrainingBench:
    """Imports the images once, unpacks the files, and returns what to measure."""
    from nas.benches.training import RACERS, TrainingBench

    recipes = tuple(RACERS) if options.recipes == "all" else tuple(options.recipes.split(","))
    if unknown := set(recipes) - set(RACERS):
        raise SpaceError(f"There is no recipe called {min(unknown)!r}; choose some of {', '.join(RACERS)}.")
    data, pictures = imported(options), options.data
    if zipfile.is_zipfile(pictures):
        pictures = _unpacked(options.data, data, options.out / "pictures")
    return TrainingBench(
        data=data,
        pictures=pictures,
        out=options.out,
        resolution=options.resolution,
        epochs=options.epochs,
        rounds=options.rounds,
        threads=options.threads,
        recipes=recipes,
        seed=options.seed,
    )


def _unpacked(archive: Path, cache: Path, target: Path) -> Path:
    """Unpacks the pictures that the import has accepted, and nothing else of the archive."""
    if not target.exists():
        rows = [json.loads(line) for line in (cache / INDEX_FILE).read_text(encoding="utf-8").splitlines()]
        with zipfile.ZipFile(archive) as opened:
            for row in rows:
                opened.extract(row["path"], target)
    return target
