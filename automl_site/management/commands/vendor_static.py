"""`manage.py vendor_static`: browser libraries and icons from node_modules into static/vendor."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from whitenoise.compress import Compressor

from automl_site.icons import icon_sheet

FILES: dict[str, str] = {
    "@tabler/core/dist/css/tabler.min.css": "tabler/tabler.min.css",
    "@tabler/icons/LICENSE": "tabler-icons/LICENSE",
    "htmx.org/dist/htmx.min.js": "htmx/htmx.min.js",
    "htmx.org/LICENSE": "htmx/LICENSE",
    "plotly.js-cartesian-dist-min/plotly-cartesian.min.js": "plotly/plotly-cartesian.min.js",
    "plotly.js-cartesian-dist-min/LICENSE": "plotly/LICENSE",
    "tus-js-client/dist/tus.min.js": "tus/tus.min.js",
    "tus-js-client/LICENSE": "tus/LICENSE",
    "uplot/dist/uPlot.iife.min.js": "uplot/uplot.min.js",
    "uplot/dist/uPlot.min.css": "uplot/uplot.min.css",
    "uplot/LICENSE": "uplot/LICENSE",
    # MIT, said at the head of the script; the package holds no file of its own for it
    "onnxruntime-web/dist/ort.wasm.bundle.min.mjs": "onnxruntime/ort.wasm.bundle.min.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm": "onnxruntime/ort-wasm-simd-threaded.wasm",
    **{
        f"onnxruntime-web/dist/{name}": f"onnxruntime/{name}"
        for name in ("ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm")
    },
}
"""File below node_modules -> file below static/vendor: exactly what the pages load, and the licences."""

_SOURCE_MAP = re.compile(rb"(//[#@]\s*sourceMappingURL=\S+|/\*[#@]\s*sourceMappingURL=[^*]*\*/)\s*$")
_ICONS = "@tabler/icons/icons/outline"


class Command(BaseCommand):
    help = "Copy the browser libraries that the pages use from node_modules to static/vendor."

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(settings.BASE_DIR)
        vendor_files(root / "node_modules", root / "static" / "vendor")
        self.stdout.write(f"{len(FILES)} files of browser libraries are in static/vendor.")


def vendor_files(source: Path, target: Path) -> None:
    """Replaces `target` by fresh copies of `FILES`.

    References to source maps, which are not shipped, are taken out, so that a manifest of hashed names finds
    every file that a style sheet names. Beside each file that gains by it lies a compressed copy, which
    whitenoise sends to browsers that take it.

    Raises:
        CommandError: If a library is not installed.
    """
    missing = sorted(name for name in FILES if not (source / name).is_file())
    if missing:
        raise CommandError(f"{missing[0]} is not in node_modules. Run 'make setup' (it runs 'npm ci') first.")
    shutil.rmtree(target, ignore_errors=True)
    for name, copy in FILES.items():
        destination = target / copy
        destination.parent.mkdir(parents=True, exist_ok=True)
        content = (source / name).read_bytes()
        if destination.suffix in {".css", ".js", ".mjs"}:
            content = _SOURCE_MAP.sub(b"", content.rstrip())
        destination.unlink(missing_ok=True)  # downloads may hold links to the old file, which must not change
        destination.write_bytes(content)
    (target / "tabler-icons/icons.css").write_text(icon_sheet(source / _ICONS), encoding="utf-8")
    compressor = Compressor(use_gzip=True, use_brotli=False, quiet=True)
    for path in sorted(target.rglob("*")):
        if path.suffix in {".css", ".js", ".mjs", ".wasm"}:
            compressor.compress(str(path))
