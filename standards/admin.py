"""Bodies, standards and their editions."""

from django.contrib import admin

from alliance.core.admin import SECURE_ADDRESSES, RecordAdmin
from standards.models import Body, Edition, Standard


@admin.register(Body)
class BodyAdmin(RecordAdmin):
    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}


class EditionInline(admin.StackedInline):
    model = Edition
    extra = 0
    formfield_overrides = SECURE_ADDRESSES
    autocomplete_fields = ("supersedes",)
    show_change_link = True


@admin.register(Standard)
class StandardAdmin(RecordAdmin):
    list_display = ("designation", "title", "body", "kind", "layer", "access")
    list_filter = ("layer", "kind", "access", "ipr_terms")
    list_select_related = ("body",)
    search_fields = ("designation", "title", "slug")
    autocomplete_fields = ("body",)
    prepopulated_fields = {"slug": ("designation",)}
    inlines = (EditionInline,)


@admin.register(Edition)
class EditionAdmin(RecordAdmin):
    list_display = ("designation", "standard", "year", "status")
    list_filter = ("status",)
    list_select_related = ("standard",)
    search_fields = ("designation", "title")
    autocomplete_fields = ("standard", "supersedes")
