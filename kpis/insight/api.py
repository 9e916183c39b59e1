"""What pictures and pages of insight show, for programs."""

import json
from pathlib import Path
from typing import Any

from django.db.models import Q
from django.forms import Form
from django.http import Http404, QueryDict
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from alliance.core.api import Endpoint, Errors
from alliance.core.errors import BadParameters, ParameterError
from alliance.core.verticals import VerticalCode
from kpis.aggregate_models import Measure
from kpis.insight import benchmarks
from kpis.insight import peers as likeness
from kpis.insight.distribution import distribution_of
from kpis.insight.forms import CHOICES, MOST_PEERS, PEERS_SHOWN, DistributionForm, KpiField, PeersForm
from kpis.insight.grouping import GroupBy
from kpis.insight.keeping import KeptAnswers, stamp_of
from kpis.insight.peers import DEFAULT_WEIGHTS, HEAVIEST, Factor
from kpis.insight.serializers import (
    BenchmarkSerializer,
    DistributionSerializer,
    MeasuredGroupSerializer,
    MeasuredKpiSerializer,
    PeerCitySerializer,
    PeerSerializer,
    PeersSerializer,
    ProfileSerializer,
    inputs_address,
)
from kpis.insight.traits import ClimateZone, IncomeGroup
from kpis.measurement import Design
from kpis.models import Kpi
from usecases.models import SizeBand, Stage

#: Real answers; a test compares them with the loaded data.
EXAMPLES = json.loads(Path(__file__).with_name("api_examples.json").read_text(encoding="utf-8"))
WEIGHTS = [f"weight_{factor.value}" for factor in Factor]
CITY_PARAMETERS = ("city", "population", "density", "climate", "income", "region", *WEIGHTS)


def _described_city() -> list[OpenApiParameter]:
    whole = {"type": "integer", "minimum": 0, "maximum": HEAVIEST}
    return [
        OpenApiParameter("city", str, description="Slug of a city on record, or its name where only one has it."),
        OpenApiParameter("population", int, description="Instead of what is on record."),
        OpenApiParameter("density", float, description="Inhabitants a square kilometre, instead of what is on record."),
        OpenApiParameter("climate", str, enum=ClimateZone.values, description="Köppen-Geiger zone, instead."),
        OpenApiParameter("income", str, enum=IncomeGroup.values, description="World Bank income group, instead."),
        OpenApiParameter("region", str, description="Slug of a region, instead."),
        *(
            OpenApiParameter(
                name, {**whole, "default": DEFAULT_WEIGHTS[factor.value]}, description=f"Weight: {factor.label}."
            )
            for name, factor in zip(WEIGHTS, Factor, strict=True)
        ),
    ]


def _answer(serializer: type, example: str) -> dict[int, OpenApiResponse]:
    shown = OpenApiExample("real", value=EXAMPLES[example], media_type="application/json")
    return {200: OpenApiResponse(serializer, description="", examples=[shown])}


#: Of Django's forms -> of this API.
_CODES = {"invalid_choice": "unknown_value"}


def _errors_of(form: Form) -> list[ParameterError]:
    return [
        ParameterError(
            "city" if name == "__all__" else name, one["message"], _CODES.get(one["code"], one["code"] or "invalid")
        )
        for name, found in form.errors.get_json_data().items()
        for one in found
    ]


def _once(query: QueryDict) -> Errors:
    return [
        ParameterError(name, "Give this parameter once.", "repeated")
        for name, values in query.lists()
        if len(values) > 1
    ]


class InsightEndpoint(KeptAnswers, Endpoint):  # type: ignore[misc]
    """Parameters are given once; all that is wrong is said at once. Answers are kept while no data change."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if errors := _once(request.query_params):
            raise BadParameters(errors)

    def city_asked(self, request: Request) -> tuple[PeersForm, Any]:
        """The form, and the profile that is compared. Raises: BadParameters."""
        form = PeersForm(request.query_params)
        if not form.is_valid():
            raise BadParameters(_errors_of(form))
        if form.mine is None:
            raise BadParameters([ParameterError("city", "Give a city, or describe one.", "required")])
        return form, form.mine


class DistributionView(InsightEndpoint):
    """What one indicator changed."""

    operation_id, summary = "kpis_distribution", "What an indicator changed, in groups"
    description = (
        "What the published results of one indicator add up to, in groups, and each of them where they are few: the "
        "numbers of the page `/kpis/explore/` and of its picture. They follow the rule of the aggregates: a group that "
        "is one of their cells has its numbers and its hash."
    )
    parameters = ("group_by", "measure", *CHOICES)
    has_key = True
    query_parameters = (
        OpenApiParameter("code", str, OpenApiParameter.PATH, description="The slug or the code of the indicator."),
        OpenApiParameter("group_by", str, enum=GroupBy.values, default="all", description="What makes a group."),
        OpenApiParameter("measure", str, enum=Measure.values, default="change", description="What is summarised."),
        OpenApiParameter("vertical", str, enum=VerticalCode.values, description="Only use cases of this field."),
        OpenApiParameter("region", str, description="Only cities of this region, by its slug."),
        OpenApiParameter("stage", str, enum=Stage.values, description="Only use cases at this stage."),
        OpenApiParameter("size", str, enum=SizeBand.values, description="Only cities of this size."),
        OpenApiParameter("design", str, enum=Design.values, description="Only results that were compared like this."),
        OpenApiParameter("year_min", int, description="Only results measured in or after this year."),
        OpenApiParameter("year_max", int, description="Only results measured in or before this year."),
    )
    answers = _answer(DistributionSerializer, "distribution")

    def get(self, request: Request, code: str) -> Response:
        form = DistributionForm(request.query_params, stamp=stamp_of(request._request))
        if not form.is_valid():
            raise BadParameters(_errors_of(form))
        kpi = Kpi.objects.filter(Q(slug=code) | Q(code=code)).order_by("pk").first()
        if kpi is None:
            raise Http404(f"There is no indicator “{code[:100]}”.")
        data = form.cleaned_data
        found = distribution_of(kpi, data["group_by"], measure=data["measure"], chosen=form.chosen, with_names=True)
        return Response(DistributionSerializer(found).data)


class PeersView(InsightEndpoint):
    """Cities like one."""

    operation_id, summary = "peers", "Cities like one"
    description = (
        "All other cities by how alike they are to one on record, or to one that you describe. Five factors count by "
        "their weights; what is not known of one of the two counts 1/2. Ties are ordered by name."
    )
    parameters = (*CITY_PARAMETERS, "limit")
    query_parameters = (
        *_described_city(),
        OpenApiParameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MOST_PEERS, "default": PEERS_SHOWN},
            description="How many cities are answered.",
        ),
    )
    answers = _answer(PeersSerializer, "peers")

    def get(self, request: Request) -> Response:
        form, mine = self.city_asked(request)
        limit = request.query_params.get("limit", "") or str(PEERS_SHOWN)
        if not (limit.isascii() and limit.isdigit() and len(limit) < 5 and 1 <= int(limit) <= MOST_PEERS):
            raise BadParameters([ParameterError("limit", f"Give a whole number from 1 to {MOST_PEERS}.", "invalid")])
        found = likeness.peers(mine, form.weights, besides=form.own_city)
        return Response(
            {
                "city": PeerCitySerializer(form.own_city).data if form.own_city else None,
                "profile": ProfileSerializer(mine).data,
                "weights": form.weights,
                "rule": likeness.RULE,
                "n": len(found),
                "peers": PeerSerializer(found[: int(limit)], many=True).data,
            }
        )


class BenchmarksView(InsightEndpoint):
    """What the peers of a city measured by one indicator."""

    operation_id, summary = "benchmarks", "What cities like one measured"
    description = (
        "The changes by one indicator in the cities most like one. Your own value is not asked for: compare it with "
        "the points on your side. Only cities that are at least half alike count; below 5 there is no distribution."
    )
    parameters = ("kpi", *CITY_PARAMETERS)
    query_parameters = (
        OpenApiParameter("kpi", str, required=True, description="The slug or the code of the indicator."),
        *_described_city(),
    )
    answers = _answer(BenchmarkSerializer, "benchmark")

    def get(self, request: Request) -> Response:
        kpi = self._kpi(request)
        form, mine = self.city_asked(request)
        found = benchmarks.benchmark(kpi, mine, form.weights, city=form.own_city)
        told = found.distribution
        as_of = DistributionSerializer().fields["as_of"]
        return Response(
            {
                "kpi": MeasuredKpiSerializer(kpi).data,
                "city": PeerCitySerializer(form.own_city).data if form.own_city else None,
                "profile": ProfileSerializer(mine).data,
                "weights": form.weights,
                "rule": benchmarks.RULE,
                "n": len(found.peers),
                "is_shown": told is not None,
                "as_of": as_of.to_representation(told.as_of) if told and told.as_of else None,
                "inputs_hash": told.inputs_hash if told else None,
                "inputs": inputs_address(kpi),
                "distribution": MeasuredGroupSerializer(found.group).data if told else None,
                "peers": PeerSerializer(found.peers, many=True).data,
            }
        )

    @staticmethod
    def _kpi(request: Request) -> Kpi:
        """Raises: BadParameters."""
        form = Form({"kpi": request.query_params.get("kpi", "")})
        form.fields["kpi"] = KpiField()
        if not form.is_valid():
            raise BadParameters(_errors_of(form))
        return form.cleaned_data["kpi"]
