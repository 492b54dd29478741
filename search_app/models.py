"""A search, what it tried, said and exported, and devices. Rules live in services and selectors."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from datasets_app.claims import Claimable
from datasets_app.team_models import Shared
from nas.architecture import architecture_from_json
from nas.candidate import HERE, Metrics
from nas.candidate import Candidate as EngineCandidate
from search_app.access_models import ApiToken, IdempotentRequest, WebhookDelivery, WebhookEndpoint
from search_app.device_models import Device

__all__ = [
    "ApiToken",
    "Candidate",
    "Device",
    "IdempotentRequest",
    "NoticeChoice",
    "SearchEvent",
    "SearchRun",
    "TrainedModel",
    "WebhookDelivery",
    "WebhookEndpoint",
    "twin_key",
]


class SearchRun(Shared, Claimable):
    """One search: its options, its state and how far it is."""

    class State(models.TextChoices):
        """Where a run stands; only a worker moves it on from RUNNING and STOPPING."""

        QUEUED = "QUEUED", "Waiting for a free worker"
        RUNNING = "RUNNING", "Running"
        PAUSED = "PAUSED", "Paused"
        STOPPING = "STOPPING", "Stopping and keeping the best"
        DONE = "DONE", "Finished"
        STOPPED = "STOPPED", "Stopped"
        FAILED = "FAILED", "Failed"

    class Goal(models.TextChoices):
        """What matters more."""

        BALANCED = "balanced", "Balanced"
        ACCURACY = "accuracy", "As accurate as possible"
        SPEED = "speed", "As fast as possible"

    waiting_states: ClassVar[tuple[str, ...]] = (State.QUEUED,)
    working_states: ClassVar[tuple[str, ...]] = (State.RUNNING, State.STOPPING)
    ended_states: ClassVar[tuple[str, ...]] = (State.DONE, State.STOPPED, State.FAILED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="search_runs")
    dataset_version = models.ForeignKey(
        "datasets_app.DatasetVersion", models.PROTECT, related_name="search_runs"
    )
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=20, choices=State.choices, default=State.QUEUED, db_index=True)

    minutes = models.FloatField(help_text="Wall-clock budget of the whole search.")
    goal = models.CharField(max_length=20, choices=Goal.choices, default=Goal.BALANCED)
    target_latency_ms = models.FloatField(null=True, blank=True)
    device = models.CharField(max_length=60, default=HERE, help_text="Where the model will run.")
    device_title = models.CharField(max_length=200, default="This server")
    baselines = models.BooleanField(default=True)
    space = models.CharField(max_length=40, default="lite-elastic")
    strategy = models.CharField(max_length=40, default="regularized_evolution")
    evaluator = models.CharField(max_length=40, default="training")
    precision = models.CharField(max_length=10, default="fp32")
    reward = models.CharField(max_length=40, default="absolute")
    cost = models.CharField(max_length=20, default="latency", help_text="What accuracy is weighed against.")
    seed = models.PositiveIntegerField(default=0)
    language = models.CharField(max_length=10, default="en", help_text="Of whoever started it, for mails.")

    phase = models.CharField(max_length=20, default="", blank=True)
    message = models.CharField(max_length=500, default="", blank=True)
    progress = models.FloatField(default=0.0, help_text="Part of the budget that is spent, 0 to 1.")
    spent_seconds = models.FloatField(default=0.0)
    eta_seconds = models.FloatField(null=True, blank=True)
    best_accuracy = models.FloatField(null=True, blank=True)
    n_candidates = models.PositiveIntegerField(default=0)
    last_seq = models.PositiveBigIntegerField(default=0)
    report = models.CharField(max_length=200, default="", blank=True)
    error = models.TextField(default="", blank=True)

    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    noticed_at = models.DateTimeField(
        null=True,
        blank=True,
        db_index=True,
        help_text="When the end was seen to: told by mail, or not wanted.",
    )
    notice_tries = models.PositiveSmallIntegerField(default=0, help_text="Mails that could not be sent.")

    class Meta:
        """Newest first."""

        ordering = ("-created_at",)

    def __str__(self) -> str:
        """Returns the name that people gave it."""
        return self.name

    @property
    def workdir(self) -> Path:
        """Directory of the engine: state, weights, models, reports."""
        return Path(settings.STORAGE_DIR) / "runs" / str(self.id)

    @property
    def ended(self) -> bool:
        """True when no worker will touch it any more."""
        return self.state in self.ended_states


def twin_key(source: str, architecture: dict[str, Any]) -> int:
    """Returns a number of 48 bits that trainings of the same network from the same source share."""
    text = json.dumps([source, architecture], sort_keys=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big")


class Candidate(models.Model):
    """One evaluated network; the same facts as the engine's `nas.candidate.Candidate`."""

    run = models.ForeignKey(SearchRun, models.CASCADE, related_name="candidates")
    number = models.PositiveIntegerField()
    phase = models.CharField(max_length=20)
    source = models.CharField(max_length=20)
    fidelity = models.CharField(max_length=20)
    status = models.CharField(max_length=20)
    label = models.CharField(max_length=200)
    architecture = models.JSONField()
    choices = models.JSONField(null=True, blank=True)
    seconds = models.FloatField(default=0.0)
    accuracy = models.FloatField(null=True, blank=True)
    accuracy_low = models.FloatField(null=True, blank=True)
    accuracy_high = models.FloatField(null=True, blank=True)
    latency_ms = models.FloatField(null=True, blank=True)
    latency_p95_ms = models.FloatField(null=True, blank=True)
    n_params = models.PositiveBigIntegerField(null=True, blank=True)
    macs = models.PositiveBigIntegerField(null=True, blank=True)
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    device = models.JSONField(null=True, blank=True)
    unquantised = models.JSONField(null=True, blank=True)
    refines = models.PositiveIntegerField(null=True, blank=True)
    inherited_from = models.PositiveIntegerField(null=True, blank=True)
    twin = models.BigIntegerField(default=0, editable=False, help_text="See `twin_key`.")
    weights = models.CharField(max_length=300, default="", blank=True)
    error = models.TextField(default="", blank=True)
    details = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """In the order of evaluation, each number once in a run."""

        ordering = ("number",)
        constraints = [models.UniqueConstraint(fields=("run", "number"), name="candidate_once_in_run")]

    METRICS: ClassVar[tuple[str, ...]] = tuple(Metrics.__dataclass_fields__)
    COPIED: ClassVar[tuple[str, ...]] = (
        "phase",
        "source",
        "fidelity",
        "status",
        "label",
        "architecture",
        "choices",
        "seconds",
        "refines",
        "inherited_from",
        "details",
    )

    def __str__(self) -> str:
        """Returns number and label."""
        return f"{self.number}: {self.label}"

    @classmethod
    def columns(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Returns the columns of a candidate that the engine reports as JSON."""
        values = {name: data.get(name) for name in cls.COPIED}
        values["label"] = str(values["label"])[:200]
        values["details"] = values["details"] or {}
        values["twin"] = twin_key(data["source"], data["architecture"])
        values["weights"] = data.get("weights") or ""
        values["error"] = data.get("error") or ""
        metrics = data.get("metrics") or {}
        return {**values, **{name: metrics.get(name) for name in cls.METRICS}}

    def to_engine(self) -> EngineCandidate:
        """Returns the engine's form; the inverse of `columns`."""
        metrics = None
        if self.accuracy is not None:
            metrics = Metrics.from_json({name: getattr(self, name) for name in self.METRICS})
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.COPIED}
        fields["architecture"] = architecture_from_json(self.architecture)
        fields["choices"] = None if self.choices is None else tuple(self.choices)
        return EngineCandidate(
            number=self.number,
            metrics=metrics,
            weights=self.weights or None,
            error=self.error or None,
            **fields,
        )


class SearchEvent(models.Model):
    """One thing that happened in a run; `seq` counts from 1 without gaps."""

    run = models.ForeignKey(SearchRun, models.CASCADE, related_name="events")
    seq = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """In order, each number once in a run."""

        ordering = ("seq",)
        constraints = [models.UniqueConstraint(fields=("run", "seq"), name="event_once_in_run")]

    def __str__(self) -> str:
        """Returns number and kind."""
        return f"{self.seq}: {self.kind}"


class TrainedModel(models.Model):
    """An exported network: a directory of files below the run's work directory."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(SearchRun, models.CASCADE, related_name="models")
    candidate_number = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    directory = models.CharField(max_length=300)
    files = models.JSONField(default=list)
    parity = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """In the order of export, each name once in a run."""

        ordering = ("created_at",)
        constraints = [models.UniqueConstraint(fields=("run", "name"), name="model_name_once_in_run")]

    def __str__(self) -> str:
        """Returns the name."""
        return self.name

    def facts(self) -> dict[str, Any]:
        """Returns the engine's form, see `nas.export.bundle.write_bundle`."""
        return {
            "name": self.name,
            "candidate": self.candidate_number,
            "directory": self.directory,
            "files": self.files,
            "parity": self.parity,
        }

    @property
    def int8(self) -> dict[str, Any]:
        """What came of the int8 file; empty before it was tried, and for models of earlier versions."""
        return self.parity.get("int8") or {}


class NoticeChoice(models.Model):
    """What a person wants to be told by mail; without a row, everything."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notice_choice")
    mail_off = models.BooleanField(default=False, help_text="No mail at the end of a search.")

    def __str__(self) -> str:
        """Returns whose it is."""
        return f"Notices of {self.user}"
