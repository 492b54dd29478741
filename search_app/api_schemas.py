"""What the API of searches, models and devices says and takes.

What the engine makes (runs, candidates) may hold more than is written here: their schemas let further
members pass.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import BaseModel, ConfigDict, Field

from datasets_app.api_pages import Page
from nas.automatic import AUTO
from nas.candidate import HERE
from search_app.models import SearchRun

Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
CostName = Literal["latency", "energy", "memory", "size"]


class EngineOut(BaseModel):
    """A thing of the engine: further members pass."""

    model_config = ConfigDict(extra="allow")


class SearchIn(Schema):
    """What a new search needs."""

    dataset_id: uuid.UUID
    minutes: float
    name: str = Field(default="", max_length=1000)
    goal: str = SearchRun.Goal.BALANCED
    baselines: bool = True
    strategy: str = AUTO
    space: str = AUTO
    evaluator: str = AUTO
    precision: str = "fp32"
    reward: str = "absolute"
    seed: int = 0
    target_latency_ms: float | None = None
    device: str = Field(default=HERE, max_length=60)
    cost: str = "latency"


class MinutesIn(Schema):
    """Minutes to add to a search."""

    minutes: float


class Detail(Schema):
    """A sentence."""

    detail: str


class SearchOut(EngineOut):
    """One search: its options, its state and how far it is."""

    id: uuid.UUID
    name: str
    dataset_id: uuid.UUID
    dataset_name: str
    state: Literal["QUEUED", "RUNNING", "PAUSED", "STOPPING", "DONE", "STOPPED", "FAILED"]
    phase: str
    message: str
    minutes: float
    goal: str
    strategy: str
    space: str
    evaluator: str
    precision: str
    reward: str
    cost: str
    seed: int
    device: str
    device_title: str
    baselines: bool
    spent_seconds: float
    eta_seconds: float | None
    progress: float = Field(description="Part of the budget that is spent, 0 to 1.")
    best_accuracy: float | None = Field(description="On validation photos, 0 to 1.")
    n_candidates: int
    last_seq: int
    queue_position: int | None
    error: str | None
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None


class EventOut(Schema):
    """One thing that happened; `nas/events.py` tells the payload of each kind."""

    seq: int
    kind: str
    payload: dict[str, Any]
    created_at: Instant


class EventsPage(Schema):
    """Events in order; `next` is null when no more are there yet. Ask again after the last `seq`."""

    items: list[EventOut]
    last_seq: int
    next: str | None


class DeviceFiguresOut(EngineOut):
    """What a network costs on the device that was searched for."""

    name: str
    how: str
    here_ms: float
    energy_mj: float | None = None
    images_per_joule: float | None = None
    peak_sram_bytes: int | None = None
    size_bytes: int | None = None
    broken_limits: list[str] = []


class FloatFiguresOut(EngineOut):
    """The same network in 32-bit floats."""

    accuracy: float
    latency_ms: float
    size_bytes: int


class MetricsOut(EngineOut):
    """What was measured on validation photos and in the runtime."""

    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    latency_ms: float | None
    latency_p95_ms: float | None
    n_params: int | None
    macs: int | None
    size_bytes: int | None
    device: DeviceFiguresOut | None = None
    unquantised: FloatFiguresOut | None = None


class CandidateOut(EngineOut):
    """One network that was tried; the form of `architecture` depends on the search space."""

    number: int
    phase: str
    source: str
    fidelity: str
    status: str
    label: str
    architecture: dict[str, Any]
    choices: list[Any] | None
    seconds: float
    metrics: MetricsOut | None
    refines: int | None
    inherited_from: int | None
    error: str | None


class CandidatesPage(Page[CandidateOut]):
    """A part of the candidates, and the numbers of all that are on the front, cheapest first."""

    front: list[int]


class EarlierOut(Schema):
    """A search on the same data set."""

    id: uuid.UUID
    name: str
    created_at: datetime


class FrontPointOut(Schema):
    """A point of the front; `cost` in the unit of the metric."""

    number: int
    label: str
    accuracy: float
    cost: float


class ChartPointOut(Schema):
    """A point of the chart; `cost` in the unit that the axis names."""

    number: int
    source: str
    fidelity: str
    label: str
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    latency_ms: float
    size_bytes: int
    cost: float | None
    on_front: bool
    shape: str


class ChartOut(Schema):
    """A Plotly figure, and its points as a table."""

    figure: dict[str, Any]
    points: list[ChartPointOut]


class ModelFileOut(EngineOut):
    """One file of a model."""

    name: str
    bytes: int
    sha256: str | None = None
    url: str


class ModelOut(Schema):
    """An exported model; `parity` tells how its files were checked against the trained network."""

    id: uuid.UUID
    name: str
    candidate: int
    parity: dict[str, Any]
    files: list[ModelFileOut]
    bundle: str
    created_at: Instant


class DeviceIn(Schema):
    """A device that shall be measured."""

    name: str = Field(max_length=1000)
    kind: Literal["browser", "python"] = "python"
    spaces: list[Annotated[str, Field(max_length=40)]] = Field(max_length=20)
    extent: str = Field(default="quick", max_length=20)


class DeviceOut(Schema):
    """A device and how far its measurement is."""

    id: uuid.UUID
    name: str
    kind: str
    state: str
    spaces: list[str]
    extent: str
    progress: float
    eta_seconds: float | None
    refusal: str
    hardware: str
    runtime: str
    threads: int | None
    created_at: datetime
    measured_at: datetime | None


class DeviceLinkOut(DeviceOut):
    """A device with its new link, which is the permission to measure it: whoever has it can send times."""

    link: str
