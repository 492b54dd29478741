"""Rows for tests, with sensible values for everything a test does not care about."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import factory
from django.contrib.auth.models import User

from datasets_app.models import Dataset, DatasetState, DatasetVersion, Image
from datasets_app.rows import insert_rows
from nas.architecture import MBConvArchitecture, Stage, architecture_to_json
from search_app.models import Candidate, SearchRun, TrainedModel

ARCHITECTURE = MBConvArchitecture(
    resolution=96,
    stem_channels=32,
    head_channels=1280,
    stages=(Stage("ds", 3, 1, 0, 1, 16, 1), Stage("ir", 3, 6, 0, 2, 24, 2)),
)


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")
    password = factory.django.Password("correct horse battery")


class DatasetFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Dataset

    owner = factory.SubFactory(UserFactory)
    name = "Tiles"
    state = DatasetState.READY
    size_bytes = 1000


class DatasetVersionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = DatasetVersion

    id = factory.LazyFunction(uuid.uuid4)
    dataset = factory.SubFactory(DatasetFactory)
    number = 1
    content_hash = "0" * 64
    classes = ["cracked", "whole"]
    counts = {"train": {"cracked": 35, "whole": 35}, "val": {"cracked": 8, "whole": 8}, "test": {}}
    n_images = 86
    cache_size = 96
    cache_path = factory.LazyAttribute(lambda version: f"caches/{version.id}")


def make_images(dataset: Dataset, labels: Sequence[str], group: int = -1) -> None:
    """Saves one image a label, in row order; the parts come in turn."""
    columns = (
        "row", "path", "label", "original_label", "split", "excluded", "sha256", "width", "height", "group",
    )  # fmt: skip
    splits = ("train", "val", "test")
    rows = (
        (i, f"{label}/{i:05d}.jpg", label, label, splits[i % 3], False, f"{i:064x}", 32, 32, group)
        for i, label in enumerate(labels)
    )
    insert_rows(Image, columns, rows, dataset_id=dataset.pk)


class SearchRunFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = SearchRun

    owner = factory.SubFactory(UserFactory)
    dataset_version = factory.LazyAttribute(
        lambda run: DatasetVersionFactory(dataset=DatasetFactory(owner=run.owner))
    )
    name = "Tiles in 10 minutes"
    minutes = 10.0


def candidate_json(number: int, **changes: Any) -> dict[str, Any]:
    """Returns what the engine's `candidate_finished` event carries."""
    data: dict[str, Any] = {
        "number": number,
        "phase": "base_search",
        "source": "base_search",
        "fidelity": "short",
        "status": "finished",
        "label": f"Candidate {number}",
        "architecture": architecture_to_json(ARCHITECTURE),
        "seconds": 4.5,
        "choices": [0, 1],
        "metrics": {
            "accuracy": 0.5 + 0.01 * number,
            "accuracy_low": 0.4,
            "accuracy_high": 0.95,
            "latency_ms": 2.0 + number,
            "latency_p95_ms": 3.0 + number,
            "n_params": 1_000_000,
            "macs": 20_000_000,
            "size_bytes": 4_000_000,
            "device": None,
            "unquantised": None,
        },
        "refines": None,
        "inherited_from": None,
        "weights": f"weights/{number}.safetensors",
        "error": None,
        "details": {},
    }
    return {**data, **changes}


def make_candidate(run: SearchRun, number: int, **changes: Any) -> Candidate:
    """Saves a candidate of `run`."""
    return Candidate.objects.create(
        run=run, number=number, **Candidate.columns(candidate_json(number, **changes))
    )


class TrainedModelFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = TrainedModel

    run = factory.SubFactory(SearchRunFactory)
    candidate_number = 0
    name = "first"
    directory = factory.LazyAttribute(lambda model: f"models/{model.name}")
    files = []
    parity = {"agreement": 1.0, "n_images": 64, "max_difference": 0.0}
