"""Accounts: whether sign-up is open, and the one-time link that lets the first person in."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's questions, answered by the settings."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Returns whether people may make accounts by themselves."""
        return bool(settings.SIGNUP_OPEN)
