"""Registration of the data set application."""

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    """Image data sets: upload, checks, versions, findings."""

    name = "datasets_app"
    verbose_name = "Data sets"
    default_auto_field = "django.db.models.BigAutoField"
