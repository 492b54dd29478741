"""The site as an app: it listens to what sign-in tells."""

from __future__ import annotations

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The site as a whole."""

    name = "automl_site"
    verbose_name = "Site"

    def ready(self) -> None:
        """Connects the audit log to the signals of accounts."""
        from automl_site import audit_signals  # tables first

        audit_signals.connect()
