"""Heat maps on disk: `<work directory>/evaluation/heat/<model>/<row>-<class>.png`, figures beside it as JSON.

Module without torch: the web process reads these files.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from nas.evaluation.predictions import DIRECTORY
from nas.files import write_atomically


@dataclass(frozen=True)
class HeatFigures:
    """Whether a heat map is true to the network.

    Attributes:
        probability: Of the class, by the downloaded ONNX file.
        without_hottest: The same with the hottest fifth of the photo covered with its mean colour.
        without_random: The same with random fifths covered, mean of ten.
        cells: Cells along a side of the map before it was enlarged.
    """

    probability: float
    without_hottest: float
    without_random: float
    cells: int


def heat_file(workdir: Path, model: str, row: int, target: int) -> Path:
    """Returns where the picture is kept."""
    return workdir / DIRECTORY / "heat" / model / f"{row}-{target}.png"


def save_heat(path: Path, png: bytes, figures: HeatFigures) -> None:
    """Writes a picture to its `heat_file` and, last, its figures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, png)
    write_atomically(path.with_suffix(".json"), json.dumps(asdict(figures)))


def save_heat_error(path: Path, error: str) -> None:
    """Writes why there is no picture, one sentence."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path.with_suffix(".json"), json.dumps({"error": error}))


def load_heat(path: Path) -> HeatFigures | str | None:
    """Returns the figures of a finished heat map, a sentence if it failed, None if it is not there."""
    try:
        found = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return str(found["error"]) if "error" in found else HeatFigures(**found)
    except (OSError, ValueError, TypeError):
        return None
