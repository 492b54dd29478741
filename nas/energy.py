"""What a run takes of the processor's energy, by the counters of the kernel where they may be read.

Linux shows the counters of Intel's and AMD's running average power limit below /sys/class/powercap. Most
kernels let only the administrator read them; then nothing is measured and nothing is claimed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

POWERCAP: Final = Path("/sys/class/powercap")


class EnergyMeter:
    """Adds up what all processor packages of this machine take, other programs included.

    Args:
        root: Directory of the counters.
    """

    def __init__(self, root: Path = POWERCAP) -> None:
        # intel-rapl:0 is a package; intel-rapl:0:0 is a part of it and would be counted twice.
        packages = [path for path in sorted(root.glob("*-rapl:*")) if path.name.count(":") == 1]
        self._last = {path: value for path in packages if (value := _number(path / "energy_uj")) is not None}

    @property
    def readable(self) -> bool:
        """True if there is a counter that may be read."""
        return bool(self._last)

    def taken(self) -> float:
        """Returns the joules since the last call, or since the beginning.

        A counter starts again at its greatest value, after some minutes to an hour: ask more often.
        """
        joules = 0.0
        for path, before in self._last.items():
            now = _number(path / "energy_uj")
            if now is None:
                continue
            wraps = _number(path / "max_energy_range_uj") or 0
            joules += (now - before if now >= before else now - before + wraps) / 1e6
            self._last[path] = now
        return max(0.0, joules)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
