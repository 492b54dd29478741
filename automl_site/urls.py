"""All addresses of the site."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from automl_site import (
    account_pages,
    audit_pages,
    health,
    metrics,
    script_words,
    share_pages,
    team_pages,
    token_pages,
    webhook_pages,
    welcome,
)
from automl_site.api import api
from automl_site.api_client import client_file
from automl_site.styleguide import styleguide

# The administration's own sign-in knows neither limits nor second factors.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

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
    path("teams/", team_pages.team_list, name="teams"),
    path("teams/<uuid:team_id>/", team_pages.team, name="team"),
    path("invitations/<str:token>/", team_pages.invitation, name="invitation"),
    path("share/<slug:what>/<uuid:thing_id>/", share_pages.share, name="share"),
    path("audit/", audit_pages.audit, name="audit"),
    path("audit/log.csv", audit_pages.audit_csv, name="audit_csv"),
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
