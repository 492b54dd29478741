"""All addresses of the site."""

from __future__ import annotations

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from automl_site import health, welcome
from automl_site.api import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("welcome/<str:token>/", welcome.sign_in, name="welcome"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
]
if find_spec("datasets_app.urls"):
    urlpatterns.append(path("", include("datasets_app.urls")))
if find_spec("search_app.urls"):
    urlpatterns.append(path("", include("search_app.urls")))
