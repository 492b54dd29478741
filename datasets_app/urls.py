"""Pages of data sets."""

from __future__ import annotations

from django.urls import path

from datasets_app import views

app_name = "datasets"
urlpatterns = [
    path("datasets/", views.dataset_list, name="list"),
    path("datasets/new/", views.dataset_new, name="new"),
    path("datasets/<uuid:dataset_id>/", views.dataset_detail, name="detail"),
]
