"""Query parameters of the standards and of their bodies, at every door."""

from django.utils.translation import gettext_lazy as _

from alliance.core.facets import ArrayFacet, Facet
from alliance.core.filters import PortalFilterSet, SearchFilter, Sort
from alliance.core.search import Searchable
from alliance.core.verticals import VerticalCode
from standards.models import Aspect, Body, EditionStatus, Layer, StandardDocument, StandardKind
from standards.search import SEARCHABLE


class BodyFilter(PortalFilterSet):
    """Query parameters of the standards bodies."""

    q = SearchFilter(Searchable({"A": ("name",)}))

    sorts = {
        "name": Sort(_("Name"), ("name",)),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "name"

    class Meta:
        model = Body
        fields: list[str] = []


class StandardFilter(PortalFilterSet):
    """Query parameters of the standards."""

    q = SearchFilter(SEARCHABLE)
    layer = Facet("layer", label=_("Interoperability layer"), choices=Layer, ordered=True)
    vertical = ArrayFacet("verticals", label=_("Field"), choices=VerticalCode)
    kind = Facet("kind", label=_("Kind"), choices=StandardKind)
    aspect = ArrayFacet("aspects", label=_("Concern"), choices=Aspect)
    body = Facet("body_slug", label=_("Body"), rows=Body.objects.all)
    status = ArrayFacet("statuses", label=_("Status of an edition"), choices=EditionStatus, ordered=True)

    sorts = {
        "designation": Sort(_("Designation"), ("designation",)),
        "title": Sort(_("Title"), ("title",)),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "designation"

    class Meta:
        model = StandardDocument
        fields: list[str] = []
