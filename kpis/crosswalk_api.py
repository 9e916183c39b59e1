"""What an indicator is linked to, for programs: `GET /api/v1/kpis/<code>/crosswalk/`."""

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from alliance.core.api import Endpoint
from alliance.core.fields import ApiAddress, CodeField
from kpis.api import KpiShortSerializer
from kpis.crosswalk import exact_family, linked
from kpis.crosswalk_models import Relation
from kpis.formula_api import kpi_at


class LinkedSerializer(serializers.Serializer):
    """A link, as the indicator of the address reads it."""

    relation = CodeField(Relation, help_text="How the indicator of the address stands to this one: `broader` than it.")
    kpi = KpiShortSerializer(read_only=True)
    kpi_api_url = ApiAddress("kpi-detail", source="kpi")
    reason = serializers.CharField(source="link.reason", read_only=True)
    said_by = serializers.CharField(source="link.said_by", read_only=True)
    source = serializers.CharField(source="link.source", read_only=True)  # type: ignore[assignment]


class CrosswalkSerializer(serializers.Serializer):
    """An indicator and what it is linked to."""

    kpi = KpiShortSerializer(read_only=True)
    links = LinkedSerializer(many=True, read_only=True, help_text="The strongest relation first.")
    same = KpiShortSerializer(
        many=True, read_only=True, help_text="All that are the same, also over several links, itself among them."
    )


_SHORT = {
    "slug": "ec-p-in-2c",
    "code": "EC: P: IN: 2C",
    "name": "Patents",
    "unit": "count/(100000*person)/year",
    "direction": "increase",
}
_OTHER = {
    "slug": "iso37120-2014-5-7",
    "code": "ISO37120:2014/5.7",
    "name": "Number of new patents per 100 000 population per year",
    "unit": "count/(100000*person)/year",
    "direction": "increase",
}
#: A real answer; a test compares it with the loaded data.
EXAMPLE = {
    "kpi": _SHORT,
    "links": [
        {
            "relation": "exact",
            "kpi": _OTHER,
            "kpi_api_url": "https://portal.example.org/api/v1/kpis/iso37120-2014-5-7/",
            "reason": "Both count new patents in a year per 100 000 inhabitants.",
            "said_by": "Editors of the Alliance",
            "source": "definitions and units in kpis.csv",
        }
    ],
    "same": [_SHORT, _OTHER],
}


class CrosswalkView(Endpoint):
    """The links of one indicator, read from its end."""

    operation_id, summary = "kpis_crosswalk", "Indicators of other sets that say the same"
    description = "What an indicator is linked to, how, why, and who says so. Links are read from both ends."
    has_key = True
    query_parameters = (
        OpenApiParameter("code", str, OpenApiParameter.PATH, description="The slug or the code of the indicator."),
    )
    answers = {
        200: OpenApiResponse(
            CrosswalkSerializer,
            description="",
            examples=[OpenApiExample("real", value=EXAMPLE, media_type="application/json")],
        )
    }

    def get(self, request: Request, code: str) -> Response:
        kpi = kpi_at(code)
        return Response(CrosswalkSerializer({"kpi": kpi, "links": linked(kpi), "same": exact_family(kpi)}).data)
