"""Practices, the use cases that carry them out, what is objected to them, and the runs that rank them."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Record, RecordQuerySet
from alliance.members.models import Organisation
from kpis.models import Kpi
from practices.part_models import EffectSize as EffectSize
from practices.part_models import Part as Part
from practices.part_models import UsualEffect as UsualEffect
from practices.suggestion_models import Suggestion as Suggestion
from practices.suggestion_models import SuggestionState as SuggestionState
from usecases.models import UseCase, Vertical


class PracticeState(models.TextChoices):
    """Where a practice stands. Visitors see what is accepted or emerging."""

    PROPOSED = "proposed", _("Proposed")
    ACCEPTED = "accepted", _("Accepted")
    EMERGING = "emerging", _("Emerging")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    MERGED = "merged", _("Merged into another")


PUBLIC_STATES = (PracticeState.ACCEPTED, PracticeState.EMERGING)


class PracticeQuerySet(RecordQuerySet):
    """Practices, and who may see them."""

    def public(self):
        return self.filter(state__in=PUBLIC_STATES)

    def visible_to(self, user):
        """Accepted and emerging ones; members also see what they proposed, editors see all."""
        if user is not None and user.is_active and user.is_staff:
            return self
        if user is not None and user.is_authenticated:
            return self.filter(Q(state__in=PUBLIC_STATES) | Q(proposed_by=user))
        return self.public()


class Practice(Record):
    """A pattern that several cities can repeat, with what is known of how it works."""

    secret_fields = ("proposed_by_id",)

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=160)
    summary = models.TextField(_("what it is"))
    vertical = models.ForeignKey(Vertical, models.PROTECT, related_name="practices", verbose_name=_("field"))
    primary_kpi = models.ForeignKey(
        Kpi, models.PROTECT, related_name="practices", verbose_name=_("indicator it is judged by")
    )
    mechanism = models.TextField(_("how it works"), blank=True)
    conditions = models.TextField(_("conditions of success"), blank=True)
    risks = models.TextField(_("what can go wrong"), blank=True)
    cost_note = models.TextField(_("what is known of its cost"), blank=True)
    state = models.CharField(_("state"), max_length=10, choices=PracticeState, default=PracticeState.PROPOSED)
    state_reason = models.TextField(_("why it has this state"), blank=True)
    harm_confirmed = models.TextField(
        _("harm confirmed by an editor"),
        blank=True,
        help_text=_("It caps the certainty and is shown beside the effect."),
    )
    merged_into = models.ForeignKey(
        "self",
        models.RESTRICT,
        null=True,
        blank=True,
        editable=False,
        related_name="merged",
        verbose_name=_("merged into"),
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    objects = PracticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("practice")
        verbose_name_plural = _("practices")
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_merged_into_another",
                condition=(Q(state=PracticeState.MERGED, merged_into__isnull=False) & ~Q(merged_into=models.F("pk")))
                | (~Q(state=PracticeState.MERGED) & Q(merged_into=None)),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("practices:detail", args=[self.slug])


class FormerAddress(models.Model):
    """An address that a practice had once; it leads to the practice."""

    slug = models.SlugField(max_length=80, unique=True)
    practice = models.ForeignKey(Practice, models.CASCADE, related_name="former_addresses", verbose_name=_("practice"))

    class Meta:
        verbose_name = _("former address")
        verbose_name_plural = _("former addresses")
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class Implementation(Record):
    """A use case carries out a practice, for a stated reason."""

    use_case = models.ForeignKey(UseCase, models.CASCADE, related_name="implementations", verbose_name=_("use case"))
    practice = models.ForeignKey(Practice, models.CASCADE, related_name="implementations", verbose_name=_("practice"))
    reason = models.TextField(_("reason"))
    linked_by = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("linked by"),
        help_text=_("Empty: the editors."),
    )

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("link of a use case to a practice")
        verbose_name_plural = _("links of use cases to practices")
        ordering = ["practice", "use_case"]
        constraints = [models.UniqueConstraint(fields=["practice", "use_case"], name="%(app_label)s_%(class)s_once")]

    def __str__(self) -> str:
        return f"{self.practice}: {self.use_case}"


class Subject(models.TextChoices):
    """What a challenge objects to."""

    RESULT = "result", _("A result")
    LINK = "link", _("That a use case carries out this practice")
    GRADE = "grade", _("The grade of certainty")
    RULE = "rule", _("The rule")


class ChallengeState(models.TextChoices):
    """What became of a challenge."""

    OPEN = "open", _("Open")
    UPHELD = "upheld", _("Upheld")
    DECLINED = "declined", _("Declined")


class Challenge(Record):
    """A dated, public and reasoned objection to what a practice's page says, and the editors' answer."""

    is_restorable = False
    secret_fields = ("opened_by_id", "answered_by_id")

    practice = models.ForeignKey(Practice, models.CASCADE, related_name="challenges", verbose_name=_("practice"))
    subject = models.CharField(_("what it objects to"), max_length=8, choices=Subject)
    use_case = models.ForeignKey(
        UseCase, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("of which use case")
    )
    reason = models.TextField(_("why"))
    #: Shown with the challenge: the person's organisation, else their name.
    signed = models.CharField(_("signed"), max_length=200)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    state = models.CharField(_("state"), max_length=8, choices=ChallengeState, default=ChallengeState.OPEN)
    answer = models.TextField(_("answer of the editors"), blank=True)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True, editable=False)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("challenge")
        verbose_name_plural = _("challenges")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_answered_or_open",
                condition=Q(state=ChallengeState.OPEN, answered_at=None)
                | (~Q(state=ChallengeState.OPEN) & Q(answered_at__isnull=False) & ~Q(answer="")),
                violation_error_message=_("A challenge is closed by an answer."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.practice}: {self.get_subject_display()}"


class Evidence(models.Model):
    """What the results of a practice add up to: computed, never typed in. Made anew when a change touches it."""

    practice = models.OneToOneField(Practice, models.CASCADE, primary_key=True, related_name="evidence")
    rule_version = models.CharField(max_length=20)
    inputs_hash = models.CharField(max_length=64)
    #: The day by which results are old or new.
    as_of = models.DateField()
    #: See `practices.judging`; `practices.evidence.with_results` puts the single results to it.
    body = models.JSONField()
    #: What of it the ranking looks at: see `practices.judging.candidate_of`.
    candidate = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("evidence of a practice")
        verbose_name_plural = _("evidence of practices")

    def __str__(self) -> str:
        return str(self.practice_id)


class TouchedPractice(models.Model):
    """A practice whose evidence is to be made anew, and the first change that asks for it."""

    practice_id = models.BigIntegerField(primary_key=True)
    #: In English: what changed, such as "new result".
    cause = models.CharField(max_length=40)

    class Meta:
        verbose_name = _("touched practice")
        verbose_name_plural = _("touched practices")

    def __str__(self) -> str:
        return str(self.practice_id)


class RankingRun(Record):
    """One computation of the default order: with the rule and these inputs it comes out the same again."""

    is_restorable = False

    as_of = models.DateField(_("as of"))
    rule_version = models.CharField(_("rule"), max_length=20)
    inputs_hash = models.CharField(_("hash of the inputs"), max_length=64)
    #: Columns of one entry a practice, as they take less room: see `practices.ranking.Candidate`.
    inputs = models.JSONField(_("inputs"))
    #: Causes of this run: practice slug -> what changed.
    causes = models.JSONField(_("causes"), default=dict)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("ranking")
        verbose_name_plural = _("rankings")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk} ({self.as_of})"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The inputs, one mapping a practice, as runs before columns kept them."""
        if isinstance(self.inputs, list):
            return self.inputs
        return [dict(zip(self.inputs, row, strict=True)) for row in zip(*self.inputs.values(), strict=True)]


#: What moves a practice, as runs keep it, and as pages say it.
CAUSE_WORDS = {
    "first ranking": _("First ranking"),
    "new practice": _("New practice"),
    "correction or new result": _("New or corrected result"),
    "new or changed link": _("A use case was linked or taken away"),
    "challenge": _("A challenge was opened or answered"),
    "changed practice": _("The practice was edited"),
    "changed record": _("A record that it rests on was edited"),
    "rule": _("New version of the rule"),
    "age": _("Results grew older"),
    "repair": _("Full check"),
    "other practices moved": _("Other practices moved"),
}


class Score(models.Model):
    """A practice's place in one run, and the lines that add up to its score."""

    run = models.ForeignKey(RankingRun, models.CASCADE, related_name="scores")
    practice = models.ForeignKey(Practice, models.CASCADE, related_name="scores")
    #: None: not enough evidence.
    place = models.PositiveIntegerField(null=True)
    band = models.PositiveIntegerField(null=True)
    total = models.FloatField(null=True)
    #: Mappings of `name`, `points`, `code`, `params`: see `practices.ranking_words`.
    lines = models.JSONField(default=list)
    #: Why the place differs from the run before; empty when it does not.
    cause = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        ordering = ["run", "place", "pk"]
        constraints = [models.UniqueConstraint(fields=["run", "practice"], name="%(app_label)s_%(class)s_once")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.practice_id}"

    @property
    def cause_words(self) -> str:
        """The cause in the reader's language; one without words of its own as it stands."""
        return str(CAUSE_WORDS.get(self.cause, self.cause))
