"""What the engine says in the preview of an upload, in the reader's language."""

from __future__ import annotations

from typing import Any

from datasets_app.words.engine import said


def spoken_preview(preview: dict[str, Any]) -> dict[str, Any]:
    """Returns a preview with its sentences translated; names of files and classes stay."""
    told = dict(preview)
    told["summary"] = said(preview.get("summary"))
    told["alternatives"] = [
        {**one, "summary": said(one.get("summary"))} for one in preview.get("alternatives") or []
    ]
    told["problems"] = [
        {**one, "reason": said(one.get("reason")), "remedy": said(one.get("remedy"))}
        for one in preview.get("problems") or []
    ]
    return told
