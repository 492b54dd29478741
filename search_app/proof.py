"""A model's certificate in plain words. Its rows: `nas.export.certificate.CertificateRow`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from datasets_app.words.engine import said
from datasets_app.words.figures import percent, whole


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
        return gettext("Not checked: %(reason)s.") % {"reason": said(row["unchecked"])}
    if row.get("agreement") is None:
        return gettext("The trained network itself, with which the others are compared.")
    difference = row.get("max_difference")
    said_of = {"other": said(row["against"]), "photos": _of(row["agreement"], row["n_images"])}
    if difference is None:
        words = gettext("Same answer as %(other)s on %(photos)s.") % said_of
    else:
        words = gettext(
            "Same answer as %(other)s on %(photos)s; no probability is off by more than %(share)s."
        ) % {**said_of, "share": _share(difference)}
    if row.get("with_fp32") is None:
        return words
    with_fp32 = {"other": "model.onnx", "photos": _of(row["with_fp32"], row["n_images"])}
    return f"{words} {gettext('Same answer as %(other)s on %(photos)s.') % with_fp32}"


def _of(share: float, n_images: int) -> str:
    if share == 1.0:
        return gettext("all %(n)s photos") % {"n": whole(n_images)}
    return gettext("%(share)s of %(n)s photos") % {"share": percent(share), "n": whole(n_images)}


def _share(value: float) -> str:
    return percent(max(value, 1e-4), 2 if value < 0.01 else 1)
