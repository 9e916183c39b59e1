"""Indicators and results, as programs read them."""

from rest_framework import serializers

from alliance.core.api import column
from alliance.core.evidence import Effect, Grade, Method
from alliance.core.fields import ApiAddress, CodeField, DecimalText, Document, PageAddress, TextOrNull
from alliance.events.api import DocumentResource
from kpis.filters import KpiFilter, ResultFilter
from kpis.models import DataQuality, Direction, Kpi, KpiKind, KpiSet, Result, ResultState, Verification
from usecases.api import CityShortSerializer, VerticalShortSerializer


class KpiShortSerializer(serializers.Serializer):
    """An indicator where a result names it."""

    slug = serializers.SlugField(read_only=True)
    code = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    unit = serializers.CharField(read_only=True, help_text="An expression that the Python library pint reads.")
    direction = CodeField(Direction)


class MeasuredUseCaseSerializer(serializers.Serializer):
    """A use case where a result names it."""

    slug = serializers.SlugField(read_only=True)
    title = serializers.CharField(read_only=True)
    url = PageAddress()
    api_url = ApiAddress("use-case-detail")
    vertical = VerticalShortSerializer(read_only=True)
    city = CityShortSerializer(read_only=True)


class KpiSerializer(Document):
    """A key performance indicator: what is counted, in which unit, and which way is better."""

    slug = serializers.SlugField(read_only=True)
    code = serializers.CharField(read_only=True, help_text="As its set writes it.")
    name = serializers.CharField(read_only=True)
    url = PageAddress()
    api_url = ApiAddress("kpi-detail")
    set = CodeField(KpiSet, source="kpi_set", help_text="The published set that it belongs to.")
    dimension = serializers.CharField(read_only=True)
    sub_dimension = TextOrNull()
    vertical = VerticalShortSerializer(read_only=True)
    unit = serializers.CharField(read_only=True, help_text="An expression that the Python library pint reads.")
    direction = CodeField(Direction, help_text="Which way it moves when a city gets better.")
    kind = CodeField(KpiKind)
    definition = serializers.CharField(read_only=True)
    source = serializers.CharField(read_only=True)
    results = ApiAddress("result-list", parameter="kpi", help_text="What was measured by it.")
    updated_at = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    columns = (
        column("slug"),
        column("code"),
        column("name"),
        column("set"),
        column("dimension"),
        column("sub_dimension"),
        column("vertical", "vertical.code"),
        column("vertical_name", "vertical.name"),
        column("unit"),
        column("direction"),
        column("kind"),
        column("definition"),
        column("source"),
        column("url"),
        column("updated_at"),
    )


class ResultSerializer(Document):
    """What a use case measured by one indicator, as its source reports it."""

    slug = serializers.SlugField(read_only=True)
    url = PageAddress(help_text="The result on the page of its use case.")
    api_url = ApiAddress("result-detail")
    use_case = MeasuredUseCaseSerializer(read_only=True)
    kpi = KpiShortSerializer(read_only=True)
    baseline_value = DecimalText(help_text="Before, in `unit`; null: not reported.")
    result_value = DecimalText(help_text="After, in `unit`; null: not reported.")
    unit = TextOrNull(help_text="Of the two values, as reported; null when there are none.")
    relative_change_percent = DecimalText(help_text="As reported, percent; null: not reported.")
    change_percent = DecimalText(
        places=4,
        help_text="The relative change, percent: as reported; else from the two values where the first is above zero, "
        "to four decimals, halves away from zero; null: neither.",
    )
    effect = CodeField(Effect, help_text="The change, read by the direction of the indicator.")
    method = CodeField(Method, help_text="How it was obtained, as the source words it.")
    grade = CodeField(Grade, help_text="How far the comparison rules out other causes: 1 (stated) to 4 (a control).")
    sample_size = TextOrNull(help_text="As worded by the source; null: not stated.")
    measured_year = serializers.IntegerField(read_only=True, allow_null=True)
    data_quality = CodeField(DataQuality, nullable=True, help_text="Code of the U4SSC manual; null: no source tells.")
    verification = CodeField(Verification, help_text="Who has checked it: 0 (declared) to 3 (independently verified).")
    note = TextOrNull()
    source = serializers.CharField(read_only=True)
    state = CodeField(ResultState, help_text="Always “accepted”, except for editors.")
    updated_at = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    columns = (
        column("slug"),
        column("use_case", "use_case.slug"),
        column("use_case_title", "use_case.title"),
        column("vertical", "use_case.vertical.code"),
        column("city", "use_case.city.slug"),
        column("city_name", "use_case.city.name"),
        column("country", "use_case.city.country.code"),
        column("region", "use_case.city.region.slug"),
        column("kpi", "kpi.slug"),
        column("kpi_code", "kpi.code"),
        column("kpi_name", "kpi.name"),
        column("kpi_unit", "kpi.unit"),
        column("direction", "kpi.direction"),
        column("baseline_value", is_number=True),
        column("result_value", is_number=True),
        column("unit"),
        column("relative_change_percent", is_number=True),
        column("change_percent", is_number=True),
        column("effect"),
        column("method"),
        column("grade"),
        column("sample_size"),
        column("measured_year"),
        column("data_quality"),
        column("verification"),
        column("note"),
        column("source"),
        column("url"),
        column("updated_at"),
    )


class KpiResource(DocumentResource):
    serializer_class = KpiSerializer
    filterset_class = KpiFilter
    resource, url_name, singular, plural = "kpis", "kpi", "indicator", "indicators"
    summary = "Key performance indicators of U4SSC, ISO 37120, 37122, 37123, CITYkeys and the Alliance."

    def get_queryset(self):
        return Kpi.objects.select_related("vertical")


class ResultResource(DocumentResource):
    serializer_class = ResultSerializer
    filterset_class = ResultFilter
    resource, url_name, singular, plural = "results", "result", "result", "results"
    summary = "What use cases measured: values, change, method, sample and source, as reported."

    def get_queryset(self):
        return Result.objects.visible_to(self.request.user).for_display()


resources = [KpiResource, ResultResource]
