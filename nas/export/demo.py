"""A page that runs an exported model in any browser, without a network: it lies in the download."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import nas

PAGES = ("demo.html", "demo.js")
RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
"""onnxruntime-web (MIT): its script and its WebAssembly."""

_TEMPLATES = Path(__file__).parent / "templates"
_VENDORED = Path(nas.__file__).parent.parent / "static" / "vendor" / "onnxruntime"


def write_demo(
    directory: Path, labels: Sequence[str], *, side: int, threshold: float, runtime: Path = _VENDORED
) -> bool:
    """Writes the page beside model.onnx, where onnxruntime-web is at hand.

    The runtime is linked, not copied, where the disk allows: it is 14 MB and the same for all models.

    Args:
        directory: The bundle; it holds model.onnx and the golden picture.
        labels: Class names in the order of the outputs.
        side: Side in pixels of the square to which photos are squashed first.
        threshold: Top probability below which the page says that it does not know.
        runtime: Directory of the files of `RUNTIME`.

    Returns:
        False if the runtime is not there; nothing is written then.
    """
    if not all((runtime / name).is_file() for name in RUNTIME):
        return False
    for name in RUNTIME:
        _link(runtime / name, directory / name)
    for name in PAGES:
        shutil.copyfile(_TEMPLATES / name, directory / name)
    facts = {"labels": list(labels), "side": side, "threshold": threshold}
    (directory / "demo.json").write_text(json.dumps(facts, ensure_ascii=False) + "\n", encoding="utf-8")
    return True


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)
