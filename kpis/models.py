"""The catalogue of indicators, and the results that use cases measured by them."""

from decimal import Decimal

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alliance.core.evidence import GRADE_OF_METHOD, METHOD_WORDS, Effect, Grade, Method
from alliance.core.models import Record, RecordQuerySet
from alliance.members.models import Organisation
from kpis.aggregate_models import Aggregate as Aggregate
from kpis.aggregate_models import AggregateInput as AggregateInput
from kpis.aggregate_models import CellSums as CellSums
from kpis.aggregate_models import Measure as Measure
from kpis.aggregate_models import SampleSize as SampleSize
from kpis.aggregate_models import SortedValues as SortedValues
from kpis.aggregate_models import UncountedInput as UncountedInput
from kpis.crosswalk_models import KpiLink as KpiLink
from kpis.documents import KpiDocument as KpiDocument
from kpis.documents import ResultDocument as ResultDocument
from kpis.measurement import ComparisonDesign, Outcome, SideEffects, Spread, SpreadUnknown
from usecases.models import FIRST_YEAR, LAST_YEAR, UseCase, Vertical
from usecases.models import Status as UseCaseStatus


class KpiSet(models.TextChoices):
    """The published set that an indicator belongs to."""

    U4SSC = "U4SSC", "U4SSC"
    ISO_37120 = "ISO 37120", "ISO 37120"
    ISO_37122 = "ISO 37122", "ISO 37122"
    ISO_37123 = "ISO 37123", "ISO 37123"
    CITYKEYS = "CITYkeys", "CITYkeys"
    ALLIANCE = "ALL", _("Alliance pilot indicators")


class Direction(models.TextChoices):
    """Which way an indicator moves when a city gets better."""

    INCREASE = "increase", _("More is better")
    DECREASE = "decrease", _("Less is better")
    NONE = "none", _("Neither way is better")


class KpiKind(models.TextChoices):
    """The indicator's rank within its set."""

    CORE = "core", _("Core")
    ADVANCED = "advanced", _("Advanced")
    SUPPORTING = "supporting", _("Supporting")
    SMART = "smart", _("Smart")
    STRUCTURAL = "structural", _("Structural")
    PILOT = "pilot", _("Pilot")


class KpiLevel(models.TextChoices):
    """The level of analysis in the holistic KPI method (H-KPI) of NIST SP 1900-206."""

    TECHNOLOGY = "technology", _("Technology")
    SERVICE = "infrastructure-service", _("Infrastructure service")
    BENEFIT = "community-benefit", _("Community benefit")


class Kpi(Record):
    """A key performance indicator: what is counted, in which unit, and which way is better."""

    code = models.CharField(_("code"), max_length=40, unique=True)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=200)
    kpi_set = models.CharField(_("set"), max_length=12, choices=KpiSet)
    dimension = models.CharField(_("dimension"), max_length=80)
    sub_dimension = models.CharField(_("sub-dimension"), max_length=80, blank=True)
    vertical = models.ForeignKey(Vertical, models.PROTECT, related_name="kpis", verbose_name=_("field"))
    unit = models.CharField(_("unit"), max_length=60, help_text=_("An expression that pint reads."))
    direction = models.CharField(_("direction"), max_length=8, choices=Direction)
    kind = models.CharField(_("kind"), max_length=12, choices=KpiKind)
    definition = models.TextField(_("definition"))
    source = models.CharField(_("source"), max_length=500)
    numerator = models.CharField(_("numerator"), max_length=200, blank=True, help_text=_("What stands above the line."))
    denominator = models.CharField(
        _("denominator"), max_length=200, blank=True, help_text=_("What stands below the line.")
    )
    scale = models.DecimalField(
        _("scale"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("What the quotient is multiplied by, such as 100 for percent."),
    )
    formula = models.CharField(_("formula"), max_length=500, blank=True, help_text=_("In words."))
    rationale = models.TextField(_("rationale"), blank=True)
    sdg = models.CharField(
        _("Sustainable Development Goals"),
        max_length=60,
        blank=True,
        help_text=_("Goals, targets or indicators, separated by semicolons."),
    )
    valid_min = models.DecimalField(_("least possible value"), max_digits=24, decimal_places=6, null=True, blank=True)
    valid_max = models.DecimalField(_("largest possible value"), max_digits=24, decimal_places=6, null=True, blank=True)
    level = models.CharField(_("level"), max_length=24, choices=KpiLevel, blank=True, help_text="NIST SP 1900-206")
    headings_source = models.CharField(
        _("source of formula, range and level"), max_length=500, blank=True, help_text=_("Empty: not known.")
    )

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("indicator")
        verbose_name_plural = _("indicators")
        ordering = ["code", "pk"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_whole_formula",
                condition=Q(numerator="", denominator="", scale=None)
                | (~Q(numerator="") & ~Q(denominator="") & Q(scale__gt=0)),
                violation_error_message=_("A formula needs numerator, denominator and a scale above zero."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_range_in_order",
                condition=Q(valid_min=None) | Q(valid_max=None) | Q(valid_min__lt=F("valid_max")),
                violation_error_message=_("The least possible value is below the largest."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("kpis:detail", args=[self.slug])


class ResultState(models.TextChoices):
    """Where a result stands on its way to being evidence."""

    DRAFT = "draft", _("Draft")
    ACCEPTED = "accepted", _("Accepted")
    SUPERSEDED = "superseded", _("Superseded")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Verification(models.IntegerChoices):
    """Who has checked a result."""

    DECLARED = 0, _("Declared")
    EVIDENCE_ATTACHED = 1, _("Evidence attached")
    PEER_CHECKED = 2, _("Checked by a peer")
    INDEPENDENT = 3, _("Independently verified")


class DataQuality(models.TextChoices):
    """The six codes of the U4SSC verification manual; empty means that no source tells."""

    MEASURED = "measured", _("Measured")
    SURVEY = "survey", _("Extrapolated from a survey")
    HIGHER_LEVEL = "higher-level", _("Extrapolated from a higher level")
    ASSUMPTION = "assumption", _("Assumption")
    ESTIMATE = "estimate", _("Personal estimate")
    UNTRACEABLE = "untraceable", _("Untraceable")


def change_percent_expression(prefix: str = "") -> Coalesce:
    """Relative change in percent: as reported, else from baseline and result where the baseline is above zero."""
    baseline, result, reported = (
        f"{prefix}{name}" for name in ("baseline_value", "result_value", "relative_change_percent")
    )
    measured = Case(
        When(
            Q(**{f"{baseline}__gt": 0, f"{result}__isnull": False}),
            then=(F(result) - F(baseline)) * Value(Decimal(100)) / F(baseline),
        ),
        default=None,
        output_field=models.DecimalField(max_digits=30, decimal_places=12),
    )
    return Coalesce(F(reported), measured, output_field=models.DecimalField(max_digits=30, decimal_places=12))


class ResultQuerySet(RecordQuerySet):
    """Results, and who may see them."""

    def visible_to(self, user):
        """Accepted results of published use cases; editors see all."""
        if user is not None and user.is_active and user.is_staff:
            return self
        return self.filter(state=ResultState.ACCEPTED, use_case__status=UseCaseStatus.PUBLISHED)

    def standing(self):
        """Without those that another one stands for now."""
        return self.exclude(state=ResultState.SUPERSEDED)

    def for_display(self):
        """Rows with indicator, use case and place: no further query per row."""
        return self.select_related("kpi__vertical", "use_case__vertical", "use_case__city__country__region")

    def for_documents(self):
        """Rows with all that the public JSON of a result holds."""
        return self.for_display().select_related("reported_by").prefetch_related("supersedes")

    def strongest_first(self):
        """The surest comparison first, then the larger change; those without a known change last."""
        return self.order_by("-grade", F("change_percent").desc(nulls_last=True), "-measured_year", "pk")


#: A date of ISO 8601, as exactly as it is known.
DATE = r"^\d{4}(-\d{2}(-\d{2})?)?$"
DATE_HELP = _("As exactly as it is known: 2024, 2024-05 or 2024-05-17.")
is_date = RegexValidator(DATE, DATE_HELP)

#: What of a result that a member reported never changes: a correction is a result of its own.
AS_REPORTED = (
    "kpi",
    "baseline_value",
    "baseline_on",
    "result_value",
    "result_on",
    "unit",
    "relative_change_percent",
    "method",
    "comparison",
    "sample_size",
    "sample_n",
    "spread",
    "spread_kind",
    "spread_unknown",
    "measured_year",
    "data_quality",
    "side_effects",
    "side_effects_note",
    "cost_amount",
    "cost_currency",
    "outcome",
    "answers",
    "note",
    "source",
)


class Result(Record):
    """What a use case measured by one indicator, as its source or the member who measured it reports it.

    What a member reported is kept as it is by a trigger of the database (`AS_REPORTED`).
    """

    slug = models.SlugField(
        max_length=140, unique=True, help_text=_("Use case and indicator, numbered when there are several.")
    )
    use_case = models.ForeignKey(UseCase, models.CASCADE, related_name="results", verbose_name=_("use case"))
    kpi = models.ForeignKey(Kpi, models.PROTECT, related_name="results", verbose_name=_("indicator"))
    state = models.CharField(_("state"), max_length=12, choices=ResultState, default=ResultState.DRAFT)
    baseline_value = models.DecimalField(_("before"), max_digits=24, decimal_places=6, null=True, blank=True)
    result_value = models.DecimalField(_("after"), max_digits=24, decimal_places=6, null=True, blank=True)
    unit = models.CharField(_("unit"), max_length=60, blank=True, help_text=_("As reported."))
    relative_change_percent = models.DecimalField(
        _("relative change as reported, percent"), max_digits=12, decimal_places=4, null=True, blank=True
    )
    change_percent = models.GeneratedField(
        expression=change_percent_expression(),
        output_field=models.DecimalField(_("relative change, percent"), max_digits=30, decimal_places=12),
        db_persist=True,
    )
    baseline_on = models.CharField(
        _("measured on (before)"), max_length=10, blank=True, validators=[is_date], help_text=DATE_HELP
    )
    result_on = models.CharField(
        _("measured on (after)"), max_length=10, blank=True, validators=[is_date], help_text=DATE_HELP
    )
    comparison = models.CharField(
        _("comparison"),
        max_length=24,
        choices=ComparisonDesign,
        blank=True,
        help_text=_("Of what members report; empty: the source words its method alone."),
    )
    method = models.CharField(_("method"), max_length=24, choices=Method)
    grade = models.GeneratedField(
        expression=Case(
            *(When(method=method, then=Value(int(grade))) for method, grade in GRADE_OF_METHOD.items()),
            default=Value(int(Grade.STATED)),
        ),
        output_field=models.PositiveSmallIntegerField(_("how sure, 1 to 4"), choices=Grade),
        db_persist=True,
    )
    sample_size = models.CharField(_("sample, as worded"), max_length=200, blank=True)
    sample_n = models.PositiveBigIntegerField(_("how many were measured"), null=True, blank=True)
    spread = models.DecimalField(_("spread"), max_digits=24, decimal_places=6, null=True, blank=True)
    spread_kind = models.CharField(_("which spread"), max_length=4, choices=Spread, blank=True)
    spread_unknown = models.CharField(_("why it is not known"), max_length=12, choices=SpreadUnknown, blank=True)
    measured_year = models.PositiveSmallIntegerField(_("year of the result"), null=True, blank=True)
    data_quality = models.CharField(_("data quality"), max_length=12, choices=DataQuality, blank=True)
    verification = models.PositiveSmallIntegerField(
        _("verification"), choices=Verification, default=Verification.DECLARED
    )
    side_effects = models.CharField(_("side effects"), max_length=16, choices=SideEffects, blank=True)
    side_effects_note = models.TextField(_("which side effects"), blank=True)
    cost_amount = models.DecimalField(_("what it cost"), max_digits=16, decimal_places=2, null=True, blank=True)
    cost_currency = models.CharField(_("currency"), max_length=3, blank=True, help_text=_("ISO 4217."))
    outcome = models.CharField(_("how the pilot went on"), max_length=12, choices=Outcome, blank=True)
    #: What the portal asked about unusual values, and what the member answered: mappings of `question` and `answer`.
    answers = models.JSONField(_("answers to questions"), default=list, blank=True)
    note = models.TextField(_("note"), blank=True)
    source = models.CharField(_("source"), max_length=500)
    reported_by = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="reported_results",
        verbose_name=_("reported by"),
        help_text=_("Empty: taken from a public source."),
    )
    superseded_by = models.ForeignKey(
        "self",
        models.RESTRICT,
        null=True,
        blank=True,
        editable=False,
        related_name="supersedes",
        verbose_name=_("superseded by"),
    )

    objects = ResultQuerySet.as_manager()

    class Meta:
        verbose_name = _("result")
        verbose_name_plural = _("results")
        ordering = ["slug", "pk"]
        indexes = [
            models.Index(fields=["kpi", "use_case"], name="result_kpi_use_case"),
            models.Index(fields=["-measured_year", "id"], name="result_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_says_something",
                condition=Q(result_value__isnull=False) | Q(relative_change_percent__isnull=False),
                violation_error_message=_("Give a value after the change, or the relative change."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_values_with_unit",
                condition=Q(baseline_value=None, result_value=None) | ~Q(unit=""),
                violation_error_message=_("A value needs its unit."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_year_plausible",
                condition=Q(measured_year=None) | Q(measured_year__range=(FIRST_YEAR, LAST_YEAR)),
                violation_error_message=_("Years run from 1950 to 2100."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_dates",
                condition=(Q(baseline_on="") | Q(baseline_on__regex=DATE))
                & (Q(result_on="") | Q(result_on__regex=DATE)),
                violation_error_message=DATE_HELP,
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_spread_with_kind",
                condition=Q(spread=None, spread_kind="") | (Q(spread__gte=0, spread_unknown="") & ~Q(spread_kind="")),
                violation_error_message=_("A spread needs its kind, or the reason why it is not known."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_cost_with_currency",
                condition=Q(cost_amount=None, cost_currency="") | (Q(cost_amount__gte=0) & ~Q(cost_currency="")),
                violation_error_message=_("A cost needs its currency, and cannot be negative."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_superseded_by_another",
                condition=Q(state=ResultState.SUPERSEDED, superseded_by__isnull=False)
                | (~Q(state=ResultState.SUPERSEDED) & Q(superseded_by=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kpi}, {self.use_case}"

    @property
    def is_reported(self) -> bool:
        """A member reported it: its values stay as they are."""
        return self.reported_by_id is not None

    def clean(self) -> None:
        """Raises: ValidationError where values of a reported result would change, as the database would refuse it."""
        super().clean()
        before = None if self._state.adding else Result.objects.filter(pk=self.pk, reported_by__isnull=False).first()
        if before is None:
            return
        changed = [name for name in AS_REPORTED if getattr(self, name) != getattr(before, name)]
        if changed:
            sentence = _(
                "A result that a member reported stays as it is. A correction is a new report that supersedes it."
            )
            raise ValidationError(dict.fromkeys(changed, sentence))

    def delete(self, *args, **kwargs):
        """Raises: ValidationError for a result that a member reported, as the database would refuse it."""
        if self.is_reported:
            sentence = _("A result that a member reported is not deleted. Withdraw it, so that its history stays.")
            raise ValidationError({NON_FIELD_ERRORS: [sentence]})
        return super().delete(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return f"{self.use_case.get_absolute_url()}#result-{self.slug}"

    @property
    def effect(self) -> Effect:
        """Better, worse or neutral: the sign of the change read by the indicator's direction."""
        change = self.change_percent
        if change is None or change == 0 or self.kpi.direction == Direction.NONE:
            return Effect.NEUTRAL
        return Effect.BETTER if (change > 0) == (self.kpi.direction == Direction.INCREASE) else Effect.WORSE

    @property
    def method_words(self):
        """The words that stand beside the dot."""
        return METHOD_WORDS[self.method]
