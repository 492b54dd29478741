"""The certificate of a download: the same images through each runtime, and what each made of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nas.architecture import Architecture
from nas.errors import ExportError
from nas.export.browser_check import BROWSER_SECONDS, BrowserUnavailable, ask_browser
from nas.export.load import WEIGHTS_NAME
from nas.export.onnx_model import OnnxClassifier
from nas.export.parity import LEAST_AGREEMENT, MOST_DIFFERENCE, Parity, compare, probabilities

NO_TIME = "time was short when it was exported"
_TIMED_IMAGES = 10


@dataclass(frozen=True)
class CertificateRow:
    """One runtime with one file.

    Attributes:
        runtime: Name and version.
        file: What it ran.
        against: What its answers are compared with; empty for the trained network, which all begin with.
        n_images: Images that it saw.
        agreement: Share of them with the same first class, in [0, 1]; near-ties count as agreement.
        max_difference: Largest difference of any probability.
        latency_ms: Median of one stored image, milliseconds: one thread, resizing included; by the thread's
            own clock, in browsers by the one on the wall.
        with_fp32: Share of images with the same first class as the fp32 file, for other files.
        unchecked: Why nothing was compared; empty if it was.
    """

    runtime: str
    file: str
    against: str = ""
    n_images: int = 0
    agreement: float | None = None
    max_difference: float | None = None
    latency_ms: float | None = None
    with_fp32: float | None = None
    unchecked: str = ""

    def to_json(self) -> dict[str, Any]:
        """Returns the row as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CertificateRow:
        """Returns a row of `to_json`."""
        return cls(**data)


def reference_row(
    module: nn.Module, architecture: Architecture, images_u8: Tensor, temperature: float
) -> CertificateRow:
    """Returns the row of the trained network in PyTorch, with which all the others are compared.

    Args:
        module: The trained network; its mode is restored.
        architecture: Its architecture.
        images_u8: (N, S, S, 3) uint8, at least one image.
        temperature: Divides the logits.
    """

    def run(one: Tensor) -> Tensor:
        return probabilities(module, one, architecture.resolution, temperature)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        latency_ms = _median_ms(run, images_u8)
    finally:
        torch.set_num_threads(threads)
    return CertificateRow(
        f"PyTorch {torch.__version__}", WEIGHTS_NAME, n_images=len(images_u8), latency_ms=latency_ms
    )


def runtime_row(
    path: Path, images_u8: Tensor, parity: Parity, against: str, *, fp32: Path | None = None
) -> CertificateRow:
    """Returns the row of a file in ONNX Runtime.

    Args:
        path: The file.
        images_u8: (N, S, S, 3) uint8, at least one image.
        parity: What came of comparing it, see `nas.export.parity.measure_parity`.
        against: What it was compared with.
        fp32: The fp32 file, for other files.
    """
    import onnxruntime

    classifier = OnnxClassifier(path)
    with_fp32 = None
    if fp32 is not None:
        answers = (
            torch.from_numpy(each.predict(images_u8.numpy())) for each in (classifier, OnnxClassifier(fp32))
        )
        with_fp32 = compare(*answers).agreement
    return CertificateRow(
        f"ONNX Runtime {onnxruntime.__version__}",
        path.name,
        against,
        **asdict(parity),
        latency_ms=_median_ms(lambda one: classifier.predict(one.numpy()), images_u8),
        with_fp32=with_fp32,
    )


def browser_row(
    path: Path,
    runtime: Path,
    images_u8: Tensor,
    *,
    tie: float = 1e-3,
    most_difference: float = MOST_DIFFERENCE,
    seconds: float = BROWSER_SECONDS,
) -> CertificateRow:
    """Returns the row of a file in a browser, compared with ONNX Runtime; without a browser it says so.

    Args:
        path: The file.
        runtime: Directory of onnxruntime-web, see `nas.export.demo.RUNTIME`.
        images_u8: (N, S, S, 3) uint8, at least one image.
        tie: Classes whose probabilities differ by so much count as equally first.
        most_difference: How far a probability may be off.
        seconds: Time for it; 0 asks no browser.

    Raises:
        ExportError: If the browser answers, and differently.
    """
    row = CertificateRow("onnxruntime-web", path.name, "ONNX Runtime")
    if seconds <= 0:
        return replace(row, unchecked=NO_TIME)
    try:
        answer = ask_browser(path, runtime, images_u8.numpy(), seconds=seconds)
    except BrowserUnavailable as reason:
        return replace(row, unchecked=str(reason))
    found = answer.probabilities
    expected = OnnxClassifier(path).predict(images_u8.numpy()[: len(found)])
    parity = compare(torch.from_numpy(found.astype(np.float32)), torch.from_numpy(expected), tie=tie)
    if not (parity.agreement >= LEAST_AGREEMENT and parity.max_difference <= most_difference):
        raise ExportError(
            f"In {answer.browser}, {path.name} agrees with ONNX Runtime on {parity.agreement:.1%} of "
            f"{parity.n_images} images (largest difference {parity.max_difference:.3f}), so it is "
            "not offered; report this."
        )
    return replace(
        row, runtime=f"{row.runtime} in {answer.browser}", **asdict(parity), latency_ms=answer.latency_ms
    )


def _median_ms(run: Callable[[Tensor], object], images_u8: Tensor) -> float:
    """Times one thread by its own clock, which stands still while other programs have the core."""
    run(images_u8[:1])  # the first run allocates
    times = []
    for place in range(min(_TIMED_IMAGES, len(images_u8))):
        started = time.thread_time()
        run(images_u8[place : place + 1])
        times.append(1000 * (time.thread_time() - started))
    return statistics.median(times)
