"""The JSON of distributions, peers and benchmarks: numbers with interval, n, as-of, rule version and inputs."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.http import urlencode
from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from alliance.core.evidence import Effect, Grade
from alliance.core.fields import ApiAddress, CodeField
from kpis.aggregate_models import FEWEST, Measure
from kpis.insight.distribution import Distribution, Group, Measured, group_values
from kpis.insight.grouping import GroupBy
from kpis.insight.peers import Factor, Peer, Profile
from kpis.insight.traits import ClimateZone, IncomeGroup
from kpis.models import Direction, Kpi
from usecases.models import City

UNIT = "In the unit of the measure."
FEW = f"Null below {FEWEST} results, of which only the points are shown."


def _number(help_text: str) -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=help_text)


class MeasuredKpiSerializer(serializers.Serializer):
    """The indicator."""

    slug = serializers.SlugField()
    code = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.CharField(help_text="An expression that the Python library pint reads.")
    direction = CodeField(Direction)
    api_url = ApiAddress("kpi-detail")


class MeasuredPointSerializer(serializers.Serializer):
    """One result with a known value."""

    result = serializers.SlugField(source="slug")
    use_case = serializers.SlugField()
    city = serializers.SlugField()
    city_name = serializers.CharField()
    country = serializers.CharField(help_text="ISO 3166-1 alpha-2.")
    year = serializers.IntegerField(allow_null=True)
    value = serializers.FloatField(
        help_text="Of the measure: the change in percent, better is positive (a rise, where neither way is better); or "
        "the value after."
    )
    effect = CodeField(Effect, help_text="Whether it got better; neutral for values.")
    grade = CodeField(Grade, help_text="How far the comparison rules out other causes: 1 (stated) to 4 (a control).")

    def to_representation(self, one: Measured) -> dict[str, Any]:
        # By hand: there may be hundreds.
        return {
            "result": one.slug,
            "use_case": one.use_case,
            "city": one.city,
            "city_name": one.city_name,
            "country": one.country,
            "year": one.year,
            "value": one.value,
            "effect": one.effect,
            "grade": one.grade,
        }


class MeasuredGroupSerializer(serializers.Serializer):
    """The results of one group and what they add up to."""

    value = serializers.CharField()
    name = serializers.CharField()
    results = serializers.IntegerField(help_text="In the group.")
    n = serializers.IntegerField(help_text="Of those, with a value of the measure.")
    use_cases = serializers.IntegerField(help_text="The results are of so many.")
    cities = serializers.IntegerField(help_text="The results are of so many.")
    improved = serializers.IntegerField(allow_null=True, help_text=f"Null where neither way is better. {FEW}")
    unchanged = serializers.IntegerField(allow_null=True, help_text=f"Null where neither way is better. {FEW}")
    worsened = serializers.IntegerField(allow_null=True, help_text=f"Null where neither way is better. {FEW}")
    mean = _number(f"{UNIT} {FEW}")
    median = _number(f"{UNIT} {FEW}")
    lower_quartile = _number(f"{UNIT} Linear between order statistics (type 7). {FEW}")
    upper_quartile = _number(f"{UNIT} Linear between order statistics (type 7). {FEW}")
    minimum = _number(f"{UNIT} {FEW}")
    maximum = _number(f"{UNIT} {FEW}")
    median_interval_low = _number("Of the 95 percent interval by order statistics; null below 6 results.")
    median_interval_high = _number("Of the 95 percent interval by order statistics; null below 6 results.")
    mean_interval_low = _number("Of the 95 percent interval by Student's t.")
    mean_interval_high = _number("Of the 95 percent interval by Student's t.")
    oldest_year = serializers.IntegerField(allow_null=True, help_text="Of the results; null: no year is known.")
    newest_year = serializers.IntegerField(allow_null=True, help_text="Of the results; null: no year is known.")
    inputs_hash = serializers.CharField(
        allow_null=True,
        help_text="SHA-256 of the inputs: where the group is a cell of the aggregates, that of the cell.",
    )
    points = MeasuredPointSerializer(
        many=True, help_text="Every result with a value, ascending; empty where there are too many to draw each."
    )
    columns = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Instead of too many points: how many lie in each of 20 equal parts of the scale.",
    )

    def to_representation(self, group: Group) -> dict[str, Any]:
        points = MeasuredPointSerializer(group.points, many=True).data
        return {**group_values(group), "points": points, "columns": list(group.columns)}


class ScaleSerializer(serializers.Serializer):
    """What the picture reaches over; points beyond stand at its edge."""

    minimum = serializers.FloatField()
    maximum = serializers.FloatField()


class DistributionSerializer(serializers.Serializer):
    """What an indicator changed, in groups."""

    kpi = MeasuredKpiSerializer()
    group_by = CodeField(GroupBy)
    measure = CodeField(Measure, help_text="The relative change, improvement positive; or the value after.")
    unit = serializers.CharField(help_text="Of all numbers: percent, or the unit of the indicator.")
    chosen = serializers.DictField(child=serializers.CharField(), help_text="The filters in force.")
    n = serializers.IntegerField(help_text="Results with a value of the measure, in all groups.")
    without_value = serializers.IntegerField(help_text="Results without one: in no number.")
    undefined = serializers.IntegerField(
        help_text="Of those, the ones that start from zero or below, from which no relative change is defined."
    )
    as_of = serializers.DateTimeField(allow_null=True, help_text="The newest change among the results and their cases.")
    rule = serializers.CharField(help_text="The version of how the numbers come about.")
    inputs_hash = serializers.CharField(help_text="SHA-256 of the inputs, as of a cell of the aggregates.")
    inputs = serializers.URLField(help_text="The results in full, of all stages.")
    scale = ScaleSerializer()
    groups = MeasuredGroupSerializer(many=True)

    def to_representation(self, found: Distribution) -> dict[str, Any]:
        return {**distribution_head(found), "groups": MeasuredGroupSerializer(found.groups, many=True).data}


def distribution_head(found: Distribution) -> dict[str, Any]:
    """What is said of all groups together."""
    return {
        "kpi": MeasuredKpiSerializer(found.kpi).data,
        "group_by": str(found.group_by),
        "measure": str(found.measure),
        "unit": "percent" if found.is_change else found.kpi.unit,
        "chosen": found.chosen.parameters,
        "n": len(found),
        "without_value": found.without_value,
        "undefined": found.undefined,
        "as_of": serializers.DateTimeField(allow_null=True).to_representation(found.as_of) if found.as_of else None,
        "rule": found.rule,
        "inputs_hash": found.inputs_hash,
        "inputs": inputs_address(found.kpi, found.chosen.parameters),
        "scale": {"minimum": found.scale.minimum, "maximum": found.scale.maximum},
    }


def inputs_query(kpi: Kpi, chosen: dict[str, str]) -> str:
    """The counted results as parameters of the list of results, which knows no stages."""
    return urlencode({"kpi": kpi.slug, **{name: value for name, value in chosen.items() if name != "stage"}})


def inputs_address(kpi: Kpi, chosen: dict[str, str] | None = None) -> str:
    """The list of the counted results in the API."""
    return f"{settings.PORTAL_ORIGIN}{reverse('api:result-list')}?{inputs_query(kpi, chosen or {})}"


# --- peers -----------------------------------------------------------------------------------------------------------
class ProfileSerializer(serializers.Serializer):
    """What of a city is compared; null: not known."""

    population = serializers.IntegerField(allow_null=True)
    density = serializers.FloatField(allow_null=True, help_text="Inhabitants a square kilometre.")
    climate = serializers.ChoiceField(choices=ClimateZone.values, allow_null=True, help_text="Köppen-Geiger zone.")
    income = serializers.ChoiceField(choices=IncomeGroup.values, allow_null=True, help_text="World Bank income group.")
    region = serializers.CharField(allow_null=True, help_text="Slug of the region.")

    def to_representation(self, profile: Profile) -> dict[str, Any]:
        return {
            "population": profile.population,
            "density": profile.density,
            "climate": profile.climate or None,
            "income": profile.income or None,
            "region": profile.region or None,
        }


class PeerCitySerializer(serializers.Serializer):
    """A city by name."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    country = serializers.CharField(help_text="ISO 3166-1 alpha-2.")
    api_url = serializers.URLField()

    def to_representation(self, city: City) -> dict[str, Any]:
        address = f"{settings.PORTAL_ORIGIN}{reverse('api:city-detail', args=[city.slug])}"
        return {"slug": city.slug, "name": city.name, "country": city.country.code, "api_url": address}


@extend_schema_field(
    inline_serializer(
        "PeerFactors",
        {factor.value: serializers.FloatField(allow_null=True, help_text=str(factor.label)) for factor in Factor},
    )
)
class FactorsField(serializers.DictField):
    """Factor -> 0 (nothing alike) to 1 (the same); null: not known of one of the two, which counts 1/2."""


class PeerSerializer(serializers.Serializer):
    """Another city, with how alike it is."""

    city = PeerCitySerializer()
    likeness = serializers.FloatField(help_text="0 to 1: the mean of the factors by their weights.")
    factors = FactorsField()
    profile = ProfileSerializer()
    results = serializers.IntegerField(help_text="Results of its use cases: of the indicator asked for, or of any.")

    def to_representation(self, peer: Peer) -> dict[str, Any]:
        return {
            "city": PeerCitySerializer(peer.city).data,
            "likeness": peer.likeness,
            "factors": dict(peer.factors),
            "profile": ProfileSerializer(peer.profile).data,
            "results": peer.results,
        }


@extend_schema_field(
    inline_serializer("PeerWeights", {factor.value: serializers.IntegerField(min_value=0) for factor in Factor})
)
class WeightsField(serializers.DictField):
    """Factor -> weight."""


class PeersSerializer(serializers.Serializer):
    """Cities like one, the most alike first."""

    city = PeerCitySerializer(allow_null=True, help_text="Null: described by its reader.")
    profile = ProfileSerializer()
    weights = WeightsField()
    rule = serializers.CharField(help_text="The version of how the likeness comes about.")
    n = serializers.IntegerField(help_text="Cities that were compared.")
    peers = PeerSerializer(many=True)


class BenchmarkSerializer(serializers.Serializer):
    """What the peers of a city measured by one indicator."""

    kpi = MeasuredKpiSerializer()
    city = PeerCitySerializer(allow_null=True, help_text="Null: described by its reader.")
    profile = ProfileSerializer()
    weights = WeightsField()
    rule = serializers.CharField(help_text="The version of how the numbers come about.")
    n = serializers.IntegerField(help_text="Peers: cities at least half alike with a known change.")
    is_shown = serializers.BooleanField(help_text="False below 5 peers: then there is no distribution.")
    as_of = serializers.DateTimeField(allow_null=True, help_text="When the newest of the counted results was changed.")
    inputs_hash = serializers.CharField(allow_null=True, help_text="SHA-256 of the rule and the counted results.")
    inputs = serializers.URLField(help_text="All results of the indicator in full.")
    distribution = MeasuredGroupSerializer(allow_null=True)
    peers = PeerSerializer(many=True)

    def to_representation(self, given: dict[str, Any]) -> dict[str, Any]:
        return given
