"""Which indicators of different sets say the same, or nearly so, and who says it."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Record, RecordQuerySet
from kpis.crosswalk_rules import Link, contradiction


class Relation(models.TextChoices):
    """How the first indicator of a link stands to the second."""

    EXACT = "exact", _("The same")
    CLOSE = "close", _("Nearly the same")
    BROADER = "broader", _("Broader than")
    NARROWER = "narrower", _("Narrower than")
    CONFLICTING = "conflicting", _("Alike in name, not comparable")


#: The same link, read from its other end.
INVERSE: dict[str, Relation] = {
    Relation.EXACT: Relation.EXACT,
    Relation.CLOSE: Relation.CLOSE,
    Relation.BROADER: Relation.NARROWER,
    Relation.NARROWER: Relation.BROADER,
    Relation.CONFLICTING: Relation.CONFLICTING,
}


class KpiLink(Record):
    """One link between two indicators: `kpi` is the same as, broader than, ... `other`.

    A pair has one link, read from both ends. The database refuses circles of broader indicators, and links that
    contradict those by which indicators are the same (trigger `kpis_kpilink_no_contradiction`).
    """

    kpi = models.ForeignKey("kpis.Kpi", models.CASCADE, related_name="links", verbose_name=_("indicator"))
    other = models.ForeignKey("kpis.Kpi", models.CASCADE, related_name="links_from", verbose_name=_("other indicator"))
    relation = models.CharField(_("relation"), max_length=12, choices=Relation)
    reason = models.TextField(_("reason"))
    said_by = models.CharField(_("said by"), max_length=120)
    source = models.CharField(_("source"), max_length=500)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("link between indicators")
        verbose_name_plural = _("links between indicators")
        ordering = ["kpi", "other", "pk"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_two_indicators",
                condition=~Q(kpi=F("other")),
                violation_error_message=_("An indicator is not linked to itself."),
            ),
            models.UniqueConstraint(
                Least("kpi", "other"),
                Greatest("kpi", "other"),
                name="%(app_label)s_%(class)s_one_for_a_pair",
                violation_error_message=_("These two are linked already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kpi} / {self.other}"

    def clean(self) -> None:
        """Say in words what the database would refuse."""
        super().clean()
        if self.kpi_id is None or self.other_id is None:
            return
        rows = KpiLink.objects.exclude(pk=self.pk).values_list("kpi_id", "other_id", "relation")
        ends = (self.kpi, self.other)
        message = contradiction(
            [Link(*row) for row in rows],
            Link(self.kpi_id, self.other_id, self.relation),
            {one.pk: one.direction for one in ends},
            {one.pk: one.unit for one in ends},
        )
        if message:
            raise ValidationError(message)
