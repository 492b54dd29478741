"""The int8 file comes into a bundle that is there already, or the reason why there is none.

In place and file by file, each as a whole, the checksums last: the fp32 file is safe all the time, people
may be downloading it, and an addition that was cut short is done again from the beginning.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.architecture import Architecture
from nas.candidate import Candidate
from nas.errors import ExportError
from nas.export.bundle import sum_up
from nas.export.card import model_card
from nas.export.certificate import CertificateRow
from nas.export.golden import INT8_ANSWER, INT8_TOLERANCE, write_answer
from nas.export.parity import Parity
from nas.export.trust import Trust
from nas.files import write_atomically

INT8_NAME = "model_int8.onnx"
_CERTIFICATE, _CARD = "parity.json", "model_card.md"
_PARITY = ("n_images", "agreement", "max_difference")


def add_int8(
    directory: Path,
    model: Mapping[str, Any],
    *,
    architecture: Architecture,
    labels: Sequence[str],
    candidate: Candidate,
    facts: Mapping[str, Any],
    int8: Mapping[str, Any],
    file: Path | None = None,
    rows: Sequence[CertificateRow] = (),
) -> dict[str, Any]:
    """Adds the file with its golden answer, and says it in card, certificate and checksums.

    Args:
        directory: The bundle, of `nas.export.bundle.write_bundle`.
        model: Its facts, as that gave them.
        architecture: As for `write_bundle`, and so are `labels`, `candidate` and `facts`.
        int8: `offered`, `tried` and `reason`, a sentence. If it was judged: `rung`, `float_accuracy`,
            `int8_accuracy`, `n_validation`, `float_ms`, `int8_ms`, `float_bytes`, `int8_bytes`.
        file: The int8 file, which is copied; None if it is not offered.
        rows: What the certificate says about it.

    Returns:
        The model's facts anew, with `int8` and the rows in `parity`.

    Raises:
        ExportError: If it cannot be written.
    """
    before = model["parity"]
    known = [row for row in before.get("rows", ()) if row["file"] != INT8_NAME]
    certificate = {**before, "rows": [*known, *(row.to_json() for row in rows)], "int8": dict(int8)}
    card = model_card(
        architecture,
        labels,
        candidate,
        Parity(**{key: before[key] for key in _PARITY}),
        facts,
        trust=Trust(**model["trust"]),
        certificate=certificate,
    )
    try:
        _put(directory, file)
        kept = json.loads((directory / _CERTIFICATE).read_text(encoding="utf-8"))
        text = json.dumps({**kept, **certificate}, indent=2, ensure_ascii=False)
        write_atomically(directory / _CERTIFICATE, text + "\n")
        write_atomically(directory / _CARD, card)
        changed = {INT8_NAME, INT8_ANSWER, _CERTIFICATE, _CARD}
        files = sum_up(directory, [file for file in model["files"] if file["name"] not in changed])
    except OSError as error:
        raise ExportError(
            f"The int8 file could not be written: {error.strerror}. Free some disk space."
        ) from error
    return {**model, "parity": certificate, "files": files}


def has_int8(model: Mapping[str, Any]) -> bool:
    """True if a bundle with these facts holds an int8 file."""
    return bool((model["parity"].get("int8") or {}).get("offered"))


def _put(directory: Path, file: Path | None) -> None:
    """Takes out what an earlier attempt has left, and puts the file in."""
    for name in (INT8_NAME, INT8_ANSWER):
        (directory / name).unlink(missing_ok=True)
    if file is None:
        return
    part = directory / f"{INT8_NAME}.part"
    shutil.copyfile(file, part)
    part.replace(directory / INT8_NAME)
    write_answer(directory, directory / INT8_NAME, name=INT8_ANSWER, tolerance=INT8_TOLERANCE)
