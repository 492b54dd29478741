"""All addresses of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from automl_site import account_pages, health, metrics, script_words, token_pages, webhook_pages, welcome
from automl_site.api import api
from automl_site.api_client import client_file
from automl_site.styleguide import styleguide

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("welcome/<str:token>/", welcome.sign_in, name="welcome"),
    path("i18n/", include("django.conf.urls.i18n")),  # set_language
    path("i18n/words.js", script_words.words, name="words"),
    path("account/", account_pages.account, name="account"),
    path("account/export/", account_pages.export, name="account_export"),
    path("account/delete/", account_pages.deletion, name="account_delete"),
    path("account/tokens/", token_pages.tokens, name="account_tokens"),
    path("account/webhooks/", webhook_pages.webhooks, name="account_webhooks"),
    path("account/webhooks/<uuid:endpoint_id>/", webhook_pages.webhook, name="account_webhook"),
    path("styleguide/", styleguide, name="styleguide"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/client.py", client_file, name="api_client"),
    path("api/v1/", api.urls),
    path("", include("datasets_app.urls")),
    path("", include("search_app.urls")),
]

handler403 = "automl_site.errors.forbidden"
handler500 = "automl_site.errors.server_error"
