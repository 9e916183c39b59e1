"""Practices, links and challenges."""

from django.contrib import admin

from alliance.core.admin import RecordAdmin
from practices.models import Challenge, FormerAddress, Implementation, Practice, RankingRun
from reporting.admin import ShownAdmin


@admin.register(Practice)
class PracticeAdmin(RecordAdmin):
    list_display = ("name", "vertical", "primary_kpi", "state")
    list_filter = ("state", "vertical")
    list_select_related = ("vertical", "primary_kpi")
    search_fields = ("name", "slug")
    autocomplete_fields = ("vertical", "primary_kpi")
    readonly_fields = ("state", "merged_into", "proposed_by")

    def save_model(self, request, obj, form, change):
        """A practice that gets another address keeps the old one as a way to it."""
        if change and "slug" in form.changed_data:
            FormerAddress.objects.get_or_create(slug=form.initial["slug"], defaults={"practice": obj})
        super().save_model(request, obj, form, change)


@admin.register(Implementation)
class ImplementationAdmin(RecordAdmin):
    list_display = ("practice", "use_case", "linked_by")
    list_select_related = ("practice", "use_case", "linked_by")
    search_fields = ("practice__name", "use_case__title")
    autocomplete_fields = ("practice", "use_case", "linked_by")


@admin.register(Challenge)
class ChallengeAdmin(RecordAdmin):
    list_display = ("practice", "subject", "state", "signed", "created_at")
    list_filter = ("state", "subject")
    list_select_related = ("practice",)
    autocomplete_fields = ("practice", "use_case")
    readonly_fields = ("state", "answer", "answered_at", "answered_by", "opened_by", "signed")


@admin.register(RankingRun)
class RankingRunAdmin(ShownAdmin):
    list_display = ("as_of", "rule_version", "inputs_hash", "created_at")
    list_filter = ("rule_version",)
