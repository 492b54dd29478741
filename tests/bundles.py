"""Downloads for tests: a small network, exported, and its server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from nas.candidate import Candidate, Metrics
from nas.export.bundle import write_bundle
from nas.export.trust import Trust
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import tiny

METRICS = Metrics(0.9, 0.8, 0.95, 1.5, 1.9, 1000, 10_000, 4000)
STORED = 96
"""Side of the square to which photos are squashed first."""


def small_bundle(directory: Path, labels: Sequence[str]) -> None:
    """Writes the download of a network that has learnt nothing but answers each photo differently."""
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (8, STORED, STORED, 3), np.uint8))
    write_bundle(
        directory,
        module=settled(tiny(64), len(labels)),
        architecture=tiny(64),
        labels=labels,
        candidate=Candidate(
            3, "final_training", "base_search", "final", "finished", "Net", tiny(64), 9.0, metrics=METRICS
        ),
        parity_images=images,
        facts={},
        trust=Trust(temperature=1.4, threshold=0.3, n_images=100),
    )


@contextmanager
def serving(directory: Path) -> Iterator[str]:
    """Runs a download's own server and gives its address."""
    command = [sys.executable, str(directory / "serve.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()
