"""Standards bodies, standards, and the editions in which a standard is published."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Record, RecordQuerySet
from alliance.core.verticals import VerticalCode
from standards.documents import StandardDocument as StandardDocument


class Layer(models.TextChoices):
    """The four layers of the European Interoperability Framework (2017)."""

    LEGAL = "legal", _("Legal")
    ORGANISATIONAL = "organisational", _("Organisational")
    SEMANTIC = "semantic", _("Semantic")
    TECHNICAL = "technical", _("Technical")


#: What each layer asks, in plain words.
LAYER_QUESTIONS: dict[str, object] = {
    Layer.LEGAL: _("May we do this?"),
    Layer.ORGANISATIONAL: _("Who does what?"),
    Layer.SEMANTIC: _("Do we mean the same thing?"),
    Layer.TECHNICAL: _("Do the systems connect?"),
}


class Aspect(models.TextChoices):
    """Non-functional concerns."""

    TRUST = "trust", _("Trust")
    IDENTITY = "identity", _("Identity")
    PRIVACY = "privacy", _("Privacy")
    SECURITY = "security", _("Security")


class StandardKind(models.TextChoices):
    """What a standard mainly is."""

    FRAMEWORK = "framework", _("Framework")
    INDICATOR = "indicator", _("Indicators")
    DATA_MODEL = "data model", _("Data model")
    PROTOCOL = "protocol", _("Protocol")
    API = "API", _("API")
    SECURITY = "security", _("Security")
    PRIVACY = "privacy", _("Privacy")
    IDENTITY = "identity", _("Identity")
    TRUST = "trust", _("Trust")
    GOVERNANCE = "governance", _("Governance")
    PROCUREMENT = "procurement", _("Procurement")
    MANAGEMENT_SYSTEM = "management system", _("Management system")
    ONTOLOGY = "ontology", _("Ontology")


class Access(models.TextChoices):
    """What reading the text costs; empty means that no source tells."""

    FREE = "free", _("Free to read")
    PAID = "paid", _("To be bought")


class IprTerms(models.TextChoices):
    """On which terms essential patents are licensed; empty means that no source tells."""

    ROYALTY_FREE = "royalty-free", _("Royalty-free")
    FRAND = "frand", _("Fair, reasonable and non-discriminatory")


class EditionStatus(models.TextChoices):
    """Where an edition stands at its publisher."""

    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    SUPERSEDED = "superseded", _("Superseded")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Body(Record):
    """An organisation that publishes standards, or a pair of them that does so jointly."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120, unique=True)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("standards body")
        verbose_name_plural = _("standards bodies")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse('standards:list')}?body={self.slug}"


class Standard(Record):
    """A standard or specification through all its editions, such as ISO 37120."""

    slug = models.SlugField(max_length=80, unique=True)
    designation = models.CharField(
        _("designation"), max_length=80, unique=True, help_text=_("Without year or version.")
    )
    body = models.ForeignKey(Body, models.PROTECT, related_name="standards", verbose_name=_("body"))
    title = models.CharField(_("title"), max_length=400, help_text=_("Of the newest edition."))
    kind = models.CharField(_("kind"), max_length=24, choices=StandardKind)
    layer = models.CharField(_("interoperability layer"), max_length=16, choices=Layer)
    verticals = ArrayField(
        models.CharField(max_length=24, choices=VerticalCode),
        verbose_name=_("fields"),
        default=list,
        blank=True,
    )
    aspects = ArrayField(
        models.CharField(max_length=16, choices=Aspect),
        verbose_name=_("non-functional aspects"),
        default=list,
        blank=True,
    )
    summary = models.TextField(_("summary"), blank=True)
    rfp_use = models.TextField(_("use in a tender"), blank=True)
    access = models.CharField(_("access"), max_length=8, choices=Access, blank=True)
    ipr_terms = models.CharField(_("patent terms"), max_length=16, choices=IprTerms, blank=True)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("standard")
        verbose_name_plural = _("standards")
        ordering = ["designation", "pk"]
        indexes = [
            GinIndex(fields=["verticals"], name="standard_verticals"),
            GinIndex(fields=["aspects"], name="standard_aspects"),
        ]

    def __str__(self) -> str:
        return self.designation

    def get_absolute_url(self) -> str:
        return reverse("standards:detail", args=[self.slug])


class Edition(Record):
    """One published text of a standard: a year, a version, an approval date."""

    standard = models.ForeignKey(Standard, models.CASCADE, related_name="editions", verbose_name=_("standard"))
    designation = models.CharField(
        _("full designation"), max_length=100, unique=True, help_text=_("With year or version.")
    )
    title = models.CharField(_("title"), max_length=400)
    year = models.PositiveSmallIntegerField(_("year"))
    status = models.CharField(_("status"), max_length=12, choices=EditionStatus)
    supersedes = models.ForeignKey(
        "self",
        models.SET_NULL,
        related_name="superseded_by",
        null=True,
        blank=True,
        verbose_name=_("supersedes"),
    )
    supersedes_designation = models.CharField(
        _("supersedes, as its source says"),
        max_length=100,
        blank=True,
        help_text=_("The earlier document; it need not be in this catalogue."),
    )
    url = models.URLField(_("page at the publisher"), max_length=500, blank=True)
    source = models.CharField(_("source"), max_length=500, help_text=_("Where title and year were checked."))

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("edition")
        verbose_name_plural = _("editions")
        ordering = ["-year", "designation", "pk"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_year",
                condition=Q(year__range=(1900, 2100)),
                violation_error_message=_("The year has four digits, from 1900 to 2100."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_not_its_own_predecessor",
                condition=Q(supersedes=None) | ~Q(supersedes=models.F("pk")),
                violation_error_message=_("An edition cannot supersede itself."),
            ),
        ]

    def __str__(self) -> str:
        return self.designation
