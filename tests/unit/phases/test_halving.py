"""Successive halving: who goes on, for how long, and what a killed round leaves to the next slice."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from nas.architecture import Architecture, architecture_key
from nas.candidate import Candidate, Metrics
from nas.errors import EvaluationError
from nas.evaluators.base import Evaluated, Evaluator
from nas.events import Event
from nas.phases import halving
from nas.phases.context import RunContext, SearchConfig, StopRequested
from nas.phases.state import RunState
from nas.phases.work import Job
from nas.spaces import make_space
from nas.strategies import STRATEGIES, make_strategy
from nas.strategies.base import Observation

PLAN = {"size": 9, "seconds": 1.0}
OVERHEAD = 0.25
SPACE = make_space("mbconv", resolutions=(32,))


class Killed(BaseException):
    pass


def quality(architecture: Architecture) -> float:
    return random.Random(architecture_key(architecture)).random()


class Curves(Evaluator):
    """Networks whose accuracy is known for every length of training; time passes without waiting.

    `seconds` of a call are those of all calls together, as with the checkpoint of a real training.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, float]] = []
        self.kill_at: int | None = None
        self.fails: Callable[[Architecture, float], bool] = lambda _architecture, _seconds: False
        self.pass_time: Callable[[float], None] = lambda _seconds: None

    def evaluate(
        self,
        architecture: Architecture,
        *,
        seconds: float,
        checkpoint: Path | None = None,
        keep_checkpoint: bool = False,
        **_options: Any,
    ) -> Evaluated:
        if len(self.calls) == self.kill_at:
            self.kill_at = None
            raise Killed
        before = float(checkpoint.read_text()) if checkpoint.exists() else 0.0
        self.calls.append((architecture_key(architecture), seconds))
        self.pass_time(seconds - before + OVERHEAD)
        if self.fails(architecture, seconds):
            raise EvaluationError("The training diverged.")
        assert keep_checkpoint
        checkpoint.write_text(str(seconds))
        accuracy = quality(architecture) * seconds / (1.0 + seconds)
        metrics = Metrics(accuracy, 0.0, 1.0, 1.0, 1.0, 1, 1, 1)
        return Evaluated(nn.Linear(1, 1), metrics, {"training_seconds": seconds}, seconds + OVERHEAD)


class Caller:
    """Opens slices of a run in one directory and keeps its candidates, as a caller of the engine does."""

    def __init__(self, workdir: Path, strategy: str = "random", phase_seconds: float = 1e6) -> None:
        self.evaluator, self.strategy = Curves(), strategy
        self.config = SearchConfig(data=workdir, workdir=workdir, minutes=1e6, seed=5, strategy=strategy)
        self.phase_seconds = phase_seconds
        self.candidates: list[Candidate] = []
        self.die_at_record: int | None = None
        self.stop_after: int | None = None

    def on_event(self, event: Event) -> None:
        if event.kind == "candidate_finished":
            if len(self.candidates) == self.die_at_record:
                self.die_at_record = None
                raise Killed
            self.candidates.append(Candidate.from_json(event.payload["candidate"]))

    def play(self, rounds: int) -> list[bool]:
        """One slice: the strategy is rebuilt from what was recorded."""
        state = RunState.load(self.config.workdir) or RunState(values={"halving": PLAN})
        ctx = RunContext(
            config=self.config,
            cache=None,  # type: ignore[arg-type] # nothing here looks at images
            evaluator=self.evaluator,  # type: ignore[arg-type]
            state=state,
            candidates=list(self.candidates),
            on_event=self.on_event,
            should_stop=lambda: self.stop_after is not None and len(self.evaluator.calls) >= self.stop_after,
            deadline=None,
        )
        self.evaluator.pass_time = lambda seconds: setattr(ctx, "_spent_before", ctx._spent_before + seconds)
        ctx.enter("base_search", "searching")
        state.phase_ends["base_search"] = self.phase_seconds
        options = {"evaluations": 18, "workers": PLAN["size"]}
        strategy = make_strategy(self.strategy, SPACE, self.config.seed, **options)
        told = list(ctx.candidates)
        strategy.replay(observe(candidate, number) for number, candidate in enumerate(told))
        search = halving.Search(strategy, told, job, observe)
        return [halving.another_round(ctx, search) for _ in range(rounds)]


def job(proposal: Any) -> Job:
    return Job(
        task=f"search:{proposal.number}",
        phase="base_search",
        source="base_search",
        fidelity="short",
        label=f"Search {proposal.number + 1}",
        architecture=SPACE.decode(proposal.choices),
        seconds=13.0,
        choices=proposal.choices,
    )


def observe(candidate: Candidate, number: int) -> Observation:
    assert candidate.choices is not None
    metrics = candidate.metrics
    values = {} if metrics is None else {"accuracy": metrics.accuracy, "latency_ms": metrics.latency_ms}
    return Observation(number, candidate.choices, values, values.get("accuracy"))


def seconds_of(candidates: list[Candidate]) -> list[float]:
    return [candidate.details["training_seconds"] for candidate in candidates]


def test_the_best_third_goes_on_for_three_times_as_long(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    assert caller.play(1) == [True]
    candidates = caller.candidates
    assert [candidate.number for candidate in candidates] == list(range(9))
    assert [candidate.details["task"] for candidate in candidates] == [f"search:{i}" for i in range(9)]
    assert sorted(seconds_of(candidates)) == [1.0] * 6 + [4.0] * 2 + [13.0]
    by_quality = sorted(candidates, key=lambda candidate: -quality(candidate.architecture))
    assert seconds_of(by_quality) == [13.0, 4.0, 4.0] + [1.0] * 6
    assert by_quality[0].details["halving"] == {"rung": 3, "rungs": 3, "seconds": 13.0}
    assert by_quality[0].seconds == 13.0 + 3 * OVERHEAD and by_quality[8].seconds == 1.0 + OVERHEAD
    assert all((tmp_path / str(candidate.weights)).exists() for candidate in candidates)
    assert not list((tmp_path / "checkpoints").iterdir())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_is_told_its_rounds_and_proposes_no_network_twice(
    tmp_path: Path, strategy: str
) -> None:
    caller = Caller(tmp_path, strategy)
    assert all(caller.play(2))
    assert len({candidate.choices for candidate in caller.candidates}) == len(caller.candidates)
    again = Caller(tmp_path / "again", strategy)
    (tmp_path / "again").mkdir()
    for _ in range(2):  # rebuilt by replay before each round
        again.play(1)
    assert [one.choices for one in again.candidates] == [one.choices for one in caller.candidates]


def but_for_the_clock(candidates: list[Candidate]) -> list[dict[str, Any]]:
    told = [one.to_json() for one in candidates]
    for one in told:
        one["details"].pop("at_seconds")
    return told


@pytest.mark.parametrize("kill_at", [0, 5, 9, 12, 13])
def test_a_killed_round_ends_as_if_it_had_not_been_killed(tmp_path: Path, kill_at: int) -> None:
    whole, killed = Caller(tmp_path / "a"), Caller(tmp_path / "b")
    for caller in (whole, killed):
        caller.config.workdir.mkdir()
    whole.play(2)
    killed.evaluator.kill_at = kill_at
    with pytest.raises(Killed):
        killed.play(2)
    killed.play(2 - len(killed.candidates) // 9)
    assert killed.evaluator.calls == whole.evaluator.calls
    assert but_for_the_clock(killed.candidates) == but_for_the_clock(whole.candidates)


@pytest.mark.parametrize("recorded", [0, 4, 8])
def test_a_process_that_dies_while_it_records_a_round_loses_and_doubles_nothing(
    tmp_path: Path, recorded: int
) -> None:
    caller = Caller(tmp_path)
    caller.die_at_record = recorded
    with pytest.raises(Killed):
        caller.play(1)
    n_calls = len(caller.evaluator.calls)
    assert caller.play(1) == [True]
    assert len(caller.evaluator.calls) == n_calls == 13
    assert [one.number for one in caller.candidates] == list(range(9))
    assert sorted(seconds_of(caller.candidates)) == [1.0] * 6 + [4.0] * 2 + [13.0]


def test_a_failed_network_is_recorded_and_never_goes_on(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    caller.evaluator.fails = lambda architecture, seconds: seconds > 1.0 and quality(architecture) > 0.8
    caller.play(1)
    failed = [candidate for candidate in caller.candidates if candidate.status == "failed"]
    assert failed and all(candidate.details["halving"]["rung"] == 2 for candidate in failed)
    assert all(candidate.error == "The training diverged." for candidate in failed)
    finished = [candidate for candidate in caller.candidates if candidate.metrics is not None]
    assert max(seconds_of(finished)) == 13.0 and len(caller.candidates) == 9
    assert all(quality(one.architecture) <= 0.8 for one in finished if one.details["training_seconds"] > 1)


@pytest.mark.parametrize("phase_seconds", [3.0, 8.0, 14.0, 20.0, 33.0, 60.0, 100.0])
def test_rounds_keep_to_the_phase_and_shrink_with_it(tmp_path: Path, phase_seconds: float) -> None:
    caller = Caller(tmp_path, phase_seconds=phase_seconds)
    played = caller.play(9)
    assert played[-1] is False
    spent = RunState.load(tmp_path).spent_seconds
    assert spent <= phase_seconds + 0.5 * 9.5
    assert len(caller.candidates) == len({one.choices for one in caller.candidates})


def test_a_wish_to_stop_records_what_the_round_has_trained(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    caller.stop_after = 11
    with pytest.raises(StopRequested):
        caller.play(1)
    assert len(caller.candidates) == 9 and sorted(seconds_of(caller.candidates)) == [1.0] * 7 + [4.0] * 2
    early = Caller(tmp_path / "early")
    (tmp_path / "early").mkdir()
    early.stop_after = 2
    with pytest.raises(StopRequested):
        early.play(1)
    assert [one.number for one in early.candidates] == [0, 1]


@pytest.mark.parametrize(("seconds", "size"), [(30.0, 3), (126.0, 9), (324.0, 9), (5.0, 3), (36_000.0, 9)])
def test_two_rounds_fit_into_a_phase_that_has_time_for_them(seconds: float, size: int) -> None:
    plan = halving.plan_for(seconds, 0.8)
    assert plan.size == size and plan.seconds >= 1.0
    assert plan.total_seconds(plan.rungs - 1) <= 60.01
    if seconds >= 30:
        assert 2 * plan.cost(size, 0.8) <= seconds * 1.001
    if 30 <= seconds <= 126:
        assert 2 * plan.cost(size, 0.8) >= seconds * 0.999


def test_every_rung_of_a_full_round_costs_the_same() -> None:
    plan = halving.Plan(9, 2.0)
    assert [plan.width(9, rung) for rung in range(plan.rungs)] == [9, 3, 1]
    assert [plan.total_seconds(rung) for rung in range(plan.rungs)] == [2.0, 8.0, 26.0]
    assert plan.cost(9, 0.0) == 3 * 18.0
    assert [plan.width(2, rung) for rung in range(3)] == [2, 1, 1] and plan.width(0, 0) == 0
