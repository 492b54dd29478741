"""The benches as commands: arguments in, lines for people out."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from rich.console import Console

from nas.benches.arguments import (
    add_cell_arguments,
    add_darts_arguments,
    add_latency_arguments,
    add_proxy_arguments,
    add_quantise_arguments,
    add_strategy_arguments,
    add_table_arguments,
    cell_bench,
    darts_config,
    proxy_config,
    quantise_bench,
    strategy_bench,
)
from nas.benches.comparison_arguments import (
    add_ladder_arguments,
    add_supernet_arguments,
    add_training_arguments,
    ladder_benches,
    supernet_bench,
    training_bench,
)
from nas.benches.scaling_arguments import add_scaling_arguments, scaling_bench
from nas.files import write_atomically
from nas.spaces import SPACES
from nas.strategies import STRATEGIES

_console = Console(stderr=True)


def add_benches(commands: Any) -> None:
    """Adds a parser for each bench to the sub-commands of the command line."""
    ladder = commands.add_parser("bench", help="is a search worth its minutes, against the hand-made ladder?")
    add_ladder_arguments(ladder)
    darts = commands.add_parser("darts-bench", help="does DARTS collapse on these images, and who helps it?")
    add_darts_arguments(darts)
    contest = commands.add_parser("strategy-bench", help="strategies against random search on real trainings")
    add_strategy_arguments(contest)
    cells = commands.add_parser("cell-bench", help="a search for cells against cells drawn at random")
    add_cell_arguments(cells)
    table = commands.add_parser("table-bench", help="judge the strategies on a table of results")
    add_table_arguments(table)
    proxies = commands.add_parser("proxy-bench", help="do zero-cost proxies rank networks on these images?")
    add_proxy_arguments(proxies)
    quantise = commands.add_parser("quantise-bench", help="what each remedy of quantisation gives, and int8")
    add_quantise_arguments(quantise)
    scaling = commands.add_parser(
        "scaling-bench", help="depth, width, resolution or all three, at equal latency"
    )
    add_scaling_arguments(scaling)
    supernet = commands.add_parser("supernet-bench", help="does a supernet rank networks on these images?")
    add_supernet_arguments(supernet)
    latency = commands.add_parser("latency-bench", help="measure a space's blocks and judge the predictor")
    add_latency_arguments(latency)
    training = commands.add_parser(
        "training-bench", help="the training loop against what one writes with timm"
    )
    add_training_arguments(training)


def _run_ladder_bench(options: argparse.Namespace) -> int:
    from nas.benches.ladder import run_ladder_bench
    from nas.benches.ladder_figure import draw
    from nas.benches.ladder_verdict import verdict_lines

    for bench in ladder_benches(options):
        document = run_ladder_bench(bench, lambda line: print(line, flush=True))
        draw(document["seeds"], bench.out / "ladder.svg")
        for line in verdict_lines(document["verdict"]):
            print(f"{bench.out.name}, {bench.minutes:g} minutes, {len(document['seeds'])} seeds: {line}")
    return 0


def _run_darts_bench(options: argparse.Namespace) -> int:
    from nas.benches.darts import run_darts_bench

    document = run_darts_bench(darts_config(options), lambda line: print(line, flush=True))
    for form, found in document["summary"].items():
        print(f"{form}: {found['collapsed']} of {found['finished']} collapsed, skips {found['skips']}")
    minutes = document["wall_seconds"] / 60
    print(f"{minutes:.1f} minutes, {document['cpu_seconds']:.0f} processor seconds; {options.out}/darts.json")
    return 0


def _run_strategy_bench(options: argparse.Namespace) -> int:
    from nas.benches.strategies import run_strategy_bench, summary_line

    document = run_strategy_bench(strategy_bench(options), lambda line: print(line, flush=True))
    for name, summary in document["summary"].items():
        print(summary_line(name, summary))
    return 0


def _run_cell_bench(options: argparse.Namespace) -> int:
    from nas.benches.cells import run_cell_bench, verdict_line

    print(verdict_line(run_cell_bench(cell_bench(options), lambda line: print(line, flush=True))))
    return 0


def _run_table_bench(options: argparse.Namespace) -> int:
    from nas.benches.table import HEADER, Judge, Row, bench
    from nas.spaces.table import read_table

    judge = Judge(read_table(options.table), options.maximize, options.minimize)
    names = STRATEGIES if options.strategies == "all" else tuple(options.strategies.split(","))
    size = judge.space.size()
    if max(options.evaluations) >= size:
        _console.print(f"The table holds {size} architectures: a search ends when it has seen them all.")
    rows: list[Row] = []
    for row in bench(judge, names, options.evaluations, options.seeds):
        if not rows:
            print(HEADER)
        print(row.line(), flush=True)
        rows.append(row)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps([row.to_json() for row in rows], indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.figure is not None:
        from nas.benches.table_figure import draw

        options.figure.parent.mkdir(parents=True, exist_ok=True)
        draw(rows, options.figure)
    return 0


def _run_proxy_bench(options: argparse.Namespace) -> int:
    from nas.benches.proxies import run_proxy_bench
    from nas.benches.proxy_table import table_lines

    with interruptible() as should_stop:
        document = run_proxy_bench(proxy_config(options), lambda line: print(line, flush=True), should_stop)
    for line in table_lines(document):
        print(line)
    print(
        f"{document['networks']} networks ({document['failed']} failed), {document['epochs']:g} epochs each, "
        f"{document['cpu_seconds']:.0f} processor seconds; {options.out}/proxies.json"
    )
    return 0


def _run_quantise_bench(options: argparse.Namespace) -> int:
    from nas.benches.quantise import run_quantise_bench
    from nas.benches.quantise_table import table_lines

    document = run_quantise_bench(quantise_bench(options), lambda line: print(line, flush=True))
    for line in table_lines(document):
        print(line)
    print(f"{document['wall_seconds'] / 60:.1f} minutes; {options.out}/quantise.json")
    return 0


def _run_scaling_bench(options: argparse.Namespace) -> int:
    from nas.benches.scaling import run_scaling_bench
    from nas.benches.scaling_figure import draw
    from nas.benches.scaling_table import lines

    document = run_scaling_bench(scaling_bench(options), lambda line: print(line, flush=True))
    draw(document, options.out / "scaling.svg")
    for line in lines(document):
        print(line)
    return 0


def _run_supernet_bench(options: argparse.Namespace) -> int:
    from nas.benches.supernet import run_supernet_bench
    from nas.benches.supernet_table import table_lines
    from nas.benches.supernet_tuning import tuning_lines

    document = run_supernet_bench(supernet_bench(options), lambda line: print(line, flush=True))
    for line in [*table_lines(document), "", *tuning_lines(document["tuned"])]:
        print(line)
    return 0


def _run_latency_bench(options: argparse.Namespace) -> int:
    from nas.benches.latency import BenchConfig, run_latency_bench
    from nas.benches.latency_figure import draw

    options.out.mkdir(parents=True, exist_ok=True)
    results = []
    for space in SPACES if options.space == "all" else (options.space,):
        config = BenchConfig(
            space, options.networks, options.threads, options.seconds, options.rounds, options.seed
        )
        result, table = run_latency_bench(config, lambda line: print(line, flush=True))
        table.save(options.out / f"table-{space}.json")
        results.append(result)
        for name in ("predictor", "block_sum", "macs_linear", "measured_again"):
            row = result[name]
            print(
                f"{space} {name}: Spearman {row['spearman']:.3f}, {row['within_10_percent']:.0%} within 10%, "
                f"median error {row['median_error']:.1%}"
            )
        speed = result["speed"]
        print(
            f"{space}: {speed['candidates_per_second']:.0f} candidates/s, "
            f"{speed['candidates_per_cpu_second']:.0f} a processor second"
        )
        write_atomically(options.out / "latency-bench.json", json.dumps(results, indent=1) + "\n")
    draw(results, options.out / "latency-bench.svg")
    return 0


def _run_training_bench(options: argparse.Namespace) -> int:
    from nas.benches.training import run_training_bench, table_lines

    for line in table_lines(
        run_training_bench(training_bench(options), lambda line: print(line, flush=True))
    ):
        print(line)
    return 0


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Turns the first Ctrl-C into a wish to stop with what there is; the second leaves at once."""
    asked = False

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


BENCHES: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "bench": _run_ladder_bench,
    "darts-bench": _run_darts_bench,
    "strategy-bench": _run_strategy_bench,
    "cell-bench": _run_cell_bench,
    "table-bench": _run_table_bench,
    "proxy-bench": _run_proxy_bench,
    "quantise-bench": _run_quantise_bench,
    "scaling-bench": _run_scaling_bench,
    "supernet-bench": _run_supernet_bench,
    "latency-bench": _run_latency_bench,
    "training-bench": _run_training_bench,
}
"""Command -> what runs it."""
