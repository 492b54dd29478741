import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.architecture import Architecture, TimmArchitecture
from nas.errors import ExportError
from nas.export.onnx_model import OnnxClassifier, export_onnx
from nas.export.program import check_program, export_program
from tests.unit.export.test_graph import cells
from tests.unit.export.trained import LABELS, TRUST, trained
from tests.unit.networks.architectures import every_feature, tiny

STRANGER = """
import sys, numpy, torch
extra = {"labels.json": "", "metadata.json": ""}
program = torch.export.load("model.pt2", extra_files=extra).module()
for number in range(3):
    images = torch.from_numpy(numpy.load(f"images{number}.npy"))
    numpy.save(f"answers{number}.npy", program(images).detach().numpy())
print(extra["labels.json"])
assert "nas" not in sys.modules and "timm" not in sys.modules
"""


@pytest.mark.parametrize(
    "architecture",
    [every_feature(45), cells("nasbench201", 1), cells("cell", 1), TimmArchitecture(64, "resnet18")],
    ids=["mbconv", "nasbench201", "cell", "timm"],
)
def test_the_program_agrees_on_any_number_of_images_of_any_size(
    architecture: Architecture, tmp_path: Path
) -> None:
    net = trained(architecture)
    export_program(net, tmp_path / "model.pt2", {})
    found = check_program(net, tmp_path / "model.pt2")
    assert (found.n_images, found.agreement) == (8, 1.0) and found.max_difference < 1e-5
    export_onnx(net.module, architecture, LABELS, tmp_path / "m.onnx", {}, temperature=TRUST.temperature)
    onnx, program = OnnxClassifier(tmp_path / "m.onnx"), torch.export.load(tmp_path / "model.pt2").module()
    rng = np.random.default_rng(1)
    for shape in ((1, 31, 200, 3), (3, 90, 45, 3), (2, architecture.resolution, architecture.resolution, 3)):
        images = rng.integers(0, 256, shape, np.uint8)
        with torch.inference_mode():
            answers = program(torch.from_numpy(images)).numpy()
        np.testing.assert_allclose(answers, onnx.predict(images), rtol=0, atol=1e-4)


def test_a_stranger_runs_the_program_without_any_model_code(tmp_path: Path) -> None:
    labels = ('"quoted"', "new\nline", "x" * 300, "ü")
    net = trained(tiny(48), labels)
    export_program(net, tmp_path / "model.pt2", {"threshold": "0.3"})
    export_onnx(net.module, net.architecture, labels, tmp_path / "m.onnx", {}, temperature=TRUST.temperature)
    onnx = OnnxClassifier(tmp_path / "m.onnx")
    batches = [np.random.default_rng(n).integers(0, 256, (n + 1, 20 + n, 50, 3), np.uint8) for n in range(3)]
    for number, images in enumerate(batches):
        np.save(tmp_path / f"images{number}.npy", images)
    done = subprocess.run(
        [sys.executable, "-I", "-c", STRANGER], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert tuple(json.loads(done.stdout)) == labels
    for number, images in enumerate(batches):
        answers = np.load(tmp_path / f"answers{number}.npy")
        np.testing.assert_allclose(answers, onnx.predict(images), rtol=0, atol=1e-4)


def test_a_program_of_another_network_is_refused(tmp_path: Path) -> None:
    net, other = trained(tiny(48)), trained(tiny(48))
    with torch.no_grad():
        other.module.get_classifier().weight.mul_(-3)
    export_program(other, tmp_path / "model.pt2", {})
    with pytest.raises(ExportError, match=r"model\.pt2 agrees with the trained network on"):
        check_program(net, tmp_path / "model.pt2")


def test_the_file_says_nothing_about_this_machine_and_holds_no_photo(tmp_path: Path) -> None:
    net = trained(tiny(48))
    export_program(net, tmp_path / "model.pt2", {})
    with zipfile.ZipFile(tmp_path / "model.pt2") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    for place in (Path.cwd(), Path(torch.__file__).parent, tmp_path):
        assert not [name for name, content in contents.items() if str(place).encode() in content]
    (example,) = torch.export.load(tmp_path / "model.pt2").example_inputs[0]
    assert example.dtype == torch.uint8 and int(example.max()) == 0


def test_a_network_that_cannot_be_traced_is_said_to_be_one(tmp_path: Path) -> None:
    class Fickle(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=(2, 3)) if float(x.sum()) > 0 else x.amax(dim=(2, 3))

    net = replace(trained(tiny(48)), module=Fickle())
    with pytest.raises(ExportError, match=r"torch\.export cannot trace this network"):
        export_program(net, tmp_path / "model.pt2", {})
    assert not (tmp_path / "model.pt2").exists()
