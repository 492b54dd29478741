"""A model's certificate in plain words. Its rows: `nas.export.certificate.CertificateRow`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _


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
        return _("Not checked: %(why)s.") % {"why": row["unchecked"]}
    if row.get("agreement") is None:
        return _("The trained network itself, with which the others are compared.")
    words = _("Same answer as %(other)s on %(photos)s") % {
        "other": row["against"],
        "photos": _of(row["agreement"], row["n_images"]),
    }
    if row.get("max_difference") is not None:
        words += _("; no probability is off by more than %(share)s") % {
            "share": _share(row["max_difference"])
        }
    words += "."
    if row.get("with_fp32") is not None:
        words += " " + _("Same answer as %(other)s on %(photos)s") % {
            "other": "model.onnx",
            "photos": _of(row["with_fp32"], row["n_images"]),
        }
        words += "."
    return words


def _of(share: float, n_images: int) -> str:
    if share == 1.0:
        return _("all %(n)s photos") % {"n": n_images}
    return _("%(share)s of %(n)s photos") % {"share": f"{100 * share:.1f}%", "n": n_images}


def _share(value: float) -> str:
    points = 100 * value
    return "0.01%" if points < 0.01 else f"{points:.2f}%" if points < 1 else f"{points:.1f}%"
