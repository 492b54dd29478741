"""A data set with waiting jobs, what may happen to its workers, and what must be true afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datasets_app.changes import change_create
from datasets_app.models import Change, Dataset, DatasetState, DatasetVersion, Finding, Image
from nas.data.cache import ImageCache


class Died(BaseException):
    """Stands for kill -9: no handler of the runner sees it."""


def die(*_args: object, **_kwargs: object) -> None:
    raise Died


def fail(*_args: object, **_kwargs: object) -> None:
    raise RuntimeError("the disk shelf fell over")


def expire(dataset: Dataset) -> None:
    """What 20 s without a heartbeat do."""
    Dataset.objects.filter(pk=dataset.pk).update(lease_until="2020-01-01T00:00:00Z")


def caches(storage: Path) -> list[str]:
    return sorted(path.name for path in (storage / "caches").glob("*"))


def assert_imported_once(dataset: Dataset, storage: Path) -> None:
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.READY and dataset.lease_until is None and dataset.attempt == 0
    version = DatasetVersion.objects.get()
    assert version.number == 1 and Image.objects.count() == version.n_images == 50
    assert list(Image.objects.order_by("row").values_list("row", flat=True)) == list(range(50))
    assert Finding.objects.filter(refused=True).count() == 1
    assert dataset.uploads.get().sha256
    assert caches(storage) == [str(version.pk)]


def edit(dataset: Dataset) -> None:
    change_create(dataset=dataset, kind="exclude", rows=[0, 1])
    change_create(dataset=dataset, kind="rename", labels=["flower"], label="bloom")


def assert_versioned_once(dataset: Dataset, storage: Path) -> None:
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.READY and dataset.lease_until is None
    second, first = DatasetVersion.objects.all()
    assert (second.number, first.number) == (2, 1) and second.content_hash != first.content_hash
    assert second.classes == ["bloom", "temple"] and second.n_images == 48
    assert second.changes == ["2 photos left out", "Class flower renamed to bloom (25 photos)"]
    assert not Change.objects.filter(version=None).exists() and second.taken_in.count() == 2
    assert caches(storage) == sorted([str(first.pk), str(second.pk)])
    assert ImageCache.open(second.cache_dir).content_hash == second.content_hash
    assert ImageCache.open(first.cache_dir).classes == ("flower", "temple")


def die_at_call(patch: pytest.MonkeyPatch, module: Any, name: str, number: int) -> None:
    real, calls = getattr(module, name), []

    def call(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == number:
            raise Died
        return real(*args, **kwargs)

    patch.setattr(module, name, call)


def after(patch: pytest.MonkeyPatch, module: Any, name: str, then: Any) -> None:
    real = getattr(module, name)
    patch.setattr(module, name, lambda *a, **k: (real(*a, **k), then())[0])
