"""Groups of use cases that look like one practice, as the nightly search hands them to the editors."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from usecases.models import Vertical


class SuggestionState(models.TextChoices):
    """What became of a suggestion."""

    OPEN = "open", _("Open")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")


class Suggestion(models.Model):
    """Use cases in no practice that look like one. Editors alone see it; what they decide about a set holds for it."""

    #: Of the slugs of the use cases: the same set is suggested once.
    fingerprint = models.CharField(max_length=64, unique=True, editable=False)
    found_at = models.DateTimeField(_("found"), auto_now_add=True)
    vertical = models.ForeignKey(Vertical, models.PROTECT, related_name="+", verbose_name=_("field"))
    #: Mean likeness of two of its cases, 0 to 1.
    likeness = models.FloatField(_("likeness"))
    #: One mapping a case: `use_case` (slug), and `parts`: mappings of `name`, `points` and what is `shared`.
    cases = models.JSONField(_("use cases"))
    state = models.CharField(_("state"), max_length=8, choices=SuggestionState, default=SuggestionState.OPEN)
    reason = models.TextField(_("reason"), blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )
    practice = models.ForeignKey(
        "practices.Practice", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("practice")
    )

    class Meta:
        verbose_name = _("suggested practice")
        verbose_name_plural = _("suggested practices")
        ordering = ["-likeness", "pk"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_open_or_decided",
                condition=Q(state=SuggestionState.OPEN, decided_at=None)
                | (~Q(state=SuggestionState.OPEN) & Q(decided_at__isnull=False) & ~Q(reason="")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.vertical}: {len(self.cases)}"

    def get_absolute_url(self) -> str:
        return reverse("practices:suggestion", args=[self.pk])

    @property
    def slugs(self) -> list[str]:
        """Of its use cases."""
        return [one["use_case"] for one in self.cases]
