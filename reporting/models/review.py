"""The dialogue about a report, and how a result was checked."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Record, RecordQuerySet, Versioned
from alliance.members.models import Organisation, User
from kpis.models import Result, Verification
from reporting.models.reports import Report
from usecases.models import UseCase


class Comment(Versioned):
    """A remark on one field of a report (or on all of it), or an answer in its thread."""

    report = models.ForeignKey(Report, models.CASCADE, related_name="comments")
    #: Round that was looked at; None for what is said between rounds.
    round_number = models.PositiveSmallIntegerField(null=True, blank=True)
    #: Name of the field; empty: the report as a whole.
    field = models.CharField(max_length=60, blank=True)
    thread = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="replies")
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="report_comments")
    text = models.TextField(_("comment"))
    resolved_at = models.DateTimeField(_("settled"), null=True, blank=True)
    resolved_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="settled_comments")

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return self.text[:60]


class Mandate(Versioned):
    """An editor has named an organisation that shall verify a result independently."""

    result = models.ForeignKey(Result, models.CASCADE, related_name="mandates", verbose_name=_("result"))
    organisation = models.ForeignKey(
        Organisation, models.CASCADE, related_name="mandates", verbose_name=_("who shall verify it")
    )
    named_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="mandates_given")

    class Meta:
        verbose_name = _("mandate to verify")
        verbose_name_plural = _("mandates to verify")
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["result", "organisation"], name="%(app_label)s_%(class)s_once"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation}: {self.result}"


class Merge(models.Model):
    """Two use cases were found to be one: which, by whom, why."""

    merged = models.ForeignKey(UseCase, models.CASCADE, related_name="merges_away", verbose_name=_("merged"))
    kept = models.ForeignKey(UseCase, models.CASCADE, related_name="merges", verbose_name=_("kept"))
    actor = models.ForeignKey(User, models.SET_NULL, null=True, related_name="merges_made")
    reason = models.TextField(_("reason"))
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("merging of use cases")
        verbose_name_plural = _("mergings of use cases")
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.merged} > {self.kept}"


class VerificationCheck(Record):
    """Somebody checked a result: who, when, what, and the level that it reached by it. Public."""

    # What somebody has vouched for is not written anew by somebody else.
    is_restorable = False

    result = models.ForeignKey(Result, models.CASCADE, related_name="checks", verbose_name=_("result"))
    level = models.PositiveSmallIntegerField(_("level"), choices=Verification)
    checker = models.ForeignKey(User, models.SET_NULL, null=True, related_name="checks_made")
    organisation = models.ForeignKey(
        Organisation, models.SET_NULL, null=True, blank=True, related_name="checks_made", verbose_name=_("for")
    )
    what = models.TextField(_("what was checked"))
    checked_on = models.DateField(_("when"))

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("check of a result")
        verbose_name_plural = _("checks of results")
        ordering = ["-checked_on", "-pk"]

    def __str__(self) -> str:
        return f"{self.get_level_display()}, {self.checked_on}"
