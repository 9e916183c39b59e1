"""An indicator from its parts, for programs: `GET /api/v1/kpis/<code>/calculate/`."""

from django.db.models import Q
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from alliance.core.api import Endpoint
from alliance.core.errors import BadParameters, ParameterError
from alliance.core.fields import DecimalText
from kpis.formulas import FormulaError, calculate
from kpis.models import Kpi

PARTS = ("numerator", "denominator")


def kpi_at(code: str) -> Kpi:
    """The indicator by its slug or its code. Raises: Http404."""
    kpi = Kpi.objects.filter(Q(slug=code) | Q(code=code)).order_by("pk").first()
    if kpi is None:
        raise Http404(f"There is no indicator “{code[:100]}”.")
    return kpi


class CalculatedSerializer(serializers.Serializer):
    """What the parts give."""

    kpi = serializers.SlugField(source="kpi.slug", read_only=True)
    formula = serializers.CharField(source="kpi.formula", read_only=True, help_text="In words.")
    numerator = DecimalText()
    denominator = DecimalText()
    scale = DecimalText(source="kpi.scale")
    value = DecimalText(help_text="numerator / denominator * scale, rounded to six decimals, halves to the even digit.")
    unit = serializers.CharField(source="kpi.unit", read_only=True)
    is_rounded = serializers.BooleanField(read_only=True, help_text="The exact value has more decimals.")
    is_outside_range = serializers.BooleanField(
        source="is_outside", read_only=True, help_text="The value is impossible by `valid_min` and `valid_max`."
    )


EXAMPLE = {
    "kpi": "ec-ict-ict-1c",
    "formula": "Households with internet access, divided by all households, times 100.",
    "numerator": "41200",
    "denominator": "52000",
    "scale": "100",
    "value": "79.230769",
    "unit": "percent",
    "is_rounded": True,
    "is_outside_range": False,
}


class CalculateView(Endpoint):
    """Numerator and denominator in, the indicator out. Nothing is stored."""

    operation_id, summary = "kpis_calculate", "An indicator from its parts"
    description = (
        "What numerator and denominator give by the indicator's formula. Both are finite, not negative and below "
        "10^18; the denominator is not zero. Nothing is stored."
    )
    parameters = PARTS
    has_key = True
    query_parameters = (
        OpenApiParameter("code", str, OpenApiParameter.PATH, description="The slug or the code of the indicator."),
        OpenApiParameter("numerator", str, required=True, description="What stands above the line, such as 41200."),
        OpenApiParameter("denominator", str, required=True, description="What stands below the line, such as 52000."),
    )
    answers = {
        200: OpenApiResponse(
            CalculatedSerializer,
            description="",
            examples=[OpenApiExample("real", value=EXAMPLE, media_type="application/json")],
        )
    }

    def get(self, request: Request, code: str) -> Response:
        kpi = kpi_at(code)
        query = request.query_params
        repeated = [name for name in PARTS if len(query.getlist(name)) > 1]
        if repeated:
            raise BadParameters([ParameterError(name, "Give this parameter once.", "repeated") for name in repeated])
        try:
            found = calculate(kpi, *(query.get(name, "") for name in PARTS))
        except FormulaError as error:
            raise BadParameters([ParameterError(error.part or "code", str(error), error.code)]) from error
        return Response(CalculatedSerializer(found).data)
