"""Pages of the catalogue of standards."""

from django.conf import settings
from django.db.models import QuerySet
from django.views.generic import DetailView

from alliance.events.lists import DocumentListView
from standards.filters import StandardFilter
from standards.kinds import STANDARDS
from standards.models import Standard
from standards.queries import current_edition, for_display, for_lists


class StandardListView(DocumentListView):
    """All standards, with filters."""

    kind = STANDARDS
    filterset_class = StandardFilter
    template_name = "standards/standard_list.html"
    fragment_template_name = "standards/_standard_list.html"
    open_facets = ("layer", "vertical")
    headline_title = "title"
    headline_texts = {"designation_marked": "designation", "summary_marked": "summary", "rfp_use_marked": "rfp_use"}

    def get_queryset(self) -> QuerySet[Standard]:
        return for_lists(Standard.objects.all())


class StandardDetailView(DetailView):
    """One standard through all its editions."""

    template_name = "standards/standard_detail.html"
    context_object_name = "standard"

    def get_queryset(self) -> QuerySet[Standard]:
        return for_display(Standard.objects.all())

    def get_context_data(self, **kwargs) -> dict:
        edition = current_edition(self.object)
        return super().get_context_data(
            edition=edition,
            editions=list(self.object.editions.all()),
            structured_data=self._structured_data(),
            **kwargs,
        )

    def _structured_data(self) -> dict:
        """The standard as a schema.org CreativeWork."""
        standard, edition = self.object, current_edition(self.object)
        data = {
            "@context": "https://schema.org",
            "@type": "CreativeWork",
            "@id": f"{settings.PORTAL_ORIGIN}{standard.get_absolute_url()}",
            "name": standard.title,
            "identifier": edition.designation if edition else standard.designation,
            "publisher": {"@type": "Organization", "name": standard.body.name},
        }
        if standard.summary:
            data["abstract"] = standard.summary
        if edition:
            data |= {"datePublished": str(edition.year), "creativeWorkStatus": edition.get_status_display()}
            if edition.url:
                data["url"] = edition.url
        if standard.access:
            data["isAccessibleForFree"] = standard.access == "free"
        return data
