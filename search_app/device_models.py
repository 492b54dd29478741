"""Devices that people own; `search_app.models` names them together with all other tables."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models

from datasets_app.team_models import Shared


class Device(Shared):
    """Something that networks shall run on, measured by a page that it opened or by a script that it ran."""

    class Kind(models.TextChoices):
        """How it is measured."""

        BROWSER = "browser", "Phone, tablet or computer with a browser"
        PYTHON = "python", "Board or computer with Python"

    class State(models.TextChoices):
        """Where its measurement stands."""

        WAITING = "WAITING", "Waiting for the device"
        MEASURING = "MEASURING", "Measuring"
        READY = "READY", "Ready"
        REFUSED = "REFUSED", "Refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="devices")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.BROWSER)
    state = models.CharField(max_length=20, choices=State.choices, default=State.WAITING)
    spaces = models.JSONField(default=list, help_text="Search spaces whose blocks are measured.")
    extent = models.CharField(max_length=20, default="quick", help_text="How much is measured.")

    link_token = models.CharField(max_length=100, unique=True, help_text="Of the newest link.")
    link_made_at = models.DateTimeField()
    results_left = models.PositiveSmallIntegerField(help_text="Results that the link may still send.")
    progress = models.FloatField(default=0.0, help_text="0 to 1.")
    eta_seconds = models.FloatField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True)
    refusal = models.TextField(default="", blank=True)

    hardware = models.CharField(max_length=200, default="", blank=True)
    runtime = models.CharField(max_length=200, default="", blank=True)
    threads = models.PositiveIntegerField(null=True, blank=True)
    figures = models.JSONField(default=dict, blank=True, help_text="What pages show of the table.")
    created_at = models.DateTimeField(auto_now_add=True)
    measured_at = models.DateTimeField(null=True, blank=True, help_text="When its table was accepted.")

    class Meta:
        """Newest first."""

        ordering = ("-created_at",)

    def __str__(self) -> str:
        """Returns the name that people gave it."""
        return self.name

    @property
    def directory(self) -> Path:
        """Directory of its files."""
        return Path(settings.STORAGE_DIR) / "devices" / str(self.id)

    @property
    def table_file(self) -> Path:
        """Its device table, there once `measured_at` is set."""
        return self.directory / "table.json"
