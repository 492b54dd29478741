"""What every phase works with: the clock, the candidates, the events, the reasons to stop."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nas.architecture import Architecture
from nas.automatic import AUTO
from nas.candidate import HERE, PHASES, Candidate, Fidelity, Phase, Precision
from nas.costs import COSTS, Cost, CostName
from nas.data.augment import Augmentation
from nas.data.cache import ImageCache
from nas.energy import EnergyMeter
from nas.evaluators.short_training import ShortTraining
from nas.events import Event, EventKind, OnEvent, ShouldStop
from nas.hardware.target import DeviceTarget
from nas.objectives import RewardName
from nas.phases.plan import SHARES, Goal, phase_seconds
from nas.phases.state import RunState
from nas.planner import Wishes
from nas.quantise.climb import CHEAP_RUNGS, RungName

_PROGRESS_EVERY = 2.0
_SAVE_EVERY = 2.0
STEPS: tuple[Phase, ...] = tuple(SHARES)


class SliceEnded(Exception):  # noqa: N818 - not an error: the run goes on in the next slice
    """The slice is over; everything finished is recorded and the training at hand has a checkpoint."""


class StopRequested(Exception):  # noqa: N818 - not an error: the results so far are exported
    """The user wants what there is now."""


@dataclass(frozen=True)
class SearchConfig:
    """What to search and how long.

    Attributes:
        data: Directory of a prepared image cache.
        workdir: Directory of the run; made if missing. Holds state, weights, checkpoints, models, report.
        minutes: Promise to the user, from the start of the import to the last export, > 0.
        seed: Seed of everything random.
        space: Name of a search space; like strategy and evaluator `nas.automatic.AUTO` for the planner's
            choice, which takes its place in `RunContext.config`.
        strategy: Name of a strategy.
        goal: What matters more; moves the target latency.
        baselines: False leaves out the hand-made networks on the chart.
        ladder: False leaves out the whole Lite0s at several resolutions, for comparisons with blind search.
        target_latency_ms: Wanted latency of the base; derived from the goal if None. A named one is also
            the limit of multi-objective strategies.
        reward: How accuracy and the cost are joined for single-objective strategies and for the best base.
        already_spent_seconds: Seconds of the promise that the import has used.
        n_finalists: Searched networks that get a final training; by the minutes if None.
        evaluator: Name of an evaluator, see `nas.evaluators.EVALUATORS`: how the base search judges.
        device: Where the model will run, see `nas.hardware.target.load_target`; by default this machine.
        precision: What networks are judged as: `fp32`, or `int8`, after post-training quantisation.
        cost: What accuracy is weighed against, see `nas.costs`: by the front, the strategies, the target that
            the goal means, and the scaling.
        int8_top: Last rung of the ladder that is tried for int8 files of downloads; None makes none.
        elastic_weights: File that a supernet begins with, see `nas.supernet.pretraining`; None for the
            adapted Lite0's own weights.
        proxy: Name of the proxy that the evaluator `proxy` ranks by, see `nas.proxies.PROXIES`.
    """

    data: Path
    workdir: Path
    minutes: float
    seed: int = 0
    space: str = AUTO
    strategy: str = AUTO
    goal: Goal = "balanced"
    baselines: bool = True
    ladder: bool = True
    target_latency_ms: float | None = None
    reward: RewardName = "absolute"
    already_spent_seconds: float = 0.0
    n_finalists: int | None = None
    evaluator: str = AUTO
    device: str = HERE
    precision: Precision = "fp32"
    proxy: str = "synflow"
    cost: CostName = "latency"
    int8_top: RungName | None = CHEAP_RUNGS
    elastic_weights: Path | None = None


@dataclass
class RunContext:
    """The run at hand. Phases add to `candidates` through `record` only."""

    config: SearchConfig
    cache: ImageCache
    evaluator: ShortTraining
    state: RunState
    candidates: list[Candidate]
    on_event: OnEvent
    should_stop: ShouldStop
    deadline: float | None
    wishes: Wishes = field(default_factory=Wishes)
    export_reserve: float = 0.0
    energy: EnergyMeter = field(default_factory=EnergyMeter)
    _spent_before: float = 0.0
    _started: float = field(default_factory=time.monotonic)
    _phase: Phase = "first_model"
    _phase_started: float = 0.0
    _last_progress: float = float("-inf")
    _last_save: float = float("-inf")
    _set_up: bool = False
    _message: str = ""

    def __post_init__(self) -> None:
        """Starts the clock where the last slice ended."""
        self._spent_before = self.state.spent_seconds

    # -- clock ---------------------------------------------------------------------------------------------

    @property
    def total(self) -> float:
        """The promise in seconds."""
        return self.config.minutes * 60.0

    def spent(self) -> float:
        """Working seconds of all slices so far."""
        return self._spent_before + time.monotonic() - self._started

    def remaining(self) -> float:
        """Seconds until the promise is used up."""
        return self.total - self.spent()

    def phase_remaining(self) -> float:
        """Seconds until the phase at hand must be over."""
        return self.state.phase_ends[self._phase] - self.spent()

    @property
    def shares(self) -> Mapping[Phase, float]:
        """Shares of the phases between the first model and the export: the plan's, once there is one."""
        plan = self.state.values.get("plan")
        return SHARES if plan is None else plan["shares"]

    # -- phases --------------------------------------------------------------------------------------------

    def enter(self, phase: Phase, message: str) -> None:
        """Starts a phase or takes it up again; its end is settled at the first start."""
        self._book_set_up()
        self._phase, self._message = phase, message
        self._phase_started = self.spent()
        first_time = phase not in self.state.phase_seconds
        self.state.phase_seconds.setdefault(phase, 0.0)
        if phase in STEPS and phase not in self.state.phase_ends:
            left = self.remaining() - self.export_reserve
            share = phase_seconds(phase, left, STEPS[STEPS.index(phase) :], self.shares)
            self.state.phase_ends[phase] = self.spent() + share
        self.save()
        if first_time:
            self.emit("phase_started", phase=phase, message=message)

    def _book_set_up(self) -> None:
        """Books what a slice needs before its first phase: opening images, timing the reference network."""
        if not self._set_up:
            self._set_up = True
            values = self.state.values
            values["setup_seconds"] = values.get("setup_seconds", 0.0) + self.spent() - self._spent_before

    def leave(self) -> None:
        """Ends the phase at hand."""
        self._book_phase()
        self.save()
        left = self.state.values.setdefault("phases_left", [])
        if self._phase not in left:  # a later slice passes through it again
            seconds = round(self.state.phase_seconds[self._phase], 2)
            self.emit("phase_finished", phase=self._phase, seconds=seconds)
            left.append(self._phase)
            self.save()

    def save(self) -> None:
        """Writes the state down."""
        self.state.spent_seconds = self.spent()
        if self.energy.readable:
            values = self.state.values
            values["cpu_joules"] = round(values.get("cpu_joules", 0.0) + self.energy.taken(), 1)
        self.state.save(self.config.workdir)
        self._last_save = time.monotonic()

    def _book_phase(self) -> None:
        now = self.spent()
        self.state.phase_seconds[self._phase] += now - self._phase_started
        self._phase_started = now

    # -- reasons to stop -----------------------------------------------------------------------------------

    def interrupted(self) -> bool:
        """True when the work at hand must be put down; polled after every training step."""
        self._tick()
        return self.slice_over() or self.should_stop()

    def slice_over(self) -> bool:
        """True when this slice has used its time."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def check(self) -> None:
        """Ends the work between two pieces.

        Raises:
            StopRequested: The user wants what there is now.
            SliceEnded: The slice is over.
        """
        self._tick()
        if self.should_stop():
            raise StopRequested
        if self.slice_over():
            self._book_phase()
            self.save()
            raise SliceEnded

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._last_save >= _SAVE_EVERY:
            self._book_phase()
            self.save()
        if now - self._last_progress >= _PROGRESS_EVERY:
            self._last_progress = now
            self.emit(
                "progress",
                phase=self._phase,
                fraction=round(min(1.0, self.spent() / self.total), 4),
                spent_seconds=round(self.spent(), 1),
                eta_seconds=round(max(0.0, self.remaining()), 1),
                message=self._message,
            )

    # -- events and candidates -----------------------------------------------------------------------------

    def emit(self, kind: EventKind, **payload: Any) -> None:
        """Tells the caller, who saves it before this returns."""
        self.on_event(Event(kind, payload))

    def log(self, message: str) -> None:
        """Tells the user one plain sentence."""
        self.emit("log", message=message)

    def now_doing(self, message: str) -> None:
        """Sets the sentence that the next progress event carries, and sends it soon."""
        self._message = message
        self._last_progress = float("-inf")
        self._tick()

    def record(self, candidate: Candidate) -> Candidate:
        """Hands a candidate to the caller first, with the time of its end, then keeps it."""
        self._book_phase()
        self.save()
        candidate = replace(candidate, details={**candidate.details, "at_seconds": round(self.spent(), 1)})
        self.emit("candidate_finished", candidate=candidate.to_json())
        self.candidates.append(candidate)
        return candidate

    def done(self, task: str) -> Candidate | None:
        """Returns the candidate of a piece of work, if it was done in this slice or an earlier one."""
        for candidate in self.candidates:
            if candidate.details.get("task") == task:
                return candidate
        return None

    def finished(self, *, source: str | None = None, fidelity: Fidelity | None = None) -> list[Candidate]:
        """Returns the finished candidates of one source or fidelity, in the order of their numbers."""
        return [
            candidate
            for candidate in self.candidates
            if candidate.metrics is not None
            and (source is None or candidate.source == source)
            and (fidelity is None or candidate.fidelity == fidelity)
        ]

    def by_number(self, number: int) -> Candidate:
        """Returns one candidate."""
        return next(candidate for candidate in self.candidates if candidate.number == number)

    @property
    def target(self) -> DeviceTarget | None:
        """The device that is searched for, None if it is this machine."""
        return self.evaluator.target

    @property
    def cost(self) -> Cost:
        """What accuracy is weighed against."""
        return COSTS[self.config.cost]

    def allowed(self, architecture: Architecture) -> bool:
        """True if a network keeps the hard limits of the device."""
        return self.target is None or self.target.excess(architecture, self.cache.n_classes) == 0

    def augmentation(self) -> Augmentation:
        """Returns the augmentation for these images: no mirror where mirrored images are another class."""
        return Augmentation(flip=bool(self.state.values.get("flip_ok", True)))


def known_phases(state: RunState) -> Sequence[Phase]:
    """Returns the phases that have started, in their order."""
    return [phase for phase in PHASES if phase in state.phase_seconds]
