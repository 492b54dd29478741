"""Websocket addresses."""

from __future__ import annotations

from django.urls import path

from search_app.consumers import SearchConsumer

websocket_urlpatterns = [
    path("ws/searches/<uuid:run_id>/", SearchConsumer.as_asgi()),
]
