"""Pages of searches and devices, and the home page."""

from __future__ import annotations

from django.urls import path

from search_app import (
    compare_views,
    device_views,
    drawing_views,
    measure_views,
    model_views,
    notice_views,
    result_views,
    start_views,
    try_views,
    views,
)

MODEL = "searches/<uuid:run_id>/models/<uuid:model_id>/"

app_name = "search"
urlpatterns = [
    path("", start_views.home, name="home"),
    path("searches/", start_views.search_list, name="list"),
    path("searches/new/", start_views.search_new, name="new"),
    path("searches/new/estimate/", start_views.search_estimate, name="estimate"),
    path("searches/<uuid:run_id>/", views.live, name="live"),
    path("searches/<uuid:run_id>/result/", result_views.result, name="result"),
    path(MODEL, model_views.model, name="model"),
    path(MODEL + "photos/", model_views.model_photos, name="model_photos"),
    path(MODEL + "heat/<int:row>/<int:target>/", model_views.model_heat, name="model_heat"),
    path(
        MODEL + "heat/<int:row>/<int:target>.png", model_views.model_heat_picture, name="model_heat_picture"
    ),
    path(MODEL + "work/<slug:kind>/", model_views.model_work, name="model_work"),
    path("account/notices/", notice_views.notices, name="notices"),
    path("searches/compare/", compare_views.compare_runs, name="compare"),
    path("searches/<uuid:run_id>/compare/", compare_views.compare_networks, name="compare_networks"),
    path("searches/<uuid:run_id>/models/<uuid:model_id>/try/", try_views.try_it, name="try"),
    path("searches/<uuid:run_id>/models/<uuid:model_id>/maps.onnx", try_views.maps, name="maps"),
    path(
        "searches/<uuid:run_id>/candidates/<int:number>/drawing.svg",
        drawing_views.drawing,
        name="drawing",
    ),
    path("devices/", device_views.device_list, name="devices"),
    path("devices/new/", device_views.device_new, name="device_new"),
    path("devices/<uuid:device_id>/", device_views.device_detail, name="device"),
    path("devices/<uuid:device_id>/table/", device_views.device_table, name="device_table"),
    path("devices/<uuid:device_id>/script/", device_views.device_script, name="device_script"),
    path("measure/<str:token>/", measure_views.measure, name="measure"),
    path("measure/<str:token>/bundle/", measure_views.measure_bundle, name="measure_bundle"),
    path("measure/<str:token>/progress/", measure_views.measure_progress, name="measure_progress"),
    path("measure/<str:token>/timings/", measure_views.measure_timings, name="measure_timings"),
]
