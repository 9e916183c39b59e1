"""Use cases, places, fields and technologies, as programs read them."""

from rest_framework import serializers

from alliance.core.api import Resource, column
from alliance.core.fields import (
    ApiAddress,
    CodeField,
    Coordinate,
    DecimalText,
    Document,
    EnglishName,
    PageAddress,
    TextOrNull,
)
from alliance.core.verticals import VerticalCode
from alliance.events.api import DocumentResource
from alliance.members.models import OrganisationKind
from standards.models import Layer
from usecases.filters import CityFilter, CountryFilter, TechnologyFilter, UseCaseFilter, VerticalFilter
from usecases.models import (
    City,
    Confidence,
    Country,
    CovidRelevance,
    ParticipationRole,
    SizeBand,
    Stage,
    Status,
    Technology,
    UseCase,
    UseState,
    Vertical,
)


# --- records where others name them ----------------------------------------------------------------------------------
class VerticalShortSerializer(serializers.Serializer):
    """A field of city life where another record names it."""

    code = CodeField(VerticalCode)
    name = EnglishName()


class CountryShortSerializer(serializers.Serializer):
    """A country where another record names it."""

    code = serializers.CharField(read_only=True, help_text="ISO 3166-1 alpha-2.")
    name = serializers.CharField(read_only=True)


class RegionShortSerializer(serializers.Serializer):
    """A region of the United Nations SDG grouping."""

    slug = serializers.SlugField(read_only=True)
    name = serializers.CharField(read_only=True)


class CityShortSerializer(serializers.Serializer):
    """A city where another record names it."""

    slug = serializers.SlugField(read_only=True)
    name = serializers.CharField(read_only=True)
    country = CountryShortSerializer(read_only=True)
    region = RegionShortSerializer(read_only=True, source="country.region")
    population = serializers.IntegerField(read_only=True, allow_null=True, help_text="Null: not known.")
    size_band = CodeField(SizeBand, unknown=[SizeBand.UNKNOWN], help_text="OECD size class; null: not known.")


class TechnologyShortSerializer(serializers.Serializer):
    """A technology where another record names it."""

    slug = serializers.SlugField(read_only=True)
    name = serializers.CharField(read_only=True)


class ParticipationSerializer(serializers.Serializer):
    """An organisation in a use case."""

    slug = serializers.SlugField(read_only=True, source="organisation.slug")
    name = serializers.CharField(read_only=True, source="organisation.name")
    kind = CodeField(OrganisationKind, nullable=True, source="organisation.kind", help_text="Null: no source tells.")
    role = CodeField(ParticipationRole, nullable=True, help_text="Null: no source tells.")


class StandardUseSerializer(serializers.Serializer):
    """A standard that a use case names."""

    slug = serializers.SlugField(read_only=True, source="standard.slug")
    designation = serializers.CharField(read_only=True, source="standard.designation")
    edition = TextOrNull(
        source="edition.designation", help_text="Full designation; null: the source does not say which."
    )
    state = CodeField(UseState)
    title = serializers.CharField(read_only=True, source="standard.title")
    layer = CodeField(Layer, source="standard.layer")
    problems_met = TextOrNull()
    source = TextOrNull()


class LessonSerializer(serializers.Serializer):
    """What others can learn."""

    context = TextOrNull()
    cause = TextOrNull()
    effect = TextOrNull()
    advice = serializers.CharField(read_only=True)
    confidence = CodeField(Confidence, nullable=True)
    source = TextOrNull()


class ReporterSerializer(serializers.Serializer):
    """The member who reported a record; null: taken from a public source."""

    #: Null where this column is.
    present_if = "slug"

    slug = serializers.SlugField(read_only=True)
    name = serializers.CharField(read_only=True)

    class Meta:
        ref_name = "Reporter"


class CostSerializer(serializers.Serializer):
    """A sum of money."""

    amount = DecimalText(source="cost_amount", allow_null=False)
    currency = serializers.CharField(read_only=True, source="cost_currency", help_text="ISO 4217.")


class CostField(CostSerializer):
    """The cost of a use case; null when it is not stated."""

    #: Null where this column is.
    present_if = "cost_amount"

    class Meta:
        ref_name = "Cost"

    def to_representation(self, use_case):
        return None if use_case.cost_amount is None else super().to_representation(use_case)


# --- public JSON -----------------------------------------------------------------------------------------------------
class UseCaseSerializer(Document):
    """One way a city used technology to reach a stated aim, as its source tells it."""

    slug = serializers.SlugField(read_only=True)
    title = serializers.CharField(read_only=True)
    url = PageAddress()
    api_url = ApiAddress("use-case-detail")
    status = CodeField(Status, help_text="Always “published”, except for editors.")
    vertical = VerticalShortSerializer(read_only=True)
    city = CityShortSerializer(read_only=True)
    latitude = Coordinate()
    longitude = Coordinate()
    stage = CodeField(Stage)
    started_year = serializers.IntegerField(read_only=True, allow_null=True)
    ended_year = serializers.IntegerField(read_only=True, allow_null=True)
    problem = serializers.CharField(read_only=True)
    solution = serializers.CharField(read_only=True)
    technologies = TechnologyShortSerializer(many=True, read_only=True)
    organisations = ParticipationSerializer(many=True, read_only=True, source="participations")
    standards = StandardUseSerializer(many=True, read_only=True, source="standard_uses")
    lessons = LessonSerializer(many=True, read_only=True)
    covid_relevance = CodeField(CovidRelevance)
    cost = CostField(read_only=True, allow_null=True, source="*", help_text="Null: not stated.")
    city_from_outset = serializers.BooleanField(
        read_only=True, allow_null=True, help_text="Whether the city was in from the outset; null: not known."
    )
    alliance_from_outset = serializers.BooleanField(
        read_only=True, allow_null=True, help_text="Whether the Alliance was in from the outset; null: not known."
    )
    source = serializers.CharField(read_only=True)
    reported_by = ReporterSerializer(
        read_only=True, allow_null=True, help_text="The member who reported it; null: taken from a public source."
    )
    completeness = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text="How much of what members are asked is answered, percent; null: not reported by a member.",
    )
    is_minimal = serializers.BooleanField(
        read_only=True, help_text="Whether only the essentials are told: it can be found, but is not ranked."
    )
    results = ApiAddress("result-list", parameter="use_case", help_text="What it measured, as a list of this API.")
    published_at = serializers.DateTimeField(read_only=True, allow_null=True)
    updated_at = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    relations = {
        "technologies": "technologies",
        "participations": "organisations",
        "standard_uses": "standards",
        "lessons": "lessons",
    }
    columns = (
        column("slug"),
        column("title"),
        column("vertical", "vertical.code"),
        column("vertical_name", "vertical.name"),
        column("city", "city.slug"),
        column("city_name", "city.name"),
        column("country", "city.country.code"),
        column("country_name", "city.country.name"),
        column("region", "city.region.slug"),
        column("region_name", "city.region.name"),
        column("population", "city.population"),
        column("size_band", "city.size_band"),
        column("latitude"),
        column("longitude"),
        column("stage"),
        column("started_year"),
        column("ended_year"),
        column("problem"),
        column("solution"),
        column("technologies", "technologies.name"),
        column("organisations", "organisations.name"),
        column("standards", "standards.designation"),
        column("lessons", "lessons.advice", between=" | "),
        column("covid_relevance"),
        column("cost_amount", "cost.amount", is_number=True),
        column("cost_currency", "cost.currency"),
        column("city_from_outset"),
        column("alliance_from_outset"),
        column("source"),
        column("reported_by", "reported_by.name"),
        column("completeness"),
        column("is_minimal"),
        column("url"),
        column("published_at"),
        column("updated_at"),
    )


class CitySerializer(Document):
    """A city where something was tried, or that may look for cases like itself."""

    slug = serializers.SlugField(read_only=True)
    name = serializers.CharField(read_only=True)
    url = PageAddress()
    api_url = ApiAddress("city-detail")
    country = CountryShortSerializer(read_only=True)
    region = RegionShortSerializer(read_only=True, source="country.region")
    latitude = Coordinate()
    longitude = Coordinate()
    population = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Of the city proper; null: not known."
    )
    size_band = CodeField(SizeBand, unknown=[SizeBand.UNKNOWN], help_text="OECD size class; null: not known.")
    source = serializers.CharField(read_only=True)
    use_cases = ApiAddress("use-case-list", parameter="city", help_text="Its use cases, as a list of this API.")
    updated_at = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    columns = (
        column("slug"),
        column("name"),
        column("country", "country.code"),
        column("country_name", "country.name"),
        column("region", "region.slug"),
        column("region_name", "region.name"),
        column("latitude"),
        column("longitude"),
        column("population"),
        column("size_band"),
        column("source"),
        column("url"),
        column("updated_at"),
    )


class CountrySerializer(Document):
    """A country with at least one city of the portal."""

    code = serializers.CharField(read_only=True, help_text="ISO 3166-1 alpha-2.")
    name = serializers.CharField(read_only=True)
    url = PageAddress(help_text="Its use cases, as a page.")
    api_url = ApiAddress("country-detail", key="code")
    region = RegionShortSerializer(read_only=True)
    cities = ApiAddress("city-list", key="code", parameter="country")
    use_cases = ApiAddress("use-case-list", key="code", parameter="country")
    updated_at = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    columns = (
        column("code"),
        column("name"),
        column("region", "region.slug"),
        column("region_name", "region.name"),
        column("url"),
        column("updated_at"),
    )


class VerticalSerializer(Document):
    """A field of city life, such as mobility or water."""

    code = CodeField(VerticalCode)
    name = EnglishName()
    url = PageAddress(help_text="Its use cases, as a page.")
    api_url = ApiAddress("vertical-detail", key="code")
    use_cases = ApiAddress("use-case-list", key="code", parameter="vertical")
    standards = ApiAddress("standard-list", key="code", parameter="vertical")
    kpis = ApiAddress("kpi-list", key="code", parameter="vertical")
    updated_at = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    columns = (column("code"), column("name"), column("url"), column("updated_at"))


class TechnologySerializer(Document):
    """A thing that use cases are built with, in the words of their sources."""

    slug = serializers.SlugField(read_only=True)
    name = serializers.CharField(read_only=True)
    url = PageAddress(help_text="The use cases built with it, as a page.")
    api_url = ApiAddress("technology-detail")
    use_cases = ApiAddress("use-case-list", parameter="technology")
    updated_at = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    columns = (column("slug"), column("name"), column("url"), column("updated_at"))


# --- resources -------------------------------------------------------------------------------------------------------
class UseCaseResource(DocumentResource):
    serializer_class = UseCaseSerializer
    filterset_class = UseCaseFilter
    resource, url_name, singular, plural = "use-cases", "use-case", "use case", "use cases"
    summary = "What cities did with technology, where, when, with whom, and by which standards."
    has_places = True

    def get_queryset(self):
        return UseCase.objects.visible_to(self.request.user).for_documents()

    def moved_to(self, key: str) -> str:
        return UseCase.objects.moved_to(key)


class CityResource(DocumentResource):
    serializer_class = CitySerializer
    filterset_class = CityFilter
    resource, url_name, singular, plural = "cities", "city", "city", "cities"
    summary = "Cities with use cases, and other large cities of the world."
    has_places = True

    def get_queryset(self):
        return City.objects.select_related("country__region")


class CountryResource(Resource):
    serializer_class = CountrySerializer
    filterset_class = CountryFilter
    resource, url_name, singular, plural = "countries", "country", "country", "countries"
    summary = "Countries of these cities, by ISO 3166-1 code."
    lookup_field = "code"
    lookup_value_regex = "[A-Za-z]{2}"

    def get_queryset(self):
        return Country.objects.select_related("region")

    def key(self, text: str) -> str:
        return text.upper()


class VerticalResource(Resource):
    serializer_class = VerticalSerializer
    filterset_class = VerticalFilter
    resource, url_name, singular, plural = "verticals", "vertical", "vertical", "verticals"
    summary = "The sixteen fields of city life by which everything is sorted."
    lookup_field = "code"

    def get_queryset(self):
        return Vertical.objects.all()


class TechnologyResource(Resource):
    serializer_class = TechnologySerializer
    filterset_class = TechnologyFilter
    resource, url_name, singular, plural = "technologies", "technology", "technology", "technologies"
    summary = "What use cases are built with."
    one_row = True

    def get_queryset(self):
        return Technology.objects.all()


resources = [UseCaseResource, CityResource, CountryResource, VerticalResource, TechnologyResource]
