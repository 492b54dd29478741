"""A run record as a search hands it over, with everything a report can show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nas.architecture import TimmArchitecture
from nas.candidate import Candidate
from nas.pareto import front_of_candidates
from nas.report import RunRecord
from nas.scaling import RELEASED
from nas.statistics import wilson_interval
from tests.unit.candidates import candidate

CLASSES = ("cardboard", "glass", "metal", "paper", "plastic", "trash")


def run_record(classes: tuple[str, ...] = CLASSES, **changes: Any) -> RunRecord:
    """Returns a finished run over `classes`; keyword arguments replace fields."""
    candidates = _candidates()
    models = [
        _model(one) for one in candidates if one.metrics is not None and one.number in (0, 1, 9, 10, 11)
    ]
    right = {0: 318, 1: 337, 9: 340, 10: 331, 11: 322}
    record = RunRecord(
        config={
            "minutes": 12,
            "seed": 0,
            "space": "lite-elastic",
            "strategy": "regularized_evolution",
            "goal": "balanced",
            "baselines": True,
            "target_latency_ms": None,
            "import_seconds": 12.0,
            "plan": {"setup_seconds": 3.6},
        },
        data={
            "classes": list(classes),
            "n_images": 2527,
            "content_hash": "9f2c" * 16,
            "counts": {"train": {"glass": 1781}, "val": {"glass": 379}, "test": {"glass": 367}},
        },
        machine={"cpu": "AMD EPYC 7B13", "cores": 2, "threads": 2, "platform": "Linux", "python": "3.11.2"},
        phases=[
            {"phase": "first_model", "seconds": 21.4},
            {"phase": "baselines", "seconds": 147.0},
            {"phase": "base_search", "seconds": 118.2},
            {"phase": "scaling", "seconds": 86.0},
            {"phase": "final_training", "seconds": 282.9},
            {"phase": "export", "seconds": 31.3},
        ],
        candidates=candidates,
        front=front_of_candidates(candidates),
        models=models,
        test=[_test(model, right[model["candidate"]], len(classes)) for model in models],
        scaling=_scaling(),
        spent_seconds=702.4,
        minutes=12.0,
        best=models[2]["name"],
    )
    return replace(record, **changes)


def _candidates() -> list[Candidate]:
    found = [
        replace(
            candidate(0, accuracy=0.868, latency_ms=3.2, source="first_model", label="First model · 128 px"),
            phase="first_model",
            fidelity="frozen",
        ),
        candidate(
            1,
            accuracy=0.921,
            latency_ms=6.8,
            resolution=192,
            source="baseline",
            fidelity="final",
            label="Fine-tuned Lite0 · 192 px",
        ),
        replace(
            candidate(2, accuracy=0.61, latency_ms=12.5, source="baseline", fidelity="final"),
            label="ResNet-18 from scratch · 192 px",
            architecture=TimmArchitecture(resolution=192, name="resnet18"),
        ),
    ]
    short = [(0.842, 2.1, 96), (0.871, 3.3, 128), (0.79, 1.1, 64), (0.858, 2.6, 160)]
    found += [
        candidate(3 + i, accuracy=accuracy, latency_ms=ms, resolution=px, label=f"Search {i + 1} · {px} px")
        for i, (accuracy, ms, px) in enumerate(short)
    ]
    found.append(candidate(7, failed=True, resolution=160, label="Search 5 · 160 px"))
    found.append(
        candidate(
            8, accuracy=0.889, latency_ms=6.2, resolution=176, source="scaled", label="Scaled L · 176 px"
        )
    )
    found += [
        candidate(
            9,
            accuracy=0.934,
            latency_ms=6.1,
            resolution=176,
            source="scaled",
            fidelity="final",
            refines=8,
            label="Scaled L · 176 px",
        ),
        candidate(
            10,
            accuracy=0.912,
            latency_ms=3.3,
            resolution=128,
            fidelity="final",
            refines=4,
            label="Search 2 · 128 px",
        ),
        candidate(
            11,
            accuracy=0.884,
            latency_ms=1.9,
            resolution=96,
            source="scaled",
            fidelity="final",
            label="Scaled S · 96 px",
        ),
    ]
    return [
        replace(one, details={**one.details, "at_seconds": 45.0 + 50.0 * place})
        for place, one in enumerate(found)
    ]


def _model(one: Candidate) -> dict[str, Any]:
    name = f"model-{one.number}"
    return {
        "name": name,
        "candidate": one.number,
        "source": one.source,
        "label": one.label,
        "directory": f"models/{name}",
        "files": [],
        "parity": {"n_images": 64, "agreement": 1.0},
    }


def _test(model: dict[str, Any], right: int, n_classes: int, n_images: int = 367) -> dict[str, Any]:
    low, high = wilson_interval(right, n_images)
    confusion = [[0] * n_classes for _ in range(n_classes)]
    for image in range(n_images):
        true = image % n_classes
        confusion[true][true if image < right else (true + 1 + image % 2) % n_classes] += 1
    return {
        "name": model["name"],
        "candidate": model["candidate"],
        "source": model["source"],
        "accuracy": right / n_images,
        "accuracy_low": low,
        "accuracy_high": high,
        "n_images": n_images,
        "confusion": confusion,
        "correct": [True] * right + [False] * (n_images - right),
    }


def _scaling() -> dict[str, Any]:
    grid = [(1.2, 1.1, 1.15, 0.881, 6.5), (1.0, 1.0, 1.41, 0.889, 6.2), (1.4, 1.1, 1.1, 0.874, 6.9)]
    sizes = [(-1, "S", 96, 0.85, 60, 1.7), (0, "M", 128, 0.871, 125, 3.3), (1, "L", 176, 0.889, 252, 6.2)]
    return {
        "base": 4,
        "grid": [
            {
                "alpha": a,
                "beta": b,
                "gamma": g,
                "candidate": 8,
                "accuracy": accuracy,
                "accuracy_low": accuracy - 0.03,
                "accuracy_high": accuracy + 0.03,
                "seeds": 1,
                "indistinguishable": a < 1.4,
                "latency_ms": ms,
                "macs": 250_000_000,
                "seconds": 9.0,
            }
            for a, b, g, accuracy, ms in grid
        ],
        "choice": "Of 3 combinations of depth, width and resolution, 2 are indistinguishable on the "
        "validation images; the cheapest of them is taken: 1 / 1 / 1.41.",
        "coefficients": {"alpha": 1.0, "beta": 1.0, "gamma": 1.41},
        "efficientnet": {
            "alpha": 1.2,
            "beta": 1.1,
            "gamma": 1.15,
            "released": [one.to_json() for one in RELEASED],
        },
        "losing": None,
        "family": [
            {
                "phi": phi,
                "name": name,
                "candidate": 8,
                "resolution": px,
                "accuracy": accuracy,
                "predicted_macs": 125_000_000 * 2.0**phi,
                "macs": macs * 1_000_000,
                "predicted_latency_ms": 3.3 * 2.0**phi,
                "latency_ms": ms,
            }
            for phi, name, px, accuracy, macs, ms in sizes
        ],
    }
