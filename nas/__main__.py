"""The command line: `python -m nas search`, `predict` and the benchmarks."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from nas.benches.arguments import (
    add_darts_arguments,
    add_latency_arguments,
    add_table_arguments,
    darts_config,
)
from nas.errors import NasError
from nas.events import Event
from nas.ledger import Ledger
from nas.objectives import REWARDS
from nas.spaces import SPACES
from nas.strategies import STRATEGIES

_STARTED = time.monotonic()
_console = Console(stderr=True)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return _COMMANDS[options.command](options)
    except NasError as error:
        _console.print(f"[red]{error}[/red]", highlight=False)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nas", description="Searches image classifiers.")
    commands = parser.add_subparsers(dest="command", required=True)
    search = commands.add_parser("search", help="search a network for a folder, zip, tar or tar.gz of images")
    search.add_argument("--data", type=Path, required=True, help="folder, zip, tar or tar.gz of images")
    search.add_argument(
        "--minutes", type=float, required=True, help="promise for everything, export included"
    )
    search.add_argument("--out", type=Path, required=True, help="directory of the results; continues a run")
    search.add_argument("--seed", type=int, default=0)
    search.add_argument("--space", choices=SPACES, default=SPACES[0])
    search.add_argument("--strategy", choices=STRATEGIES, default=STRATEGIES[0])
    search.add_argument("--goal", choices=("balanced", "accuracy", "speed"), default="balanced")
    search.add_argument("--target-latency-ms", type=float, default=None)
    search.add_argument("--reward", choices=REWARDS, default=REWARDS[0], help="joins accuracy and latency")
    search.add_argument("--finalists", type=int, default=None, help="searched networks to train fully")
    search.add_argument("--no-baselines", action="store_true", help="leave out the hand-made networks")
    predict = commands.add_parser("predict", help="classify images with an exported model")
    predict.add_argument("--model", type=Path, required=True, help="model.onnx of an export")
    predict.add_argument("--top", type=int, default=3)
    predict.add_argument("--json", action="store_true", help="print one JSON list")
    predict.add_argument("images", type=Path, nargs="+")
    darts = commands.add_parser("darts-bench", help="does DARTS collapse on these images, and who helps it?")
    add_darts_arguments(darts)
    table = commands.add_parser("table-bench", help="judge the strategies on a table of results")
    add_table_arguments(table)
    latency = commands.add_parser("latency-bench", help="measure a space's blocks and judge the predictor")
    add_latency_arguments(latency)
    return parser


def _search(options: argparse.Namespace) -> int:
    from nas.data.cache import read_manifest
    from nas.data.importer import import_archive
    from nas.search import SearchConfig, run_search

    if options.minutes <= 0:
        _console.print("[red]--minutes must be more than 0.[/red]")
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    data = options.out / "data"
    if not (data / "manifest.json").exists():
        report = import_archive(options.data, data, seed=options.seed)
        for problem in report.problems[:20]:
            _console.print(
                f"{problem.path}: {problem.reason} {problem.remedy}", highlight=False, markup=False
            )
    if blocking := read_manifest(data)["blocking"]:
        _console.print(f"[red]{blocking}[/red]", highlight=False)
        return 1
    config = SearchConfig(
        data=data,
        workdir=options.out,
        minutes=options.minutes,
        seed=options.seed,
        space=options.space,
        strategy=options.strategy,
        goal=options.goal,
        baselines=not options.no_baselines,
        target_latency_ms=options.target_latency_ms,
        reward=options.reward,
        already_spent_seconds=time.monotonic() - _STARTED,
        n_finalists=options.finalists,
    )
    ledger = Ledger(options.out / "ledger.jsonl")
    with _Terminal() as terminal:

        def on_event(event: Event) -> None:
            ledger.append(event)
            terminal.show(event)

        outcome = run_search(config, ledger.candidates(), on_event, terminal.should_stop, None)
    _console.print(f"Report: {options.out / 'report.html'} ({outcome.spent_seconds / 60:.2f} minutes)")
    return 0


class _Terminal:
    """Progress bar, log lines, and Ctrl-C as "stop and keep what there is"."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=_console)
        self._task: TaskID = self._progress.add_task("Starting", total=1.0)
        self._stop = False

    def __enter__(self) -> _Terminal:
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        signal.signal(signal.SIGINT, self._before)

    def should_stop(self) -> bool:
        return self._stop

    def show(self, event: Event) -> None:
        payload = event.payload
        if event.kind == "progress":
            text = f"{payload['message']} · {payload['eta_seconds'] / 60:.1f} min left"
            self._progress.update(self._task, completed=payload["fraction"], description=text)
        elif event.kind == "candidate_finished":
            self._print(_candidate_line(payload["candidate"]))
        elif event.kind in ("log", "phase_started"):
            self._print(payload["message"])
        elif event.kind == "model_exported":
            self._print(f"Exported {payload['model']['directory']}")

    def _print(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, markup=False)

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        if self._stop:
            raise KeyboardInterrupt
        self._stop = True
        self._print("Stopping and exporting what there is. Press Ctrl-C again to leave at once.")


def _candidate_line(candidate: dict[str, object]) -> str:
    metrics = candidate["metrics"]
    if not isinstance(metrics, dict):
        return f"  {candidate['label']}: failed. {candidate['error']}"
    return (
        f"  {candidate['label']}: {100 * metrics['accuracy']:.1f}% validation, "
        f"{metrics['latency_ms']:.2f} ms, {candidate['seconds']:.0f} s ({candidate['fidelity']})"
    )


def _predict(options: argparse.Namespace) -> int:
    from nas.export.templates import predict

    words = ["--model", str(options.model), "--top", str(options.top), *map(str, options.images)]
    exit_code: int = predict.main([*words, "--json"] if options.json else words)
    return exit_code


def _darts_bench(options: argparse.Namespace) -> int:
    from nas.benches.darts import run_darts_bench

    document = run_darts_bench(darts_config(options), lambda line: print(line, flush=True))
    for form, found in document["summary"].items():
        print(f"{form}: {found['collapsed']} of {found['finished']} collapsed, skips {found['skips']}")
    minutes = document["wall_seconds"] / 60
    print(f"{minutes:.1f} minutes, {document['cpu_seconds']:.0f} processor seconds; {options.out}/darts.json")
    return 0


def _table_bench(options: argparse.Namespace) -> int:
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


def _latency_bench(options: argparse.Namespace) -> int:
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
    text = json.dumps(results, indent=1)
    (options.out / "latency-bench.json").write_text(text + "\n", encoding="utf-8")
    draw(results, options.out / "latency-bench.svg")
    return 0


_COMMANDS = {
    "search": _search,
    "predict": _predict,
    "darts-bench": _darts_bench,
    "table-bench": _table_bench,
    "latency-bench": _latency_bench,
}


if __name__ == "__main__":
    sys.exit(main())
