"""Reads the photos of a data set: pages of the grid, pixels, the map. Callers have checked the owner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from django.db.models import F, Max, QuerySet

from datasets_app.findings import open_findings
from datasets_app.models import IN_USE, LEFT_OUT, Dataset, DatasetVersion, Finding, Image
from datasets_app.rows import chunks
from datasets_app.selectors import current_cache
from nas.data.cache import encode_sheet, read_pixels, read_thumbnail
from nas.errors import DataError

Excluded = Literal["0", "1", "all"]

MAX_MAP_POINTS: Final = 20_000
MAP_FILE: Final = "map.f32"
_COLUMNS: Final = ("row", "path", "label", "original_label", "split", "excluded", "width", "height", "group")
_FINDING_COLUMNS: Final = (
    "id", "path", "kind", "reason", "remedy", "refused", "row", "other_row", "score", "suggestion",
    "dismissed",
)  # fmt: skip


def images_page(
    dataset: Dataset,
    *,
    split: str | None = None,
    label: str | None = None,
    finding: str | None = None,
    excluded: Excluded = "0",
    row: int | None = None,
    offset: int = 0,
    limit: int = 100,
) -> dict[str, Any]:
    """``{"total", "items"}``: one page of the working copy.

    Args:
        dataset: Whose images.
        split: Only this part.
        label: Only this class.
        finding: Only images with an open finding of this kind, the surest first; else in row order.
        excluded: "0" without those left out, "1" only those, "all" both.
        row: Only this image.
        offset: How many to skip.
        limit: How many at most.
    """
    if dataset.current_version is None:
        return {"total": 0, "items": []}  # the rows of a first import are still being written
    images = dataset.images.order_by("row")
    if excluded != "all":
        images = images.filter(LEFT_OUT if excluded == "1" else IN_USE)
    if row is not None:
        images = images.filter(row=row)
    if split:
        images = images.filter(split=split)
    if label is not None:
        images = images.filter(label=label)
    # First the row numbers: they come from an index alone, however far down the page is.
    if finding is None:
        rows = images.values_list("row", flat=True)
        total, page = rows.count(), list(rows[offset : offset + limit])
    else:
        found = _rows_with(
            dataset, finding, images if split or label is not None or excluded == "1" else None
        )
        total, page = len(found), found[offset : offset + limit]
    return {"total": total, "items": image_items(dataset, page)}


def image_items(dataset: Dataset, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Images by row, as ordered, each with the kinds of its open findings; unknown rows are left out."""
    kinds: dict[int, list[str]] = defaultdict(list)
    items: dict[int, dict[str, Any]] = {}
    for some in chunks(rows):
        for row, kind in (
            open_findings(dataset).filter(row__in=some).order_by("id").values_list("row", "kind")
        ):
            if row is not None and kind not in kinds[row]:
                kinds[row].append(kind)
        for item in dataset.images.filter(row__in=some).values(*_COLUMNS):
            items[item["row"]] = dict(item)
    return [{**items[row], "findings": kinds.get(row, [])} for row in rows if row in items]


def with_images(dataset: Dataset, findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as the API tells them, each with the image it is about and the one it is compared with."""
    listed = list(findings)
    rows = sorted({row for one in listed for row in (one.row, one.other_row) if row is not None})
    items = {item["row"]: item for item in image_items(dataset, rows)}
    return [
        {
            **{name: getattr(one, name) for name in _FINDING_COLUMNS},
            "image": items.get(one.row),
            "other": items.get(one.other_row),
        }
        for one in listed
    ]


def thumbnail_of(dataset: Dataset, row: int) -> bytes:
    """WebP of one image, made anew from its pixels.

    Raises:
        Image.DoesNotExist: There is no such row, or its pixels are gone.
        DatasetVersion.DoesNotExist: The first import has not ended.
    """
    cache = current_cache(dataset)
    image = dataset.images.only("width", "height").get(row=row)
    try:
        return read_thumbnail(cache, row, width=image.width, height=image.height)
    except DataError as error:
        raise Image.DoesNotExist from error


def sheet_of(dataset: Dataset, rows: Sequence[int], size: int) -> bytes:
    """JPEG of several images side by side, each in a tile of `size` x `size` pixels.

    Raises:
        Image.DoesNotExist: One of the rows does not exist, or its pixels are gone.
        DatasetVersion.DoesNotExist: The first import has not ended.
    """
    cache = current_cache(dataset)
    found = dataset.images.filter(row__in=rows).values_list("row", "width", "height")
    sizes = {row: (width, height) for row, width, height in found}
    if len(sizes) != len(set(rows)):
        raise Image.DoesNotExist
    try:
        return encode_sheet(read_pixels(cache, rows), [sizes[row] for row in rows], size)
    except DataError as error:
        raise Image.DoesNotExist from error


def map_of(dataset: Dataset) -> dict[str, Any]:
    """Places of the images on the plane, as the last check found them; empty before the first check.

    Returns:
        ``{"rows", "x", "y", "label", "classes"}``, at most 20,000 points, evenly sampled; images that are
        left out now, or were when the check ran, are not among them.
    """
    points = _points(dataset)
    shown = np.isfinite(points[:, 0]) & np.isfinite(points[:, 1])
    left_out = dataset.images.filter(LEFT_OUT).order_by().values_list("row", flat=True)
    shown[[row for row in left_out if row < len(points)]] = False
    rows = np.flatnonzero(shown)
    if len(rows) > MAX_MAP_POINTS:
        rows = rows[np.linspace(0, len(rows) - 1, MAX_MAP_POINTS).astype(np.int64)]
    labels: dict[int, str] = {}
    for some in chunks(rows.tolist()):
        labels.update(dataset.images.filter(row__in=some).order_by().values_list("row", "label"))
    classes = sorted(set(labels.values()))
    number = {name: i for i, name in enumerate(classes)}
    kept = [row for row in rows.tolist() if row in labels]
    return {
        "rows": kept,
        "x": points[kept, 0].astype(np.float64).round(4).tolist(),
        "y": points[kept, 1].astype(np.float64).round(4).tolist(),
        "label": [number[labels[row]] for row in kept],
        "classes": classes,
    }


def _points(dataset: Dataset) -> npt.NDArray[np.float32]:
    """(N, 2) as stored, or (0, 2)."""
    try:
        flat = np.fromfile(current_cache(dataset) / MAP_FILE, dtype="<f4")
    except (OSError, DatasetVersion.DoesNotExist):
        return np.empty((0, 2), dtype=np.float32)
    return flat[: len(flat) // 2 * 2].reshape(-1, 2)


def _rows_with(dataset: Dataset, kind: str, images: QuerySet[Image] | None) -> list[int]:
    """Rows with an open finding of a kind, the surest first; those of `images` only, if given."""
    findings = open_findings(dataset).filter(kind=kind, row__isnull=False)
    if images is not None:
        findings = findings.filter(row__in=images.order_by().values("row"))
    best = findings.order_by().values("row").annotate(best=Max("score"))
    rows = best.order_by(F("best").desc(nulls_last=True), "row").values_list("row", flat=True)
    return [row for row in rows if row is not None]
