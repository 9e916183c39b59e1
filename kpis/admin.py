"""Indicators and results."""

from django.contrib import admin

from alliance.core.admin import RecordAdmin
from kpis.models import AS_REPORTED, Kpi, KpiLink, Result


@admin.register(Kpi)
class KpiAdmin(RecordAdmin):
    list_display = ("code", "name", "kpi_set", "vertical", "unit", "direction", "level")
    list_filter = ("kpi_set", "vertical", "direction", "kind", "level")
    list_select_related = ("vertical",)
    search_fields = ("code", "name", "slug")
    autocomplete_fields = ("vertical",)
    prepopulated_fields = {"slug": ("code",)}


@admin.register(KpiLink)
class KpiLinkAdmin(RecordAdmin):
    list_display = ("kpi", "relation", "other", "said_by")
    list_filter = ("relation", "said_by", "kpi__kpi_set")
    list_select_related = ("kpi", "other")
    search_fields = ("kpi__code", "kpi__name", "other__code", "other__name", "reason")
    autocomplete_fields = ("kpi", "other")


@admin.register(Result)
class ResultAdmin(RecordAdmin):
    list_display = ("use_case", "kpi", "change_percent", "grade", "measured_year", "state", "verification")
    list_filter = ("state", "method", "verification", "data_quality", "kpi__kpi_set")
    list_select_related = ("use_case", "kpi")
    search_fields = ("use_case__title", "kpi__name", "kpi__code")
    autocomplete_fields = ("use_case", "kpi")
    readonly_fields = ("change_percent", "grade", "reported_by", "superseded_by")
    ordering = ("-pk",)

    def get_readonly_fields(self, request, obj=None):
        """What a member reported is shown, not edited."""
        fields = super().get_readonly_fields(request, obj)
        return (*fields, *AS_REPORTED, "use_case", "slug") if obj is not None and obj.is_reported else fields

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and not (obj is not None and obj.is_reported)
