"""A report: what a member entered, as it was entered, on its way to being evidence."""

import secrets

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Versioned
from alliance.core.verticals import VerticalCode
from alliance.members.models import Organisation, Role, User
from kpis.models import Result
from reporting.states import MOVES, State
from usecases.models import UseCase


def new_key() -> str:
    """An identifier that tells nothing and cannot be guessed in a lifetime (72 bits)."""
    return secrets.token_urlsafe(9)


class Kind(models.TextChoices):
    """What is reported."""

    USE_CASE = "use-case", _("Use case")
    RESULT = "result", _("Result")


class ReportQuerySet(models.QuerySet):
    """Reports, and who may see them: nobody but the organisation's people, and editors once it was submitted."""

    def visible_to(self, user):
        """Those of the user's organisations, in any state; editors also see all that was ever submitted."""
        if user is None or not user.is_authenticated or not user.is_active:
            return self.none()
        own = Q(organisation__in=Organisation.objects.of(user))
        return self.filter(own | ~Q(submitted_at=None)) if user.is_staff else self.filter(own)

    def editable_by(self, user):
        """Those that the user may write entries of, whatever their state."""
        return self.filter(organisation__in=Organisation.objects.of(user, Role.OWNER, Role.CONTRIBUTOR))


def _known_moves() -> Q:
    known = Q(previous_state="", state=State.DRAFT)
    for before, after in MOVES:
        known |= Q(previous_state=before, state=after)
    return known


class Report(Versioned):
    """A use case or a result as a member tells it.

    The entries are kept as typed, so that nothing is lost that cannot be read; `reporting.checking` reads them. Nothing
    of a report is public: when it is accepted, `reporting.publishing` writes the public record.
    """

    key = models.CharField(max_length=12, unique=True, default=new_key, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.DRAFT)
    #: Kept by a trigger of the database; with `state` it names the last move.
    previous_state = models.CharField(max_length=20, blank=True, default="", editable=False)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="reports", verbose_name=_("organisation")
    )
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="reports", verbose_name=_("begun by"))
    #: Name of the field -> text as typed, or a list of such mappings for what can be given several times.
    entries = models.JSONField(_("entries"), default=dict, blank=True)
    #: Code of a warning and its field, as `field:code` -> the member's answer.
    answers = models.JSONField(_("answers to warnings"), default=dict, blank=True)
    #: The use case whose result this is: a public one, or one that is reported as well.
    about = models.ForeignKey(UseCase, models.CASCADE, null=True, blank=True, related_name="result_reports")
    about_report = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="result_reports")
    #: The public record that this report is to correct.
    corrects_use_case = models.ForeignKey(
        UseCase, models.SET_NULL, null=True, blank=True, related_name="correction_reports"
    )
    corrects_result = models.ForeignKey(
        Result, models.SET_NULL, null=True, blank=True, related_name="correction_reports"
    )
    #: The public record that came of it.
    use_case = models.ForeignKey(UseCase, models.SET_NULL, null=True, blank=True, related_name="reports")
    result = models.OneToOneField(Result, models.SET_NULL, null=True, blank=True, related_name="report")
    #: The sheet that it came with, and the row there, counted as the sheet counts.
    imported_by = models.ForeignKey("reporting.Import", models.SET_NULL, null=True, blank=True, related_name="reports")
    row = models.PositiveIntegerField(null=True, blank=True)
    assigned_to = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="assigned_reports", verbose_name=_("editor")
    )
    #: The field of city life that it is about, as far as it could be read: editors choose by it.
    topic = models.CharField(_("field"), max_length=24, choices=VerticalCode, blank=True, editable=False)
    submitted_at = models.DateTimeField(_("first submitted"), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    objects = ReportQuerySet.as_manager()

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        ordering = ["-updated_at", "-pk"]
        indexes = [
            models.Index(fields=["organisation", "-updated_at"], name="report_of_organisation"),
            models.Index(fields=["submitted_at", "id"], name="report_queue", condition=Q(state="submitted")),
        ]
        constraints = [
            models.CheckConstraint(name="%(app_label)s_%(class)s_move_is_known", condition=_known_moves()),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_submitted_with_date",
                condition=Q(state__in=[State.DRAFT, State.WITHDRAWN]) | Q(submitted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_one_use_case",
                condition=Q(about=None) | Q(about_report=None),
            ),
        ]

    def __str__(self) -> str:
        return str(self.entries.get("title") or self.entries.get("kpi") or self.get_kind_display())

    def get_absolute_url(self) -> str:
        return reverse("reporting:report", args=[self.key])


class Round(models.Model):
    """The entries at one submission: what the reviewer saw. Two rounds are a diff."""

    report = models.ForeignKey(Report, models.CASCADE, related_name="rounds")
    number = models.PositiveSmallIntegerField()
    entries = models.JSONField()
    answers = models.JSONField(default=dict)
    submitted_at = models.DateTimeField(auto_now_add=True)
    submitted_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="submissions")

    class Meta:
        verbose_name = _("round")
        verbose_name_plural = _("rounds")
        ordering = ["report", "number"]
        constraints = [models.UniqueConstraint(fields=["report", "number"], name="%(app_label)s_%(class)s_once")]

    def __str__(self) -> str:
        return f"{self.report}, {self.number}"


class Move(models.Model):
    """A move of a report from one state to another: who, when, why. Written in the transaction of the move."""

    report = models.ForeignKey(Report, models.CASCADE, related_name="moves")
    before = models.CharField(max_length=20, choices=State)
    after = models.CharField(max_length=20, choices=State)
    actor = models.ForeignKey(User, models.SET_NULL, null=True, related_name="report_moves")
    reason = models.TextField(_("reason"), blank=True)
    at = models.DateTimeField(auto_now_add=True)
    #: Where the change log of the use case ended before this acceptance corrected it.
    log_before = models.BigIntegerField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("move")
        verbose_name_plural = _("moves")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.before} > {self.after}"
