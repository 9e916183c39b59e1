"""Aggregates, as programs read them."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from alliance.core import pagination
from alliance.core.api import Errors, Resource, column
from alliance.core.errors import BadParameters, ParameterError
from alliance.core.fields import FIELDS, OMIT, ApiAddress, CodeField, PageAddress, read_selection
from alliance.events.paging import ReadyRenderer
from kpis.aggregate_families import cells_of, family_of
from kpis.aggregate_filters import ALL, AggregateFilter
from kpis.aggregate_history import UnknownPastError, cells_at
from kpis.aggregate_models import EXACT, Aggregate, Design, Measure
from kpis.api import KpiShortSerializer
from kpis.cell_texts import CellPagination
from kpis.insight.keeping import KeptAnswers
from kpis.models import Kpi
from kpis.quick import NumbersDocument
from usecases.api import RegionShortSerializer, VerticalShortSerializer


class MedianIntervalSerializer(serializers.Serializer):
    """Two of the values, between which the median of the population lies."""

    low = serializers.FloatField(read_only=True)
    high = serializers.FloatField(read_only=True)
    coverage = serializers.FloatField(read_only=True, help_text="The confidence that they reach, at least 0.95.")


class MeanIntervalSerializer(serializers.Serializer):
    """The 95 % interval of the mean by Student's t."""

    low = serializers.FloatField(read_only=True)
    high = serializers.FloatField(read_only=True)


@extend_schema_field(OpenApiTypes.URI)
class InputsAddress(serializers.Field):
    """The list of the results in the cell."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"read_only": True, "source": "*", **kwargs})

    def to_representation(self, row: Aggregate) -> str:
        return f"{settings.PORTAL_ORIGIN}{reverse('api:result-list')}?{row.results_query}"


def _number(text: str) -> serializers.FloatField:
    return serializers.FloatField(read_only=True, allow_null=True, help_text=text)


def _count(text: str, *, nullable: bool = False) -> serializers.IntegerField:
    return serializers.IntegerField(read_only=True, allow_null=nullable, help_text=text)


class AggregateSerializer(NumbersDocument):
    """What all published results of an indicator in one cell say together: a field or all, a region or all, a design or
    all. Statistics are null below 3 values."""

    key = serializers.CharField(read_only=True, help_text="Indicator, field, region, design, measure.")
    url = PageAddress(help_text="How this was computed: inputs, rule, lines.")
    api_url = ApiAddress("aggregate-detail", key="key")
    kpi = KpiShortSerializer(read_only=True)
    counted = KpiShortSerializer(
        many=True, read_only=True, help_text="Whose results these are: the indicator's, or its family's."
    )
    vertical = VerticalShortSerializer(read_only=True, allow_null=True, help_text="Null: all together.")
    region = RegionShortSerializer(read_only=True, allow_null=True, help_text="Null: all together.")
    design = CodeField(Design, nullable=True, help_text="Null: all together.")
    measure = CodeField(Measure, help_text="The relative change, improvement positive; or the value after.")
    unit = serializers.CharField(read_only=True, help_text="Of all numbers: percent, or the unit of the indicator.")
    results = _count("In the cell.")
    use_cases = _count("They are of so many use cases.")
    cities = _count("They are of so many cities.")
    n = _count("Results with a value of this measure.")
    undefined = _count("Results without: no change is defined, or the unit cannot be converted.")
    points = serializers.ListField(
        child=serializers.FloatField(), read_only=True, help_text="The values, ascending, where they are less than 3."
    )
    median = _number("Between the two middle values where there are two.")
    median_interval = MedianIntervalSerializer(
        read_only=True, allow_null=True, help_text="At least 95 %, by order statistics; null below 6 values."
    )
    mean = _number("Arithmetic.")
    mean_interval = MeanIntervalSerializer(read_only=True, allow_null=True)
    lower_quartile = _number("Type 7 of Hyndman and Fan, as percentile_cont of SQL.")
    upper_quartile = _number("Type 7 of Hyndman and Fan, as percentile_cont of SQL.")
    minimum = _number("The smallest.")
    maximum = _number("The largest.")
    improved = _count("Changes for the better; null where the indicator says not which way is better.", nullable=True)
    unchanged = _count("Changes of nought.", nullable=True)
    worsened = _count("Changes for the worse.", nullable=True)
    improved_share = _number("0 to 1.")
    unchanged_share = _number("0 to 1.")
    worsened_share = _number("0 to 1.")
    oldest_year = _count("Of the results; null: no year is known.", nullable=True)
    newest_year = _count("Of the results; null: no year is known.", nullable=True)
    as_of = serializers.DateTimeField(read_only=True, help_text="The newest change among the results and their cases.")
    rule = serializers.CharField(read_only=True, help_text="The version of the rule: see the documentation.")
    inputs = InputsAddress(help_text="The results of the cell as they are now.")
    inputs_hash = serializers.CharField(read_only=True, help_text="SHA-256 of the inputs: the same, the same numbers.")

    columns = (
        column("key"),
        column("kpi", "kpi.slug"),
        column("kpi_code", "kpi.code"),
        column("vertical", "vertical.code"),
        column("region", "region.slug"),
        *map(column, ("design", "measure", "unit", "results", "use_cases", "cities", "n", "undefined", "median")),
        column("median_low", "median_interval.low"),
        column("median_high", "median_interval.high"),
        column("median_coverage", "median_interval.coverage"),
        column("mean"),
        column("mean_low", "mean_interval.low"),
        column("mean_high", "mean_interval.high"),
        *map(column, ("lower_quartile", "upper_quartile", "minimum", "maximum", "improved", "unchanged", "worsened")),
        *map(column, ("oldest_year", "newest_year", "as_of", "rule", "inputs_hash", "url")),
    )


def _cells_at(kpi: Kpi, moment: datetime) -> list[Aggregate]:
    try:
        return cells_at(kpi, moment)
    except UnknownPastError as error:
        sentence = "A table was emptied since then: what it held is not known any more."
        raise BadParameters([ParameterError("as_of", sentence, "out_of_range")]) from error


class AggregateResource(KeptAnswers, Resource):  # type: ignore[misc]
    renderer_classes = [ReadyRenderer]
    serializer_class = AggregateSerializer
    filterset_class = AggregateFilter
    resource, url_name, singular, plural = "aggregates", "aggregate", "aggregate", "aggregates"
    summary = "What the results of an indicator say together: by field, region and design, with intervals."
    lookup_field = "key"
    lookup_value_regex = r"[-a-zA-Z0-9_.]+"

    def get_queryset(self) -> QuerySet[Aggregate]:
        return Aggregate.objects.for_display()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if "as_of" in request.query_params or "family" in request.query_params:
            return self._computed_now(request)
        if FIELDS in request.query_params or OMIT in request.query_params:
            return super().list(request, *args, **kwargs)
        errors: Errors = []
        asked = pagination.read_page_parameters(request.query_params, errors)
        self._check(request.query_params, (*pagination.PARAMETERS, FIELDS, OMIT), errors)
        pages = CellPagination(self.serializer_class)
        pages.begin(self.filterset.qs, self.filterset.sort.keys, asked, bound_to=self._bound_to())
        pages.write()
        return pages.get_paginated_response(pages.finish(request))

    def export(self, request: Request, ending: str, **kwargs: Any) -> HttpResponseBase:
        if "as_of" in request.query_params:
            raise BadParameters([ParameterError("as_of", "The past is listed, it has no files.", "invalid")])
        if "family" in request.query_params:
            raise BadParameters([ParameterError("family", "Families are listed, they have no files.", "invalid")])
        return super().export(request, ending, **kwargs)

    def _computed_now(self, request: Request) -> Response:
        """All cells of one indicator that match, on one page: of the past, or of its family."""
        errors: Errors = []
        asked = pagination.read_page_parameters(request.query_params, errors)
        only = read_selection(request.query_params, self.serializer_class.names(), errors)
        self._check(request.query_params, (*pagination.PARAMETERS, FIELDS, OMIT), errors)
        values = self.filterset.values
        kpis, is_past = values.get("kpi", []), "as_of" in request.query_params
        moment = values.get("as_of")
        if is_past and (moment is None or moment > timezone.now()):
            errors.append(ParameterError("as_of", "Give a moment that is over.", "out_of_range"))
        if is_past and "family" in request.query_params:
            errors.append(ParameterError("family", "The links of the past are not known: leave as_of out.", "invalid"))
        if len(kpis) != 1:
            name = "as_of" if is_past else "family"
            sentence = f"Name one indicator: with {name}, cells are computed for one."
            errors.append(ParameterError("kpi", sentence, "required"))
        if errors:
            raise BadParameters(errors)
        kpi = Kpi.objects.get(slug=kpis[0])
        cells = _cells_at(kpi, moment) if moment else cells_of(family_of(kpi))
        wanted = {name: values[name] for name in ("vertical", "region", "design", "measure") if name in values}
        found = [one for one in cells if all(one.filters_or_all[name] in given for name, given in wanted.items())]
        body: dict[str, Any] = {"next": None, "previous": None}
        if asked.with_count:
            body["count"] = len(found)
        body["results"] = self.serializer_class(found, many=True, only=only).data
        return Response(body)

    def _row_at(self, rows: QuerySet, text: str) -> Aggregate:
        parts = text.split(".")
        row = None
        if len(parts) == 6 and parts[-1] == EXACT:
            family = Kpi.objects.filter(slug=parts[0]).first()
            cells = cells_of(family_of(family)) if family else []
            row = next((one for one in cells if one.key == text), None)
        elif len(parts) == 5:
            kpi, vertical, region, design, measure = parts
            row = rows.filter(
                kpi__slug=kpi,
                design="" if design == ALL else design,
                measure=measure,
                **({"vertical": None} if vertical == ALL else {"vertical__code": vertical}),
                **({"region": None} if region == ALL else {"region__slug": region}),
            ).first()
        if row is not None:
            return row
        raise Http404(f"There is no {self.singular} “{text[:100]}”.")


resources = [AggregateResource]
