"""Teams: who works together. `datasets_app.models` names these tables together with all others."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a member may do with what is shared with the team, each one more than the one before."""

    VIEWER = "viewer", _("Viewer")
    EDITOR = "editor", _("Editor")
    OWNER = "owner", _("Owner")


class Team(models.Model):
    """People who share data sets, searches and devices."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """By name."""

        ordering: ClassVar = ["name", "created_at"]

    def __str__(self) -> str:
        """Name as it was typed."""
        return self.name


class Membership(models.Model):
    """One person in one team."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """In the order they joined, each person once."""

        ordering: ClassVar = ["joined_at", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "user"], name="member_once_per_team"),
        ]

    def __str__(self) -> str:
        """Team and role."""
        return f"{self.team_id}: {self.role}"


class Invitation(models.Model):
    """A link that lets one person in, once.

    Attributes:
        token_hash: SHA-256 of the link's secret; the secret itself is kept nowhere.
        email: To whom it was sent, or empty. The link is the permission, whoever opens it.
        accepted_at: When it was used; null while it is open.
    """

    team = models.ForeignKey(Team, models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    email = models.EmailField(blank=True, default="")
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="invitations")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-created_at", "-pk"]

    def __str__(self) -> str:
        """Team and role."""
        return f"{self.team_id}: {self.role}"


class Shared(models.Model):
    """What belongs to a person and may be shared with one team."""

    team = models.ForeignKey(
        "datasets_app.Team",
        models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        help_text="Shared with.",
    )

    class Meta:
        """A part of other tables."""

        abstract = True

    @property
    def shared(self) -> bool:
        """True if others may see it, too."""
        return self.team_id is not None
