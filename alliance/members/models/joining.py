"""How organisations and people come in: applications, and invitations."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Record, RecordQuerySet, Versioned
from alliance.core.verticals import VerticalCode
from alliance.members.models.organisations import Organisation, OrganisationKind, Role
from alliance.members.models.people import User


class ApplicationState(models.TextChoices):
    """Where an application stands."""

    UNVERIFIED = "unverified", _("Waits for your e-mail address to be confirmed")
    WAITING = "waiting", _("Waits for the chair")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Not accepted")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Application(Record):
    """Somebody asks that an organisation become a member. Its page is found by `key`, which only the applicant has."""

    key = models.CharField(max_length=43, unique=True, editable=False)
    state = models.CharField(_("state"), max_length=12, choices=ApplicationState, default=ApplicationState.UNVERIFIED)
    person_name = models.CharField(_("your name"), max_length=150)
    email = models.EmailField(_("e-mail address"))
    language = models.CharField(_("language"), max_length=8, default="en")
    user = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="applications")
    organisation = models.ForeignKey(
        Organisation,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="applications",
        verbose_name=_("organisation that is known here"),
    )
    organisation_name = models.CharField(_("organisation"), max_length=200)
    kind = models.CharField(_("kind"), max_length=24, choices=OrganisationKind)
    country = models.CharField(_("country"), max_length=2, help_text=_("ISO 3166-1 alpha-2."))
    place = models.CharField(_("city"), max_length=120, blank=True)
    website = models.URLField(_("website"), max_length=500, blank=True)
    reason = models.TextField(_("why you want to join"))
    topics = ArrayField(
        models.CharField(max_length=24, choices=VerticalCode), verbose_name=_("topics"), default=list, blank=True
    )
    #: Answers to the questions of the kind: name of the question -> text.
    details = models.JSONField(_("about the organisation"), default=dict, blank=True)
    verified_at = models.DateTimeField(_("address confirmed"), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="decisions")
    decision = models.TextField(_("reason of the decision"), blank=True)

    #: Decided by the chair alone; whoever has the key acts for the applicant.
    is_restorable = False
    secret_fields = ("key",)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        ordering = ["created_at", "pk"]
        permissions = [("chair", _("Decides who becomes a member"))]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_decided_with_reason",
                condition=~Q(state__in=["accepted", "rejected"]) | (Q(decided_at__isnull=False) & ~Q(decision="")),
                violation_error_message=_("A decision needs its date and its reason."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_verified_before_it_waits",
                condition=Q(state__in=["unverified", "withdrawn"]) | Q(verified_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_name}: {self.person_name}"


class ApplicationMessage(Versioned):
    """A question of the chair to an applicant, or an answer; private."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="messages")
    author = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="application_messages")
    from_applicant = models.BooleanField(_("from the applicant"), default=False)
    text = models.TextField(_("text"))

    class Meta:
        verbose_name = _("message to an applicant")
        verbose_name_plural = _("messages to applicants")
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return self.text[:60]


class Invitation(Versioned):
    """An organisation asks a person to join it. The token is in the mail only; here is its digest."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="invitations")
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=12, choices=Role, default=Role.CONTRIBUTOR)
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="invitations_made")
    expires_at = models.DateTimeField(_("valid until"))
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    accepted_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="invitations_taken")
    revoked_at = models.DateTimeField(_("taken back"), null=True, blank=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.organisation}: {self.email}"
