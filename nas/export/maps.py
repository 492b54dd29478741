"""Where a run keeps the copies of its models that show their maps. Without onnxruntime: pages ask, too."""

from __future__ import annotations

from pathlib import Path
from typing import Final

DIRECTORY: Final = "maps"


def maps_file(workdir: Path, model: str) -> Path:
    """Returns where the copy with maps of a model of a run lies, if there is one; see `nas.export.cam`.

    Args:
        workdir: The run's directory.
        model: Name of the model.
    """
    return workdir / DIRECTORY / f"{model}.onnx"
