"""The report of a finished run: report.json for programs, report.html for people."""

from __future__ import annotations

import os
from pathlib import Path

from nas.report.document import build_document, to_json
from nas.report.page import render_page
from nas.report.record import RunRecord

__all__ = ["RunRecord", "write_report"]


def write_report(workdir: Path, record: RunRecord) -> Path:
    """Writes report.json and report.html; each appears whole or not at all.

    Args:
        workdir: Directory of the run; must exist.
        record: Everything that the run found out.

    Returns:
        Path of report.json.
    """
    document = build_document(record)
    _write(workdir / "report.html", render_page(document))
    target = workdir / "report.json"
    _write(target, to_json(document))
    return target


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".part")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
