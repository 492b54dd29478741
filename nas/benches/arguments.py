"""Command-line arguments of the experiments. No torch here, so that `--help` is quick."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nas.spaces import SPACES

if TYPE_CHECKING:
    from nas.benches.darts import BenchConfig


def add_darts_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `darts-bench`."""
    parser.add_argument("data", type=Path, help="folder, zip, tar or tar.gz of images")
    parser.add_argument("--out", type=Path, required=True, help="directory of the results; continues a run")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=30.0, help="what is unfinished then is left out")
    parser.add_argument("--epochs", type=int, default=40, help="of each search")
    parser.add_argument("--train-epochs", type=int, default=20, help="of each derived cell, from scratch")
    parser.add_argument("--images", type=int, default=800, help="most training images of a search")
    parser.add_argument("--template", choices=("nasbench201", "darts"), default="nasbench201")
    parser.add_argument("--channels", type=int, default=8, help="of a node in the first stage of the search")
    parser.add_argument("--cells", type=int, default=5, help="normal cells a stage")
    parser.add_argument("--stem-stride", type=int, choices=(1, 2), default=2)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--second-order", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="searches side by side, one thread each")


def darts_config(options: argparse.Namespace) -> BenchConfig:
    """Imports the images once and returns what to compare."""
    from nas.benches.darts import BenchConfig
    from nas.data.importer import import_archive

    data = options.out / "data"
    options.out.mkdir(parents=True, exist_ok=True)
    if not (data / "manifest.json").exists():
        import_archive(options.data, data, seed=0)
    return BenchConfig(
        data=data,
        out=options.out,
        seeds=options.seeds,
        minutes=options.minutes,
        epochs=options.epochs,
        cells=options.cells,
        train_epochs=options.train_epochs,
        images=options.images,
        template=options.template,
        jobs=options.jobs,
        changes=(
            ("channels", options.channels),
            ("stem_stride", options.stem_stride),
            ("batch_size", options.batch_size),
            ("second_order", options.second_order),
        ),
    )


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `table-bench`."""
    parser.add_argument("table", type=Path, help="CSV: columns d_* decide, columns m_* were measured")
    parser.add_argument("--maximize", required=True, metavar="m_X", help="metric to maximise")
    parser.add_argument("--minimize", default=None, metavar="m_Y", help="second objective")
    parser.add_argument("--strategies", default="all", help="names with commas between, or all")
    parser.add_argument("--evaluations", type=_counts, default=(100, 300), help="budgets with commas between")
    parser.add_argument("--seeds", type=_count, default=30, help="seeds of each strategy and budget")
    parser.add_argument("--json", type=Path, default=None, metavar="OUT", help="file for the same as JSON")
    parser.add_argument("--figure", type=Path, default=None, metavar="OUT.svg", help="file for a figure")


def add_latency_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `latency-bench`."""
    parser.add_argument("--space", choices=(*SPACES, "all"), default=SPACES[0])
    parser.add_argument("--networks", type=_count, default=50, help="unseen networks to predict and measure")
    parser.add_argument("--threads", type=_count, default=1, help="threads of ONNX Runtime")
    parser.add_argument("--seconds", type=float, default=230.0, help="time for the table of a space")
    parser.add_argument("--rounds", type=_count, default=3, help="measurements of each unseen network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="directory of tables, JSON and figure")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _counts(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(_count(part) for part in text.split(",")))
