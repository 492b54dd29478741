"""Networks that have learnt nothing but answer each image differently, for the tests of forms."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from nas.architecture import Architecture
from nas.export.trained import Trained
from nas.export.trust import Trust
from tests.unit.export.test_graph import settled

STORED = 72
LABELS = ("glass", "metal", "paper", "plastic", "wood")
TRUST = Trust(temperature=1.4, threshold=0.3, n_images=100)


def trained(architecture: Architecture, labels: Sequence[str] = LABELS, *, n_images: int = 8) -> Trained:
    pixels = np.random.default_rng(0).integers(0, 256, (n_images, STORED, STORED, 3), np.uint8)
    return Trained(settled(architecture, len(labels)), architecture, labels, torch.from_numpy(pixels), TRUST)


def imported(path: Path) -> ModuleType:
    """A file as a module, whatever its name."""
    spec = importlib.util.spec_from_file_location("written", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
