"""Fixtures of all tests: one cast of people, storage of their own, a client that is signed in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation
from hypothesis import settings as hypothesis_settings

from datasets_app.words.compile import compile_catalogues
from tests import factories
from tests.caches import digit_cache, photo_cache

__all__ = ["digit_cache", "photo_cache"]  # fixtures of every folder

# Once before a release, not at every change: HYPOTHESIS_PROFILE=long pytest ... -k "flipped or no_zip"
hypothesis_settings.register_profile("long", max_examples=10_000)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure() -> None:
    """Brings the catalogues of the languages up to date: `make setup` may have run before they changed."""
    compile_catalogues()


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> Path:
    """Keeps every test's files in a directory of its own."""
    settings.VAR_DIR = tmp_path
    settings.STORAGE_DIR = tmp_path / "storage"
    settings.STORAGE_DIR.mkdir()
    settings.API_RATE = 1_000_000  # tests share an address and a minute
    settings.WHITENOISE_AUTOREFRESH = True  # else every new client lists all static files, 0.1 s each
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return settings.STORAGE_DIR


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Leaves no language behind: a request in German would choose it for the tests that follow."""
    yield
    translation.deactivate()


@pytest.fixture
def owner(db: None) -> User:
    """The person whose things they are."""
    return factories.UserFactory(username="owner", email="owner@example.org")


@pytest.fixture
def teammate(db: None) -> User:
    """Someone of the same installation who may one day share things with the owner."""
    return factories.UserFactory(username="teammate", email="teammate@example.org")


@pytest.fixture
def stranger(db: None) -> User:
    """Someone who must see nothing of the owner's."""
    return factories.UserFactory(username="stranger", email="stranger@example.org")


@pytest.fixture
def client_of() -> Callable[[User | None], Client]:
    """Returns a function from a user to a signed-in client; None gives an anonymous one."""

    def make(user: User | None) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make
