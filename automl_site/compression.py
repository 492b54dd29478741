"""Compressed answers: static files from copies made once, pages as they are sent (decision 0038)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from whitenoise.compress import Compressor
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

SUFFIXES = {".css", ".js", ".mjs", ".svg", ".json"}
PAGE_TYPES = ("text/html", "application/json", "text/javascript")


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Whitenoise that compresses the project's own files at start instead of asking for collectstatic.

    The libraries below static/vendor have their compressed copies beside them, made by `vendor_static`.
    """

    def get_static_file(self, path: str, url: str, stat_cache: dict[str, Any] | None = None) -> StaticFile:
        """Returns a file that is served with a compressed copy, if it has one or is worth one."""
        copy = None if stat_cache is None or f"{path}.gz" in stat_cache else compressed_copy(Path(path))
        if copy is None:
            return super().get_static_file(path, url, stat_cache=stat_cache)
        headers = Headers([])
        self.add_mime_headers(headers, path, url)
        self.add_cache_headers(headers, path, url)
        headers["Access-Control-Allow-Origin"] = "*"
        if self.add_headers_function is not None:
            self.add_headers_function(headers, path, url)
        return StaticFile(path, headers.items(), encodings={"gzip": str(copy)})


def compressed_copy(path: Path) -> Path | None:
    """Returns a gzip copy of a file in the data's folder, named by its content, so never out of date.

    Args:
        path: The file.

    Returns:
        The copy; None if the file is of a kind that does not gain by it or is too small.
    """
    if path.suffix not in SUFFIXES or path.stat().st_size < 512:
        return None
    content = path.read_bytes()
    folder = Path(settings.VAR_DIR) / "static-gz"
    copy = folder / f"{hashlib.sha256(content).hexdigest()}.gz"
    if not copy.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(Compressor.compress_gzip(content))
        Path(part).replace(copy)  # several processes may start at once; each moves a whole file into place
    return copy


class PageCompression(GZipMiddleware):
    """Compresses pages and JSON, nothing else: photos and archives are compressed already.

    Django pads each answer by a random length, against the reading of secrets from lengths.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Returns the answer, compressed if it is text that was made as a whole."""
        if response.streaming or not response.get("Content-Type", "").startswith(PAGE_TYPES):
            return response
        return super().process_response(request, response)
