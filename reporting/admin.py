"""Promises and checks of results: shown, and written on their own pages alone."""

from django.contrib import admin

from alliance.core.admin import RecordAdmin
from reporting.models import Registration, VerificationCheck


class ShownAdmin(RecordAdmin):
    """Rows that nobody edits here."""

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Registration)
class RegistrationAdmin(ShownAdmin):
    list_display = ("title", "organisation", "kpi", "due_on", "sealed_at")
    list_select_related = ("organisation", "kpi")
    search_fields = ("title", "organisation__name")


@admin.register(VerificationCheck)
class VerificationCheckAdmin(ShownAdmin):
    list_display = ("result", "level", "organisation", "checked_on")
    list_filter = ("level",)
    list_select_related = ("result__kpi", "result__use_case", "organisation")
    search_fields = ("what", "organisation__name")
