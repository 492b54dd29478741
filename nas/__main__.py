"""The command line: `python -m nas search`, `predict`, and the benches."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from nas.benches.arguments import (
    add_cell_arguments,
    add_darts_arguments,
    add_proxy_arguments,
    add_strategy_arguments,
    add_table_arguments,
    cell_bench,
    darts_config,
    proxy_config,
    strategy_bench,
)
from nas.errors import NasError
from nas.evaluators import EVALUATORS, evaluator_refusal
from nas.events import Event
from nas.ledger import Ledger
from nas.objectives import REWARDS
from nas.proxies import PROXIES
from nas.spaces import SPACES
from nas.strategies import SEARCH_STRATEGIES, STRATEGIES, check_strategy

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
    search.add_argument("--strategy", choices=SEARCH_STRATEGIES, default=STRATEGIES[0])
    search.add_argument("--evaluator", choices=tuple(EVALUATORS), default=next(iter(EVALUATORS)))
    search.add_argument(
        "--proxy", choices=PROXIES, default=PROXIES[0], help="what --evaluator proxy ranks by"
    )
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
    contest = commands.add_parser("strategy-bench", help="strategies against random search on real trainings")
    add_strategy_arguments(contest)
    cells = commands.add_parser("cell-bench", help="a search for cells against cells drawn at random")
    add_cell_arguments(cells)
    table = commands.add_parser("table-bench", help="judge the strategies on a table of results")
    add_table_arguments(table)
    proxies = commands.add_parser("proxy-bench", help="do zero-cost proxies rank networks on these images?")
    add_proxy_arguments(proxies)
    return parser


def _search(options: argparse.Namespace) -> int:
    from nas.data.cache import read_manifest
    from nas.data.importer import import_archive
    from nas.search import SearchConfig, run_search

    if options.minutes <= 0:
        _console.print("[red]--minutes must be more than 0.[/red]")
        return 2
    check_strategy(options.strategy, options.space)
    if refusal := evaluator_refusal(options.evaluator, options.space):
        _console.print(f"[red]{refusal}[/red]", highlight=False)
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
        evaluator=options.evaluator,
        proxy=options.proxy,
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


def _strategy_bench(options: argparse.Namespace) -> int:
    from nas.benches.strategies import run_strategy_bench, summary_line

    document = run_strategy_bench(strategy_bench(options), lambda line: print(line, flush=True))
    for name, summary in document["summary"].items():
        print(summary_line(name, summary))
    return 0


def _cell_bench(options: argparse.Namespace) -> int:
    from nas.benches.cells import run_cell_bench, verdict_line

    print(verdict_line(run_cell_bench(cell_bench(options), lambda line: print(line, flush=True))))
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


def _proxy_bench(options: argparse.Namespace) -> int:
    from nas.benches.proxies import run_proxy_bench
    from nas.benches.proxy_table import table_lines

    with _interruptible() as should_stop:
        document = run_proxy_bench(proxy_config(options), lambda line: print(line, flush=True), should_stop)
    for line in table_lines(document):
        print(line)
    print(
        f"{document['networks']} networks ({document['failed']} failed), {document['epochs']:g} epochs each, "
        f"{document['cpu_seconds']:.0f} processor seconds; {options.out}/proxies.json"
    )
    return 0


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
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


_COMMANDS = {
    "search": _search,
    "predict": _predict,
    "darts-bench": _darts_bench,
    "strategy-bench": _strategy_bench,
    "cell-bench": _cell_bench,
    "table-bench": _table_bench,
    "proxy-bench": _proxy_bench,
}


if __name__ == "__main__":
    sys.exit(main())
