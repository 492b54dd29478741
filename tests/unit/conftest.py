"""What all unit tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from nas.checks import features
from nas.checks.network import NetworkMissingError


@pytest.fixture(autouse=True)
def _no_pretrained_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the checks describe photos by their pixels, as they do where the network's weights are missing.

    To load the network starts a process that imports PyTorch, some seconds for every import of a data set;
    tests/integration does so.
    """

    def missing(_resolution: int) -> bytes:
        raise NetworkMissingError("Unit tests go without.")

    monkeypatch.setattr(features, "pretrained_network", missing)


@pytest.fixture(autouse=True, scope="session")
def _no_browser() -> Iterator[None]:
    """Asks no browser what it makes of exports, which takes seconds; tests/browser does so."""
    before = os.environ.get("AUTOML_CHROMIUM")
    os.environ["AUTOML_CHROMIUM"] = "off"
    yield
    if before is None:
        del os.environ["AUTOML_CHROMIUM"]
    else:
        os.environ["AUTOML_CHROMIUM"] = before
