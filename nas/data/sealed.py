"""The seal of the test part: opened once, for a list of models fixed beforehand, and written down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from nas.errors import SealedTestError
from nas.files import write_atomically

SEAL_FILE: Final = "test_opening.json"
_KEY: Final = object()


class ReportToken:
    """Permission to read the test part; only `open_seal` makes one."""

    def __init__(self, key: object, workdir: Path, models: tuple[str, ...]) -> None:
        """Fails without the key of this module."""
        if key is not _KEY:
            raise SealedTestError("A report token comes from open_seal() only.")
        self.workdir = workdir
        self.models = models


def seal_is_open(workdir: Path) -> bool:
    """True once the test part of a run was opened, whether or not a result was recorded."""
    return (workdir / SEAL_FILE).exists()


def open_seal(workdir: Path, models: Sequence[str]) -> ReportToken:
    """Opens the test part for the final report.

    The opening is on disk before any test image can be read. After a crash it may be repeated for the same
    models, as long as no result was recorded.

    Args:
        workdir: Directory of the run.
        models: Names of all models that will be scored; decided before the first look.

    Raises:
        SealedTestError: Opened before for other models, or already with a result.
    """
    path = workdir / SEAL_FILE
    wanted = list(models)
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
        if known.get("results") is not None:
            raise SealedTestError("The test part of this run has been used; its result is in the report.")
        if known["models"] != wanted:
            raise SealedTestError("The test part of this run was opened for other models. Start a new run.")
    else:
        write_atomically(path, _text({"opened_at": _now(), "models": wanted, "results": None}))
    return ReportToken(_KEY, workdir, tuple(wanted))


def record_result(token: ReportToken, results: Mapping[str, Any]) -> None:
    """Writes the results beside the opening; from now on the seal stays closed.

    Args:
        token: What `open_seal` gave.
        results: JSON-ready summary by model name.
    """
    path = token.workdir / SEAL_FILE
    known = json.loads(path.read_text(encoding="utf-8"))
    write_atomically(path, _text({**known, "results": dict(results), "recorded_at": _now()}))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1)
