"""What the checks find of what was planted: `python -m tests.planted PHOTOS.zip [--seeds 3]`.

Plants into a copy of any zip of class folders, imports it and runs all checks, then prints for each kind how
much of it was found and how much of what was named had been planted (what is wrong by nature counts as a
false alarm). `--plain` runs the checks on the zip as it is.
"""

from __future__ import annotations

import argparse
import io
import random
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from nas.checks.run import CheckReport, run_checks
from nas.data.importer import import_archive

MARKS = ("text", "faint text", "logo", "band")
N_EXACT, N_NEAR, N_WRONG, N_DARK, N_BLURRED = 100, 100, 60, 30, 30


@dataclass
class Planted:
    """What was planted: the names of the files by kind, and the class that carries the mark."""

    names: dict[str, set[str]] = field(default_factory=dict)
    marked: str = ""
    mark: str = ""


def main() -> None:
    """Runs all seeds and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 0")
    parser.add_argument("--plain", action="store_true", help="plant nothing")
    options = parser.parse_args()
    for seed in range(1 if options.plain else options.seeds):
        with tempfile.TemporaryDirectory() as directory:
            work = Path(directory)
            planted = Planted()
            archive = options.archive
            if not options.plain:
                archive = work / "planted.zip"
                planted = plant(options.archive, archive, seed)
            report, seconds = check(archive, work / "cache")
        print(f"{options.archive.name}, seed {seed}: {report.facts['images']:,} images, {seconds:.1f} s")
        print_figures(report, planted)


def check(archive: Path, cache: Path) -> tuple[CheckReport, float]:
    """Imports and checks; the seconds are those of the checks."""
    import_archive(archive, cache, seed=0)
    begin = time.monotonic()
    report = run_checks(cache)
    return report, time.monotonic() - begin


def print_figures(report: CheckReport, planted: Planted) -> None:
    """One line a kind."""
    for kind, names in planted.names.items():
        named = {f.path for f in report.findings if f.kind == kind}
        right = len(named & names)
        precision = f"{right / len(named):.0%}" if named else "-"
        print(f"  {kind:12} found {right:3} of {len(names):3}, named {len(named):4}, precision {precision}")
    rung = [f for f in report.findings if f.kind == "shortcut"]
    if planted.marked:
        right_one = any(f.label == planted.marked for f in rung)
        others = [f.label for f in rung if f.label != planted.marked]
        print(f"  shortcut     {planted.mark} on '{planted.marked}': {'rings' if right_one else 'SILENT'}")
        print(f"               false alarms: {others or 'none'}")
    counts = Counter(f.kind for f in report.findings)
    print(f"  all findings: {dict(sorted(counts.items()))}")
    for finding in rung:
        print(f"  {finding.reason}")
    if "leak" in report.facts:
        print(f"  {report.facts['leak']['sentence']}")
    print(f"  seconds: {report.facts['seconds']}")
    for sentence in report.facts["failed"]:
        print(f"  {sentence}")


def plant(source: Path, target: Path, seed: int) -> Planted:
    """Writes a copy of the zip with everything planted into different images."""
    draw = random.Random(seed)
    planted = Planted()
    with zipfile.ZipFile(source) as archive:
        files = {i.filename: archive.read(i) for i in archive.infolist() if _is_image(i.filename)}
    classes = sorted({_label(name) for name in files})
    planted.marked = draw.choice(classes)
    planted.mark = MARKS[seed % len(MARKS)]
    for name in list(files):
        if _label(name) == planted.marked:
            files[name] = _changed(files[name], name, lambda image: draw_mark(image, planted.mark))
    names = sorted(files)
    draw.shuffle(names)

    def take(n: int, usable: Callable[[str], bool] = lambda _name: True) -> list[str]:
        n = min(n, len(files) // 20)
        taken = [name for name in names if usable(name)][:n]
        names[:] = [name for name in names if name not in set(taken)]
        return taken

    planted.names["exact-copy"] = _add(files, take(N_EXACT), "exact", lambda content, _name: content)
    planted.names["near-copy"] = _add(
        files, take(N_NEAR), "near", lambda content, name: near_copy(content, name, draw)
    )
    wrong = take(N_WRONG, lambda name: _label(name) != planted.marked)
    planted.names["wrong-label"] = _move(files, wrong, [c for c in classes if c != planted.marked], draw)
    planted.names["dark"] = set(take(N_DARK))
    for name in sorted(planted.names["dark"]):
        factor = draw.uniform(0.08, 0.3)
        files[name] = _changed(
            files[name], name, lambda image, f=factor: ImageEnhance.Brightness(image).enhance(f)
        )
    planted.names["blurred"] = set(take(N_BLURRED))
    for name in sorted(planted.names["blurred"]):
        radius = draw.uniform(3, 8) / 256
        files[name] = _changed(files[name], name, lambda image, r=radius: _blurred(image, r))
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return planted


def _add(
    files: dict[str, bytes], sources: list[str], prefix: str, copy: Callable[[bytes, str], bytes]
) -> set[str]:
    """Adds a copy of each source beside it; sorted behind it, so that it is the copy that is named."""
    added = set()
    for name in sources:
        path = PurePosixPath(name)
        twin = str(path.with_name(f"{path.stem}~{prefix}{path.suffix}"))
        files[twin] = copy(files[name], name)
        added.add(twin)
    return added


def _move(files: dict[str, bytes], sources: list[str], classes: list[str], draw: random.Random) -> set[str]:
    """Moves files into the folder of another class."""
    moved = set()
    for name in sources:
        path = PurePosixPath(name)
        other = draw.choice([c for c in classes if c != _label(name)])
        new = str(path.parent.with_name(other) / f"{path.stem}~from-{_label(name)}{path.suffix}")
        files[new] = files.pop(name)
        moved.add(new)
    return moved


def near_copy(content: bytes, name: str, draw: random.Random) -> bytes:
    """The same picture recompressed, resized or cropped by 3% a side."""
    way = draw.choice(("recompressed", "resized", "cropped"))

    def change(image: Image.Image) -> Image.Image:
        width, height = image.size
        if way == "resized":
            return image.resize((round(width * 0.8), round(height * 0.8)), Image.Resampling.BICUBIC)
        if way == "cropped":
            dx, dy = max(1, round(width * 0.03)), max(1, round(height * 0.03))
            return image.crop((dx, dy, width - dx, height - dy))
        return image

    return _changed(content, name, change, quality=60 if way == "recompressed" else 92)


def draw_mark(image: Image.Image, kind: str) -> Image.Image:
    """Puts a mark at a place relative to the size."""
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    width, height = image.size
    font = ImageFont.load_default(max(8, round(0.065 * min(width, height))))
    if kind == "text":
        pen.text((0.55 * width, 0.9 * height), "photolib.org", font=font, fill=(255, 255, 255, 255))
    elif kind == "faint text":
        pen.text((0.04 * width, 0.03 * height), "(c) A. Person", font=font, fill=(255, 255, 255, 120))
    elif kind == "logo":
        pen.ellipse((0.84 * width, 0.05 * height, 0.95 * width, 0.16 * height), fill=(20, 80, 200, 255))
        pen.rectangle((0.88 * width, 0.08 * height, 0.91 * width, 0.13 * height), fill=(255, 230, 60, 255))
    else:
        pen.rectangle((0, 0.95 * height, width, height), fill=(10, 10, 10, 140))
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def _blurred(image: Image.Image, radius: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(radius * min(image.size)))


def _changed(
    content: bytes, name: str, change: Callable[[Image.Image], Image.Image], quality: int = 92
) -> bytes:
    image = Image.open(io.BytesIO(content))
    changed = change(image.convert("RGB"))
    buffer = io.BytesIO()
    if name.lower().endswith((".jpg", ".jpeg")):
        changed.save(buffer, format="JPEG", quality=quality)
    else:
        changed.save(buffer, format="PNG")
    return buffer.getvalue()


def _label(name: str) -> str:
    return PurePosixPath(name).parent.name


def _is_image(name: str) -> bool:
    return name.lower().endswith((".jpg", ".jpeg", ".png", ".webp", ".bmp")) and "/" in name


if __name__ == "__main__":
    main()
