"""Indicators and results."""

from django.contrib import admin

from alliance.core.admin import RecordAdmin
from kpis.models import Kpi, Result


@admin.register(Kpi)
class KpiAdmin(RecordAdmin):
    list_display = ("code", "name", "kpi_set", "vertical", "unit", "direction")
    list_filter = ("kpi_set", "vertical", "direction", "kind")
    list_select_related = ("vertical",)
    search_fields = ("code", "name", "slug")
    autocomplete_fields = ("vertical",)
    prepopulated_fields = {"slug": ("code",)}


@admin.register(Result)
class ResultAdmin(RecordAdmin):
    list_display = ("use_case", "kpi", "change_percent", "grade", "measured_year", "state", "verification")
    list_filter = ("state", "method", "verification", "data_quality", "kpi__kpi_set")
    list_select_related = ("use_case", "kpi")
    search_fields = ("use_case__title", "kpi__name", "kpi__code")
    autocomplete_fields = ("use_case", "kpi")
    readonly_fields = ("change_percent", "grade")
    ordering = ("-pk",)
