"""Core ML and LiteRT, whose converters are not required.

PYTHON_COREML and PYTHON_LITERT may name interpreters that have PyTorch and the converter, so that the tests
can run without the converter in the environment of this program.
"""

import json
import os
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from nas.architecture import Architecture
from nas.errors import ExportError
from nas.export import forms
from nas.export.load import WEIGHTS_NAME, save_state
from nas.export.optional import CONVERTERS, Converter, write_converted
from tests.unit.export.test_graph import cells
from tests.unit.export.trained import trained
from tests.unit.networks.architectures import every_feature, tiny

CORE_ML, LITERT = CONVERTERS


def python_with(converter: Converter) -> str:
    """An interpreter that has the converter; without one the test is skipped."""
    named = os.environ.get(f"PYTHON_{converter.kind.upper()}")
    if not named and not converter.installed:
        pytest.skip(f"{converter.package} is not installed, and PYTHON_{converter.kind.upper()} names none")
    return named or sys.executable


@pytest.mark.parametrize("architecture", [every_feature(45), cells("cell", 1)], ids=["mbconv", "cell"])
def test_litert_agrees_with_the_network(architecture: Architecture, tmp_path: Path) -> None:
    python = python_with(LITERT)
    write_converted(tmp_path, LITERT, trained(architecture), python=python)  # refuses what disagrees
    content = (tmp_path / "model.tflite").read_bytes()
    assert content[4:8] == b"TFL3" and str(Path.cwd()).encode() not in content


def test_core_ml_writes_a_package(tmp_path: Path) -> None:
    python = python_with(CORE_ML)
    write_converted(tmp_path, CORE_ML, trained(every_feature(45)), python=python)
    with zipfile.ZipFile(tmp_path / "model.mlpackage.zip") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert json.loads(contents["model.mlpackage/Manifest.json"])["itemInfoEntries"]
    assert any(name.endswith(".mlmodel") for name in contents)
    for place in (Path.cwd(), Path(torch.__file__).parent):
        assert not [name for name, content in contents.items() if str(place).encode() in content]


def test_a_converter_that_fails_is_said_with_its_reason(tmp_path: Path) -> None:
    nowhere = Converter("coreml", "none", "no-such-converter", "model.none", 1.0, "nothing")
    with pytest.raises(ExportError, match="no-such-converter could not convert it: "):
        write_converted(tmp_path, nowhere, trained(tiny(32)), python=_without_converters(tmp_path))
    assert not (tmp_path / "model.none").exists()


def _without_converters(directory: Path) -> str:
    """An interpreter that cannot even import numpy."""
    script = directory / "python"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    script.chmod(0o755)
    return str(script)


def test_what_is_not_installed_is_not_written_and_the_card_says_how_to_get_it(tmp_path: Path) -> None:
    if any(converter.installed for converter in CONVERTERS):
        pytest.skip("a converter is installed here")
    net = trained(tiny(32))
    directory = tmp_path / "net"
    directory.mkdir()
    save_state(net.module, directory / WEIGHTS_NAME)
    lines = forms.write_forms(directory, net, {})
    assert [path.name for path in sorted(directory.iterdir())] == [
        "model.pt2",
        "model.py",
        "model.safetensors",
    ]
    assert any("pip install coremltools" in line for line in lines)
    assert any("pip install litert-torch" in line for line in lines)
