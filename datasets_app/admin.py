"""Read-mostly administration of data sets."""

from __future__ import annotations

from django.contrib import admin

from datasets_app.models import Dataset, DatasetVersion


@admin.register(Dataset)
class DatasetAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # no subscript at run time
    list_display = ("name", "owner", "state", "size_bytes", "created_at")
    list_filter = ("state",)
    search_fields = ("name", "owner__email")
    readonly_fields = (
        "id", "owner", "state", "error", "size_bytes", "job", "stage", "progress_done", "progress_total",
        "lease_until", "fence", "attempt", "claimed_by", "created_at",
    )  # fmt: skip

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: Dataset | None = None) -> bool:
        return False  # deleting here would leave the files behind


@admin.register(DatasetVersion)
class DatasetVersionAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # no subscript at run time
    list_display = ("dataset", "number", "n_images", "n_refused", "complete", "created_at")
    readonly_fields = (
        "id", "dataset", "number", "content_hash", "classes", "counts", "n_images", "n_refused", "cache_size",
        "seed", "blocking", "cache_path", "complete", "created_at",
    )  # fmt: skip

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: DatasetVersion | None = None) -> bool:
        return False
