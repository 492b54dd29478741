"""Entry of the web process: HTTP to Django, websockets to Channels. It must never load torch."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "automl_site.settings")

from django.core.asgi import get_asgi_application

http_application = get_asgi_application()  # before the imports below: it sets Django up

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from automl_site.celery import app as celery_app  # noqa: E402
from search_app.routing import websocket_urlpatterns  # noqa: E402

celery_app.set_default()  # views run in threads of their own, and their tasks must find this broker

application = ProtocolTypeRouter(
    {
        "http": http_application,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
