"""The standards' query parameters, and whether use cases name them."""

from django.utils.translation import gettext_lazy as _

from alliance.core.facets import Facet
from alliance.core.filters import Sort
from standards.filters import StandardFilter
from usecases.expressions import YesNo


class UsedStandardFilter(StandardFilter):
    """Query parameters of the standards, with their use."""

    used = Facet("used", label=_("Named by a use case"), choices=YesNo, ordered=True)

    sorts = {
        **StandardFilter.sorts,
        "uses": Sort(_("Most use cases"), ("-use_case_count",)),
    }

    class Meta(StandardFilter.Meta):
        pass
