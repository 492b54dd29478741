"""One strategy with one seed against the clock: real short trainings, a ledger, seconds that are counted."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

from nas.data.cache import ImageCache, read_manifest
from nas.errors import DataError, EvaluationError, SpaceError
from nas.evaluators.short_training import ShortTraining
from nas.files import append_json_line, read_json_lines, write_atomically
from nas.hardware.latency import LatencyMeter
from nas.objectives import RewardName, joint_reward
from nas.runtime import tune_process
from nas.spaces import make_space
from nas.spaces.base import Choices, SearchSpace
from nas.strategies import make_strategy
from nas.strategies.base import Observation, Proposal, Strategy

ContestReward = RewardName | Literal["accuracy"]
_FAILURES_IN_A_ROW = 8

Row = dict[str, Any]
"""One line of a ledger: number, choices, reward (None if failed), seconds, metrics or error."""


@dataclass(frozen=True)
class Contest:
    """What all searches of a bench have in common.

    Attributes:
        data: Directory of a prepared image cache.
        space: Name of a search space; networks are trained from scratch.
        minutes: Of each search, in its ledger: what its candidates cost, failures and measuring included,
            divided by the number of workers.
        short_seconds: Of each training.
        reward: How accuracy and latency are joined; `accuracy` leaves latency out.
        max_resolution: Largest side of the images in pixels.
        resolutions: Exactly these sides instead.
        target_ms: Wanted latency in milliseconds.
    """

    data: Path
    space: str
    minutes: float
    short_seconds: float
    reward: ContestReward = "absolute"
    max_resolution: int = 96
    resolutions: tuple[int, ...] | None = None
    target_ms: float = 1.0

    def make_space(self) -> SearchSpace:
        """Returns the search space for these images."""
        largest = min(self.max_resolution, ImageCache.open(self.data).cache_size)
        return make_space(self.space, max_resolution=largest, resolutions=self.resolutions)

    def score(self, accuracy: float, latency_ms: float) -> float:
        """Returns what is maximised."""
        if self.reward == "accuracy":
            return accuracy
        return joint_reward(self.reward, accuracy, latency_ms, self.target_ms)


class ContestSearch:
    """Asks, trains, tells until the seconds are used; a search that was cut short goes on from its ledger."""

    def __init__(self, contest: Contest, name: str, seed: int, ledger: Path, *, workers: int = 1) -> None:
        """Builds the strategy; its populations are scaled to the candidates that the minutes allow."""
        self.contest, self.seed, self.ledger, self.workers = contest, seed, ledger, workers
        expected = max(4, int(workers * contest.minutes * 60 / (contest.short_seconds * 1.25)))
        self.strategy: Strategy = make_strategy(name, contest.make_space(), seed, evaluations=expected)

    def run(self, on_row: Callable[[Row], None] = lambda row: None) -> list[Row]:
        """Returns all evaluated networks in the order of their numbers."""
        rows = read_json_lines(self.ledger)
        self.strategy.replay(map(_observation, rows))

        def tell(row: Row) -> None:
            append_json_line(self.ledger, row)
            rows.append(row)
            self.strategy.tell(_observation(row))
            on_row(row)

        if self.workers == 1:
            while self._time_for_another(rows, 0) and (proposal := self._another()) is not None:
                tell(train_one(self.contest, *self._order(proposal)))
        else:
            self._abreast(rows, tell)
        return sorted(rows, key=lambda row: int(row["number"]))

    def _abreast(self, rows: Sequence[Row], tell: Callable[[Row], None]) -> None:
        under_way: set[Future[Row]] = set()
        with ProcessPoolExecutor(self.workers, mp_context=get_context("spawn")) as pool:
            while True:
                while len(under_way) < self.workers and self._time_for_another(rows, len(under_way)):
                    proposal = self._another()
                    if proposal is None:
                        break
                    under_way.add(pool.submit(train_one, self.contest, *self._order(proposal)))
                if not under_way:
                    return
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    tell(future.result())

    def _another(self) -> Proposal | None:
        try:
            return self.strategy.ask_another()
        except SpaceError:
            return None

    def _order(self, proposal: Proposal) -> tuple[int, Choices, int]:
        return proposal.number, proposal.choices, 1_000 * self.seed + proposal.number

    def _time_for_another(self, rows: Sequence[Row], under_way: int) -> bool:
        """True if one more as dear as the last ones ends at most half of itself beyond the budget."""
        last = rows[-_FAILURES_IN_A_ROW:]
        if len(last) == _FAILURES_IN_A_ROW and all(row["reward"] is None for row in last):
            return False
        typical = self.contest.short_seconds
        if rows:
            typical = statistics.fmean(row["seconds"] for row in rows[-5:])
        spent = sum(row["seconds"] for row in rows) + under_way * typical
        left = self.workers * self.contest.minutes * 60 - spent
        return bool(left >= typical / 2)


def train_one(contest: Contest, number: int, choices: Choices, seed: int) -> Row:
    """Trains and measures one network on one thread; a network that fails is a row without reward."""
    evaluator = make_evaluator(contest.data)
    started = time.monotonic()
    row: Row = {"number": number, "choices": list(choices), "reward": None}
    try:
        architecture = contest.make_space().decode(choices)
        network = evaluator.evaluate(architecture, seconds=contest.short_seconds, seed=seed)
    except EvaluationError as error:
        row["error"] = str(error)
    else:
        assert network is not None  # nobody interrupts
        metrics = network.metrics
        reward = contest.score(metrics.accuracy, metrics.latency_ms)
        row |= {"accuracy": metrics.accuracy, "latency_ms": metrics.latency_ms}
        row["reward"] = reward if math.isfinite(reward) else None
    row["seconds"] = time.monotonic() - started
    return row


@lru_cache(maxsize=1)
def make_evaluator(data: Path) -> ShortTraining:
    """Returns this process's evaluator of these images; the process works on one thread from now on."""
    tune_process(1)
    return ShortTraining(ImageCache.open(data), LatencyMeter())


def refuse_other_settings(path: Path, settings: Row) -> None:
    """Writes down what the results in a directory depend on.

    Raises:
        DataError: If results of other settings are there.
    """
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != settings:
        raise DataError(f"{path.parent} holds results of other settings. Name another directory.")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(settings, indent=1) + "\n")


def settings_of(contest: Contest) -> Row:
    """Returns what a result depends on, JSON-ready."""
    known = {
        "space": contest.space,
        "minutes": contest.minutes,
        "short_seconds": contest.short_seconds,
        "reward": contest.reward,
        "max_resolution": contest.max_resolution,
        "images": read_manifest(contest.data)["content_hash"],
    }
    return known if contest.resolutions is None else {**known, "resolutions": list(contest.resolutions)}


def _observation(row: Row) -> Observation:
    values = {name: row[name] for name in ("accuracy", "latency_ms") if name in row}
    return Observation(row["number"], tuple(row["choices"]), values, row["reward"])
