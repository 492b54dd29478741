"""From upload to READY, measured on a real stack: `python -m tests.import_speed PHOTOS.zip`.

Prints the seconds of each stage, the speed of the decoding beside a plain ``unzip`` + Pillow loop of the same
files in the same run, and the highest memory of the worker with all its children.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from tests.integration.stack import Person, Stack

WAITING = {"UPLOADING", "UPLOADED", "CHECKING"}
DECODING = "Opening photos"
ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}


@dataclass
class Watched:
    """What was seen from outside.

    Attributes:
        stages: (words, seconds) in order.
        total_seconds: From the first byte sent to READY.
        upload_seconds: Of the sending alone.
        peak_bytes: Highest resident memory of worker and children together.
    """

    stages: list[tuple[str, float]] = field(default_factory=list)
    total_seconds: float = 0.0
    upload_seconds: float = 0.0
    peak_bytes: int = 0


def main() -> None:
    """Runs the import, then the plain loop, and prints both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    archive = parser.parse_args().archive
    with tempfile.TemporaryDirectory() as directory:
        with Stack(Path(directory) / "var", AUTOML_LOG_LEVEL="WARNING") as stack, Person(stack) as person:
            watched, summary = _import(stack, person, archive)
        plain_images, plain_seconds = plain_loop(archive, Path(directory) / "plain")
    n = summary["n_images"] + summary["n_refused"]
    print(f"{archive.name}: {summary['n_images']:,} images, state {summary['state']}")
    print(f"upload {watched.upload_seconds:.1f} s, upload to READY {watched.total_seconds:.1f} s")
    for words, seconds in watched.stages:
        print(f"  {seconds:6.1f} s  {words}")
    decoding = sum(seconds for words, seconds in watched.stages if words == DECODING)
    ours, plain = n / max(decoding, 1e-9), plain_images / plain_seconds
    print(f"decoding {ours:,.0f} images/s; unzip + Pillow {plain:,.0f} images/s; ratio {ours / plain:.2f}")
    print(f"peak memory of the worker and its children: {watched.peak_bytes / 1e6:,.0f} MB")


def _import(stack: Stack, person: Person, archive: Path) -> tuple[Watched, dict[str, object]]:
    watched = Watched()
    begin = time.monotonic()
    with archive.open("rb") as file:
        made = person.call("POST", "/datasets", data={"name": "Speed"}, files={"file": (archive.name, file)})
    watched.upload_seconds = time.monotonic() - begin
    stage, since = "", time.monotonic()
    while True:
        found = person.call("GET", f"/datasets/{made['id']}")
        now = time.monotonic()
        words = found["stage"] or "Waiting"
        if words != stage or found["state"] not in WAITING:
            watched.stages.append((stage or "Waiting", now - since))
            stage, since = words, now
        watched.peak_bytes = max(watched.peak_bytes, _worker_memory(stack))
        if found["state"] not in WAITING:
            watched.total_seconds = now - begin
            return watched, found
        time.sleep(0.25)


def _worker_memory(stack: Stack) -> int:
    """Resident bytes of the interactive worker and everything below it."""
    total = 0
    waiting = stack.children("-Q", "interactive")
    while waiting:
        pid = waiting.pop()
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            for listing in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += [int(word) for word in listing.read_text().split()]
        except OSError:
            continue  # it ended meanwhile
        lines = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        total += sum(int(line.split()[1]) * 1024 for line in lines)
    return total


def plain_loop(archive: Path, target: Path) -> tuple[int, float]:
    """(images, seconds) of unpacking to files and decoding each to RGB in one process."""
    begin = time.monotonic()
    subprocess.run(["unzip", "-q", str(archive), "-d", str(target)], check=True)
    n = 0
    for path in target.rglob("*"):
        if path.suffix.lower() in ENDINGS:
            with Image.open(path) as image:
                image.convert("RGB").load()
            n += 1
    return n, time.monotonic() - begin


if __name__ == "__main__":
    sys.exit(main())
