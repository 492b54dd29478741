import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nas.architecture import (
    Architecture,
    CellArchitecture,
    MBConvArchitecture,
    Stage,
    TimmArchitecture,
    architecture_key,
)
from nas.candidate import Candidate
from nas.cells import Edge
from nas.data.decode import decode_image
from nas.errors import ExportError
from nas.export.bundle import write_bundle
from nas.export.load import WEIGHTS_NAME, save_state
from nas.export.onnx_model import OnnxClassifier
from nas.export.plain.code import model_code
from nas.export.plain.write import write_code
from nas.export.trained import Trained
from nas.spaces import make_space
from tests.bundles import METRICS
from tests.unit.export.test_graph import cells, settled
from tests.unit.export.trained import STORED, TRUST, imported, trained
from tests.unit.networks.architectures import every_feature, tiny

ROOT = Path(__file__).parents[3]
HOSTILE = ('"""\nimport os\n"""', "it's \\ $about {name}", "x" * 300, "ünï🙂", "a\nb\t\r")


def one_block(op: str) -> MBConvArchitecture:
    return MBConvArchitecture(40, 8, 16, (Stage(op, 5, 3 if op != "ds" else 1, 0.25, 1, 8, 1),))


def cell(template: str, normal: tuple[Edge, ...], reduction: tuple[Edge, ...] = ()) -> CellArchitecture:
    return CellArchitecture(16, template, 4, 1, normal, reduction)


KINDS: dict[str, Architecture] = {
    "relu6": tiny(48),
    "swish, squeeze-excite, all blocks": every_feature(45),
    "benchmark cell": cells("nasbench201", 1),
    "two-input cell": cells("cell", 1),
    "timm": TimmArchitecture(64, "mobilenetv3_small_100"),
}


def write(directory: Path, net: Trained, **named: object) -> None:
    candidate = Candidate(
        3, "final_training", "base_search", "final", "finished", "Net", net.architecture, 9.0, metrics=METRICS
    )
    write_bundle(
        directory,
        module=net.module,
        architecture=net.architecture,
        labels=net.labels,
        candidate=candidate,
        parity_images=net.images_u8,
        facts={},
        trust=net.trust,
        **named,
    )


def odd_photos(directory: Path) -> list[Path]:
    directory.mkdir()
    rng = np.random.default_rng(5)
    picture = Image.fromarray(rng.integers(0, 256, (9, 14, 3), dtype=np.uint8)).resize((311, 177))
    held = Image.Exif()
    held[0x0112] = 6
    picture.save(directory / "held.jpg", exif=held)
    picture.convert("L").save(directory / "grey.png")
    picture.convert("CMYK").save(directory / "cmyk.jpg")
    picture.resize((41, 67)).save(directory / "small.png")
    return sorted(directory.iterdir())


def run(directory: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs model.py as a stranger would: with nothing of this program to import."""
    command = [sys.executable, "-I", "model.py", *map(str, arguments)]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300, check=False)


def test_a_stranger_cannot_import_this_program(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-c", "import nas"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "No module named 'nas'" in found.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_answers_on_photos_as_the_onnx_file_does(kind: str, tmp_path: Path) -> None:
    directory = tmp_path / "models" / "net"
    write(directory, trained(KINDS[kind], HOSTILE), form_seconds=5.0)
    photos = odd_photos(tmp_path / "photos")
    answer = run(directory, *photos, "--json", "--top", 9)
    assert answer.returncode == 0, answer.stderr
    application = OnnxClassifier(directory / "model.onnx")
    assert application.labels == HOSTILE
    for result, photo in zip(json.loads(answer.stdout), photos, strict=True):
        decoded = decode_image(photo.read_bytes(), STORED, 10**8)
        pixels = np.frombuffer(decoded.pixels, dtype=np.uint8).reshape(1, STORED, STORED, 3)
        expected = dict(zip(HOSTILE, application.predict(pixels)[0].tolist(), strict=True))
        found = {guess["label"]: guess["probability"] for guess in result["predictions"]}
        assert found == pytest.approx(expected, abs=1e-4), photo.name
        assert result["sure"] is (max(expected.values()) >= TRUST.threshold)
    card = (directory / "model_card.md").read_text()
    assert "- model.py: " in card and "model.pt2 is not here: there was no time left" in card
    assert "  model.py\n" in (directory / "SHA256SUMS").read_text()


def sample() -> list[Architecture]:
    """Random networks of every space, each block type alone, and cells at the edges of what there is."""
    found: list[Architecture] = [one_block(op) for op in ("ds", "ir", "er")]
    for name, n in (("mbconv", 4), ("lite-elastic", 2), ("cell", 6), ("nasbench201", 6)):
        space = make_space(name, max_resolution=48 if name in ("mbconv", "lite-elastic") else 28)
        draw = random.Random(name)
        found += [space.decode(space.canonical(space.sample(draw))) for _ in range(n)]
    skip, pool = Edge(0, 3, "skip_connect"), Edge(0, 1, "avg_pool_3x3")
    found += [
        cell("nasbench201", ()),
        cell("nasbench201", (skip,)),
        cell("nasbench201", (pool, Edge(1, 3, "nor_conv_1x1"), skip)),
        cell("darts", (), ()),
        cell("darts", (Edge(0, 2, "skip_connect"),), (Edge(0, 2, "skip_connect"),)),
        cell(
            "darts", (Edge(1, 5, "sep_conv_5x5"),), (Edge(1, 2, "max_pool_3x3"), Edge(2, 3, "dil_conv_5x5"))
        ),
    ]
    return found


@pytest.mark.parametrize(
    "architecture", sample(), ids=lambda each: f"{each.kind}-{architecture_key(each)[:6]}"
)
def test_the_code_is_the_network(architecture: Architecture, tmp_path: Path) -> None:
    net = trained(architecture)
    (tmp_path / "model.py").write_text(model_code(net))
    save_state(net.module, tmp_path / WEIGHTS_NAME)
    written = imported(tmp_path / "model.py")
    network = written.load()
    assert {key: value.shape for key, value in network.state_dict().items()} == {
        key: value.shape for key, value in net.module.state_dict().items()
    }
    assert not network.training
    x = torch.randn(3, 3, architecture.resolution, architecture.resolution)
    with torch.inference_mode():
        expected = net.module.eval()(x)
        torch.testing.assert_close(
            network(x), expected, rtol=0, atol=1e-5 * max(1.0, float(expected.abs().max()))
        )
    if not (isinstance(architecture, CellArchitecture) and not architecture.normal):
        assert float(expected.std(dim=0).max()) > 0  # if all images had one answer, much code would do
    found = written.probabilities(network, net.images_u8)
    assert found.shape == (8, 5) and torch.allclose(found.sum(dim=1), torch.ones(8), atol=1e-5)


def test_weights_of_another_network_and_damaged_files_are_refused_plainly(tmp_path: Path) -> None:
    net = trained(tiny(48))
    (tmp_path / "model.py").write_text(model_code(net))
    written = imported(tmp_path / "model.py")
    with pytest.raises(ValueError, match="is missing"):
        written.load()
    save_state(settled(every_feature(45)), tmp_path / WEIGHTS_NAME)
    with pytest.raises(ValueError, match="weights of another network"):
        written.load()
    (tmp_path / WEIGHTS_NAME).write_bytes(b"\x80\x04no weights")
    with pytest.raises(ValueError, match="cannot be read"):
        written.load(tmp_path / WEIGHTS_NAME)
    answer = run(tmp_path, "x.jpg")
    assert answer.returncode == 1 and "predict.py is missing" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_code_that_computes_something_else_is_not_written(tmp_path: Path) -> None:
    net = trained(tiny(48))
    other = settled(tiny(48))
    with torch.no_grad():
        other.classifier.weight.mul_(1.001)
    save_state(other, tmp_path / WEIGHTS_NAME)
    with pytest.raises(ExportError, match="does not answer as the trained one"):
        write_code(tmp_path, net)
    save_state(settled(every_feature(45)), tmp_path / WEIGHTS_NAME)
    with pytest.raises(ExportError, match="does not take the weights"):
        write_code(tmp_path, net)
    assert not (tmp_path / "model.py").exists()


def test_names_of_users_do_not_get_into_the_code_and_the_same_network_gives_the_same_text() -> None:
    assert model_code(trained(tiny(48), HOSTILE)) == model_code(trained(tiny(48)))
    with pytest.raises(ExportError, match="no name that timm"):
        model_code(
            Trained(
                settled(tiny()), TimmArchitecture(32, 'x"); f("'), HOSTILE, torch.zeros(1, 9, 9, 3), TRUST
            )
        )


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_passes_the_rules_of_this_project(kind: str) -> None:
    code = model_code(trained(KINDS[kind]))
    for command in (["check"], ["format", "--check"]):
        found = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", "nas/export/model.py", "-"],
            cwd=ROOT,
            input=code,
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stdout


def test_only_what_a_network_uses_is_in_its_code() -> None:
    plain = model_code(trained(tiny(48)))
    assert "class InvertedResidual" in plain and "F.relu6" in plain
    assert "class SqueezeExcite" in plain  # a block may have one: its class names it
    assert "EdgeResidual" not in plain and "silu" not in plain and "timm" not in plain
    assert "import timm" in model_code(trained(KINDS["timm"]))
    benchmark = model_code(trained(cell("nasbench201", (Edge(0, 3, "nor_conv_3x3"),))))
    assert "FactorizedReduce" not in benchmark and "class ResidualReduction" in benchmark
