"""What sign-in tells by signals, written into the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from allauth.account import signals as account_signals
from allauth.mfa import signals as mfa_signals
from django.contrib.auth import signals as auth_signals
from django.contrib.auth.models import User
from django.db.models import Q
from django.db.models.signals import post_save
from django.dispatch import Signal
from django.http import HttpRequest

from datasets_app.audit import record
from datasets_app.models import Action
from search_app.publish import publish_recheck

_SIMPLE: Final[tuple[tuple[Signal, Action], ...]] = (
    (auth_signals.user_logged_in, Action.SIGN_IN),
    (auth_signals.user_logged_out, Action.SIGN_OUT),
    (account_signals.user_signed_up, Action.SIGN_UP),
    (account_signals.password_set, Action.PASSWORD),
    (account_signals.password_changed, Action.PASSWORD),
    (account_signals.password_reset, Action.PASSWORD),
    (account_signals.email_changed, Action.EMAIL),
    (account_signals.email_added, Action.EMAIL),
    (account_signals.email_removed, Action.EMAIL),
    (mfa_signals.authenticator_added, Action.MFA_ADDED),
    (mfa_signals.authenticator_removed, Action.MFA_REMOVED),
    (mfa_signals.authenticator_reset, Action.MFA_RESET),
    (mfa_signals.authentication_failed, Action.MFA_FAILED),
)
_ENDS_SESSIONS: Final = (Action.SIGN_OUT, Action.PASSWORD)
_receivers: list[Callable[..., None]] = []  # Django itself holds them weakly


def connect() -> None:
    """Connects every signal to its action."""
    for signal, action in _SIMPLE:
        receiver = _recorder(action)
        _receivers.append(receiver)
        signal.connect(receiver, dispatch_uid=f"audit-{action}-{id(signal)}")
    post_save.connect(_account_saved, sender=User, dispatch_uid="recheck-deactivated")
    auth_signals.user_login_failed.connect(_login_failed, dispatch_uid="audit-sign-in-failed")


def _recorder(action: Action) -> Callable[..., None]:
    def receiver(sender: Any, request: HttpRequest | None = None, **told: Any) -> None:
        user: User | None = told.get("user")
        factor = told.get("authenticator")
        detail = str(getattr(getattr(factor, "instance", factor), "type", ""))  # a row, or what wraps one
        record(action, actor=user, detail=detail, request=request)
        if action in _ENDS_SESSIONS:
            publish_recheck(user.pk if user is not None else None)

    return receiver


def _account_saved(sender: Any, instance: User, **_told: Any) -> None:
    """Ends the sockets of an account that was deactivated."""
    if not instance.is_active:
        publish_recheck(instance.pk)


def _login_failed(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_told: Any
) -> None:
    """Names the account if there is one; anything else that was typed may be a password and is not kept."""
    typed = str(credentials.get("email") or credentials.get("username") or credentials.get("login") or "")
    known = User.objects.filter(Q(username__iexact=typed) | Q(email__iexact=typed)).first() if typed else None
    record(Action.SIGN_IN_FAILED, actor=known, detail="" if known else "no such account", request=request)
