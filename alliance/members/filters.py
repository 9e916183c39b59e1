"""Query parameters of the organisations, at every door."""

from django.utils.translation import gettext_lazy as _

from alliance.core.facets import Facet
from alliance.core.filters import PortalFilterSet, SearchFilter, Sort
from alliance.core.search import Searchable
from alliance.members.models import OrganisationDocument, OrganisationKind

SEARCHABLE = Searchable({"A": ("name",)})


class OrganisationFilter(PortalFilterSet):
    """Query parameters of the organisations."""

    q = SearchFilter(SEARCHABLE)
    kind = Facet("kind", label=_("Kind"), choices=OrganisationKind)

    sorts = {
        "name": Sort(_("Name"), ("name",)),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "name"

    class Meta:
        model = OrganisationDocument
        fields: list[str] = []
