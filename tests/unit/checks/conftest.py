"""Fixtures of the checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.checks.network import pretrained_network


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Takes away the program that writes the pretrained network, so that photos are described by pixels."""
    pretrained_network.cache_clear()
    monkeypatch.setattr("nas.checks.network.sys.executable", str(tmp_path / "missing"))
