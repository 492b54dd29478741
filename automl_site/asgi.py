"""Entry of the web process: HTTP to Django, websockets to Channels. It must never load torch."""

from __future__ import annotations

import gc
import os
import tempfile

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "automl_site.settings")

from django.core.asgi import get_asgi_application

http_application = get_asgi_application()  # before the imports below: it sets Django up

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402

from automl_site.bodies import BodyGuard  # noqa: E402
from automl_site.celery import app as celery_app  # noqa: E402
from search_app.routing import websocket_urlpatterns  # noqa: E402

# Django spools request bodies where tempfile points: on the data's own disk, not in a small /tmp.
tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)
celery_app.set_default()  # views run in threads of their own, and their tasks must find this broker

gc.freeze()  # what is loaded by now stays: the collector need not walk it in the middle of a request

application = ProtocolTypeRouter(
    {
        "http": BodyGuard(http_application),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
