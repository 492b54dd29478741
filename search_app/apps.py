"""The app of searches, candidates and trained models."""

from __future__ import annotations

from django.apps import AppConfig


class SearchAppConfig(AppConfig):
    """Searches."""

    name = "search_app"
    verbose_name = "Searches"
