"""Pages of searches, and the home page."""

from __future__ import annotations

from django.urls import path

from search_app import views

app_name = "search"
urlpatterns = [
    path("", views.home, name="home"),
    path("searches/", views.search_list, name="list"),
    path("searches/new/", views.search_new, name="new"),
    path("searches/<uuid:run_id>/", views.live, name="live"),
    path("searches/<uuid:run_id>/result/", views.result, name="result"),
]
