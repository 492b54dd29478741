"""All addresses of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import JavaScriptCatalog

from automl_site import health, metrics, welcome
from automl_site.api import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("welcome/<str:token>/", welcome.sign_in, name="welcome"),
    path("i18n/", include("django.conf.urls.i18n")),  # set_language
    path("i18n/words.js", JavaScriptCatalog.as_view(), name="words"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("", include("datasets_app.urls")),
    path("", include("search_app.urls")),
]
