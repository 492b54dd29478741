"""Everything a user needs to run a trained network elsewhere, in one directory."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from nas.architecture import Architecture, architecture_to_json
from nas.candidate import Candidate
from nas.errors import ExportError
from nas.export.browser_check import BROWSER_SECONDS
from nas.export.card import model_card
from nas.export.certificate import browser_row, reference_row, runtime_row
from nas.export.demo import write_demo
from nas.export.forms import write_forms
from nas.export.golden import write_golden
from nas.export.load import WEIGHTS_NAME, save_state
from nas.export.onnx_model import export_onnx
from nas.export.parity import Parity, check_parity
from nas.export.trained import Trained
from nas.export.trust import Trust
from nas.files import write_atomically

ONNX_NAME, SUMS_NAME = "model.onnx", "SHA256SUMS"
_TEMPLATES = Path(__file__).parent / "templates"


def write_bundle(
    directory: Path,
    *,
    module: nn.Module,
    architecture: Architecture,
    labels: Sequence[str],
    candidate: Candidate,
    parity_images: Tensor,
    facts: Mapping[str, Any],
    trust: Trust | None = None,
    form_seconds: float = math.inf,
    browser_seconds: float = BROWSER_SECONDS,
) -> dict[str, Any]:
    """Writes a bundle, and only if the exported file agrees with the network.

    An earlier bundle of the same name is replaced; after an error none is left behind half done.

    Args:
        directory: Where to put it; its last part is the model's name.
        module: The trained network.
        architecture: Its architecture.
        labels: Class names in the order of the outputs.
        candidate: What the run knows about it.
        parity_images: (N, C, C, 3) uint8 stored images for the parity check; C goes into the file as the
            size to which `predict.py` squashes photos first, as the import did.
        facts: JSON-ready facts for the model card: `data_hash`, `n_train`, `n_val`, `versions`, `test`, ...
        trust: What its probabilities are worth; None leaves them as they are.
        form_seconds: Time for the forms that take seconds, see `nas.export.forms`.
        browser_seconds: Time that a browser gets to answer the parity images; 0 asks none.

    Returns:
        `name`, `candidate`, `directory` (its last two parts), `files` (name, bytes, sha256), `parity`
        (that of the file in ONNX Runtime, `rows` of the certificate, and `forms`: a line for each further
        form of the network), `trust`.

    Raises:
        ExportError: If the export fails or does not agree with the network.
    """
    trust = trust or Trust()
    with _replacing(directory) as unfinished:
        onnx_file = unfinished / ONNX_NAME
        metadata = metadata_of(architecture, candidate, parity_images.shape[1], facts, trust)
        export_onnx(module, architecture, labels, onnx_file, metadata, temperature=trust.temperature)
        parity = check_parity(module, architecture, onnx_file, parity_images, trust.temperature)
        save_state(module, unfinished / WEIGHTS_NAME)
        write_golden(unfinished, onnx_file)
        write_demo(unfinished, labels, side=parity_images.shape[1], threshold=trust.threshold)
        trained = Trained(module, architecture, labels, parity_images, trust)
        certificate = {
            **asdict(parity),
            "rows": _rows(trained, onnx_file, parity, browser_seconds),
            "forms": write_forms(unfinished, trained, metadata, seconds=form_seconds),
        }
        card = model_card(
            architecture, labels, candidate, parity, facts, trust=trust, certificate=certificate
        )
        _write_texts(unfinished, architecture, labels, certificate, card)
        files = sum_up(unfinished)
    return {
        "name": directory.name,
        "candidate": candidate.number,
        "directory": f"{directory.parent.name}/{directory.name}",
        "files": files,
        "parity": certificate,
        "trust": asdict(trust),
    }


def _rows(trained: Trained, onnx_file: Path, parity: Parity, browser_seconds: float) -> list[dict[str, Any]]:
    """Returns the certificate's rows of the network itself, of ONNX Runtime and of a browser."""
    images = trained.images_u8
    rows = [
        reference_row(trained.module, trained.architecture, images, trained.trust.temperature),
        runtime_row(onnx_file, images, parity, "the trained network"),
        browser_row(onnx_file, onnx_file.parent, images, seconds=browser_seconds),
    ]
    return [row.to_json() for row in rows]


@contextmanager
def _replacing(directory: Path) -> Iterator[Path]:
    """Gives an empty directory that takes the place of another one when all has gone well."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    unfinished.chmod(0o755)  # mkdtemp lets nobody else read
    try:
        yield unfinished
        shutil.rmtree(directory, ignore_errors=True)
        unfinished.rename(directory)
    except OSError as error:
        raise ExportError(
            f"The model could not be written: {error.strerror}. Free some disk space."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def metadata_of(
    architecture: Architecture,
    candidate: Candidate,
    stored_size: int,
    facts: Mapping[str, Any],
    trust: Trust,
) -> dict[str, str]:
    """Returns what the ONNX files say about themselves; see `write_bundle` for the arguments."""
    return {
        "stored_size": str(stored_size),
        "resolution": str(architecture.resolution),
        "architecture": json.dumps(architecture_to_json(architecture)),
        "candidate": str(candidate.number),
        "data_hash": str(facts.get("data_hash", "")),
        "temperature": f"{trust.temperature:.6g}",
        "threshold": f"{trust.threshold:.6g}",
        "preprocessing": "inside the graph: antialiased bilinear squash, mean 0.5, std 0.5",
    }


def _write_texts(
    directory: Path,
    architecture: Architecture,
    labels: Sequence[str],
    certificate: Mapping[str, Any],
    card: str,
) -> None:
    _write_json(directory / "architecture.json", architecture_to_json(architecture))
    _write_json(directory / "labels.json", list(labels))
    onnx_sha256 = hashlib.sha256((directory / ONNX_NAME).read_bytes()).hexdigest()
    _write_json(directory / "parity.json", {**certificate, "file": ONNX_NAME, "sha256": onnx_sha256})
    for name in ("predict.py", "serve.py"):
        shutil.copyfile(_TEMPLATES / name, directory / name)
    (directory / "model_card.md").write_text(card, encoding="utf-8")


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def sum_up(directory: Path, known: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Writes SHA256SUMS over all other files and returns the list of files.

    Args:
        directory: The bundle.
        known: Facts of files that have not changed: their sums are taken from there.
    """
    sums = directory / SUMS_NAME
    summed = {str(file["name"]): dict(file) for file in known}
    paths = [path for path in sorted(directory.iterdir()) if path != sums]
    files = [summed.get(path.name) or _facts_of(path) for path in paths]
    write_atomically(sums, "".join(f"{file['sha256']}  {file['name']}\n" for file in files))
    return [*files, _facts_of(sums)]


def _facts_of(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"name": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
