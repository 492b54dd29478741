"""The ladder: one remedy after another, until quantising costs no more than a point of validation accuracy.

Rung by rung: after training with the best of three calibrations, batch-norm statistics, cross-layer
equalisation, AdaRound, quantisation-aware training. Most networks at 8 bits need the first one only. Each
rung is judged on validation images and the best network so far is kept, whichever rung it is from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from torch import nn

from nas.architecture import Architecture
from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.events import ShouldStop
from nas.prediction import evaluate, validation_rows
from nas.quantise.calibrate import Histograms, quantise
from nas.quantise.climb import RUNGS, Climb, Ending, LadderConfig, Rung, RungName
from nas.quantise.equalise import equalise
from nas.quantise.histogram import CALIBRATIONS, Calibration
from nas.quantise.images import CalibrationImages
from nas.quantise.network import QuantNetwork, fold_network, runs_as_integers
from nas.quantise.norms import reestimate_statistics
from nas.quantise.rounding import round_adaptively
from nas.quantise.tuning import tune

_ROUNDING_SHARE = 0.6  # of the time left; the rest is for tuning
_SLACK = 1e-9  # a loss of exactly one point is within one point
_UNJUDGED = "It was stopped, or the time was up, before it could be judged."


def ladder(
    module: nn.Module,
    architecture: Architecture,
    cache: ImageCache,
    config: LadderConfig | None = None,
    *,
    on_rung: Callable[[Rung], None] = lambda rung: None,
    on_progress: Callable[[RungName, float], None] = lambda rung, fraction: None,
    should_stop: ShouldStop | None = None,
) -> Climb:
    """Quantises a trained network, with as little effort as keeps its accuracy.

    Args:
        module: The trained network; left as it is.
        architecture: Its architecture.
        cache: Images; the training part calibrates and tunes, the validation part judges.
        config: How.
        on_rung: Told each rung.
        on_progress: Told the rung under way and the fraction of it done.
        should_stop: Polled between and within rungs, before each costly part; the best so far is returned,
            and what rounding or tuning had reached is judged.

    Raises:
        ExportError: If such a network cannot be quantised.
        EvaluationError: If there are no images to calibrate on or to judge by.
    """
    climber = _Climber(fold_network(module, architecture), cache, config or LadderConfig())
    return climber.run(on_rung, on_progress, should_stop or (lambda: False))


@dataclass(frozen=True)
class _Outcome:
    """What a rung gives: its network with its accuracy, or why it was skipped."""

    network: QuantNetwork | None = None
    accuracy: float | None = None
    details: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""


class _Climber:
    """State of one climb."""

    def __init__(self, network: QuantNetwork, cache: ImageCache, config: LadderConfig) -> None:
        self.started = time.monotonic()
        self.cache, self.config = cache, config
        self.float = network.eval()
        self.rows: np.ndarray = validation_rows(cache)
        if len(self.rows) == 0:
            raise EvaluationError("Quantising is judged on validation images; add images to every class.")
        self.images = CalibrationImages(cache, network.resolution, n_images=config.n_images, seed=config.seed)
        self.float_accuracy = self.accuracy_of(self.float)
        self.an_evaluation = time.monotonic() - self.started
        self.how: Calibration = CALIBRATIONS[0]
        self.best: tuple[float, RungName, QuantNetwork] | None = None
        # What AdaRound builds on: (accuracy, rounded to the nearest with no statistics corrected, in float).
        self.plain: tuple[float, QuantNetwork, QuantNetwork] | None = None

    def run(
        self,
        on_rung: Callable[[Rung], None],
        on_progress: Callable[[RungName, float], None],
        should_stop: ShouldStop,
    ) -> Climb:
        self.on_progress, self.should_stop = on_progress, should_stop
        climb: dict[RungName, Callable[[], _Outcome]] = {
            "after training": self.after_training,
            "statistics": self.statistics,
            "equalisation": self.equalisation,
            "adaround": self.adaround,
            "tuning": self.tuning,
        }
        rungs: list[Rung] = []
        ending: Ending | None = None
        for name in RUNGS[: RUNGS.index(self.config.top) + 1]:
            if ending is not None:
                break
            on_progress(name, 0.0)
            started = time.monotonic()
            outcome = climb[name]()
            if outcome.network is not None and outcome.accuracy is not None:
                self.keep(name, outcome.accuracy, outcome.network)
            seconds = time.monotonic() - started
            rungs.append(Rung(name, outcome.accuracy, seconds, outcome.details, outcome.skipped))
            on_rung(rungs[-1])
            ending = self.why_end()
        return self.result(tuple(rungs), ending or "top")

    def keep(self, name: RungName, accuracy: float, network: QuantNetwork) -> None:
        if self.best is None or accuracy > self.best[0]:
            self.best = (accuracy, name, network)

    def why_end(self) -> Ending | None:
        assert self.best is not None  # the first rung always gives a network
        if not self.config.climb_on and self.float_accuracy - self.best[0] <= self.config.most_lost + _SLACK:
            return "good enough"
        if self.should_stop():
            return "stopped"
        return "time" if self.left() is not None and (self.left() or 0.0) <= self.an_evaluation else None

    def left(self) -> float | None:
        """Returns the seconds left, None for no limit."""
        if self.config.seconds is None:
            return None
        return max(0.0, self.config.seconds - (time.monotonic() - self.started))

    def over(self) -> bool:
        """True if it was told to stop, or the time is up."""
        return self.should_stop() or self.left() == 0.0

    def accuracy_of(self, network: QuantNetwork) -> float:
        return evaluate(network, self.cache, self.rows, network.resolution).accuracy

    def quantised(self, network: QuantNetwork, histograms: Histograms, how: Calibration) -> QuantNetwork:
        widths = self.config.weight_bits, self.config.activation_bits
        return quantise(network, histograms, how, weight_bits=widths[0], activation_bits=widths[1])

    def after_training(self) -> _Outcome:
        """Quantises with each calibration; a later one is tried while there is time."""
        self.histograms = histograms = Histograms(self.float, self.images)
        tried: dict[str, float] = {}
        for number, how in enumerate(CALIBRATIONS):
            if tried and self.over():
                break
            network = self.quantised(self.float, histograms, how)
            accuracy = tried[how] = self.accuracy_of(network)
            if self.plain is None or accuracy > self.plain[0]:
                self.plain, self.how = (accuracy, network, self.float), how
            self.on_progress("after training", (number + 1) / len(CALIBRATIONS))
        assert self.plain is not None
        return _Outcome(self.plain[1], self.plain[0], {"calibrations": tried, "chosen": self.how})

    def statistics(self) -> _Outcome:
        """Gives the channels of the quantised network the mean and deviation of the float one."""
        assert self.plain is not None
        network = self.plain[1].twin(simulated=True)
        reestimate_statistics(network, self.plain[2], self.images)
        if self.over():
            return _Outcome(skipped=_UNJUDGED)
        return _Outcome(network, self.accuracy_of(network), {"images": len(self.images)})

    def equalisation(self) -> _Outcome:
        """Equalises the float network, quantises it anew, and tries it with and without statistics."""
        outcome = _Outcome(skipped=_UNJUDGED)
        for so_far in self.equalising():
            outcome = so_far
            if self.over():
                break
        return outcome

    def equalising(self) -> Iterator[_Outcome]:
        """Yields what there is before each costly part, and at the end."""
        assert self.plain is not None
        equalised = self.float.twin(simulated=False).eval()
        done = equalise(equalised, self.histograms)
        if done.pairs + done.triples == 0:
            yield _Outcome(skipped=" ".join(done.skipped) or "No layers could be equalised.")
            return
        yield _Outcome(skipped=_UNJUDGED)
        histograms = Histograms(equalised, self.images)
        yield _Outcome(skipped=_UNJUDGED)
        network = self.quantised(equalised, histograms, self.how)
        accuracy = self.accuracy_of(network)
        details = {**asdict(done), "without_statistics": accuracy}
        yield _Outcome(network, accuracy, details)
        details["float_accuracy"] = in_float = self.accuracy_of(equalised)
        # AdaRound aims at the float network, so that must not have suffered from ReLU instead of ReLU6.
        if accuracy > self.plain[0] and in_float >= self.float_accuracy - self.config.most_lost:
            self.plain = (accuracy, network, equalised)
        yield _Outcome(network, accuracy, details)
        corrected = network.twin(simulated=True)
        reestimate_statistics(corrected, equalised, self.images)
        yield _Outcome(network, accuracy, details)
        details["with_statistics"] = with_statistics = self.accuracy_of(corrected)
        if with_statistics > accuracy:
            yield _Outcome(corrected, with_statistics, details)
        else:
            yield _Outcome(network, accuracy, details)

    def adaround(self) -> _Outcome:
        """Rounds the better of the plain networks, equalised or not, never one with corrected statistics."""
        assert self.plain is not None
        network = self.plain[1].twin(simulated=True)
        left = self.left()
        config = replace(
            self.config.rounding,
            seconds=_shorter(self.config.rounding.seconds, None if left is None else left * _ROUNDING_SHARE),
            seed=self.config.seed,
        )
        done = round_adaptively(
            network,
            self.plain[2],
            self.images,
            config,
            on_progress=lambda fraction: self.on_progress("adaround", fraction),
            should_stop=self.should_stop,
        )
        details = {**asdict(done), "equalised": self.plain[2] is not self.float, "before": self.plain[0]}
        return _Outcome(network, self.accuracy_of(network), details)

    def tuning(self) -> _Outcome:
        """Trains the best network so far on."""
        assert self.best is not None
        network = self.best[2].twin(simulated=True)
        left = self.left()
        share = None if left is None else max(0.1, left - self.an_evaluation)
        config = replace(
            self.config.tuning,
            seconds=_shorter(self.config.tuning.seconds, share),
            seed=self.config.seed,
        )
        try:
            done = tune(
                network,
                self.cache,
                config,
                on_progress=lambda fraction: self.on_progress("tuning", fraction),
                should_stop=self.should_stop,
            )
        except EvaluationError as error:  # it diverged; the rungs below keep what they gave
            return _Outcome(skipped=str(error))
        details = {"from": self.best[1], "epochs": done.epochs, "steps": done.steps}
        return _Outcome(network, self.accuracy_of(network), {**details, "interrupted": done.interrupted})

    def result(self, rungs: tuple[Rung, ...], ending: Ending) -> Climb:
        assert self.best is not None
        accuracy, name, network = self.best
        return Climb(
            network=network,
            accuracy=accuracy,
            float_accuracy=self.float_accuracy,
            best=name,
            rungs=rungs,
            ending=ending,
            reason=_sentence(ending, self.float_accuracy - accuracy, name, self.config),
            seconds=time.monotonic() - self.started,
            n_validation=len(self.rows),
            simulated_only=not runs_as_integers(network),
        )


def _shorter(own: float | None, share: float | None) -> float | None:
    """Returns the shorter of two limits, None for no limit."""
    return min((limit for limit in (own, share) if limit is not None), default=None)


def _sentence(ending: Ending, lost: float, name: RungName, config: LadderConfig) -> str:
    cost = f"the best rung, {name}, costs {100 * lost:.1f} points of validation accuracy"
    return {
        "good enough": f"Enough: {cost}, and {100 * config.most_lost:.1f} are allowed.",
        "time": f"The time is up: {cost}.",
        "stopped": f"Stopped: {cost}.",
        "top": f"All rungs were tried: {cost}.",
    }[ending]
