"""What the API tells of practices, field by field: for the description of the API, against which tests hold answers."""

from typing import Any

from rest_framework import serializers

from kpis.models import Direction
from practices.effects import Why
from practices.models import PUBLIC_STATES


def _numbers(help_text: str, **more: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.FloatField(), min_length=2, max_length=2, help_text=help_text, **more
    )


def _interval() -> serializers.ListField:
    return _numbers("95-percent interval of the change in percent, the lower end first.")


def _change() -> serializers.FloatField:
    return serializers.FloatField(help_text="In percent, with the sign by which the indicator moves.")


def _grade() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=4, help_text="1 (very low) to 4 (high).")


class ListedPracticeSerializer(serializers.Serializer):
    """A practice in the order of the newest ranking."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    summary = serializers.CharField()
    vertical = serializers.CharField(help_text="Code of its field.")
    state = serializers.ChoiceField([(state.value, state.value) for state in PUBLIC_STATES])
    primary_kpi = serializers.SlugField(help_text="Slug of the indicator that it is judged by.")
    place = serializers.IntegerField(allow_null=True, help_text="Null without enough evidence.")
    band = serializers.IntegerField(allow_null=True, help_text="What the data cannot tell apart shares a band.")
    certainty = _grade()
    cities = serializers.IntegerField(help_text="Independent cities that measured the indicator.")
    missing_cities = serializers.IntegerField(help_text="So many more are missing for a mean.")
    change_percent = serializers.FloatField(allow_null=True, help_text="Mean change; null without enough cities.")
    interval_percent = _numbers("95-percent interval of the mean change.", allow_null=True)
    use_cases = serializers.ListField(child=serializers.SlugField())
    harm_confirmed = serializers.CharField(allow_blank=True, help_text="Harm that an editor confirmed; else empty.")
    evidence = serializers.URLField()
    page = serializers.URLField()
    brief = serializers.URLField(help_text="One page for a council, as PDF.")


class PracticesSerializer(serializers.Serializer):
    """All practices."""

    ranking = serializers.URLField(allow_null=True, help_text="The ranking that this order is of.")
    results = ListedPracticeSerializer(many=True)


class BareMeanSerializer(serializers.Serializer):
    """A mean of cities' effects in numbers."""

    estimate = serializers.FloatField(help_text="Log ratio, above zero is better.")
    low = serializers.FloatField(help_text="Lower end of the 95-percent interval, as a log ratio.")
    high = serializers.FloatField(help_text="Upper end.")
    change_percent = _change()
    interval = _interval()
    tau_squared = serializers.FloatField(help_text="Variance between cities.")


class MeanSerializer(BareMeanSerializer):
    """A mean of cities' effects, and what it says."""

    is_better = serializers.BooleanField(help_text="The whole interval is better.")
    is_worse = serializers.BooleanField()


class PooledSerializer(MeanSerializer):
    """The mean with what it rests on."""

    method = serializers.CharField(help_text="Of the variance between cities: DL, PM or REML.")
    cities = serializers.IntegerField()
    prediction = _numbers("What the next city can expect, 95-percent prediction interval in percent.")
    q = serializers.FloatField(help_text="Cochran's Q.")
    q_tail = serializers.FloatField(help_text="Its tail probability.")
    i_squared = serializers.FloatField(help_text="0 to 1.")
    tau_squared_interval = _numbers("95-percent interval, Q-profile.", allow_null=True)
    imputed = serializers.FloatField(help_text="Share of the weight whose standard errors are assumed, 0 to 1.")


class GroupMeanSerializer(MeanSerializer):
    """The mean of one group of cities."""

    method = serializers.CharField()
    cities = serializers.IntegerField()


class WithoutSerializer(BareMeanSerializer):
    """The mean without one city."""

    city = serializers.SlugField()


class VariedSerializer(MeanSerializer):
    """The mean with assumed standard errors so many times as large."""

    factor = serializers.FloatField()


class _AboutResult(serializers.Serializer):
    result = serializers.SlugField()
    use_case = serializers.SlugField()
    city = serializers.SlugField()
    grade = serializers.IntegerField(min_value=1, max_value=4, help_text="How sure the result is, by its design.")
    year = serializers.IntegerField(allow_null=True)


class CombinedResultSerializer(_AboutResult):
    """A result with an effect."""

    method = serializers.CharField(help_text="How it was measured.")
    estimate = serializers.FloatField(help_text="Log ratio, above zero is better.")
    standard_error = serializers.FloatField()
    imputed = serializers.BooleanField(help_text="The standard error is assumed.")
    change_percent = _change()
    interval = _interval()


class RefusedResultSerializer(_AboutResult):
    """A result without an effect, and why."""

    why = serializers.ChoiceField([(one.value, one.value) for one in Why])


class CityEffectSerializer(serializers.Serializer):
    """The results of one city as one effect."""

    city = serializers.SlugField()
    results = serializers.ListField(child=serializers.SlugField())
    weight = serializers.FloatField(allow_null=True, help_text="In the mean, 0 to 1; null without a mean.")
    estimate = serializers.FloatField()
    standard_error = serializers.FloatField()
    imputed = serializers.BooleanField()
    change_percent = _change()
    interval = _interval()


class GroupSerializer(serializers.Serializer):
    """Cities of one region, size or design."""

    name = serializers.CharField()
    cities = serializers.IntegerField()
    pooled = GroupMeanSerializer(allow_null=True)
    missing = serializers.IntegerField(help_text="So many more cities are missing for a mean.")


class SubgroupsSerializer(serializers.Serializer):
    """The groups of one property, and whether they differ."""

    groups = GroupSerializer(many=True)
    q_between = serializers.FloatField(allow_null=True)
    q_between_tail = serializers.FloatField(allow_null=True)


class FamilySerializer(serializers.Serializer):
    """Results of one indicator and of those that are exactly the same."""

    kpi = serializers.CharField(help_text="Code of the indicator that names the family.")
    kpis = serializers.ListField(child=serializers.CharField())
    direction = serializers.ChoiceField([(one.value, one.value) for one in Direction], allow_blank=True)
    results = CombinedResultSerializer(many=True)
    results_count = serializers.IntegerField()
    refused = RefusedResultSerializer(many=True)
    refused_count = serializers.IntegerField()
    cities = CityEffectSerializer(many=True)
    pooled = PooledSerializer(allow_null=True)
    missing_cities = serializers.IntegerField()
    methods = serializers.DictField(child=MeanSerializer(), help_text="The mean by the other estimators.")
    without = WithoutSerializer(many=True)
    varied = VariedSerializer(many=True)
    subgroups = serializers.DictField(child=SubgroupsSerializer(), help_text="By region, size and design.")


class CertaintyLineSerializer(serializers.Serializer):
    """A line of the grade."""

    rule = serializers.CharField()
    sentence = serializers.CharField(help_text="Code of its sentence.")
    text = serializers.CharField(help_text="The sentence in English.")
    points = serializers.FloatField()
    inputs = serializers.DictField(child=serializers.JSONField())


class CertaintySerializer(serializers.Serializer):
    """The grade, and the lines that add up to its points."""

    grade = _grade()
    points = serializers.FloatField()
    lines = CertaintyLineSerializer(many=True)


class EvidenceSerializer(serializers.Serializer):
    """What the results of a practice add up to."""

    rule_version = serializers.CharField()
    inputs_hash = serializers.CharField(help_text="SHA-256 of the inputs.")
    as_of = serializers.DateField()
    slug = serializers.SlugField()
    use_cases = serializers.ListField(child=serializers.SlugField())
    cities = serializers.ListField(child=serializers.SlugField())
    cost_known = serializers.BooleanField()
    newest_year = serializers.IntegerField(allow_null=True)
    regions = serializers.ListField(child=serializers.SlugField())
    places = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="City: its region and its size."
    )
    certainty = CertaintySerializer()
    families = FamilySerializer(many=True, help_text="The primary one first.")


class CandidateSerializer(serializers.Serializer):
    """A practice as it went into a ranking."""

    slug = serializers.SlugField()
    grade = _grade()
    cities = serializers.IntegerField()
    estimate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    usual = serializers.FloatField(help_text="Median size of the log ratios of all results of its indicator.")
    newest_year = serializers.IntegerField(allow_null=True)
    cost_known = serializers.BooleanField()
    fit = serializers.FloatField()


class ScoreLineSerializer(serializers.Serializer):
    """A summand of a score."""

    name = serializers.CharField()
    points = serializers.FloatField()
    text = serializers.CharField(help_text="What the points come from, in English.")
    code = serializers.CharField(required=False, help_text="Code of that sentence.")
    params = serializers.DictField(child=serializers.JSONField(), required=False)


class ScoreSerializer(serializers.Serializer):
    """A practice's place in one ranking."""

    practice = serializers.SlugField()
    place = serializers.IntegerField(allow_null=True)
    band = serializers.IntegerField(allow_null=True)
    total = serializers.FloatField(allow_null=True)
    lines = ScoreLineSerializer(many=True, help_text="They add up to the total.")
    cause = serializers.CharField(allow_blank=True, help_text="Why it moved; empty when it did not.")


class RankingSerializer(serializers.Serializer):
    """One ranking with its inputs."""

    run = serializers.IntegerField()
    as_of = serializers.DateField()
    rule_version = serializers.CharField()
    inputs_hash = serializers.CharField()
    download = serializers.URLField(help_text="Inputs, rule and script that makes the same order of them.")
    inputs = CandidateSerializer(many=True)
    scores = ScoreSerializer(many=True)
