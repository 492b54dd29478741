from pathlib import Path

from nas.memory import give_back_memory


def resident_bytes() -> int:
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def test_holes_between_small_objects_are_returned() -> None:
    # Every tenth block stays, so that the heap cannot shrink from its end.
    blocks = [bytes(1000) for _ in range(200_000)]
    kept = blocks[::10]
    del blocks
    held = resident_bytes()
    give_back_memory()
    assert resident_bytes() < held - 60_000_000
    assert len(kept) == 20_000
