"""The command line: `python -m nas search`, `predict`, devices, and the benches."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from nas.benches.commands import BENCHES, add_benches
from nas.candidate import HERE, PRECISIONS
from nas.costs import COSTS
from nas.errors import EvaluationError, NasError
from nas.events import Event
from nas.hardware.commands import DEVICE_COMMANDS, add_device_commands
from nas.ledger import Ledger
from nas.objectives import REWARDS
from nas.phases.commands import add_elsewhere_command, elsewhere_command
from nas.planner import Wishes
from nas.planner.command import PLAN_COMMANDS, add_choices, add_plan_command
from nas.planner.options import possible_options
from nas.proxies import PROXIES
from nas.strategies import ONE_SHOT
from nas.supernet.commands import add_pretrain_command, pretrain_command

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
    add_choices(search)
    search.add_argument(
        "--proxy", choices=PROXIES, default=PROXIES[0], help="what --evaluator proxy ranks by"
    )
    search.add_argument(
        "--elastic-weights",
        type=Path,
        default=None,
        help="file of pretrain-supernet that the supernet of a one-shot search begins with",
    )
    search.add_argument("--goal", choices=("balanced", "accuracy", "speed"), default="balanced")
    search.add_argument("--target-latency-ms", type=float, default=None)
    search.add_argument(
        "--device",
        default=HERE,
        help=f"where the model will run: {HERE} (this machine, measured), a name that the command devices "
        "lists, or the path of a profile (.toml) or of a device table (.json)",
    )
    search.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help="int8 judges every network after post-training quantisation",
    )
    search.add_argument(
        "--cost",
        choices=tuple(COSTS),
        default=next(iter(COSTS)),
        help="what accuracy is weighed against; energy and memory need a device with a profile",
    )
    search.add_argument("--reward", choices=REWARDS, default=REWARDS[0], help="joins accuracy and the cost")
    search.add_argument("--finalists", type=int, default=None, help="searched networks to train fully")
    search.add_argument("--no-baselines", action="store_true", help="leave out the hand-made networks")
    predict = commands.add_parser("predict", help="classify images with an exported model")
    predict.add_argument("--model", type=Path, required=True, help="model.onnx of an export")
    predict.add_argument("--top", type=int, default=3)
    predict.add_argument("--json", action="store_true", help="print one JSON list")
    predict.add_argument("images", type=Path, nargs="+")
    add_device_commands(commands)
    add_elsewhere_command(commands)
    add_plan_command(commands)
    add_pretrain_command(commands)
    add_benches(commands)
    return parser


def _search(options: argparse.Namespace) -> int:
    from nas.data.cache import read_manifest
    from nas.data.importer import import_archive
    from nas.search import SearchConfig, run_search

    if options.minutes <= 0:
        _console.print("[red]--minutes must be more than 0.[/red]")
        return 2
    wishes = Wishes(options.space, options.strategy, options.evaluator, proxy=options.proxy)
    possible_options(wishes, precision=options.precision)  # refused before the import takes its time
    if options.elastic_weights is not None:
        _check_elastic_weights(options)
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
        device=options.device,
        precision=options.precision,
        cost=options.cost,
        elastic_weights=options.elastic_weights,
    )
    ledger = Ledger(options.out / "ledger.jsonl")
    with _Terminal() as terminal:

        def on_event(event: Event) -> None:
            ledger.append(event)
            terminal.show(event)

        outcome = run_search(config, ledger.candidates(), on_event, terminal.should_stop, None)
    _console.print(f"Report: {options.out / 'report.html'} ({outcome.spent_seconds / 60:.2f} minutes)")
    return 0


def _check_elastic_weights(options: argparse.Namespace) -> None:
    """Reads the file before minutes are spent.

    Raises:
        EvaluationError: If it cannot be read, or nothing would use it.
    """
    from nas.supernet.files import load_elastic

    if options.strategy != ONE_SHOT and options.evaluator != "supernet":
        raise EvaluationError(
            f"Only a supernet uses --elastic-weights. Add --strategy {ONE_SHOT}, or leave them out."
        )
    load_elastic(options.elastic_weights)


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
        elif event.kind == "plan":
            self._print("The plan:")
            for reason in payload["reasons"]:
                self._print(f"  {reason}")
        elif event.kind == "model_exported":
            self._print(f"Exported {payload['model']['directory']}")
        elif event.kind == "model_completed":
            model = payload["model"]
            self._print(f"{model['name']}: {model['parity']['int8']['reason']}")

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


_COMMANDS = {
    "search": _search,
    "predict": _predict,
    "elsewhere": elsewhere_command,
    **PLAN_COMMANDS,
    "pretrain-supernet": pretrain_command,
    **DEVICE_COMMANDS,
    **BENCHES,
}


if __name__ == "__main__":
    sys.exit(main())
