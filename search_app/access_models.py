"""What programs come in with, and where they are told of ends; `search_app.models` names all tables."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone


class ApiToken(models.Model):
    """A key of a person's program. Only its hash is kept; what it may do stands in its scopes."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True, help_text="Its public part, by which it is found.")
    secret_sha256 = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute.")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first."""

        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        """Returns the name that people gave it."""
        return self.name

    @property
    def expired(self) -> bool:
        """True after its last day."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def usable(self) -> bool:
        """True while it lets its program in."""
        return self.revoked_at is None and not self.expired


class IdempotentRequest(models.Model):
    """A request that was sent with an ``Idempotency-Key``, and its answer once it is there."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="idempotent_requests")
    key = models.CharField(max_length=64, help_text="SHA-256 of key and route.")
    body_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="None while it is worked on.")
    content_type = models.CharField(max_length=100, default="", blank=True)
    answer = models.TextField(default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        """Each key once for a person and a route: of several requests at a time one is carried out."""

        constraints = [models.UniqueConstraint(fields=("owner", "key"), name="idempotency_key_once")]

    def __str__(self) -> str:
        """Returns the beginning of its hash."""
        return self.key[:8]


class WebhookEndpoint(models.Model):
    """An address of a person that is told when a search of theirs has ended."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    salt = models.CharField(
        max_length=64, help_text="The signing secret is derived of it; see `webhook_keys`."
    )
    active = models.BooleanField(default=True)
    since = models.DateTimeField(default=timezone.now, help_text="It is told of ends after that.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Oldest first."""

        ordering = ("created_at", "pk")

    def __str__(self) -> str:
        """Returns its address."""
        return self.url


class WebhookDelivery(models.Model):
    """One message to one endpoint, and what came of it."""

    class State(models.TextChoices):
        """Where it stands."""

        PENDING = "PENDING", "Waiting"
        DELIVERED = "DELIVERED", "Delivered"
        FAILED = "FAILED", "Given up"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries")
    run = models.ForeignKey("search_app.SearchRun", models.SET_NULL, null=True, related_name="deliveries")
    fence = models.PositiveBigIntegerField(default=0, help_text="Of the run when it ended.")
    kind = models.CharField(max_length=40)
    body = models.TextField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now, db_index=True)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="Until then one sender is at it.")
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of the newest answer.")
    problem = models.CharField(max_length=300, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first."""

        ordering = ("-created_at", "-pk")
        constraints = [
            models.UniqueConstraint(fields=("endpoint", "run", "fence"), name="end_once_an_endpoint")
        ]

    def __str__(self) -> str:
        """Returns what it tells."""
        return self.kind
