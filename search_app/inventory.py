"""Which directories belong to the rows, and which files the rows name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from django.db import models

from datasets_app.models import Dataset, DatasetVersion, Upload
from nas.data.cache import IMAGES_FILE, INDEX_FILE, MANIFEST_FILE
from nas.data.sealed import SEAL_FILE
from search_app.models import Candidate, Device, SearchRun, TrainedModel

AREAS: Final = ("uploads", "caches", "runs", "devices", "bundles")
"""Directories of the storage that an archive may hold."""

OWNERS: Final[tuple[type[models.Model], ...]] = (SearchRun, Device, Upload, Dataset)
"""Tables whose rows own files and can be deleted by people, in the order in which they can be deleted."""


RUN, DEVICE, UPLOAD, DATASET = (model._meta.label_lower for model in OWNERS)


@dataclass
class Inventory:
    """What a moment's rows own; paths are relative to the storage.

    Attributes:
        trees: Directories to copy; those of running searches first, because they change all the time.
        required: Files without which a row would be a promise that nobody can keep, each with the row of
            `OWNERS` (label of the table, primary key) whose deletion excuses it.
        limits: Length of files of which only the beginning counts, in bytes.
        skipped_if_newer: Files that are left out when they were written after that moment.
        skipped: Directories that are left out.
        owners: Primary keys of each table of `OWNERS`, by its label.
    """

    trees: list[str] = field(default_factory=list)
    required: dict[str, tuple[str, str]] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    skipped_if_newer: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    owners: dict[str, set[str]] = field(default_factory=dict)


def take_inventory(*, caches: bool) -> Inventory:
    """Reads the rows that own or name files.

    Args:
        caches: False leaves out what is made anew when somebody wants it.
    """
    found = Inventory(owners=living_owners())
    _runs(found, caches=caches)
    for key, cache in DatasetVersion.objects.values_list("dataset_id", "cache_path"):
        found.trees.append(cache)
        for name in (MANIFEST_FILE, INDEX_FILE, IMAGES_FILE):
            found.required[f"{cache}/{name}"] = (DATASET, str(key))
        found.trees.append(f"uploads/{key}")
    _uploads(found)
    for key, measured_at in Device.objects.values_list("pk", "measured_at"):
        found.trees.append(f"devices/{key}")
        if measured_at is not None:
            found.required[f"devices/{key}/table.json"] = (DEVICE, str(key))
    if caches:
        found.trees.append("bundles")
    found.trees = list(dict.fromkeys(found.trees))
    return found


def living_owners() -> dict[str, set[str]]:
    """Returns the primary keys of each table of `OWNERS` as text, by the table's label."""
    return {
        model._meta.label_lower: {str(key) for key in model._default_manager.values_list("pk", flat=True)}
        for model in OWNERS
    }


def _runs(found: Inventory, *, caches: bool) -> None:
    rows = SearchRun.objects
    working = list(rows.filter(state__in=SearchRun.working_states).values_list("pk", flat=True))
    found.trees += [f"runs/{key}" for key in working]
    # A seal that was broken after that moment belongs to work which the rows do not know: it is done again.
    found.skipped_if_newer = {f"runs/{key}/{SEAL_FILE}" for key in working}
    for key, state, report in rows.values_list("pk", "state", "report"):
        found.trees.append(f"runs/{key}")
        if report:
            found.required[f"runs/{key}/{report}"] = (RUN, str(key))
        if not caches and report and state in SearchRun.ended_states:
            found.skipped.add(f"runs/{key}/checkpoints")
    named = Candidate.objects.exclude(weights="").values_list("run_id", "weights")
    for key, weights in named.iterator():
        found.required[f"runs/{key}/{weights}"] = (RUN, str(key))
    exported = TrainedModel.objects.values_list("run_id", "directory", "files")
    for key, directory, files in exported.iterator():
        for entry in files:
            found.required[f"runs/{key}/{directory}/{entry['name']}"] = (RUN, str(key))


def _uploads(found: Inventory) -> None:
    rows = Upload.objects.values_list("pk", "dataset_id", "path", "offset", "completed_at")
    for key, dataset, path, offset, completed_at in rows:
        found.trees.append(f"uploads/{dataset}")
        if completed_at is None:
            found.limits[path] = offset  # what lies beyond is cut off when the upload goes on
        if offset:
            found.required[path] = (UPLOAD, str(key))
