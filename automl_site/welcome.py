"""The one-time link that signs the first person in without a password.

Only a hash of the token is kept, in the database cache, where it expires by itself; deleting the entry is
what spends the link, so of two clicks at once one wins.
"""

from __future__ import annotations

import hashlib
import secrets

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

VALID_SECONDS = 3600
ADMIN_NAME = "admin"


def _key(token: str) -> str:
    return "welcome:" + hashlib.sha256(token.encode()).hexdigest()


def ensure_admin() -> User:
    """Returns the administrator of this installation, made at the first start without a usable password."""
    admin = get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if admin is None:
        admin = get_user_model().objects.create_superuser(ADMIN_NAME, "admin@localhost", None)
    return admin


def make_link(user: User) -> str:
    """Returns a path that signs `user` in once within the next hour."""
    token = secrets.token_urlsafe(32)
    cache.set(_key(token), user.pk, VALID_SECONDS)
    return reverse("welcome", args=[token])


def sign_in(request: HttpRequest, token: str) -> HttpResponse:
    """Spends the link and signs its user in; an unknown, spent or expired link is 404."""
    key = _key(token)
    user_id = cache.get(key)
    if user_id is None or not cache.delete(key):
        raise Http404
    user = get_user_model().objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise Http404
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect(settings.LOGIN_REDIRECT_URL)
