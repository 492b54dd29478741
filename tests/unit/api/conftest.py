"""What the tests of the public API share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from search_app.tokens import SCOPES, token_create


class Program:
    """A program with a token: no cookie, no CSRF token."""

    def __init__(self, token: str | None) -> None:
        self._client = Client(enforce_csrf_checks=True)
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **headers: str) -> Any:
        return self._client.get(f"/api/v1{path}", headers={**self._headers, **headers})

    def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        headers = self._headers if key is None else {**self._headers, "Idempotency-Key": key}
        content = body if isinstance(body, bytes | str) else json.dumps({} if body is None else body)
        return self._client.post(f"/api/v1{path}", content, content_type="application/json", headers=headers)

    def send(
        self, method: str, path: str, body: Any = b"", kind: str = "application/json", **more: str
    ) -> Any:
        return self._client.generic(method, path, body, content_type=kind, headers={**self._headers, **more})


Programs = Callable[..., Program]


@pytest.fixture(autouse=True)
def counted_here(settings: Any, tmp_path: Any) -> None:
    """No Redis: requests are counted in this process, for each test anew."""
    settings.REDIS_URL = f"unix://{tmp_path}/no.sock"


@pytest.fixture
def program_of() -> Programs:
    """Returns a function from a user, scopes and days to a program."""

    def make(user: User | None, *scopes: str, days: int | None = None) -> Program:
        if user is None:
            return Program(None)
        return Program(token_create(owner=user, name="test", scopes=scopes or tuple(SCOPES), days=days)[1])

    return make
