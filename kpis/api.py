"""Indicators and results, as programs read them."""

from rest_framework import serializers

from alliance.core.api import column
from alliance.core.evidence import Effect, Grade, Method
from alliance.core.fields import Answers, ApiAddress, CodeField, DecimalText, Document, PageAddress, TextOrNull
from alliance.events.api import DocumentResource
from kpis.filters import KpiFilter, ResultFilter
from kpis.measurement import ComparisonDesign, Outcome, SideEffects, Spread, SpreadUnknown
from kpis.models import DataQuality, Direction, Kpi, KpiKind, KpiLevel, KpiSet, Result, ResultState, Verification
from usecases.api import CityShortSerializer, CostField, ReporterSerializer, VerticalShortSerializer


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
    formula = TextOrNull(help_text="In words; null: not known, or it is measured as it is.")
    numerator = TextOrNull(help_text="What stands above the line; null: there is no formula.")
    denominator = TextOrNull(help_text="What stands below the line; null: there is no formula.")
    scale = DecimalText(help_text="What the quotient is multiplied by; null: there is no formula.")
    rationale = TextOrNull(help_text="Why it is measured; null: no source tells.")
    sdg = TextOrNull(
        help_text="Sustainable Development Goals, by semicolons: goal, target or indicator; null: none known."
    )
    valid_min = DecimalText(help_text="The least value that is possible, in `unit`; null: there is no limit.")
    valid_max = DecimalText(help_text="The largest value that is possible, in `unit`; null: there is no limit.")
    level = CodeField(
        KpiLevel, nullable=True, help_text="Level of analysis of the H-KPI method (NIST SP 1900-206); null: not known."
    )
    headings_source = TextOrNull(help_text="Where formula, rationale, goals, range and level come from.")
    crosswalk = ApiAddress("kpi-crosswalk", help_text="Indicators of other sets that say the same, or nearly so.")
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
        column("formula"),
        column("numerator"),
        column("denominator"),
        column("scale", is_number=True),
        column("rationale"),
        column("sdg"),
        column("valid_min", is_number=True),
        column("valid_max", is_number=True),
        column("level"),
        column("headings_source"),
        column("url"),
        column("updated_at"),
    )


class SupersededSerializer(serializers.Serializer):
    """A result where the one that stands for it now names it."""

    slug = serializers.SlugField(read_only=True)


class ResultSerializer(Document):
    """What a use case measured by one indicator, as its source reports it."""

    slug = serializers.SlugField(read_only=True)
    url = PageAddress(help_text="The result on the page of its use case.")
    api_url = ApiAddress("result-detail")
    use_case = MeasuredUseCaseSerializer(read_only=True)
    kpi = KpiShortSerializer(read_only=True)
    baseline_value = DecimalText(help_text="Before, in `unit`; null: not reported.")
    baseline_on = TextOrNull(help_text="ISO 8601, as exactly as it is known, such as 2024-05; null: not reported.")
    result_value = DecimalText(help_text="After, in `unit`; null: not reported.")
    result_on = TextOrNull(help_text="ISO 8601, as exactly as it is known, such as 2024-05; null: not reported.")
    unit = TextOrNull(help_text="Of the two values, as reported; null when there are none.")
    relative_change_percent = DecimalText(help_text="As reported, percent; null: not reported.")
    change_percent = DecimalText(
        places=4,
        help_text="The relative change, percent: as reported; else from the two values where the first is above zero, "
        "to four decimals, halves away from zero; null: neither.",
    )
    effect = CodeField(Effect, help_text="The change, read by the direction of the indicator.")
    method = CodeField(Method, help_text="How it was obtained, as the source words it.")
    comparison = CodeField(
        ComparisonDesign, nullable=True, help_text="How it was compared, by its member; null: see `method`."
    )
    grade = CodeField(Grade, help_text="How far the comparison rules out other causes: 1 (stated) to 4 (a control).")
    sample_size = TextOrNull(help_text="As worded by the source; null: not stated.")
    sample_n = serializers.IntegerField(read_only=True, allow_null=True, help_text="How many were measured.")
    spread = DecimalText(help_text="In `unit`; null: not known.")
    spread_kind = CodeField(Spread, nullable=True, help_text="What the spread is.")
    spread_unknown = CodeField(SpreadUnknown, nullable=True, help_text="Why there is none; null: no source tells.")
    measured_year = serializers.IntegerField(read_only=True, allow_null=True)
    data_quality = CodeField(DataQuality, nullable=True, help_text="Code of the U4SSC manual; null: no source tells.")
    verification = CodeField(Verification, help_text="Who has checked it: 0 (declared) to 3 (independently verified).")
    side_effects = CodeField(SideEffects, nullable=True, help_text="Null: no source tells.")
    side_effects_note = TextOrNull()
    cost = CostField(read_only=True, allow_null=True, source="*", help_text="Null: not stated.")
    outcome = CodeField(Outcome, nullable=True, help_text="How the pilot went on; null: no source tells.")
    answers = Answers(help_text="What the portal asked about unusual values, and what the member answered.")
    note = TextOrNull()
    source = serializers.CharField(read_only=True)
    reported_by = ReporterSerializer(
        read_only=True, allow_null=True, help_text="The member who reported it; null: taken from a public source."
    )
    supersedes = SupersededSerializer(
        many=True, read_only=True, help_text="Earlier ones that it corrects; their addresses lead here."
    )
    state = CodeField(ResultState, help_text="Always “accepted”, except for editors.")
    updated_at = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    relations = {"supersedes": "supersedes"}
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
        column("baseline_on"),
        column("result_value", is_number=True),
        column("result_on"),
        column("unit"),
        column("relative_change_percent", is_number=True),
        column("change_percent", is_number=True),
        column("effect"),
        column("method"),
        column("comparison"),
        column("grade"),
        column("sample_size"),
        column("sample_n"),
        column("spread", is_number=True),
        column("spread_kind"),
        column("spread_unknown"),
        column("measured_year"),
        column("data_quality"),
        column("verification"),
        column("side_effects"),
        column("side_effects_note"),
        column("cost_amount", "cost.amount", is_number=True),
        column("cost_currency", "cost.currency"),
        column("outcome"),
        column("note"),
        column("source"),
        column("reported_by", "reported_by.name"),
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
        return Result.objects.visible_to(self.request.user).for_documents()

    def moved_to(self, key: str) -> str:
        found = Result.objects.visible_to(None).filter(supersedes__slug=key).values_list("slug", flat=True).first()
        return found or ""


resources = [KpiResource, ResultResource]
