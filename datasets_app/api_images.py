"""Photos of a data set over the API: pages of the grid, pixels, the map."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal, cast

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import Field

from datasets_app import grid, selectors
from datasets_app.api_pages import Page, next_part
from datasets_app.api_schemas import ImageOut, KindName, Label, Limit, MapOut, Offset, Split, file_of
from datasets_app.models import Dataset

router = Router()

MAX_TILES = 64
DAY_SECONDS = 86_400


def _dataset(request: HttpRequest, dataset_id: uuid.UUID) -> Dataset:
    return selectors.dataset_for_user(cast(User, request.user), dataset_id)


@router.get("/datasets/{uuid:dataset_id}/images", response=Page[ImageOut])
def dataset_images(  # noqa: PLR0917 - each is a query parameter
    request: HttpRequest,
    dataset_id: uuid.UUID,
    split: Split | None = None,
    label: Label | None = None,
    finding: KindName | None = None,
    excluded: Literal["0", "1", "all"] = "0",
    row: Annotated[int, Field(ge=0, lt=2**31)] | None = None,
    offset: Offset = 0,
    limit: Limit = 100,
) -> Any:
    """Lists images as they stand now, pending edits included."""
    page = grid.images_page(
        _dataset(request, dataset_id),
        split=split,
        label=label,
        finding=finding,
        excluded=excluded,
        row=row,
        offset=offset,
        limit=limit,
    )
    return {**page, "next": next_part(request, offset, limit, page["total"])}


@router.get("/datasets/{uuid:dataset_id}/thumbnails/{int:row}", openapi_extra=file_of("image/webp"))
def dataset_thumbnail(request: HttpRequest, dataset_id: uuid.UUID, row: int) -> HttpResponse:
    """Shows one image, encoded anew from the stored pixels; never a byte of the upload itself."""
    return _picture(grid.thumbnail_of(_dataset(request, dataset_id), row), "image/webp")


@router.get("/datasets/{uuid:dataset_id}/sheet", openapi_extra=file_of("image/jpeg"))
def dataset_sheet(
    request: HttpRequest,
    dataset_id: uuid.UUID,
    rows: Annotated[str, Field(max_length=MAX_TILES * 11)],
    size: Annotated[int, Field(ge=16, le=256)] = 96,
) -> HttpResponse:
    """Shows several images side by side in one picture, a tile of `size` x `size` pixels each."""
    dataset = _dataset(request, dataset_id)
    return _picture(grid.sheet_of(dataset, _numbers(rows), size), "image/jpeg")


@router.get("/datasets/{uuid:dataset_id}/map", response=MapOut)
def dataset_map(request: HttpRequest, dataset_id: uuid.UUID) -> Any:
    """Places similar images side by side on a plane."""
    return grid.map_of(_dataset(request, dataset_id))


def _numbers(rows: str) -> list[int]:
    parts = rows.split(",")
    if len(parts) > MAX_TILES or not all(p.isascii() and p.isdigit() and len(p) < 10 for p in parts):
        raise ValidationError(f"Give 1 to {MAX_TILES} row numbers with commas between them.")
    return [int(part) for part in parts]


def _picture(content: bytes, content_type: str) -> HttpResponse:
    """A picture that no browser takes for anything else; a row's pixels never change."""
    response = HttpResponse(content, content_type=content_type)
    response["Cache-Control"] = f"private, max-age={30 * DAY_SECONDS}, immutable"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["X-Content-Type-Options"] = "nosniff"
    return response
