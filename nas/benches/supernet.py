"""Does the supernet rank networks as trainings of their own do, and does elastic training help them?

Lite0 is adapted alone and becomes teacher and supernet. Networks drawn at random are scored by the supernet
before and after elastic training; then each is trained alone with equal epochs, inheriting from the teacher
in the plain way. All figures are of validation photos.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from nas.architecture import MBConvArchitecture, architecture_to_json
from nas.benches.contest import refuse_other_settings
from nas.benches.supernet_table import judged
from nas.benches.supernet_tuning import Tuning, tune_networks
from nas.cost import macs
from nas.data.cache import ImageCache, read_manifest
from nas.errors import DataError
from nas.evaluators.first_model import train_first_model
from nas.evaluators.short_training import ShortTraining
from nas.export.load import load_network, save_state
from nas.files import append_json_line, read_json_lines, write_atomically
from nas.hardware.latency import LatencyMeter
from nas.networks import build_network, inherit
from nas.phases.recipes import whole_recipe
from nas.prediction import evaluate, validation_rows
from nas.runtime import machine_facts, tune_process
from nas.spaces.lite import lite0_architecture
from nas.spaces.lite_elastic import LiteElastic
from nas.strategies.random_search import RandomSearch
from nas.supernet.draws import Sandwich
from nas.supernet.elastic import ElasticLite0
from nas.supernet.files import load_elastic, save_elastic
from nas.supernet.folding import fit_folds
from nas.supernet.norms import recentre_norms
from nas.supernet.scoring import score
from nas.supernet.training import ElasticConfig, train_elastic
from nas.training import TrainingConfig, train

_FOREVER = 1e9
_CHANGED_RATE = 7e-4  # of a network with blocks or channels dropped, see nas.phases.recipes
_ROWS = "networks.jsonl"
_SCORED_BEFORE = 14
_OF_NO_EFFECT = ("data", "out", "networks", "tune", "tune_seconds")
FINALISTS = 4
"""Networks of a run that share the cost of elastic training."""


@dataclass(frozen=True)
class SupernetBench:
    """What to measure.

    Attributes:
        data: Directory of a prepared image cache.
        out: Directory of the results; a bench that was cut short goes on.
        networks: Sub-networks to draw at random.
        resolutions: Sides in pixels; the teacher's is the largest.
        teacher_epochs: Fine-tuning of the teacher.
        elastic_seconds: Elastic training.
        elastic_steps: Elastic training ends after these steps at the latest; None for no limit.
        learning_rate: Peak rate of the elastic training.
        epochs: Of each network's own training.
        folded: False starts from plain slices, see `nas.supernet.folding`.
        tune: Networks that are tuned with and without elastic training.
        tune_seconds: Processor seconds of each tuning.
        seed: Of everything random.
    """

    data: Path
    out: Path
    networks: int = 30
    resolutions: tuple[int, ...] = (64, 96, 128)
    teacher_epochs: float = 4.0
    elastic_seconds: float = 480.0
    elastic_steps: int | None = None
    learning_rate: float = 5e-4
    epochs: float = 2.0
    folded: bool = True
    tune: int = 0
    tune_seconds: float = 120.0
    seed: int = 0


def run_supernet_bench(config: SupernetBench, on_line: Callable[[str], None]) -> dict[str, Any]:
    """Measures what is missing and writes `supernet.json`.

    Args:
        config: What to measure.
        on_line: Told each finished part in a line.

    Returns:
        The content of `supernet.json`.

    Raises:
        DataError: If the images cannot be used or `out` holds results of other settings.
    """
    if blocking := read_manifest(config.data)["blocking"]:
        raise DataError(str(blocking))
    tune_process(1)
    cache = ImageCache.open(config.data)
    config.out.mkdir(parents=True, exist_ok=True)
    settings = {key: value for key, value in asdict(config).items() if key not in _OF_NO_EFFECT}
    refuse_other_settings(
        config.out / "settings.json", json.loads(json.dumps({**settings, "images": cache.content_hash}))
    )
    bench = _Bench(config, cache, on_line)
    document = {
        "settings": settings,
        "images": {"train": len(cache.indices("train")), "val": len(cache.indices("val"))},
        "machine": machine_facts(),
        **bench.run(),
    }
    write_atomically(config.out / "supernet.json", json.dumps(document, indent=1) + "\n")
    return document


class _Bench:
    """One bench; each part is done once and read from its file afterwards."""

    def __init__(self, config: SupernetBench, cache: ImageCache, on_line: Callable[[str], None]) -> None:
        self.config, self.cache, self.on_line = config, cache, on_line
        self.rows = validation_rows(cache)
        self.space = LiteElastic(resolutions=config.resolutions)
        self.side = max(config.resolutions)
        self.evaluator = ShortTraining(cache, LatencyMeter())

    def run(self) -> dict[str, Any]:
        teacher = self.teacher()
        accuracy = evaluate(teacher, self.cache, self.rows, self.side).accuracy
        networks = self.networks()
        after = self.scores("after", self.after, networks)
        # the first ones say enough about what elastic training changes
        before = self.scores("before", self.before, dict(list(networks.items())[:_SCORED_BEFORE]))
        self.on_line(
            f"teacher {accuracy:.1%}; largest {before['largest']:.1%} -> {after['largest']:.1%}, "
            f"smallest {before['smallest']:.1%} -> {after['smallest']:.1%}"
        )
        rows = [self.alone(name, each) for name, each in networks.items() if name.startswith("random")]
        scores = {
            "supernet": [after[row["name"]] for row in rows],
        }
        sizes = {name: [row[name] for row in rows] for name in ("macs", "params", "latency_ms")}
        facts = json.loads((self.config.out / "elastic.json").read_text(encoding="utf-8"))
        return {
            "teacher": accuracy,
            "elastic": facts,
            "before": before,
            "after": after,
            "table": judged({**scores, **sizes}, [row["accuracy"] for row in rows], self.config.seed),
            "rows": rows,
            "tuned": self.tuned(networks, facts["cpu_seconds"]) if self.config.tune else [],
        }

    def networks(self) -> dict[str, MBConvArchitecture]:
        """Returns largest (at the teacher's side, and at the others), smallest, and what chance draws."""
        strategy = RandomSearch(self.space, self.config.seed)
        drawn = [strategy.ask_another() for _ in range(self.config.networks)]
        decoded = [self.space.decode(each.choices) for each in drawn if each is not None]
        smallest = self.space.decode((0,) * len(self.space.decisions))
        numbered = {f"random {number}": each for number, each in enumerate(decoded)}
        largest = {f"largest, {side} px": lite0_architecture(side) for side in self.config.resolutions}
        largest |= {"largest": largest.pop(f"largest, {self.side} px")}
        return {**largest, "smallest": smallest, **numbered}

    def teacher(self) -> nn.Module:
        """Returns Lite0, adapted alone."""
        architecture, path = lite0_architecture(self.side), self.config.out / "teacher.safetensors"
        if not path.exists():
            module = train_first_model(self.cache, self.side).module
            recipe = whole_recipe(self.config.teacher_epochs)
            config = TrainingConfig(
                self.side,
                seconds=_FOREVER,
                max_epochs=self.config.teacher_epochs,
                learning_rate=recipe.learning_rate,
                head_multiplier=recipe.head_multiplier,
                freeze_norms=recipe.freeze_norms,
                first_stage=recipe.first_stage,
                seed=self.config.seed,
            )
            train(module, self.cache, config)
            recentre_norms(module, self.cache, self.side)
            save_state(module, path)
        return load_network(path, architecture, self.cache.n_classes)

    def before(self) -> ElasticLite0:
        """Returns the supernet before elastic training."""
        path = self.config.out / "start.safetensors"
        if not path.exists():
            supernet = self.plain()
            if self.config.folded:
                fit_folds(supernet, self.cache, self.side)
            save_elastic(supernet, path)
        return load_elastic(path)

    def plain(self) -> ElasticLite0:
        """Returns the teacher as a supernet: sub-networks are cut as plain inheritance cuts them."""
        return ElasticLite0.of(self.teacher().state_dict(), self.cache.n_classes)

    def tuned(self, networks: dict[str, MBConvArchitecture], elastic: float) -> list[dict[str, Any]]:
        """Tunes the first few random networks with and without elastic training, see the module."""
        tuning = Tuning(
            self.cache,
            self.config.out,
            self.teacher(),
            self.side,
            seconds=self.config.tune_seconds,
            share=elastic / FINALISTS,
            seed=self.config.seed,
        )
        chosen = [name for name in networks if name.startswith("random")][: self.config.tune]
        starts = {"elastic": self.after, "plain": self.plain}
        return tune_networks(tuning, {name: networks[name] for name in chosen}, starts, self.on_line)

    def after(self) -> ElasticLite0:
        """Returns the supernet after elastic training."""
        path = self.config.out / "elastic.safetensors"
        if not path.exists():
            supernet = self.before()
            config = ElasticConfig(
                self.side,
                seconds=self.config.elastic_seconds,
                max_steps=self.config.elastic_steps,
                learning_rate=self.config.learning_rate,
                seed=self.config.seed,
            )
            draws = Sandwich(self.config.resolutions)
            checkpoint = self.config.out / "elastic.checkpoint"
            started = time.process_time()
            result = train_elastic(supernet, self.teacher(), self.cache, config, draws, checkpoint=checkpoint)
            cpu = time.process_time() - started
            save_elastic(supernet, path, {**asdict(result), "cpu_seconds": cpu})
            checkpoint.unlink(missing_ok=True)
            self.on_line(f"elastic training: {result.steps} steps, {result.seconds:.0f} s")
        return load_elastic(path)

    def scores(
        self, name: str, supernet: Callable[[], ElasticLite0], networks: dict[str, MBConvArchitecture]
    ) -> dict[str, float]:
        """Returns network -> accuracy of its extracted weights, statistics re-estimated."""
        path = self.config.out / f"scores-{name}.jsonl"
        known: dict[str, float] = {row["name"]: row["accuracy"] for row in read_json_lines(path)}
        weights = supernet()
        for network, architecture in networks.items():
            if network not in known:
                started = time.process_time()
                known[network] = score(weights, architecture, self.cache, self.rows).accuracy
                spent = time.process_time() - started
                append_json_line(
                    path, {"name": network, "accuracy": known[network], "cpu_seconds": round(spent, 2)}
                )
        return known

    def alone(self, name: str, architecture: MBConvArchitecture) -> dict[str, Any]:
        """Trains one network for itself; returns its accuracy and sizes."""
        path = self.config.out / _ROWS
        for row in read_json_lines(path):
            if row["name"] == name:
                return dict(row)
        number = int(name.rsplit(maxsplit=1)[-1])
        module = build_network(architecture, self.cache.n_classes)
        inherit(module, architecture, self.teacher().state_dict(), lite0_architecture(self.side))
        config = TrainingConfig(
            architecture.resolution,
            seconds=_FOREVER,
            max_epochs=self.config.epochs,
            learning_rate=_CHANGED_RATE,
            head_multiplier=1.0,
            seed=self.config.seed * 10_007 + number,
        )
        started = time.process_time()
        result = train(module, self.cache, config)
        cpu = time.process_time() - started
        evaluation = evaluate(module, self.cache, self.rows, architecture.resolution)
        metrics = self.evaluator.measure(module, architecture, evaluation)
        found: dict[str, Any] = {
            "name": name,
            "accuracy": metrics.accuracy,
            "macs": macs(architecture),
            "params": metrics.n_params,
            "latency_ms": metrics.latency_ms,
            "seconds": round(result.seconds, 1),
            "cpu_seconds": round(cpu, 1),
            "architecture": architecture_to_json(architecture),
        }
        append_json_line(path, found)
        self.on_line(f"{name}: {metrics.accuracy:.1%}, {found['macs'] / 1e6:.1f} M MACs, {cpu:.0f} CPU s")
        return found
