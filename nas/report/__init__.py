"""The report of a finished run: report.json for programs, report.html for people."""

from __future__ import annotations

from pathlib import Path

from nas.files import write_atomically
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
    write_atomically(workdir / "report.html", render_page(document))
    target = workdir / "report.json"
    write_atomically(target, to_json(document))
    return target
