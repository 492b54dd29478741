"""The Python client of the API, as a file to download."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

FILE: Final = Path(settings.BASE_DIR) / "automl_client.py"


@require_safe
def client_file(request: HttpRequest) -> HttpResponse:
    """Hands the client out; it holds no secret."""
    response = HttpResponse(FILE.read_bytes(), content_type="text/x-python; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, FILE.name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    return response
