"""Places, fields, technologies, and use cases with what belongs to them."""

from django import forms
from django.contrib import admin
from django.utils import timezone

from alliance.core.admin import RecordAdmin
from usecases.models import (
    City,
    Country,
    Lesson,
    Participation,
    Region,
    StandardUse,
    Status,
    Technology,
    UseCase,
    Vertical,
)


@admin.register(Region)
class RegionAdmin(RecordAdmin):
    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}


@admin.register(Country)
class CountryAdmin(RecordAdmin):
    list_display = ("code", "name", "region")
    list_filter = ("region",)
    list_select_related = ("region",)
    search_fields = ("name", "=code")
    autocomplete_fields = ("region",)


@admin.register(City)
class CityAdmin(RecordAdmin):
    list_display = ("name", "country", "population", "size_band")
    list_filter = ("size_band", "country__region")
    list_select_related = ("country",)
    search_fields = ("name", "slug")
    autocomplete_fields = ("country",)
    prepopulated_fields = {"slug": ("name",)}


@admin.register(Vertical)
class VerticalAdmin(RecordAdmin):
    list_display = ("code", "__str__")
    search_fields = ("code",)


@admin.register(Technology)
class TechnologyAdmin(RecordAdmin):
    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}


class StandardUseInline(admin.TabularInline):
    model = StandardUse
    extra = 0
    autocomplete_fields = ("standard", "edition")

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("standard", "edition")


class ParticipationInline(admin.TabularInline):
    model = Participation
    extra = 0
    autocomplete_fields = ("organisation",)

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("organisation")


class LessonInline(admin.StackedInline):
    model = Lesson
    extra = 0


class UseCaseForm(forms.ModelForm):
    def clean(self):
        """A record that leaves the draft state gets its date, and loses it when it goes back."""
        cleaned = super().clean()
        if cleaned.get("status") == Status.DRAFT:
            self.instance.published_at = None
        elif "status" in cleaned and self.instance.published_at is None:
            self.instance.published_at = timezone.now()
        return cleaned


@admin.register(UseCase)
class UseCaseAdmin(RecordAdmin):
    form = UseCaseForm
    list_display = ("title", "city", "vertical", "stage", "status", "published_at")
    list_filter = ("status", "vertical", "stage", "covid_relevance")
    list_select_related = ("city", "vertical")
    search_fields = ("title", "slug")
    autocomplete_fields = ("vertical", "city", "technologies")
    readonly_fields = ("published_at", "reported_by", "completeness", "is_minimal", "merged_into")
    prepopulated_fields = {"slug": ("title",)}
    inlines = (StandardUseInline, ParticipationInline, LessonInline)


@admin.register(StandardUse)
class StandardUseAdmin(RecordAdmin):
    list_display = ("use_case", "standard", "edition", "state")
    list_filter = ("state",)
    list_select_related = ("use_case", "standard", "edition")
    search_fields = ("use_case__title", "standard__designation")
    autocomplete_fields = ("use_case", "standard", "edition")
    # Newest first: sorting by the standard would read and join every row.
    ordering = ("-pk",)


@admin.register(Participation)
class ParticipationAdmin(RecordAdmin):
    list_display = ("use_case", "organisation", "role")
    list_filter = ("role",)
    list_select_related = ("use_case", "organisation")
    search_fields = ("use_case__title", "organisation__name")
    autocomplete_fields = ("use_case", "organisation")
    ordering = ("-pk",)


@admin.register(Lesson)
class LessonAdmin(RecordAdmin):
    list_display = ("advice", "use_case", "confidence")
    list_filter = ("confidence",)
    list_select_related = ("use_case",)
    search_fields = ("advice", "use_case__title")
    autocomplete_fields = ("use_case",)
    ordering = ("-pk",)
