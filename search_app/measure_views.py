"""The page that a device without an account opens, and the three things that its link allows.

Nobody is signed in here. The link is the whole permission, so no session is read or made, and the check for
forged requests has nothing to protect.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from csp.decorators import csp_update
from django.core.exceptions import RequestDataTooBig, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from datasets_app.words.engine import said, said_by
from datasets_app.words.figures import whole
from nas.errors import NasError
from search_app.device_bundles import packed_bundle
from search_app.device_forms import EXTENT_TIMES
from search_app.device_links import OPEN_SECONDS, RESULT_SECONDS, ExpiredLinkError, check_token
from search_app.device_selectors import device_for_link
from search_app.device_services import MOST_BYTES, device_progress, device_result
from search_app.downloads import file_response
from search_app.models import Device

View = Callable[[HttpRequest, str], HttpResponseBase]

MOST_PROGRESS_BYTES: Final = 1_000
GONE = gettext_noop(
    "This link is too old. Make a new one on the page of the device; it is good for 30 minutes."
)
MISSING = gettext_noop("This link is not known. It may have been replaced by a newer one: copy it again.")
STATUS_OF_CODE = {"spent": 409, "too_large": 413, "refused": 422}


def answers_in_sentences(view: View) -> View:
    """Turns refusals into JSON with a sentence, as the API has it."""

    @wraps(view)
    def answer(request: HttpRequest, token: str) -> HttpResponseBase:
        try:
            return view(request, token)
        except Device.DoesNotExist:
            return JsonResponse({"detail": gettext(MISSING)}, status=404)
        except ExpiredLinkError:
            return JsonResponse({"detail": gettext(GONE)}, status=410)
        except NasError as error:  # its spaces are of another version of this program
            return JsonResponse({"detail": said(error)}, status=422)
        except ValidationError as error:
            status = STATUS_OF_CODE.get(error.code or "", 422)
            return JsonResponse({"detail": said_by(error)}, status=status)

    return answer


@require_GET
@never_cache
@csp_update({"script-src": ["'wasm-unsafe-eval'"]})  # type: ignore[arg-type] # knows views without arguments
def measure(request: HttpRequest, token: str) -> HttpResponse:
    """The measuring page: it alone compiles WebAssembly, and isolation gives it a fine clock and threads."""
    device, problem = None, ""
    try:
        device = device_for_link(token, OPEN_SECONDS)
    except Device.DoesNotExist as error:
        raise Http404 from error
    except ExpiredLinkError:
        problem = gettext(GONE)
    if device is not None and device.state == Device.State.READY:
        problem = gettext("This device has been measured. To measure it again, make a new link on its page.")
    context: dict[str, Any] = {"device": device, "problem": problem, "address": request.path}
    if device is not None:
        context["takes"] = EXTENT_TIMES.get(device.extent, "")
    response = render(request, "devices/measure.html", context, status=410 if problem else 200)
    response["Cross-Origin-Embedder-Policy"] = "require-corp"
    return response


@require_GET
@answers_in_sentences
def measure_bundle(request: HttpRequest, token: str) -> HttpResponseBase:
    """All graphs as one file; whoever fetches it has begun."""
    device = device_for_link(token, OPEN_SECONDS)
    device_progress(device=device)
    return file_response(packed_bundle(device), "bundle.pack")


@csrf_exempt
@require_POST
@answers_in_sentences
def measure_progress(request: HttpRequest, token: str) -> HttpResponseBase:
    """How far the device is; the first word of a script is also how it begins."""
    device = device_for_link(token, RESULT_SECONDS)
    if device.state in (Device.State.WAITING, Device.State.REFUSED):
        check_token(token, OPEN_SECONDS)
    try:
        told = json.loads(_body(request, MOST_PROGRESS_BYTES))
        values: dict[str, Any] = {"progress": told["progress"], "eta_seconds": told.get("eta_seconds")}
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise ValidationError(
            gettext("The progress should be JSON with `progress` and `eta_seconds`.")
        ) from error
    device_progress(device=device, **values)
    return JsonResponse({"state": "MEASURING"})


@csrf_exempt
@require_POST
@answers_in_sentences
def measure_timings(request: HttpRequest, token: str) -> HttpResponseBase:
    """The result."""
    device = device_for_link(token, RESULT_SECONDS)
    device = device_result(device=device, content=_body(request, MOST_BYTES))
    blocks, networks = device.figures["blocks"], device.figures["networks"]
    text = gettext("%(name)s is measured: %(blocks)s blocks and %(networks)s networks.") % {
        "name": device.name,
        "blocks": whole(blocks),
        "networks": whole(networks),
    }
    return JsonResponse({"state": device.state, "text": text})


def _body(request: HttpRequest, most: int) -> bytes:
    """Returns the body of a request.

    Raises:
        ValidationError: With code ``"too_large"``.
    """
    try:
        body = request.body
    except RequestDataTooBig:
        body = None
    if body is None or len(body) > most:
        raise ValidationError(
            gettext("This is too large: at most %(n)s bytes are taken here.") % {"n": whole(most)},
            code="too_large",
        )
    return body
