"""JSON API of uploads in pieces: what a browser that comes back can go on with."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja import Router, Schema

from datasets_app.api_pages import Page, page_of
from datasets_app.api_schemas import Limit, Offset
from datasets_app.upload_selectors import unfinished_uploads

router = Router()


class UploadDatasetOut(Schema):
    """The data set that waits for the file."""

    id: uuid.UUID
    name: str


class UploadOut(Schema):
    """One file on its way; `offset` of its `length` bytes are there."""

    id: uuid.UUID
    dataset: UploadDatasetOut
    filename: str
    length: int
    offset: int
    fingerprint: str
    expires_at: datetime | None


@router.get("/uploads", response=Page[UploadOut])
def upload_list(
    request: HttpRequest, with_complete: bool = False, offset: Offset = 0, limit: Limit = 1000
) -> Any:
    """Lists uploads that can go on; on wish also the complete files of data sets that wait for others."""
    uploads = unfinished_uploads(cast(User, request.user), with_complete=with_complete)
    return page_of(request, uploads, offset, limit)
