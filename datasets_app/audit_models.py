"""The audit log's table: rows are added, and removed when they are old, but never changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _


class Action(models.TextChoices):
    """What is written down."""

    SIGN_IN = "sign-in", _("Signed in")
    SIGN_OUT = "sign-out", _("Signed out")
    SIGN_IN_FAILED = "sign-in-failed", _("Sign-in refused")
    SIGN_UP = "sign-up", _("Account made")
    PASSWORD = "password", _("Password changed")
    EMAIL = "email", _("E-mail address changed")
    MFA_ADDED = "mfa-added", _("Second factor added")
    MFA_REMOVED = "mfa-removed", _("Second factor removed")
    MFA_RESET = "mfa-reset", _("Recovery codes made anew")
    MFA_FAILED = "mfa-failed", _("Second factor refused")
    SESSIONS_ENDED = "sessions-ended", _("Other sessions ended")
    DOWNLOAD = "download", _("Downloaded")
    DELETE = "delete", _("Deleted")
    SHARE = "share", _("Shared with a team")
    UNSHARE = "unshare", _("Sharing ended")
    TEAM_CREATE = "team-create", _("Team made")
    TEAM_DELETE = "team-delete", _("Team deleted")
    INVITE = "invite", _("Invited")
    INVITE_WITHDRAWN = "invite-withdrawn", _("Invitation withdrawn")
    JOIN = "join", _("Joined a team")
    MEMBER_ROLE = "member-role", _("Role changed")
    MEMBER_REMOVED = "member-removed", _("Left or removed from a team")
    ACCOUNT_EXPORT = "account-export", _("Account data exported")
    ACCOUNT_DELETE = "account-delete", _("Account deleted")
    TOKEN_CREATE = "token-create", _("API token made")
    TOKEN_USE = "token-use", _("API token used")
    TOKEN_REVOKE = "token-revoke", _("API token revoked")


class AppendOnlyError(TypeError):
    """Somebody tried to change or delete a row of the audit log."""


def _refused(*_args: Any, **_values: Any) -> NoReturn:
    raise AppendOnlyError("Rows of the audit log are neither changed nor deleted.")


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Reads, and adds."""

    update: Callable[..., Any] = _refused
    delete: Callable[..., Any] = _refused
    bulk_update: Callable[..., Any] = _refused
    update_or_create: Callable[..., Any] = _refused


class AuditEntry(models.Model):
    """Who did what, to what, when and from where.

    There are no foreign keys: a row stays as it was when the account or the thing it names is deleted.

    Attributes:
        actor_id: Key of the account, null when nobody was signed in.
        actor: Its user name then.
        target_kind: ``dataset``, ``search``, ``team``, ... or empty.
        target_id: Its id as text.
        target: Its name then.
        detail: What else matters, one line.
        ip: Address of the client, null for work without a request.
        request: Id under which the log names the request.
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    action = models.CharField(max_length=20, choices=Action.choices)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=150, default="")
    target_kind = models.CharField(max_length=20, default="")
    target_id = models.CharField(max_length=40, default="")
    target = models.CharField(max_length=200, default="")
    detail = models.CharField(max_length=300, default="")
    ip = models.GenericIPAddressField(null=True)
    request = models.CharField(max_length=40, default="")

    objects = AuditQuerySet.as_manager()

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-pk"]
        base_manager_name = "objects"
        indexes: ClassVar = [
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["actor_id", "-id"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        """Action and actor."""
        return f"{self.action} by {self.actor or '-'}"

    def save(self, *args: Any, **values: Any) -> None:
        """Adds the row; a row that is there is never written again."""
        if not self._state.adding:
            _refused()
        super().save(*args, **{**values, "force_insert": True})

    def delete(self, *args: Any, **values: Any) -> NoReturn:
        """Refuses."""
        _refused()
