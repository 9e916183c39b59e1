"""Pages of the organisations that take part in use cases."""

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.views.generic import DetailView

from alliance.events.lists import DocumentListView
from alliance.members.kinds import ORGANISATIONS
from alliance.members.models import Organisation, OrganisationKind
from usecases.filters import ActiveOrganisationFilter
from usecases.models import Participation, UseCase

#: schema.org types by kind; what has none of its own is an Organization.
_TYPES = {
    OrganisationKind.MUNICIPALITY: "GovernmentOrganization",
    OrganisationKind.GOVERNMENT_AGENCY: "GovernmentOrganization",
    OrganisationKind.LARGE_CORPORATION: "Corporation",
    OrganisationKind.SMALL_CORPORATION: "Corporation",
    OrganisationKind.INDIVIDUAL: "Person",
}


class OrganisationListView(DocumentListView):
    """All organisations, with filters."""

    kind = ORGANISATIONS
    filterset_class = ActiveOrganisationFilter
    template_name = "usecases/organisation_list.html"
    fragment_template_name = "usecases/_organisation_list.html"
    open_facets = ("kind", "vertical")
    page_size = 50
    page_sizes = (50, 100, 200)
    headline_title = "name"

    def get_queryset(self) -> QuerySet[Organisation]:
        return Organisation.objects.all()

    def rows_to_show(self, rows: QuerySet) -> QuerySet:
        visible = Q(use_cases__in=UseCase.objects.visible_to(self.request.user).order_by().values("pk"))
        return super().rows_to_show(rows).annotate(visible_use_cases=Count("use_cases", filter=visible, distinct=True))


class OrganisationDetailView(DetailView):
    """One organisation: what it is, and what it does in which use case."""

    template_name = "usecases/organisation_detail.html"
    context_object_name = "organisation"
    queryset = Organisation.objects.all()

    def get_context_data(self, **kwargs) -> dict:
        rows = (
            Participation.objects.filter(
                organisation=self.object, use_case__in=UseCase.objects.visible_to(self.request.user)
            )
            .select_related("use_case__vertical", "use_case__city__country__region")
            .order_by("use_case__title", "pk")
        )
        participations = list(rows)
        return super().get_context_data(
            participations=participations,
            use_cases=[row.use_case for row in participations],
            structured_data=self._structured_data(),
            **kwargs,
        )

    def _structured_data(self) -> dict:
        """The organisation as a schema.org Organization or Person."""
        organisation = self.object
        data = {
            "@context": "https://schema.org",
            "@type": _TYPES.get(organisation.kind, "Organization"),
            "@id": f"{settings.PORTAL_ORIGIN}{organisation.get_absolute_url()}",
            "name": organisation.name,
        }
        if organisation.url:
            data["url"] = organisation.url
        return data
