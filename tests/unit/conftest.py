"""What all unit tests share."""

from __future__ import annotations

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
