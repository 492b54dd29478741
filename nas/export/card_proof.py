"""The parts of the model card that prove: the int8 file beside the fp32 one, and the certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def int8_section(int8: Mapping[str, Any] | None) -> list[str]:
    """Returns heading and text about the int8 file, or about why there is none; nothing before it was tried.

    Args:
        int8: See `nas.export.int8_bundle.add_int8`.
    """
    if int8 is None:
        return []
    return ["## int8", _offered(int8) if int8["offered"] else str(int8["reason"])]


def _offered(int8: Mapping[str, Any]) -> str:
    lines = [
        f"model_int8.onnx: {int8['reason']}",
        "",
        "| | fp32 | int8 |",
        "|---|---|---|",
        f"| validation accuracy ({int8['n_validation']} images) | {int8['float_accuracy']:.1%} | "
        f"{int8['int8_accuracy']:.1%} |",
        f"| network in the file | {int8['float_bytes'] / 1e6:.2f} MB | {int8['int8_bytes'] / 1e6:.2f} MB |",
        f"| one image, network alone | {int8['float_ms']:.2f} ms | {int8['int8_ms']:.2f} ms |",
        "",
        "Both were measured in turn on one machine (ONNX Runtime, CPU, one thread); elsewhere the ratio is "
        f'another. From the rung "{int8["rung"]}"; temperature and threshold are those of the fp32 file. '
        "`python predict.py --int8 photo.jpg` uses it.",
    ]
    return "\n".join(lines)


def certificate_section(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns heading and table of the certificate; nothing without rows."""
    if not rows:
        return []
    head = "| runtime | file | compared with | images | same answer | largest difference | one image |"
    lines = [head, "|---|---|---|---|---|---|---|", *(_line(row) for row in rows)]
    note = (
        "Each runtime saw the same validation images, as they are stored. Times are medians of one image "
        "with one thread, resizing included."
    )
    return ["## Certificate", "\n".join(lines), note]


def _line(row: Mapping[str, Any]) -> str:
    begin = f"| {row['runtime']} | {row['file']} | {row['against'] or '–'} |"
    if row["unchecked"]:
        return f"{begin} – | not checked: {row['unchecked']} | – | – |"
    same = "the reference" if row["agreement"] is None else f"{row['agreement']:.1%}"
    if row["with_fp32"] is not None:
        same += f" ({row['with_fp32']:.1%} as fp32)"
    largest = "–" if row["max_difference"] is None else f"{row['max_difference']:.1e}"
    return f"{begin} {row['n_images']} | {same} | {largest} | {row['latency_ms']:.2f} ms |"
