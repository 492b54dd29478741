"""Files as downloads: streamed asynchronously, never shown as a page, names quoted as RFC 6266 wants."""

from __future__ import annotations

import asyncio
import os
import tempfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

CHUNK_BYTES = 256 * 1024
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)


def file_response(
    path: Path, name: str, *, content_type: str = "application/octet-stream"
) -> StreamingHttpResponse:
    """Returns a file as an attachment."""
    return _response(path.open("rb"), name, content_type, as_attachment=True)


def report_response(path: Path) -> StreamingHttpResponse:
    """Returns an HTML report to look at, in a sandbox without the site's cookies and origin."""
    response = _response(path.open("rb"), path.name, "text/html; charset=utf-8", as_attachment=False)
    response["Content-Security-Policy"] = REPORT_POLICY
    return response


def zip_response(directory: Path, names: list[str], name: str) -> StreamingHttpResponse:
    """Returns files of a directory as one zip; weights do not compress, so they are only stored."""
    archive = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of the response
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as bundle:
        for one in names:
            bundle.write(directory / one, one)
    archive.seek(0)
    return _response(archive, name, "application/zip", as_attachment=True)


def _response(file: IO[bytes], name: str, content_type: str, *, as_attachment: bool) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_chunks(file), content_type=content_type)
    response["Content-Length"] = str(os.fstat(file.fileno()).st_size)
    response["Content-Disposition"] = content_disposition_header(as_attachment, name) or "inline"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    # Asynchronous, because Django would read a synchronous stream whole into memory under ASGI.
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
    finally:
        file.close()
