"""Pages of searches and devices, and the home page."""

from __future__ import annotations

from django.urls import path

from search_app import (
    compare_views,
    device_views,
    drawing_views,
    measure_views,
    result_views,
    try_views,
    views,
)

app_name = "search"
urlpatterns = [
    path("", views.home, name="home"),
    path("searches/", views.search_list, name="list"),
    path("searches/new/", views.search_new, name="new"),
    path("searches/compare/", compare_views.compare_runs, name="compare"),
    path("searches/<uuid:run_id>/", views.live, name="live"),
    path("searches/<uuid:run_id>/result/", result_views.result, name="result"),
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
