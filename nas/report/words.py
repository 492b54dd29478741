"""Numbers and names as people read them."""

from __future__ import annotations

SOURCES: dict[str, str] = {
    "first_model": "First model",
    "baseline": "Hand-made baseline",
    "base_search": "Base search",
    "scaled": "Scaled family",
}
FIDELITIES: dict[str, str] = {
    "frozen": "frozen features",
    "short": "short training",
    "final": "full training",
}
FACTS: dict[str, str] = {"cpu": "Processor", "torch": "PyTorch"}
"""Names of machine facts that are not their capitalised keys."""

PHASE_NAMES: dict[str, str] = {
    "first_model": "First model",
    "baselines": "Hand-made baselines",
    "base_search": "Base search",
    "scaling": "Compound scaling",
    "final_training": "Final training",
    "export": "Export and proof",
}

KINDS: dict[str, str] = {
    "import": "Import of the images",
    "set_up": "Set-up of the run",
    "first_model": "First model",
    "baselines": "Hand-made networks",
    "elastic_training": "Elastic training of a supernet",
    "short_trainings": "Short trainings",
    "final_trainings": "Final trainings",
    "failed": "Failed networks",
    "between": "Between the networks",
    "export": "Export and proof",
    "report": "Report",
}
"""Kinds of work in the ledger."""


def percent(share: float | None, digits: int = 1) -> str:
    """Returns a share in [0, 1] as e.g. ``"93.2%"``; a dash if unknown."""
    return "–" if share is None else f"{100 * share:.{digits}f}%"


def interval(low: float | None, high: float | None) -> str:
    """Returns e.g. ``"91.0–94.9%"``; a dash if unknown."""
    return "–" if low is None or high is None else f"{100 * low:.1f}–{100 * high:.1f}%"


def milliseconds(value: float | None) -> str:
    """Returns three significant digits, e.g. ``"3.23 ms"``."""
    return "–" if value is None else f"{_significant(value)} ms"


def count(value: float | None) -> str:
    """Returns e.g. ``"3.4 M"`` or ``"980 k"``."""
    if value is None:
        return "–"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{_significant(value / size)} {unit}"
    return f"{value:.0f}"


def megabytes(value: float | None) -> str:
    """Returns bytes as e.g. ``"13.6 MB"``."""
    return "–" if value is None else f"{_significant(value / 1e6)} MB"


def kilobytes(value: float | None) -> str:
    """Returns bytes as e.g. ``"320 kB"``."""
    return "–" if value is None else f"{_significant(value / 1e3)} kB"


def duration(seconds: float | None) -> str:
    """Returns e.g. ``"48 s"``, ``"11 min 32 s"`` or ``"1 h 04 min"``."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def factor(value: float | None) -> str:
    """Returns e.g. ``"1.83×"``."""
    return "–" if value is None else f"{value:.2f}×"


def _significant(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
