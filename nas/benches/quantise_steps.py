"""The steps of `quantise-bench`: fine-tuning, ladders, mixtures, the int8 file, the test part."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.data.augment import Augmentation
from nas.data.cache import ImageCache
from nas.data.sealed import open_seal, record_result
from nas.evaluators.first_model import train_first_model
from nas.export.onnx_model import OnnxClassifier
from nas.files import write_atomically
from nas.hardware.latency import LatencyMeter
from nas.hardware.profile import load_profile
from nas.networks import build_network
from nas.phases.recipes import whole_recipe
from nas.prediction import Evaluation, evaluate, evaluation_of, validation_rows
from nas.quantise.calibrate import Histograms, quantise
from nas.quantise.climb import LadderConfig, Rung
from nas.quantise.costs import CostModel, CostName
from nas.quantise.histogram import Calibration
from nas.quantise.images import CalibrationImages
from nas.quantise.ladder import ladder
from nas.quantise.layers import PORTABLE_WEIGHT_BITS
from nas.quantise.mixed import mixed_precision
from nas.quantise.mixtures import MixedConfig
from nas.quantise.network import QuantNetwork, fold_network
from nas.quantise.norms import reestimate_statistics
from nas.quantise.offer import int8_offer
from nas.quantise.rounding import RoundingConfig
from nas.quantise.storage import load_network, save_network
from nas.quantise.tuning import TuningConfig, rate_for, tune
from nas.spaces.lite import lite0_architecture
from nas.training import TrainingConfig, train

_FOREVER = 1e9
_UNIFORM = (8, 6, 4)
_CONTROLS = (8, 4)
_INT8_FILE = "int8.onnx"
_MIXED_IMAGES = 128

Say = Callable[[str], None]


@dataclass(frozen=True)
class QuantiseBench:
    """What to measure.

    Attributes:
        data: Directory of a prepared image cache.
        out: Directory of the results.
        resolution: Side of the network's input in pixels.
        epochs: Of the fine-tuning.
        seeds: Climbs of the ladder with 4-bit weights.
        images: Calibration images.
        rounding_steps: Of AdaRound, a layer.
        tuning_epochs: Of quantisation-aware training.
        evaluations: Mixtures of the evolution.
        cost: What mixed precision saves.
        profile: Device of the energies.
        seed: Of the fine-tuning and of all that has one seed only.
    """

    data: Path
    out: Path
    resolution: int = 128
    epochs: float = 12.0
    seeds: int = 3
    images: int = 512
    rounding_steps: int = 700
    tuning_epochs: float = 4.0
    evaluations: int = 60
    cost: CostName = "size_bytes"
    profile: str = "npu"
    seed: int = 0

    def climbs(self) -> dict[str, tuple[int, int]]:
        """Returns name -> (width of weights, seed) of all climbs; activations have 8 bits."""
        known = {"w8a8": (8, self.seed), "w7a8": (PORTABLE_WEIGHT_BITS, self.seed)}
        return known | {f"w4a8-{seed}": (4, seed) for seed in range(self.seeds)}


@dataclass
class Work:
    """The steps; each returns JSON-ready figures and leaves its networks in the directory.

    Attributes:
        bench: What to do.
        on_line: Told each finished piece of work in a line.
        meter: Measures latency.
    """

    bench: QuantiseBench
    on_line: Say
    meter: LatencyMeter = field(default_factory=LatencyMeter)

    def __post_init__(self) -> None:
        self.cache = ImageCache.open(self.bench.data)
        self.rows = validation_rows(self.cache)
        self.architecture: MBConvArchitecture = lite0_architecture(self.bench.resolution)

    def step(self, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Does a step, or returns what it gave before."""
        path = self.bench.out / f"{name}.json"
        if not path.exists():
            write_atomically(path, json.dumps(work(), indent=1) + "\n")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def fine_tune(self) -> dict[str, Any]:
        """Adapts EfficientNet-Lite0 as a search does: a linear head first, then its last stages or all."""
        first = train_first_model(self.cache, self.bench.resolution, seed=self.bench.seed)
        recipe = whole_recipe(self.bench.epochs)
        config = TrainingConfig(
            resolution=self.bench.resolution,
            seconds=_FOREVER,
            max_epochs=self.bench.epochs,
            learning_rate=recipe.learning_rate,
            head_multiplier=recipe.head_multiplier,
            freeze_norms=recipe.freeze_norms,
            first_stage=recipe.first_stage,
            augmentation=Augmentation(flip=first.details["flip_ok"]),
            seed=self.bench.seed,
        )
        result = train(first.module, self.cache, config)
        torch.save(first.module.state_dict(), self.bench.out / "network.pt")
        found = evaluate(first.module, self.cache, self.rows, self.bench.resolution)
        self.on_line(f"EfficientNet-Lite0, {self.bench.resolution} px: {_percent(found)} validation")
        return {
            **_accuracy(found),
            "first_model": first.evaluation.accuracy,
            "flip": first.details["flip_ok"],
            "epochs": result.epochs,
            "seconds": result.seconds,
        }

    @cached_property
    def module(self) -> nn.Module:
        """The fine-tuned network."""
        module = build_network(self.architecture, self.cache.n_classes)
        module.load_state_dict(torch.load(self.bench.out / "network.pt", weights_only=True))
        return module.eval()

    def control(self) -> dict[str, Any]:
        """Trains the float network on like the quantised ones, to tell training from quantising."""
        found = {}
        for bits in _CONTROLS:
            network = fold_network(self.module, self.architecture)
            config = replace(self._tuning(), learning_rate=rate_for(bits), seed=self.bench.seed)
            tune(network, self.cache, config)
            accuracy = evaluate(network, self.cache, self.rows, self.bench.resolution)
            save_network(network, self.bench.out / f"float-tuned-{bits}.pt")
            found[f"rate of {bits} bits"] = _accuracy(accuracy)
            self.on_line(f"float, tuned at the rate of {bits} bits: {_percent(accuracy)} validation")
        return found

    def climb(self, name: str) -> dict[str, Any]:
        """Climbs all rungs of the ladder, good enough or not, and keeps the best network."""
        bits, seed = self.bench.climbs()[name]
        config = LadderConfig(
            weight_bits=bits,
            n_images=self.bench.images,
            rounding=RoundingConfig(steps=self.bench.rounding_steps),
            tuning=self._tuning(),
            climb_on=True,
            seed=seed,
        )

        def say(rung: Rung) -> None:
            shown = rung.skipped if rung.accuracy is None else f"{100 * rung.accuracy:.1f}% validation"
            self.on_line(f"{name}, {rung.name}: {shown} ({rung.seconds:.0f} s)")

        climb = ladder(self.module, self.architecture, self.cache, config, on_rung=say)
        self._save(name, climb.network)
        return {
            "weight_bits": bits,
            "seed": seed,
            "float_accuracy": climb.float_accuracy,
            "accuracy": climb.accuracy,
            "best": climb.best,
            "rungs": [asdict(rung) for rung in climb.rungs],
            "simulated_only": climb.simulated_only,
            "seconds": climb.seconds,
        }

    def mixed(self) -> dict[str, Any]:
        """Searches mixtures and sets uniform widths beside them; all get their statistics re-estimated."""
        in_float = fold_network(self.module, self.architecture).eval()
        images = CalibrationImages(
            self.cache, self.bench.resolution, n_images=self.bench.images, seed=self.bench.seed
        )
        histograms = Histograms(in_float, images)
        calibrations = self._calibrations()
        how = max(calibrations, key=lambda each: calibrations[each])
        profile = load_profile(self.bench.profile)

        def finish(network: QuantNetwork) -> None:
            reestimate_statistics(network, in_float, images)

        names = itertools.count()

        def finish_and_save(network: QuantNetwork) -> None:
            finish(network)
            self._save(_mixture(next(names)), network)

        config = MixedConfig(
            cost=self.bench.cost,
            profile=profile,
            evaluations=self.bench.evaluations,
            n_images=min(_MIXED_IMAGES, self.bench.images),
            seed=self.bench.seed,
        )
        start = quantise(in_float, histograms, how)
        front = mixed_precision(
            start,
            self.architecture,
            self.cache,
            config,
            finish=finish_and_save,
            on_progress=lambda step, n: self.on_line(f"mixed, {step}: {n} mixtures so far"),
        )
        prices = CostModel(in_float, self.architecture, self.cache.n_classes, profile)
        uniform = []
        for bits in _UNIFORM:
            network = quantise(in_float, histograms, how, weight_bits=bits)
            finish(network)
            found = evaluate(network, self.cache, self.rows, self.bench.resolution)
            self._save(f"uniform-{bits}", network)
            costs = asdict(prices.price(network))
            divergence = front.uniform[bits]
            uniform.append({"bits": bits, **_accuracy(found), "costs": costs, "divergence": divergence})
            self.on_line(f"uniform {bits} bits: {_percent(found)} validation")
        return {
            "calibration": how,
            "uniform": uniform,
            "front": [asdict(point) for point in front.points],
            "sensitivity": front.sensitivity,
            "evaluated": front.evaluated,
            "seconds": front.seconds,
        }

    def int8(self) -> dict[str, Any]:
        """Measures the int8 file of the portable ladder beside fp32."""
        offer = int8_offer(
            self.module,
            self.architecture,
            self._load("w7a8"),
            self.cache,
            self.bench.out / _INT8_FILE,
            meter=self.meter,
        )
        self.on_line(offer.reason)
        return {**asdict(offer), "lost": offer.lost}

    def test(self) -> dict[str, Any]:
        """Opens the test part for the float network, all quantised ones and the int8 file."""
        front = json.loads((self.bench.out / "mixed.json").read_text(encoding="utf-8"))["front"]
        mixtures = [_mixture(number) for number in range(len(front))]
        quantised = [*self.bench.climbs(), *(f"uniform-{bits}" for bits in _UNIFORM), *mixtures]
        file = self.bench.out / _INT8_FILE
        tuned = [f"float-tuned-{bits}" for bits in _CONTROLS]
        names = ["float", *tuned, *quantised, *([_INT8_FILE] if file.exists() else [])]
        token = open_seal(self.bench.out, names)
        rows = self.cache.open_test(token)
        networks: dict[str, nn.Module] = {"float": self.module}
        found = {}
        for name in tuned:
            networks[name] = self._load(name).twin(simulated=False)
        for name in names:
            if name == _INT8_FILE:
                probabilities = OnnxClassifier(file).probabilities(self.cache.images, rows)
                found[name] = evaluation_of(probabilities, self.cache.labels[rows])
            else:
                network = networks.get(name) or self._load(name)
                found[name] = evaluate(network, self.cache, rows, self.bench.resolution)
        results = {name: _accuracy(each) for name, each in found.items()}
        record_result(token, results)
        return results

    def _tuning(self) -> TuningConfig:
        network = json.loads((self.bench.out / "network.json").read_text(encoding="utf-8"))
        return TuningConfig(
            epochs=self.bench.tuning_epochs, augmentation=Augmentation(flip=bool(network["flip"]))
        )

    def _calibrations(self) -> dict[Calibration, float]:
        climb = json.loads((self.bench.out / "w8a8.json").read_text(encoding="utf-8"))
        found: dict[Calibration, float] = climb["rungs"][0]["details"]["calibrations"]
        return found

    def _save(self, name: str, network: QuantNetwork) -> None:
        save_network(network, self.bench.out / f"{name}.pt")

    def _load(self, name: str) -> QuantNetwork:
        return load_network(self.bench.out / f"{name}.pt", self.module, self.architecture)


def _mixture(number: int) -> str:
    """Returns the name of a network of the front, the cheapest is 0."""
    return f"mixed-{number}"


def _accuracy(found: Evaluation) -> dict[str, float]:
    return {"accuracy": found.accuracy, "low": found.accuracy_low, "high": found.accuracy_high}


def _percent(found: Evaluation) -> str:
    return f"{100 * found.accuracy:.1f}%"
