"""What every admin page of this portal shares: it stays quick when a table has a hundred thousand rows."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connections, models
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

admin.site.site_header = _("Alliance portal: administration")
admin.site.site_title = _("Administration")
admin.site.index_title = _("Records")
# The portal's own sign-in, with its second factors and rate limits, is the only one.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

#: Up to here rows are counted exactly.
COUNTED_EXACTLY = 10_000


class QuickPaginator(Paginator):
    """Counts a large table without reading it: the planner's estimate for the whole table, and at most
    `COUNTED_EXACTLY` rows of a filtered one."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if not rows.query.where:
            estimate = self.estimate()
            if estimate > COUNTED_EXACTLY:
                return estimate
        return rows.order_by()[: COUNTED_EXACTLY + 1].count()

    def estimate(self) -> int:
        """The number of rows as of the last ANALYZE; 0 when there was none."""
        rows = self.object_list
        with connections[rows.db].cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)",
                [connections[rows.db].ops.quote_name(rows.model._meta.db_table)],
            )
            row = cursor.fetchone()
        return max(0, row[0]) if row and row[0] is not None else 0


#: An address without a scheme is meant as https.
SECURE_ADDRESSES = {models.URLField: {"assume_scheme": "https"}}


class QuickAdmin(admin.ModelAdmin):
    """A model admin without full counts."""

    formfield_overrides = SECURE_ADDRESSES

    paginator = QuickPaginator
    show_full_result_count = False
    # Facets would count every choice over all rows.
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 200


class RecordAdmin(QuickAdmin):
    """The admin of a `Record`: its version and dates are shown, not edited."""

    record_fields = ("version", "created_at", "updated_at")

    def history_view(self, request, object_id, extra_context=None):
        """The history of the record itself: it tells of every write, those of the admin among them."""
        if not object_id.isdecimal():
            return super().history_view(request, object_id, extra_context)
        return HttpResponseRedirect(reverse("events:history", args=[self.opts.model_name, object_id]))

    def get_readonly_fields(self, request, obj=None) -> tuple[Any, ...]:
        return (*super().get_readonly_fields(request, obj), *self.record_fields)

    def get_fieldsets(self, request, obj=None):
        fieldsets = super().get_fieldsets(request, obj)
        if self.fieldsets is not None or self.fields is not None:
            return fieldsets
        own = [field for field in fieldsets[0][1]["fields"] if field not in self.record_fields]
        record = (_("Record"), {"fields": self.record_fields, "classes": ["collapse"]})
        return [(None, {"fields": own}), record]
