"""Reads data sets. What is neither yours nor shared with you does not exist: every way in starts there."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, OuterRef, QuerySet, Subquery

from datasets_app.access import Right, editable_by, one_of, visible_to
from datasets_app.findings import open_findings, sorted_findings
from datasets_app.models import (
    BULKY,
    IN_USE,
    LEFT_OUT,
    Change,
    Dataset,
    DatasetState,
    DatasetVersion,
    Finding,
    Image,
)
from nas.data.versions import compare_versions

PARTS = ("train", "val", "test")


def datasets_of_user(user: User | AnonymousUser) -> QuerySet[Dataset]:
    """Data sets that the user may see, newest first, with their versions, but without what is bulky."""
    seen = Dataset.objects.filter(visible_to(user)).select_related("owner", "team").defer(*BULKY)
    return seen.prefetch_related("versions", "uploads")


def searchable_datasets(user: User | AnonymousUser) -> QuerySet[Dataset]:
    """Data sets that the user may search and that a search can train on, newest first, with names alone."""
    newest = DatasetVersion.objects.filter(dataset=OuterRef("pk"), complete=True).order_by("-number")
    usable = Dataset.objects.filter(editable_by(user))
    usable = usable.annotate(blocking=Subquery(newest.values("blocking")[:1]))
    return usable.filter(blocking="").only("name", "owner", "team")


def dataset_for_user(
    user: User | AnonymousUser, dataset_id: uuid.UUID | str, right: Right = Right.SEE
) -> Dataset:
    """One data set that the user may see, and do with what they want.

    Raises:
        Dataset.DoesNotExist: Missing, or someone else's; nobody can tell which.
        ValidationError: It is shared with the user, whose role does not allow it.
    """
    return one_of(datasets_of_user(user), user, dataset_id, right)


def versions_of(dataset: Dataset) -> QuerySet[DatasetVersion]:
    """Complete versions, newest first."""
    return dataset.versions.filter(complete=True)


def versions_compared(dataset: Dataset, first: int, second: int) -> dict[str, Any]:
    """What differs between two versions of a data set, as `nas.data.versions.compare_versions` tells it.

    Raises:
        DatasetVersion.DoesNotExist: There is no such version.
        DataError: The files of one of them are gone.
    """
    a, b = (versions_of(dataset).get(number=number).cache_dir for number in (first, second))
    return compare_versions(a, b)


def version_summary(version: DatasetVersion) -> dict[str, Any]:
    """What the API says about a version."""
    return {
        "number": version.number,
        "n_images": sum(row["total"] for row in class_counts(version)),
        "n_refused": version.n_refused,
        "classes": version.classes,
        "content_hash": version.content_hash,
        "blocking": version.blocking,
        "changes": version.changes,
        "created_at": version.created_at,
    }


def preview_of(dataset: Dataset) -> dict[str, Any]:
    """How the files of an upload were understood, as the last inspection found it.

    Raises:
        Dataset.DoesNotExist: It was not inspected yet.
    """
    if dataset.preview is None:
        raise Dataset.DoesNotExist
    preview: dict[str, Any] = dataset.preview
    return preview


def pending_changes(dataset: Dataset) -> QuerySet[Change]:
    """Edits that no version has taken in yet, newest first; without what is needed to take them back."""
    return dataset.changes.filter(version=None).defer("undo").order_by("-number")


def class_counts(version: DatasetVersion) -> list[dict[str, Any]]:
    """``[{"name", "train", "val", "test", "total"}]`` of a version in label order."""
    return [
        _class_row(name, {part: int(version.counts.get(part, {}).get(name, 0)) for part in PARTS})
        for name in version.classes
    ]


def working_counts(dataset: Dataset) -> list[dict[str, Any]]:
    """Like `class_counts`, of the working copy with its pending edits; empty classes are left out."""
    images = dataset.images.filter(IN_USE).order_by()
    counts: dict[str, dict[str, int]] = {}
    for label, split, n in images.values_list("label", "split").annotate(n=Count("row")):
        counts.setdefault(label, dict.fromkeys(PARTS, 0))[split] = n
    return [_class_row(name, counts[name]) for name in sorted(counts)]


def findings_of(dataset: Dataset, kind: str | None = None, *, only_open: bool = False) -> QuerySet[Finding]:
    """Findings of a data set: refusals first, or the surest first of one kind."""
    findings = open_findings(dataset) if only_open else dataset.findings.all()
    return sorted_findings(findings, kind)


def n_refused(dataset: Dataset) -> int:
    """Number of files that were left out."""
    version = dataset.current_version
    return version.n_refused if version else dataset.findings.filter(refused=True).count()


def dataset_summaries(datasets: Sequence[Dataset]) -> list[dict[str, Any]]:
    """What the API says about data sets."""
    keys = [dataset.pk for dataset in datasets]
    pending = Change.objects.filter(dataset__in=keys, version=None).order_by()
    left_out = Image.objects.filter(LEFT_OUT, dataset__in=keys).order_by()
    n_changes = dict(pending.values_list("dataset").annotate(n=Count("pk")))
    n_excluded = dict(left_out.values_list("dataset").annotate(n=Count("pk")))
    return [
        _summary(dataset, n_changes.get(dataset.pk, 0), n_excluded.get(dataset.pk, 0)) for dataset in datasets
    ]


def classes_in_use(dataset: Dataset) -> list[str]:
    """Returns the names of the classes that have photos now, pending edits included, by name."""
    labels = dataset.images.filter(IN_USE).order_by("label").values_list("label", flat=True)
    return list(labels.distinct())


def dataset_summary(dataset: Dataset) -> dict[str, Any]:
    """What the API says about one data set."""
    return dataset_summaries([dataset])[0]


def current_cache(dataset: Dataset) -> Path:
    """Directory of the newest version's cache.

    Raises:
        DatasetVersion.DoesNotExist: The first import has not ended.
    """
    version = dataset.current_version
    if version is None:
        raise DatasetVersion.DoesNotExist
    return version.cache_dir


def _summary(dataset: Dataset, n_changes: int, n_excluded: int) -> dict[str, Any]:
    version = dataset.current_version
    classes = working_counts(dataset) if version and n_changes else class_counts(version) if version else []
    checking = dataset.state == DatasetState.CHECKING
    uploads = list(dataset.uploads.all()) if dataset.state == DatasetState.UPLOADING else []
    return {
        "id": dataset.id,
        "name": dataset.name,
        "state": dataset.state,
        "job": dataset.job,
        "stage": dataset.stage if checking else "",
        "n_images": sum(row["total"] for row in classes),
        "n_classes": len(classes),
        "classes": classes,
        "n_refused": n_refused(dataset),
        "n_changes": n_changes,
        "n_excluded": n_excluded,
        "version": version.number if version else None,
        "progress": (
            {"done": dataset.progress_done, "total": dataset.progress_total}
            if checking and dataset.progress_total
            else None
        ),
        "upload": (
            {"length": sum(u.length for u in uploads), "offset": sum(u.offset for u in uploads)}
            if uploads
            else None
        ),
        "error": dataset.error or None,
        "source": dataset.source,
        "health": dataset.health,
        "created_at": dataset.created_at,
        "size_bytes": dataset.size_bytes,
    }


def _class_row(name: str, counts: dict[str, int]) -> dict[str, Any]:
    return {"name": name, **counts, "total": sum(counts.values())}
