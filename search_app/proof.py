"""A model's certificate in plain words. Its rows: `nas.export.certificate.CertificateRow`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ProofRow:
    """One line of the certificate.

    Attributes:
        runtime: What ran the model.
        file: Which file.
        said: What came of it, one sentence.
        latency_ms: Median of one photo, milliseconds; None if it was not timed.
    """

    runtime: str
    file: str
    said: str
    latency_ms: float | None


def proof_rows(parity: Mapping[str, Any]) -> list[ProofRow]:
    """Returns the lines of a model's certificate; none for models of versions that had no certificate.

    Args:
        parity: What is kept about a model, see `nas.export.bundle.write_bundle`.
    """
    return [
        ProofRow(str(row["runtime"]), str(row["file"]), _said(row), row.get("latency_ms"))
        for row in parity.get("rows") or []
    ]


def _said(row: Mapping[str, Any]) -> str:
    if row.get("unchecked"):
        return f"Not checked: {row['unchecked']}."
    if row.get("agreement") is None:
        return "The trained network itself, with which the others are compared."
    difference = row.get("max_difference")
    largest = "" if difference is None else f"; no probability is off by more than {_share(difference)}"
    words = f"Same answer as {row['against']} on {_of(row['agreement'], row['n_images'])}{largest}."
    if row.get("with_fp32") is not None:
        words += f" Same answer as model.onnx on {_of(row['with_fp32'], row['n_images'])}."
    return words


def _of(share: float, n_images: int) -> str:
    return f"all {n_images} photos" if share == 1.0 else f"{100 * share:.1f}% of {n_images} photos"


def _share(value: float) -> str:
    points = 100 * value
    return "0.01%" if points < 0.01 else f"{points:.2f}%" if points < 1 else f"{points:.1f}%"
