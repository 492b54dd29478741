"""Searches in the administration: to look at, not to change by hand."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from search_app.models import Device, SearchRun, TrainedModel


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False  # files and a worker hang on the row: the owner's delete button sees to both


@admin.register(SearchRun)
class SearchRunAdmin(ReadOnlyAdmin):
    list_display = ("name", "owner", "state", "phase", "n_candidates", "best_accuracy", "created_at")
    list_filter = ("state", "strategy", "space", "evaluator", "reward", "cost")
    search_fields = ("name", "owner__email")
    readonly_fields = ("claimed_by", "lease_until", "fence", "attempt")


@admin.register(TrainedModel)
class TrainedModelAdmin(ReadOnlyAdmin):
    list_display = ("name", "run", "candidate_number", "created_at")


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    list_display = ("name", "owner", "kind", "state", "hardware", "measured_at")
    list_filter = ("kind", "state")
    search_fields = ("name", "owner__email")
    exclude = ("link_token",)  # it is a permission, and the administrator needs none
