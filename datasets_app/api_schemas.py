"""What the API of data sets says and takes."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from typing_extensions import TypedDict

from datasets_app.changes import MAX_ROWS
from datasets_app.words.engine import said

Said = Annotated[str, PlainSerializer(said, return_type=str)]
"""A sentence that is stored in English and sent in the reader's language."""
Offset = Annotated[int, Field(ge=0, le=10_000_000)]
Limit = Annotated[int, Field(ge=1, le=1000)]
Row = Annotated[int, Field(ge=0, lt=2**31)]
Label = Annotated[str, Field(max_length=2000)]
Split = Literal["train", "val", "test"]
KindName = Annotated[str, Field(max_length=40)]
JsonObject = dict[str, Any]
"""A form of the engine that has one schema for each kind of thing."""
Ids = Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(max_length=50_000)]


def file_of(kind: str) -> dict[str, Any]:
    """Returns how OpenAPI describes an answer that is a file of a content type."""
    is_json = kind == "application/json"
    content = {kind: {"schema": {"type": "object"} if is_json else {"type": "string", "format": "binary"}}}
    return {"responses": {200: {"description": "The file", "content": content}}}


ChangedImage = TypedDict("ChangedImage", {"row": int, "path": str, "from": str, "to": str})
"""One image that differs between two versions; "from" is no name of Python."""


class ClassOut(Schema):
    """Images of one class by part."""

    name: str
    train: int
    val: int
    test: int
    total: int


class ProgressOut(Schema):
    """How far the present stage is."""

    done: int
    total: int


class SentOut(Schema):
    """How much of the files has arrived, in bytes."""

    length: int
    offset: int


class DatasetOut(Schema):
    """One data set as it stands now, pending edits included."""

    id: uuid.UUID
    name: str
    state: str
    job: str
    stage: Said
    n_images: int
    n_classes: int
    classes: list[ClassOut]
    n_refused: int
    n_changes: int
    n_excluded: int
    version: int | None
    progress: ProgressOut | None
    upload: SentOut | None
    error: Said | None
    source: str
    health: JsonObject
    created_at: datetime
    size_bytes: int


class DraftIn(Schema):
    """A data set whose files will come."""

    name: str = ""
    confirm: bool = True
    n_uploads: int = 1


class InterpretationIn(Schema):
    """How the files are to be understood; `GET preview` shows the form."""

    interpretation: JsonObject


class PreviewOut(BaseModel):
    """How the files were understood, in the reader's language; the engine may say more."""

    model_config = ConfigDict(extra="allow")

    interpretation: JsonObject
    summary: str
    n_images: int
    alternatives: list[JsonObject]
    problems: list[JsonObject]


class VersionsComparedOut(Schema):
    """What changed from one version to another; `counts` are images of a class in both."""

    relabelled: int
    excluded: int
    restored: int
    moved: int
    added: int
    removed: int
    examples: dict[str, list[ChangedImage]]
    counts: dict[str, list[int]]


class Detail(Schema):
    """One sentence."""

    detail: str


class ImageOut(Schema):
    """One image; `row` is its number for thumbnails and sheets."""

    row: int
    path: str
    label: str
    original_label: str
    split: str
    excluded: bool
    width: int
    height: int
    group: int
    findings: list[str]


class MapOut(Schema):
    """Images on a plane; `label` counts into `classes`."""

    rows: list[int]
    x: list[float]
    y: list[float]
    label: list[int]
    classes: list[str]


class FindingOut(Schema):
    """One refused or doubtful file, image or class, with the images it is about."""

    id: int
    path: str
    kind: str
    reason: Said
    remedy: Said
    refused: bool
    row: int | None
    other_row: int | None
    score: float | None
    suggestion: str
    dismissed: bool
    image: ImageOut | None
    other: ImageOut | None


class KindOut(Schema):
    """One kind of finding and what one click does about it."""

    kind: str
    title: str
    n: int
    n_open: int
    action: Literal["exclude", "relabel", "keep-one"] | None
    action_label: str


class DismissIn(Schema):
    """Findings that are fine (or not any more)."""

    ids: Ids
    dismissed: bool = True


class DismissOut(Schema):
    """How many findings were marked."""

    n: int


class RemedyIn(Schema):
    """A kind of finding, and which of them; all open ones when `ids` is left out."""

    kind: KindName
    ids: Ids | None = None


class ChangeIn(Schema):
    """An edit; which of the fields it needs depends on its kind."""

    kind: Literal["exclude", "restore", "relabel", "move", "rename", "merge"]
    rows: Annotated[list[Row], Field(max_length=MAX_ROWS)] = []
    labels: Annotated[list[Label], Field(max_length=10_000)] = []
    label: Label = ""
    split: Label = ""


class ChangeOut(Schema):
    """One edit."""

    number: int
    kind: str
    text: Said
    created_at: datetime


class ChangeMade(Schema):
    """An edit that was made, and how many are pending now."""

    number: int
    text: Said
    n_changes: int


class ChangeUndone(Schema):
    """An edit that was taken back, and how many are pending now."""

    text: Said
    n_changes: int


class RemedyOut(Schema):
    """The edit that a remedy made."""

    change: ChangeOut
    n_changes: int


class VersionOut(Schema):
    """One immutable version."""

    number: int
    n_images: int
    n_refused: int
    classes: list[str]
    content_hash: str
    blocking: Said
    changes: list[Said]
    created_at: datetime


class PublicSetOut(Schema):
    """One set that can be fetched by name."""

    key: str
    title: str
    licence: str
    licence_url: str
    n_images: int
    n_classes: int
    size_bytes: int


class PhotoAdded(Schema):
    """What became of a photo that was added."""

    number: int
    text: str
    making_version: bool
