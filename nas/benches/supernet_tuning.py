"""Does elastic training earn its minutes? Networks tuned from its weights against networks tuned longer.

Each network is tuned twice by the same distilling loop: from the supernet after elastic training, and from
the teacher's weights as plain inheritance cuts them, for as much longer as its share of the elastic training
was. Work is counted in processor seconds, so that what else the machine does is no part of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from nas.architecture import MBConvArchitecture
from nas.data.cache import ImageCache
from nas.files import append_json_line, read_json_lines
from nas.prediction import validation_rows
from nas.supernet.draws import Alone
from nas.supernet.elastic import ElasticLite0
from nas.supernet.scoring import score
from nas.supernet.training import ElasticConfig, train_elastic

_FOREVER = 1e9
_RATE = 5e-4  # of the final training of a changed network, see nas.phases.recipes
_PILOT_STEPS = 4
_ROWS = "tuned.jsonl"


@dataclass(frozen=True)
class Tuning:
    """What to tune and for how long.

    Attributes:
        cache: The images.
        out: Directory of the results.
        teacher: Gives the soft answers.
        side: Side in pixels at which the teacher looks.
        seconds: Processor seconds of a tuning.
        share: Further processor seconds of a network that elastic training does not help.
        seed: Of the training.
    """

    cache: ImageCache
    out: Path
    teacher: nn.Module
    side: int
    seconds: float
    share: float
    seed: int = 0


def tune_networks(
    tuning: Tuning,
    networks: Mapping[str, MBConvArchitecture],
    starts: Mapping[str, Callable[[], ElasticLite0]],
    on_line: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Tunes what is missing in `tuned.jsonl`; returns one row a network and start.

    Args:
        tuning: How.
        networks: Name -> what to tune.
        starts: `"elastic"` and `"plain"` -> the weights to begin with; the second gets the share.
        on_line: Told each finished tuning in a line.
    """
    path = tuning.out / _ROWS
    rows = {(row["name"], row["start"]): row for row in read_json_lines(path)}
    for name, architecture in networks.items():
        steps = None
        for start, weights in starts.items():
            if (name, start) in rows:
                continue
            steps = steps or _steps_a_second(tuning, weights(), architecture)
            seconds = tuning.seconds + (tuning.share if start == "plain" else 0.0)
            row = _tune(tuning, weights(), architecture, max(1, round(steps * seconds)))
            rows[name, start] = {"name": name, "start": start, **row}
            append_json_line(path, rows[name, start])
            on_line(
                f"{name} from {start}: {row['before']:.1%} -> {row['accuracy']:.1%}, {row['steps']} steps"
            )
    return list(rows.values())


def tuning_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Returns a Markdown table of the rows for people."""
    lines = ["| network | start | at the start | tuned | steps | CPU s |", "|---|---|---|---|---|---|"]
    for row in rows:
        cells = (row["name"], row["start"], f"{row['before']:.1%}", f"{row['accuracy']:.1%}", row["steps"])
        lines.append(f"| {' | '.join(map(str, cells))} | {row['cpu_seconds']:.0f} |")
    return lines


def _steps_a_second(tuning: Tuning, weights: ElasticLite0, architecture: MBConvArchitecture) -> float:
    """Returns how many steps of a tuning fit into a processor second, measured."""
    _, seconds = _train(tuning, weights, architecture, _PILOT_STEPS)
    return _PILOT_STEPS / seconds


def _tune(
    tuning: Tuning, weights: ElasticLite0, architecture: MBConvArchitecture, steps: int
) -> dict[str, Any]:
    rows = validation_rows(tuning.cache)
    before = score(weights, architecture, tuning.cache, rows).accuracy
    done, seconds = _train(tuning, weights, architecture, steps)
    after = score(weights, architecture, tuning.cache, rows).accuracy
    return {"before": before, "accuracy": after, "steps": done, "cpu_seconds": round(seconds, 1)}


def _train(
    tuning: Tuning, weights: ElasticLite0, architecture: MBConvArchitecture, steps: int
) -> tuple[int, float]:
    config = ElasticConfig(
        tuning.side, seconds=_FOREVER, max_steps=steps, learning_rate=_RATE, seed=tuning.seed
    )
    started = time.process_time()
    result = train_elastic(weights, tuning.teacher, tuning.cache, config, Alone(architecture))
    return result.steps, time.process_time() - started
