"""Promises: what a pilot is expected to change, registered before it starts."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Record, RecordQuerySet
from alliance.members.models import Organisation, User
from kpis.models import Kpi, Result
from reporting.models.reports import new_key
from usecases.models import City, UseCase, Vertical


class RegistrationQuerySet(RecordQuerySet):
    """Registrations, and who may see them."""

    def visible_to(self, user):
        """Those that are sealed, and one's own organisations' before."""
        return self.filter(~Q(sealed_at=None) | Q(organisation__in=Organisation.objects.of(user)))


class Registration(Record):
    """What a pilot promises. Once sealed nothing of it changes but the result that answers it; public."""

    is_restorable = False

    key = models.CharField(max_length=12, unique=True, default=new_key, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="registrations")
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="registrations")
    title = models.CharField(_("the pilot"), max_length=200)
    city = models.ForeignKey(City, models.PROTECT, related_name="registrations", verbose_name=_("city"))
    vertical = models.ForeignKey(Vertical, models.PROTECT, related_name="registrations", verbose_name=_("field"))
    kpi = models.ForeignKey(Kpi, models.PROTECT, related_name="registrations", verbose_name=_("indicator"))
    unit = models.CharField(_("unit"), max_length=60)
    baseline_value = models.DecimalField(_("before"), max_digits=24, decimal_places=6, null=True, blank=True)
    baseline_on = models.DateField(_("measured on"), null=True, blank=True)
    expected_change_percent = models.DecimalField(_("expected change, percent"), max_digits=12, decimal_places=4)
    comparison = models.TextField(_("how it will be compared"))
    stop_rule = models.TextField(_("when it will be stopped"))
    starts_on = models.DateField(_("start"))
    due_on = models.DateField(_("result due"))
    sealed_at = models.DateTimeField(_("sealed"), null=True, blank=True)
    seal = models.CharField(_("seal"), max_length=64, blank=True, help_text=_("SHA-256 of what was registered."))
    use_case = models.ForeignKey(UseCase, models.SET_NULL, null=True, blank=True, related_name="registrations")
    result = models.ForeignKey(Result, models.SET_NULL, null=True, blank=True, related_name="registrations")

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = _("registration")
        verbose_name_plural = _("registrations")
        ordering = ["due_on", "pk"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_sealed_with_date",
                condition=Q(sealed_at=None, seal="") | (Q(sealed_at__isnull=False) & ~Q(seal="")),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_due_after_start",
                condition=Q(due_on__gt=models.F("starts_on")),
                violation_error_message=_("The result is due after the start."),
            ),
        ]

    def __str__(self) -> str:
        return self.title
