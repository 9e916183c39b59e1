"""The counts beside the filters of a list, for programs: `GET /api/v1/facets/<resource>/`."""

import json
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from alliance.core.api import Errors, Resource
from alliance.core.errors import ParameterError
from alliance.core.facets import FACET, did_you_mean
from alliance.events.paging import ReadyText

#: Values of one facet that are given out, the most frequent first; those chosen come in any case.
MOST_VALUES = 200
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class FacetCounts(Resource):
    """Counts of a list by its facets."""

    def facets(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """How many rows match, and how many each value of each facet would give."""
        return Response(ReadyText(_json.encode(self._counted(request)).encode()))

    def _counted(self, request: Request) -> dict[str, Any]:
        """Raises: BadParameters."""
        errors: Errors = []
        asked = self._asked(request, errors)
        self._check(request.query_params, (FACET,), errors)
        counts = self.filterset.count(asked, limits=dict.fromkeys(asked, MOST_VALUES))
        views = [self.filterset.facet_view(name, counts) for name in asked]
        return {
            "count": counts.total,
            "facets": {
                view.name: [
                    {"value": option.value, "name": option.label, "count": option.count}
                    for option in view.options
                    if option.count or option.chosen
                ]
                for view in views
            },
        }

    def _asked(self, request: Request, errors: Errors) -> Sequence[str]:
        """The facets to count: all, or those named by `facet`, several times or with commas."""
        known = [*self.filterset.facet_filters]
        given = [name for text in request.query_params.getlist(FACET) for name in text.split(",") if name]
        for name in [name for name in given if name not in known][:20]:
            hint = did_you_mean(name[:60], known) or f"Known are: {', '.join(known)}."
            errors.append(ParameterError(FACET, f"There is no facet “{name[:60]}”. {hint}", "unknown_value"))
        return [name for name in dict.fromkeys(given) if name in known] or known
