"""The answers of an exported model on labelled photos, kept as a file.

`<work directory>/evaluation/<model name>.npz` is written once, when the run opens its sealed test part. It is
an uncompressed NumPy archive without pickles:

| member | type and shape | meaning |
|---|---|---|
| `version` | int64, () | 1 |
| `part` | text, () | `test`, or `val` where a model has no test answers |
| `data_hash` | text, () | `content_hash` of the image cache that `rows` count in |
| `rows` | int64, (N,) | rows of the photos in the image cache, ascending |
| `labels` | int64, (N,) | true classes, 0 to C - 1 |
| `probabilities` | float32 or float16, (N, C) | of the downloaded `model.onnx`, its temperature included |
| `answers` | int32, (N,) | class with the highest probability, found before any rounding to float16 |
| `threshold` | float64, () | below this probability the download says "I don't know" |
| `int8_probabilities`, `int8_answers` | the same | of `model_int8.onnx`; only if the model has that file |

Probabilities are float16 only where N * C exceeds 2^22; beyond 2^25 nothing is kept. Module without torch:
the web process reads these files.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from nas.errors import EvaluationError
from nas.files import write_atomically

Part = Literal["test", "val"]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]

DIRECTORY: Final = "evaluation"
VERSION: Final = 1
MOST_FLOAT32: Final = 2**22
"""Values that are kept as float32 at most (16 MB); more are kept as float16."""
MOST_VALUES: Final = 2**25
"""Values that are kept at all (64 MB): a run keeps them for each of its models, within its minutes."""
_TOLERANCE: Final = 2e-3  # of sums and of the highest value, after rounding to float16
_DAMAGED: Final = "The kept answers of this model are damaged. Export the model again in a new search."


@dataclass(frozen=True)
class Predictions:
    """Answers of one file of a model on N photos of C classes.

    Attributes:
        part: `test`, or `val` for the validation photos.
        data_hash: Content hash of the image cache.
        rows: (N,) rows in the image cache, ascending.
        labels: (N,) true classes.
        probabilities: (N, C), float32 or float16.
        answers: (N,) class with the highest probability.
        int8_probabilities: The same of the int8 file, None without one.
        int8_answers: The same of the int8 file, None without one.
        threshold: Bar of "I don't know" in the download, 0 to 1; 0 if it always answers.
    """

    part: Part
    data_hash: str
    rows: Ints
    labels: Ints
    probabilities: Floats
    answers: Ints
    int8_probabilities: Floats | None = None
    int8_answers: Ints | None = None
    threshold: float = 0.0

    def __len__(self) -> int:
        """Number of photos."""
        return len(self.rows)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.probabilities.shape[1])

    @property
    def has_int8(self) -> bool:
        """True if the int8 file's answers are there too."""
        return self.int8_answers is not None

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """(N,) True where the answer is the true class."""
        right: npt.NDArray[np.bool_] = self.answers == self.labels
        return right

    @property
    def confidences(self) -> npt.NDArray[np.float32]:
        """(N,) float32 probability of each answer, 0 to 1."""
        top: npt.NDArray[np.float32] = self.probabilities[np.arange(len(self)), self.answers].astype(
            np.float32
        )
        return top

    def of_int8(self) -> Predictions:
        """The answers of the int8 file in the place of the other's.

        Raises:
            EvaluationError: If there is no int8 file.
        """
        if self.int8_probabilities is None or self.int8_answers is None:
            raise EvaluationError("This model has no int8 file. Its fp32 file can be evaluated.")
        return replace(
            self,
            probabilities=self.int8_probabilities,
            answers=self.int8_answers,
            int8_probabilities=None,
            int8_answers=None,
        )


def predictions_of(
    part: Part,
    data_hash: str,
    rows: Ints,
    labels: Ints,
    probabilities: Floats,
    *,
    int8_probabilities: Floats | None = None,
    threshold: float = 0.0,
) -> Predictions:
    """Returns predictions of raw probabilities; ties go to the class with the lower number."""
    return Predictions(
        part=part,
        data_hash=data_hash,
        rows=np.asarray(rows, dtype=np.int64),
        labels=np.asarray(labels, dtype=np.int64),
        probabilities=probabilities,
        answers=probabilities.argmax(axis=1),
        int8_probabilities=int8_probabilities,
        int8_answers=None if int8_probabilities is None else int8_probabilities.argmax(axis=1),
        threshold=threshold,
    )


def predictions_file(workdir: Path, model: str) -> Path:
    """Returns where the answers of a model of a run are kept.

    Args:
        workdir: The run's directory.
        model: Name of the model, as `nas.phases.bundles.model_name` makes it.
    """
    return workdir / DIRECTORY / f"{model}.npz"


def save_predictions(path: Path, predictions: Predictions) -> bool:
    """Writes answers in one piece; the directory is made.

    Returns:
        False if they are too many to be kept; nothing is written then.
    """
    n_values = predictions.probabilities.size
    if n_values > MOST_VALUES:
        return False
    kind = np.float32 if n_values <= MOST_FLOAT32 else np.float16
    members: dict[str, Any] = {
        "version": np.int64(VERSION),
        "part": np.array(predictions.part),
        "data_hash": np.array(predictions.data_hash),
        "rows": predictions.rows,
        "labels": predictions.labels,
        "probabilities": predictions.probabilities.astype(kind),
        "answers": predictions.answers.astype(np.int32),
        "threshold": np.float64(predictions.threshold),
    }
    if predictions.int8_probabilities is not None and predictions.int8_answers is not None:
        members["int8_probabilities"] = predictions.int8_probabilities.astype(kind)
        members["int8_answers"] = predictions.int8_answers.astype(np.int32)
    buffer = io.BytesIO()
    np.savez(buffer, **members)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())
    return True


def load_predictions(path: Path) -> Predictions:
    """Reads and checks answers.

    Raises:
        FileNotFoundError: If there are none.
        EvaluationError: If the file is damaged or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            members = {name: archive[name] for name in archive.files}
            if int(members["version"]) != VERSION:
                raise EvaluationError("The kept answers of this model are of another version of the program.")
            found = _assembled(members)
    except FileNotFoundError:
        raise
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise EvaluationError(_DAMAGED) from error
    if not _sound(found):
        raise EvaluationError(_DAMAGED)
    return found


def _assembled(members: dict[str, Any]) -> Predictions:
    part = str(members["part"])
    if part not in ("test", "val"):
        raise ValueError(part)
    int8 = members.get("int8_probabilities")
    return Predictions(
        part=part,  # type: ignore[arg-type] # compared above
        data_hash=str(members["data_hash"]),
        rows=members["rows"].astype(np.int64),
        labels=members["labels"].astype(np.int64),
        probabilities=members["probabilities"],
        answers=members["answers"].astype(np.int64),
        int8_probabilities=int8,
        int8_answers=None if int8 is None else members["int8_answers"].astype(np.int64),
        threshold=float(members["threshold"]),
    )


def _sound(found: Predictions) -> bool:
    """Shapes fit, rows ascend, classes exist, each row of probabilities sums to 1 and peaks at its answer."""
    n, shape = found.rows.shape, found.probabilities.shape
    if found.rows.ndim != 1 or len(shape) != 2 or shape[0] != n[0] or shape[1] < 1 or found.labels.shape != n:
        return False
    if not 0 <= found.threshold <= 1:
        return False
    ascending = bool((found.rows >= 0).all() and (np.diff(found.rows) > 0).all())
    pairs = [(found.probabilities, found.answers)]
    if found.int8_probabilities is not None and found.int8_answers is not None:
        pairs.append((found.int8_probabilities, found.int8_answers))
    return ascending and _classes(found.labels, shape[1]) and all(_peaks(*pair, shape) for pair in pairs)


def _classes(labels: Ints, n_classes: int) -> bool:
    return bool(((labels >= 0) & (labels < n_classes)).all())


def _peaks(probabilities: Floats, answers: Ints, shape: tuple[int, ...]) -> bool:
    if probabilities.dtype not in (np.float32, np.float16) or probabilities.shape != shape:
        return False
    if answers.shape != shape[:1] or not _classes(answers, shape[1]):
        return False
    if len(answers) == 0:
        return True
    sums = probabilities.sum(axis=1, dtype=np.float64)
    tops = probabilities.max(axis=1) - probabilities[np.arange(len(answers)), answers]
    within = np.isfinite(sums).all() and probabilities.min() >= 0
    # A thousand classes in float16: each rounding is small, their sum need not be.
    return bool(within and (np.abs(sums - 1) < 0.02).all() and (tops <= _TOLERANCE).all())
