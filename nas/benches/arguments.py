"""Command-line arguments of the experiments. No torch here, so that `--help` is quick."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nas.benches.images import imported
from nas.benches.numbers import count, counts, several
from nas.errors import SpaceError
from nas.objectives import REWARDS
from nas.spaces import SPACES
from nas.strategies import STRATEGIES

if TYPE_CHECKING:
    from nas.benches.cells import CellBench
    from nas.benches.darts import BenchConfig
    from nas.benches.proxies import ProxyBenchConfig
    from nas.benches.quantise import QuantiseBench
    from nas.benches.strategies import StrategyBench


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

    return BenchConfig(
        data=imported(options),
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


def add_strategy_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `strategy-bench`."""
    _add_contest_arguments(parser, minutes=25.0, short_seconds=12.0)
    parser.add_argument("--space", choices=SPACES, default="mbconv")
    parser.add_argument("--strategies", default="random,regularized_evolution,reinforce", help="names")
    parser.add_argument("--seeds", type=count, default=3)
    parser.add_argument("--reward", choices=REWARDS, default=REWARDS[0])
    parser.add_argument("--max-resolution", type=count, default=96, help="largest side in pixels")


def strategy_bench(options: argparse.Namespace) -> StrategyBench:
    """Imports the images once and returns what to compare."""
    from nas.benches.contest import Contest
    from nas.benches.strategies import StrategyBench

    names = tuple(dict.fromkeys(options.strategies.split(",")))
    if unknown := set(names) - set(STRATEGIES):
        raise SpaceError(
            f"There is no strategy called {min(unknown)!r}; choose some of {', '.join(STRATEGIES)}."
        )
    contest = Contest(
        data=imported(options),
        space=options.space,
        minutes=options.minutes,
        short_seconds=options.short_seconds,
        reward=options.reward,
        max_resolution=options.max_resolution,
    )
    return StrategyBench(contest, options.out, strategies=names, seeds=options.seeds, jobs=options.jobs)


def add_cell_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `cell-bench`."""
    _add_contest_arguments(parser, minutes=18.0, short_seconds=10.0)
    parser.add_argument("--space", choices=("cell", "nasbench201"), default="cell")
    parser.add_argument("--strategy", choices=STRATEGIES, default="reinforce")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resolution", type=count, default=32, help="side of the images in pixels")
    parser.add_argument("--epochs", type=count, default=30, help="of each full training")
    parser.add_argument("--random-cells", type=count, default=10)


def cell_bench(options: argparse.Namespace) -> CellBench:
    """Imports the images once and returns what to do."""
    from nas.benches.cells import CellBench
    from nas.benches.contest import Contest

    contest = Contest(
        data=imported(options),
        space=options.space,
        minutes=options.minutes,
        short_seconds=options.short_seconds,
        reward="accuracy",
        resolutions=(options.resolution,),
    )
    return CellBench(
        contest,
        options.out,
        strategy=options.strategy,
        seed=options.seed,
        random_cells=options.random_cells,
        epochs=options.epochs,
        workers=options.jobs,
    )


def _add_contest_arguments(parser: argparse.ArgumentParser, *, minutes: float, short_seconds: float) -> None:
    parser.add_argument("data", type=Path, help="folder, zip, tar or tar.gz of images")
    parser.add_argument("--out", type=Path, required=True, help="directory of the results; continues a run")
    parser.add_argument("--minutes", type=float, default=minutes, help="of each search, in its ledger")
    parser.add_argument("--short-seconds", type=float, default=short_seconds, help="of each short training")
    parser.add_argument("--jobs", type=count, default=1, help="trainings side by side, one thread each")


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `table-bench`."""
    parser.add_argument("table", type=Path, help="CSV: columns d_* decide, columns m_* were measured")
    parser.add_argument("--maximize", required=True, metavar="m_X", help="metric to maximise")
    parser.add_argument("--minimize", default=None, metavar="m_Y", help="second objective")
    parser.add_argument("--strategies", default="all", help="names with commas between, or all")
    parser.add_argument("--evaluations", type=counts, default=(100, 300), help="budgets with commas between")
    parser.add_argument("--seeds", type=count, default=30, help="seeds of each strategy and budget")
    parser.add_argument("--json", type=Path, default=None, metavar="OUT", help="file for the same as JSON")
    parser.add_argument("--figure", type=Path, default=None, metavar="OUT.svg", help="file for a figure")


def add_proxy_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `proxy-bench`."""
    parser.add_argument("--data", type=Path, required=True, help="folder, zip, tar or tar.gz of images")
    parser.add_argument("--out", type=Path, required=True, help="directory of the results; continues a run")
    parser.add_argument("--space", choices=("mbconv", "cell", "nasbench201"), default="mbconv")
    parser.add_argument("--networks", type=count, default=30, help="drawn at random")
    parser.add_argument("--seconds", type=float, default=45.0, help="training of the network of median MACs")
    parser.add_argument("--epochs", type=float, default=None, help="of each training, instead of --seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resolution", type=int, default=32, help="side of all networks in pixels")
    parser.add_argument("--mixed", action="store_true", help="draw the resolution, too")
    parser.add_argument("--channels", type=count, default=16, help="of the first stage, networks of cells")


def proxy_config(options: argparse.Namespace) -> ProxyBenchConfig:
    """Imports the images once and returns what to compare."""
    from nas.benches.proxies import ProxyBenchConfig

    return ProxyBenchConfig(
        data=imported(options),
        out=options.out,
        space=options.space,
        networks=options.networks,
        seconds=options.seconds,
        seed=options.seed,
        epochs=options.epochs,
        resolution=options.resolution,
        mixed=options.mixed,
        channels=options.channels,
    )


def add_quantise_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `quantise-bench`."""
    parser.add_argument("data", type=Path, help="folder, zip, tar or tar.gz of images")
    parser.add_argument("--out", type=Path, required=True, help="directory of the results; continues a run")
    parser.add_argument("--resolution", type=count, default=128, help="side of the network's input in pixels")
    parser.add_argument("--epochs", type=float, default=12.0, help="of the fine-tuning of EfficientNet-Lite0")
    parser.add_argument("--seeds", type=count, default=3, help="climbs of the ladder at 4 bits")
    parser.add_argument("--images", type=several, default=512, help="training images that calibrate")
    parser.add_argument("--rounding-steps", type=count, default=700, help="of AdaRound, a layer")
    parser.add_argument("--tuning-epochs", type=float, default=4.0, help="of quantisation-aware training")
    parser.add_argument("--evaluations", type=count, default=60, help="mixtures of the evolution")
    parser.add_argument("--cost", choices=("size_bytes", "bit_ops", "energy_mj"), default="size_bytes")
    parser.add_argument("--profile", default="npu", help="device of the energies: a name or a TOML file")
    parser.add_argument("--seed", type=int, default=0, help="of fine-tuning and calibration")


def quantise_bench(options: argparse.Namespace) -> QuantiseBench:
    """Imports the images once and returns what to measure."""
    from nas.benches.quantise import QuantiseBench

    return QuantiseBench(
        data=imported(options),
        out=options.out,
        resolution=options.resolution,
        epochs=options.epochs,
        seeds=options.seeds,
        images=options.images,
        rounding_steps=options.rounding_steps,
        tuning_epochs=options.tuning_epochs,
        evaluations=options.evaluations,
        cost=options.cost,
        profile=options.profile,
        seed=options.seed,
    )


def add_latency_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `latency-bench`."""
    parser.add_argument("--space", choices=(*SPACES, "all"), default=SPACES[0])
    parser.add_argument("--networks", type=several, default=50, help="unseen ones to predict and measure")
    parser.add_argument("--threads", type=count, default=1, help="threads of ONNX Runtime")
    parser.add_argument("--seconds", type=float, default=230.0, help="time for the table of a space")
    parser.add_argument("--rounds", type=several, default=3, help="measurements of each unseen network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="directory of tables, JSON and figure")
