"""The catalogue of indicators, and the results that use cases measured by them."""

from decimal import Decimal

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alliance.core.evidence import GRADE_OF_METHOD, METHOD_WORDS, Effect, Grade, Method
from alliance.core.models import Record, RecordQuerySet
from kpis.documents import KpiDocument as KpiDocument
from kpis.documents import ResultDocument as ResultDocument
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

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("indicator")
        verbose_name_plural = _("indicators")
        ordering = ["code", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("kpis:detail", args=[self.slug])


class ResultState(models.TextChoices):
    """Where a result stands on its way to being evidence."""

    DRAFT = "draft", _("Draft")
    ACCEPTED = "accepted", _("Accepted")
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

    def for_display(self):
        """Rows with indicator, use case and place: no further query per row."""
        return self.select_related("kpi__vertical", "use_case__vertical", "use_case__city__country__region")

    def strongest_first(self):
        """The surest comparison first, then the larger change; those without a known change last."""
        return self.order_by("-grade", F("change_percent").desc(nulls_last=True), "-measured_year", "pk")


class Result(Record):
    """What a use case measured by one indicator, as its source reports it."""

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
    measured_year = models.PositiveSmallIntegerField(_("year of the result"), null=True, blank=True)
    data_quality = models.CharField(_("data quality"), max_length=12, choices=DataQuality, blank=True)
    verification = models.PositiveSmallIntegerField(
        _("verification"), choices=Verification, default=Verification.DECLARED
    )
    note = models.TextField(_("note"), blank=True)
    source = models.CharField(_("source"), max_length=500)

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
        ]

    def __str__(self) -> str:
        return f"{self.kpi}, {self.use_case}"

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
