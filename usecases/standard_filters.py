"""The standards' query parameters, and whether use cases name them."""

from django.utils.translation import gettext_lazy as _

from alliance.core.filters import Facet, Sort
from standards.filters import StandardFilter
from usecases.filters import YesNo, active, published_use_cases


class UsedStandardFilter(StandardFilter):
    """Query parameters of the standards, with their use."""

    used = Facet(active("standards"), label=_("Named by a use case"), choices=YesNo, ordered=True)

    sorts = {
        **StandardFilter.sorts,
        "uses": Sort(
            _("Most use cases"), ("-use_case_count",), lambda: {"use_case_count": published_use_cases("standards")}
        ),
    }

    class Meta(StandardFilter.Meta):
        pass
