"""Pages of the catalogue of indicators."""

from django.conf import settings
from django.db.models import QuerySet
from django.views.generic import DetailView

from alliance.events.lists import DocumentListView
from kpis.expressions import result_count
from kpis.filters import KpiFilter
from kpis.forms import PartsForm
from kpis.formulas import has_formula
from kpis.kinds import KPIS
from kpis.models import Kpi
from standards.models import Standard


class KpiListView(DocumentListView):
    """All indicators, with filters."""

    kind = KPIS
    filterset_class = KpiFilter
    template_name = "kpis/kpi_list.html"
    fragment_template_name = "kpis/_kpi_list.html"
    open_facets = ("measured", "set", "vertical")
    page_size = 50
    page_sizes = (50, 100, 200)
    headline_title = "name"
    headline_texts = {"definition_marked": "definition"}

    def get_queryset(self) -> QuerySet[Kpi]:
        return Kpi.objects.select_related("vertical")

    def rows_to_show(self, rows: QuerySet) -> QuerySet:
        return super().rows_to_show(rows).annotate(result_count=result_count("kpi"))


class KpiDetailView(DetailView):
    """One indicator: what it counts, and what was measured by it."""

    template_name = "kpis/kpi_detail.html"
    context_object_name = "kpi"

    def get_queryset(self) -> QuerySet[Kpi]:
        return Kpi.objects.select_related("vertical")

    def get_context_data(self, **kwargs) -> dict:
        # A set that is a standard bears its designation.
        standard = Standard.objects.filter(designation=self.object.kpi_set).first()
        return super().get_context_data(
            standard=standard, structured_data=self._structured_data(), **self._parts(), **kwargs
        )

    def _parts(self) -> dict:
        """The form of the formula's parts, and what they give when they are given; nothing without a formula."""
        if not has_formula(self.object):
            return {}
        is_given = any(name in self.request.GET for name in PartsForm.base_fields)
        form = PartsForm(self.request.GET if is_given else None, kpi=self.object)
        return {"parts": form, "calculated": form.calculated if is_given and form.is_valid() else None}

    def _structured_data(self) -> dict:
        """The indicator as a schema.org DefinedTerm."""
        kpi = self.object
        return {
            "@context": "https://schema.org",
            "@type": "DefinedTerm",
            "@id": f"{settings.PORTAL_ORIGIN}{kpi.get_absolute_url()}",
            "name": kpi.name,
            "termCode": kpi.code,
            "description": kpi.definition,
            "inDefinedTermSet": {"@type": "DefinedTermSet", "name": kpi.get_kpi_set_display()},
        }
