"""Pages of data sets."""

from __future__ import annotations

from django.urls import path

from datasets_app import tus, views

app_name = "datasets"
urlpatterns = [
    path("datasets/", views.dataset_list, name="list"),
    path("datasets/new/", views.dataset_new, name="new"),
    path("datasets/sample/", views.dataset_sample, name="sample"),
    path("datasets/<uuid:dataset_id>/", views.dataset_detail, name="detail"),
    path("uploads/", tus.uploads, name="uploads"),
    path("uploads", tus.uploads),  # some clients of the protocol cut the last slash off
    path("uploads/<uuid:upload_id>/", tus.upload, name="upload"),
]
