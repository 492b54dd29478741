from __future__ import annotations

import pytest
import torch
from torch import nn

from nas.architecture import MBConvArchitecture, TimmArchitecture
from nas.data.cache import ImageCache
from nas.errors import ExportError
from nas.networks import build_network
from nas.prediction import evaluate, validation_rows
from nas.quantise.climb import RUNGS, LadderConfig, Rung, RungName
from nas.quantise.ladder import _Climber, ladder
from nas.quantise.network import fold_network
from nas.quantise.rounding import RoundingConfig
from nas.quantise.tuning import TuningConfig
from tests.unit.networks.architectures import every_feature

Trained = tuple[nn.Module, MBConvArchitecture]
QUICK = {"rounding": RoundingConfig(steps=10), "tuning": TuningConfig(epochs=0.5), "n_images": 96}


def test_eight_bits_need_the_first_rung_only(trained: Trained, digit_cache: ImageCache) -> None:
    before = {key: value.clone() for key, value in trained[0].state_dict().items()}
    climb = ladder(*trained, digit_cache, LadderConfig(most_lost=0.03, **QUICK))
    assert [rung.name for rung in climb.rungs] == ["after training"]
    assert climb.ending == "good enough"
    assert climb.reason.startswith("Enough: ")
    assert not climb.simulated_only
    assert climb.lost <= 0.03
    calibrations = climb.rungs[0].details["calibrations"]
    assert set(calibrations) == {"percentile", "entropy", "mse"}
    assert climb.accuracy == max(calibrations.values())
    assert all(torch.equal(value, before[key]) for key, value in trained[0].state_dict().items())


def test_the_accuracies_are_those_of_the_networks(trained: Trained, digit_cache: ImageCache) -> None:
    climb = ladder(*trained, digit_cache, LadderConfig(top="after training", **QUICK))
    rows = validation_rows(digit_cache)
    assert climb.accuracy == evaluate(climb.network, digit_cache, rows, 16).accuracy
    assert climb.float_accuracy == evaluate(trained[0], digit_cache, rows, 16).accuracy
    assert climb.n_validation == len(rows)


def test_it_climbs_to_the_top_and_keeps_the_best(trained: Trained, digit_cache: ImageCache) -> None:
    told: list[Rung] = []
    progress: list[tuple[RungName, float]] = []
    config = LadderConfig(weight_bits=2, most_lost=-1.0, **QUICK)
    climb = ladder(
        *trained,
        digit_cache,
        config,
        on_rung=told.append,
        on_progress=lambda rung, fraction: progress.append((rung, fraction)),
    )
    assert tuple(rung.name for rung in climb.rungs) == RUNGS
    assert climb.rungs == tuple(told)
    assert climb.ending == "top"
    assert climb.simulated_only
    best = max(
        (rung for rung in climb.rungs if rung.accuracy is not None), key=lambda rung: rung.accuracy or 0
    )
    assert (climb.best, climb.accuracy) == (best.name, best.accuracy)
    assert {rung for rung, _ in progress} == set(RUNGS)
    assert all(0 <= fraction <= 1 for _, fraction in progress)


def test_an_interrupt_keeps_the_best_so_far(trained: Trained, digit_cache: ImageCache) -> None:
    seen: list[Rung] = []
    climb = ladder(
        *trained,
        digit_cache,
        LadderConfig(weight_bits=2, most_lost=-1.0, **QUICK),
        on_rung=seen.append,
        should_stop=lambda: len(seen) >= 2,
    )
    assert climb.ending == "stopped"
    assert [rung.name for rung in climb.rungs] == ["after training", "statistics"]
    assert climb.accuracy == max(rung.accuracy or 0.0 for rung in climb.rungs)


def test_without_time_there_is_one_calibration(trained: Trained, digit_cache: ImageCache) -> None:
    climb = ladder(*trained, digit_cache, LadderConfig(weight_bits=2, most_lost=-1.0, seconds=0.0, **QUICK))
    assert climb.ending == "time"
    assert [rung.name for rung in climb.rungs] == ["after training"]
    assert len(climb.rungs[0].details["calibrations"]) == 1


@pytest.mark.parametrize(
    ("polls", "judged"),
    [
        (1, set()),
        (2, set()),
        (3, {"without_statistics"}),
        (5, {"without_statistics", "float_accuracy"}),
        (6, {"without_statistics", "float_accuracy", "with_statistics"}),
    ],
)
def test_equalisation_is_stopped_before_its_next_costly_part(
    trained: Trained, digit_cache: ImageCache, polls: int, judged: set[str]
) -> None:
    under_way: list[RungName] = []
    asked: list[bool] = []

    def stop() -> bool:
        if under_way[-1] == "equalisation":
            asked.append(True)
        return len(asked) >= polls

    climb = ladder(
        *trained,
        digit_cache,
        LadderConfig(weight_bits=2, most_lost=-1.0, **QUICK),
        on_progress=lambda rung, _fraction: under_way.append(rung),
        should_stop=stop,
    )
    last = climb.rungs[-1]
    assert (climb.ending, last.name) == ("stopped", "equalisation")
    accuracies = {"without_statistics", "float_accuracy", "with_statistics"}
    assert accuracies & set(last.details) == judged
    assert (last.accuracy is None) == (not judged) == ("before it could be judged" in last.skipped)


@pytest.mark.parametrize("name", ["statistics", "equalisation"])
def test_a_rung_ends_when_the_time_is_up(trained: Trained, digit_cache: ImageCache, name: RungName) -> None:
    config = LadderConfig(weight_bits=2, most_lost=-1.0, seconds=1e6, **QUICK)
    climber = _Climber(fold_network(*trained), digit_cache, config)

    def pass_time(rung: RungName, _fraction: float) -> None:
        if rung == name:
            climber.started -= 1e6

    climb = climber.run(lambda rung: None, pass_time, lambda: False)
    assert climb.ending == "time"
    assert climb.rungs[-1].name == name
    assert "before it could be judged" in climb.rungs[-1].skipped
    assert climb.accuracy == max(rung.accuracy or 0.0 for rung in climb.rungs)


def test_the_time_of_all_rungs_does_not_lengthen_that_of_one(
    trained: Trained, digit_cache: ImageCache
) -> None:
    config = LadderConfig(
        weight_bits=2,
        most_lost=-1.0,
        seconds=1e6,
        n_images=96,
        rounding=RoundingConfig(steps=200, seconds=0.0),
        tuning=TuningConfig(epochs=3.0, seconds=0.0),
    )
    rungs = {rung.name: rung for rung in ladder(*trained, digit_cache, config).rungs}
    assert rungs["adaround"].details["steps"] < 200
    assert rungs["tuning"].details["epochs"] < 3.0


def test_tuning_that_diverges_leaves_the_best_so_far(trained: Trained, digit_cache: ImageCache) -> None:
    wild = {**QUICK, "tuning": TuningConfig(learning_rate=1e39, epochs=0.5)}
    climb = ladder(*trained, digit_cache, LadderConfig(weight_bits=2, most_lost=-1.0, **wild))
    assert [rung.name for rung in climb.rungs] == list(RUNGS)
    assert "diverged" in climb.rungs[-1].skipped
    assert climb.rungs[-1].accuracy is None
    assert climb.ending == "top"
    assert climb.best != "tuning"
    rows = validation_rows(digit_cache)
    assert climb.accuracy == evaluate(climb.network, digit_cache, rows, 16).accuracy


def test_a_network_of_gates_is_not_equalised_and_the_reason_stands_there(photo_cache: ImageCache) -> None:
    architecture = every_feature(32)
    torch.manual_seed(0)
    module = build_network(architecture, photo_cache.n_classes)
    config = LadderConfig(weight_bits=2, most_lost=-1.0, top="equalisation", n_images=16)
    climb = ladder(module, architecture, photo_cache, config)
    last = climb.rungs[-1]
    assert last.name == "equalisation"
    if last.accuracy is None:
        assert "not positively homogeneous" in last.skipped
    else:  # only where a linear layer is followed by one layer alone
        assert any("not positively homogeneous" in sentence for sentence in last.details["skipped"])


def test_a_network_that_cannot_be_quantised_is_refused(photo_cache: ImageCache) -> None:
    architecture = TimmArchitecture(32, "resnet18")
    with pytest.raises(ExportError, match="MBConv"):
        ladder(build_network(architecture, photo_cache.n_classes), architecture, photo_cache)
