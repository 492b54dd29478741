"""Downloads for tests: a small network, exported, and its server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nas.architecture import Architecture
from nas.candidate import Candidate, Metrics
from nas.data.cache import ImageCache
from nas.export.bundle import write_bundle
from nas.export.load import save_state
from nas.export.trust import Trust
from nas.phases.bundles import ExportSource, open_source, write_model
from nas.phases.int8 import complete
from nas.quantise.climb import LadderConfig
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


def kept(workdir: Path, module: nn.Module, architecture: Architecture, number: int = 3) -> Candidate:
    """Keeps weights in a run's directory and returns their candidate."""
    weights = f"weights-{number}.safetensors"
    save_state(module, workdir / weights)
    return Candidate(
        number,
        "final_training",
        "base_search",
        "final",
        "finished",
        f"Net {number}",
        architecture,
        9.0,
        metrics=METRICS,
        weights=weights,
    )


def int8_bundle(
    workdir: Path, module: nn.Module, architecture: Architecture, cache: ImageCache
) -> tuple[Path, dict[str, Any]]:
    """Writes a download with an int8 file, whatever that costs in accuracy; returns it with its facts."""
    source = source_of(workdir, module, architecture, cache)
    model = complete(
        workdir, source, write_model(workdir, source), LadderConfig(top="after training", most_lost=1.0)
    )
    return workdir / model["directory"], json.loads(json.dumps(model))


def source_of(
    workdir: Path, module: nn.Module, architecture: Architecture, cache: ImageCache
) -> ExportSource:
    """Returns what the export of a network is made of."""
    return open_source(cache.directory, workdir, kept(workdir, module, architecture), 4)


@contextmanager
def serving(directory: Path, *options: str) -> Iterator[str]:
    """Runs a download's own server and gives its address."""
    command = [sys.executable, str(directory / "serve.py"), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()
