"""Downloads the models of a search and lets one of them answer."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from automl_site.demo.client import Client
from automl_site.demo.errors import DemoError

NEEDED = ("model.onnx", "predict.py", "labels.json")


@dataclass(frozen=True)
class Answer:
    """What a downloaded model said about one image.

    Attributes:
        truth: The image's class.
        label: The model's first answer.
        probability: Its probability in [0, 1].
    """

    truth: str
    label: str
    probability: float


def download_models(client: Client, search_id: str, directory: Path) -> list[Path]:
    """Downloads and unpacks the bundle of each exported model.

    Args:
        client: Signed in.
        search_id: Which search.
        directory: Existing folder; each model gets a folder of its own in it.

    Returns:
        The models' folders, in the server's order.

    Raises:
        DemoError: If there is no model or a bundle lacks a file.
    """
    folders = []
    for model in client.get(f"/searches/{search_id}/models")["items"]:
        archive = directory / "bundle.zip"
        client.download(f"/searches/{search_id}/models/{model['id']}/bundle.zip", archive)
        folder = directory / PurePosixPath(model["name"]).name
        unpack_bundle(archive, folder)
        archive.unlink()
        missing = [name for name in NEEDED if not (folder / name).is_file()]
        if missing:
            raise DemoError(f"The bundle of {model['name']} lacks {', '.join(missing)}.")
        folders.append(folder)
    if not folders:
        raise DemoError("The search ended without an exported model; read its report.")
    return folders


def ask_model(folder: Path, samples: list[tuple[str, Path]]) -> list[Answer]:
    """Runs the bundle's own predict.py on images, in a process of its own.

    Args:
        folder: An unpacked bundle.
        samples: Class and file of each image.

    Returns:
        The model's answers, in the order of the samples.

    Raises:
        DemoError: If predict.py fails or an answer is no probability of one of the bundle's labels.
    """
    paths = [str(path) for _, path in samples]
    command = [sys.executable, str(folder / "predict.py"), *paths, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise DemoError(f"predict.py of {folder.name} failed: {done.stderr.strip()[-300:]}")
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    answers = []
    for (truth, _), result in zip(samples, json.loads(done.stdout), strict=True):
        best = result["predictions"][0]
        if best["label"] not in labels or not 0 <= best["probability"] <= 1:
            raise DemoError(f"predict.py of {folder.name} answered {best!r}, which is none of its labels.")
        answers.append(Answer(truth, best["label"], best["probability"]))
    return answers


def unpack_bundle(archive: Path, folder: Path) -> None:
    """Writes the files of a bundle into a new folder, flat.

    Raises:
        DemoError: If the archive holds a name that no bundle has.
    """
    folder.mkdir()
    with zipfile.ZipFile(archive) as bundle:
        for entry in bundle.infolist():
            path = PurePosixPath(entry.filename)
            if entry.is_dir():
                continue
            # A bundle is flat, or one folder deep; nothing else is written.
            if path.is_absolute() or ".." in path.parts or len(path.parts) > 2:
                raise DemoError(f"The bundle holds an unexpected name: {entry.filename!r}.")
            (folder / path.name).write_bytes(bundle.read(entry))
