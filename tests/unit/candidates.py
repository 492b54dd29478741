"""Candidates for tests, one call each."""

from __future__ import annotations

from nas.candidate import Candidate, Fidelity, Metrics, Source
from nas.spaces.lite import lite0_architecture


def candidate(
    number: int,
    *,
    accuracy: float = 0.9,
    latency_ms: float = 3.0,
    resolution: int = 128,
    source: Source = "base_search",
    fidelity: Fidelity = "short",
    refines: int | None = None,
    failed: bool = False,
    label: str | None = None,
) -> Candidate:
    """Returns a candidate whose network is Lite0 at `resolution`."""
    metrics = Metrics(
        accuracy=accuracy,
        accuracy_low=max(0.0, accuracy - 0.03),
        accuracy_high=min(1.0, accuracy + 0.03),
        latency_ms=latency_ms,
        latency_p95_ms=latency_ms * 1.2,
        n_params=3_400_000,
        macs=125_000_000,
        size_bytes=13_600_000,
    )
    return Candidate(
        number=number,
        phase="baselines" if source == "baseline" else "base_search",
        source=source,
        fidelity=fidelity,
        status="failed" if failed else "finished",
        label=f"Lite0 · {resolution} px" if label is None else label,
        architecture=lite0_architecture(resolution),
        seconds=12.5,
        metrics=None if failed else metrics,
        refines=refines,
        details={}
        if failed
        else {"initialisation": "inherited", "images_seen": 4096, "images_per_second": 68.4},
        error="The loss became infinite; a smaller learning rate may help." if failed else None,
    )
