"""What the PyTorch forms of a download cost: `python -m tests.form_costs`."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from nas.architecture import Architecture, TimmArchitecture
from nas.export.load import save_state
from nas.export.plain.write import write_code
from nas.export.program import check_program, export_program
from nas.export.trained import Trained
from nas.export.trust import Trust
from nas.spaces.lite import lite0_architecture
from tests.unit.export.test_graph import cells, settled

NETWORKS: dict[str, Architecture] = {
    "(warming up)": lite0_architecture(64),
    "Lite0, 224 pixels": lite0_architecture(224),
    "Lite0, 96 pixels": lite0_architecture(96),
    "ResNet-18, 96 pixels": TimmArchitecture(96, "resnet18"),
    "MobileNetV3-small, 96 pixels": TimmArchitecture(96, "mobilenetv3_small_100"),
    "cells, 32 pixels": cells("cell", 1),
    "NAS-Bench-201, 32 pixels": cells("nasbench201", 1),
}


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds: the wall clock counts what else the machine does."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def cost(architecture: Architecture) -> str:
    images = torch.randint(0, 256, (64, 160, 160, 3), dtype=torch.uint8)
    trained = Trained(settled(architecture), architecture, list("abcde"), images, Trust(temperature=1.4))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        program, weights = directory / "model.pt2", directory / "model.safetensors"
        save_state(trained.module, weights)
        code = seconds(lambda: write_code(directory, trained))
        written = seconds(lambda: export_program(trained, program, {}))
        checked = seconds(lambda: check_program(trained, program))
        sizes = [path.stat().st_size / 1e6 for path in (program, weights)]
    return (
        f"model.py {code:.1f} s, model.pt2 {written:.1f} s, its check {checked:.1f} s; "
        f"model.pt2 {sizes[0]:.1f} MB, model.safetensors {sizes[1]:.1f} MB"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    for words, architecture in NETWORKS.items():
        print(f"{words}: {cost(architecture)}", flush=True)
