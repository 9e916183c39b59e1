"""Places, fields, technologies, and the use cases that bring them together."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, Q, Value, When
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Record, RecordQuerySet
from alliance.core.verticals import VerticalCode
from alliance.members.models import Organisation
from standards.models import Edition, Standard
from usecases.documents import CityDocument as CityDocument
from usecases.documents import UseCaseDocument as UseCaseDocument
from usecases.places import country_name, region_name

FIRST_YEAR, LAST_YEAR = 1950, 2100


class Region(Record):
    """A region of the United Nations SDG grouping."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=80, unique=True)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("region")
        verbose_name_plural = _("regions")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return region_name(self.slug, self.name)


class Country(Record):
    """A country by its ISO 3166-1 code; the name is that of the Unicode CLDR."""

    code = models.CharField(_("code"), max_length=2, unique=True, help_text=_("ISO 3166-1 alpha-2."))
    name = models.CharField(_("name in English"), max_length=80)
    region = models.ForeignKey(Region, models.PROTECT, related_name="countries", verbose_name=_("region"))

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("country")
        verbose_name_plural = _("countries")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return country_name(self.code, self.name)

    def get_absolute_url(self) -> str:
        return f"{reverse('usecases:list')}?country={self.code}"


class SizeBand(models.TextChoices):
    """City sizes of the OECD and the European Commission (Dijkstra and Poelman, 2012), by population."""

    UNDER_50K = "under-50k", _("Under 50,000")
    FROM_50K = "50k-100k", _("50,000 to 100,000")
    FROM_100K = "100k-250k", _("100,000 to 250,000")
    FROM_250K = "250k-500k", _("250,000 to 500,000")
    FROM_500K = "500k-1m", _("500,000 to 1 million")
    FROM_1M = "1m-5m", _("1 to 5 million")
    FROM_5M = "over-5m", _("5 million and more")
    UNKNOWN = "unknown", _("Not known")


def _size_band() -> Case:
    limits = [
        (50_000, SizeBand.UNDER_50K),
        (100_000, SizeBand.FROM_50K),
        (250_000, SizeBand.FROM_100K),
        (500_000, SizeBand.FROM_250K),
        (1_000_000, SizeBand.FROM_500K),
        (5_000_000, SizeBand.FROM_1M),
    ]
    return Case(
        When(population=None, then=Value("unknown")),
        *(When(population__lt=limit, then=Value(band.value)) for limit, band in limits),
        default=Value("over-5m"),
    )


class City(Record):
    """A city where something was tried, or that may look for cases like itself."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(_("name"), max_length=120)
    country = models.ForeignKey(Country, models.PROTECT, related_name="cities", verbose_name=_("country"))
    latitude = models.DecimalField(
        _("latitude"),
        max_digits=8,
        decimal_places=5,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
    )
    longitude = models.DecimalField(
        _("longitude"),
        max_digits=8,
        decimal_places=5,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
    )
    population = models.PositiveIntegerField(
        _("population"), null=True, blank=True, help_text=_("Of the city proper. Empty: not known.")
    )
    size_band = models.GeneratedField(
        expression=_size_band(),
        output_field=models.CharField(_("size"), max_length=12, choices=SizeBand),
        db_persist=True,
    )
    source = models.CharField(_("source"), max_length=500)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("city")
        verbose_name_plural = _("cities")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["name", "country"], name="%(app_label)s_%(class)s_once_a_country"),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_on_earth",
                condition=Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                violation_error_message=_("Latitude runs from -90 to 90, longitude from -180 to 180."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("cities:detail", args=[self.slug])


class Vertical(Record):
    """A field of city life, such as mobility or water."""

    code = models.CharField(_("code"), max_length=24, unique=True, choices=VerticalCode)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("field")
        verbose_name_plural = _("fields")
        ordering = ["code", "pk"]

    def __str__(self) -> str:
        # `get_code_display` translates all sixteen to find one.
        return str(VerticalCode(self.code).label)

    def get_absolute_url(self) -> str:
        return f"{reverse('usecases:list')}?vertical={self.code}"


class Technology(Record):
    """A thing that a use case is built with, in the words of its source."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(_("name"), max_length=120, unique=True)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("technology")
        verbose_name_plural = _("technologies")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse('usecases:list')}?technology={self.slug}"


class Stage(models.TextChoices):
    """How far a use case has come, as far as its source tells."""

    PILOT = "pilot", _("Pilot")
    LAUNCHED = "launched", _("Launched")
    SCALED = "scaled", _("Scaled up")
    ENDED = "ended", _("Ended")


class CovidRelevance(models.TextChoices):
    """What a use case has to do with COVID-19."""

    DIRECT = "direct", _("Built or used for COVID-19")
    INDIRECT = "indirect", _("Useful in a pandemic")
    NONE = "none", _("No bearing stated")


class Status(models.TextChoices):
    """Who may see a use case: everybody, once it is published."""

    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class UseCaseQuerySet(RecordQuerySet):
    """Use cases, and who may see them."""

    def visible_to(self, user):
        """Everything published; editors also see drafts and withdrawn records."""
        if user is not None and user.is_active and user.is_staff:
            return self
        return self.filter(status=Status.PUBLISHED)

    def moved_to(self, slug: str) -> str:
        """The slug of the published use case that one of this slug was merged into; empty when it was not."""
        found = self.filter(status=Status.PUBLISHED, merged__slug=slug)
        return found.values_list("slug", flat=True).first() or ""

    def for_cards(self):
        """Rows with all that a list shows of them: a fixed number of queries for any number of rows."""
        return self.select_related("vertical", "city__country__region")

    def for_documents(self):
        """Rows with all that the public JSON of a use case holds."""
        return (
            self.for_cards()
            .select_related("reported_by")
            .prefetch_related(
                "technologies",
                models.Prefetch("participations", Participation.objects.select_related("organisation")),
                models.Prefetch("standard_uses", StandardUse.objects.select_related("standard__body", "edition")),
                "lessons",
            )
        )


class UseCase(Record):
    """One way a city used technology to reach a stated aim, as its source tells it."""

    # What a search marks; of a row that was not searched for there is nothing, which templates ask often.
    title_marked = city_marked = ""

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(_("title"), max_length=200)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    published_at = models.DateTimeField(_("published"), null=True, blank=True, editable=False)
    vertical = models.ForeignKey(Vertical, models.PROTECT, related_name="use_cases", verbose_name=_("field"))
    city = models.ForeignKey(City, models.PROTECT, related_name="use_cases", verbose_name=_("city"))
    latitude = models.DecimalField(
        _("latitude"),
        max_digits=8,
        decimal_places=5,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
    )
    longitude = models.DecimalField(
        _("longitude"),
        max_digits=8,
        decimal_places=5,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
    )
    stage = models.CharField(_("stage"), max_length=10, choices=Stage)
    started_year = models.PositiveSmallIntegerField(_("start"), null=True, blank=True)
    ended_year = models.PositiveSmallIntegerField(_("end"), null=True, blank=True)
    problem = models.TextField(_("what was wrong"))
    solution = models.TextField(_("what the city did"))
    covid_relevance = models.CharField(
        _("COVID-19"), max_length=10, choices=CovidRelevance, default=CovidRelevance.NONE
    )
    cost_amount = models.DecimalField(
        _("cost"), max_digits=16, decimal_places=2, null=True, blank=True, help_text=_("Empty: not stated.")
    )
    cost_currency = models.CharField(_("currency"), max_length=3, blank=True, help_text=_("ISO 4217."))
    city_from_outset = models.BooleanField(
        _("city in from the outset"), null=True, blank=True, help_text=_("Empty: not known.")
    )
    alliance_from_outset = models.BooleanField(
        _("Alliance in from the outset"), null=True, blank=True, help_text=_("Empty: not known.")
    )
    source = models.CharField(_("source"), max_length=500)
    reported_by = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="reported_use_cases",
        verbose_name=_("reported by"),
        help_text=_("Empty: taken from a public source."),
    )
    completeness = models.PositiveSmallIntegerField(
        _("completeness, percent"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Of what members are asked; empty: not reported by a member."),
    )
    is_minimal = models.BooleanField(
        _("essentials only"),
        default=False,
        editable=False,
        help_text=_("It can be found, but is not ranked."),
    )
    merged_into = models.ForeignKey(
        "self",
        models.RESTRICT,
        null=True,
        blank=True,
        editable=False,
        related_name="merged",
        verbose_name=_("merged into"),
        help_text=_("Its address leads there."),
    )
    technologies = models.ManyToManyField(
        Technology, related_name="use_cases", blank=True, verbose_name=_("technologies")
    )
    organisations = models.ManyToManyField(
        Organisation, through="Participation", related_name="use_cases", verbose_name=_("organisations")
    )
    standards = models.ManyToManyField(
        Standard, through="StandardUse", related_name="use_cases", verbose_name=_("standards")
    )

    objects = UseCaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("use case")
        verbose_name_plural = _("use cases")
        ordering = ["title", "pk"]
        indexes = [
            models.Index(fields=["title", "id"], name="usecase_title"),
            GinIndex(OpClass("title", name="gin_trgm_ops"), name="usecase_title_alike"),
            models.Index(fields=["-published_at", "id"], name="usecase_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_draft_or_dated",
                condition=Q(status=Status.DRAFT, published_at=None)
                | (~Q(status=Status.DRAFT) & Q(published_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_years_in_order",
                condition=Q(started_year=None) | Q(ended_year=None) | Q(ended_year__gte=models.F("started_year")),
                violation_error_message=_("A use case cannot end before it starts."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_years_plausible",
                condition=(Q(started_year=None) | Q(started_year__range=(FIRST_YEAR, LAST_YEAR)))
                & (Q(ended_year=None) | Q(ended_year__range=(FIRST_YEAR, LAST_YEAR))),
                violation_error_message=_("Years run from 1950 to 2100."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_cost_with_currency",
                condition=Q(cost_amount=None, cost_currency="") | (Q(cost_amount__gte=0) & ~Q(cost_currency="")),
                violation_error_message=_("A cost needs its currency, and cannot be negative."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_on_earth",
                condition=Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                violation_error_message=_("Latitude runs from -90 to 90, longitude from -180 to 180."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_completeness_is_a_share",
                condition=Q(completeness=None) | Q(completeness__lte=100),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_merged_is_withdrawn",
                condition=Q(merged_into=None) | (Q(status=Status.WITHDRAWN) & ~Q(merged_into=models.F("pk"))),
            ),
        ]

    def get_stage_display(self) -> str:  # type: ignore[no-redef]
        # Django's own translates every stage to find one.
        return str(Stage(self.stage).label)

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("usecases:detail", args=[self.slug])


class UseState(models.TextChoices):
    """How a use case relates to a standard that it names."""

    REQUIRED = "required", _("Required")
    USED = "used", _("Used")
    PLANNED = "planned", _("Planned")


class StandardUse(Record):
    """A use case relies on a standard, by a public source."""

    use_case = models.ForeignKey(UseCase, models.CASCADE, related_name="standard_uses")
    standard = models.ForeignKey(Standard, models.PROTECT, related_name="uses", verbose_name=_("standard"))
    edition = models.ForeignKey(
        Edition,
        models.PROTECT,
        related_name="uses",
        null=True,
        blank=True,
        verbose_name=_("edition"),
        help_text=_("Empty: the source does not say which."),
    )
    state = models.CharField(_("state"), max_length=10, choices=UseState, default=UseState.USED)
    problems_met = models.TextField(_("problems met"), blank=True)
    source = models.CharField(_("source"), max_length=500, blank=True)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("use of a standard")
        verbose_name_plural = _("uses of standards")
        ordering = ["standard__designation", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["use_case", "standard", "edition"],
                name="%(app_label)s_%(class)s_once",
                nulls_distinct=False,
                violation_error_message=_("This use case names this edition already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.use_case}: {self.edition or self.standard}"


class ParticipationRole(models.TextChoices):
    """What an organisation does in a use case; empty means that no source tells."""

    LEAD = "lead", _("Runs it")
    SUPPLIER = "supplier", _("Supplies")
    FUNDER = "funder", _("Funds")
    RESEARCH = "research", _("Studies")
    PARTNER = "partner", _("Takes part")


class Participation(Record):
    """An organisation takes part in a use case."""

    use_case = models.ForeignKey(UseCase, models.CASCADE, related_name="participations")
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="participations", verbose_name=_("organisation")
    )
    role = models.CharField(_("role"), max_length=12, choices=ParticipationRole, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("participation")
        verbose_name_plural = _("participations")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["use_case", "organisation"],
                name="%(app_label)s_%(class)s_once",
                violation_error_message=_("This organisation takes part already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation}: {self.use_case}"


class Confidence(models.TextChoices):
    """How sure those who state a lesson are of it; empty means that they do not tell."""

    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")


class Lesson(Record):
    """What others can learn. A source that states it in one sentence fills `advice` alone."""

    use_case = models.ForeignKey(UseCase, models.CASCADE, related_name="lessons")
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    context = models.TextField(_("context"), blank=True)
    cause = models.TextField(_("cause"), blank=True)
    effect = models.TextField(_("effect"), blank=True)
    advice = models.TextField(_("what others can learn"))
    confidence = models.CharField(_("confidence"), max_length=8, choices=Confidence, blank=True)
    source = models.CharField(_("source"), max_length=500, blank=True)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("lesson")
        verbose_name_plural = _("lessons")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["use_case", "position"], name="%(app_label)s_%(class)s_position_once")
        ]

    def __str__(self) -> str:
        return self.advice
