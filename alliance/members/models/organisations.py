"""Organisations, who belongs to them, and what they have declared."""

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Record, RecordQuerySet
from alliance.members.models.people import User


class OrganisationKind(models.TextChoices):
    """The nine kinds of member; empty means that no source tells."""

    MUNICIPALITY = "municipality", _("Municipality")
    LARGE_CORPORATION = "large-corporation", _("Large corporation")
    SMALL_CORPORATION = "small-corporation", _("Small corporation")
    ACADEMIA = "academia", _("Academia")
    GOVERNMENT_AGENCY = "government-agency", _("Government agency")
    STANDARDS_BODY = "standards-body", _("Standards body")
    FINANCIAL_INSTITUTION = "financial-institution", _("Financial institution")
    COMMUNITY_GROUP = "community-group", _("Community group")
    INDIVIDUAL = "individual", _("Individual")


class OrganisationQuerySet(RecordQuerySet):
    """Organisations, and whose they are."""

    def of(self, user, *roles):
        """Those that a user belongs to now, in one of the roles (any when none is named)."""
        if user is None or not user.is_active or not user.is_authenticated:
            return self.none()
        return self.filter(pk__in=Membership.objects.current(user, *roles).values("organisation"))


class Organisation(Record):
    """Who runs, pays for, supplies or studies a use case; a member of the Alliance, once the chair has accepted it."""

    slug = models.SlugField(max_length=120, unique=True)
    name = models.CharField(_("name"), max_length=200, unique=True)
    kind = models.CharField(_("kind"), max_length=24, choices=OrganisationKind, blank=True)
    url = models.URLField(_("website"), max_length=500, blank=True)

    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("ISO 3166-1 alpha-2."))
    place = models.CharField(_("city"), max_length=120, blank=True)
    about = models.TextField(_("about"), blank=True, help_text=_("In the organisation's own words."))
    member_since = models.DateField(_("member since"), null=True, blank=True, help_text=_("Empty: not a member."))

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("organisations:detail", args=[self.slug])


class Role(models.TextChoices):
    """What a person may do for an organisation."""

    OWNER = "owner", _("Owner: invites, leaves to others, and all below")
    CONTRIBUTOR = "contributor", _("Contributor: reports and answers")
    READER = "reader", _("Reader: sees what is not public yet")


class MembershipQuerySet(RecordQuerySet):
    """Who belongs to which organisation."""

    def current(self, user=None, *roles):
        """Memberships that have not ended, of one user or of all, in one of the roles (any when none is named)."""
        rows = self.filter(ended_at=None)
        if user is not None:
            rows = rows.filter(user=user)
        return rows.filter(role__in=roles) if roles else rows


class Membership(Record):
    """A person belongs to an organisation, in one role at a time. Ended ones stay, so that old records have authors."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("person"))
    organisation = models.ForeignKey(
        Organisation, models.CASCADE, related_name="memberships", verbose_name=_("organisation")
    )
    role = models.CharField(_("role"), max_length=12, choices=Role)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    #: Owners give and end roles; a role that is over does not come back by way of the history.
    is_restorable = False

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["organisation", "user", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organisation"],
                condition=Q(ended_at=None),
                name="%(app_label)s_%(class)s_once",
                violation_error_message=_("This person belongs to the organisation already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation}: {self.user}"


class InterestKind(models.TextChoices):
    """What binds a person or an organisation to another organisation."""

    VENDOR_OF = "vendor-of", _("Sells to")
    FUNDED_BY = "funded-by", _("Is funded by")
    COMPETITOR_OF = "competitor-of", _("Competes with")
    EMPLOYED_BY = "employed-by", _("Works or has worked for")
    OTHER = "other", _("Is bound otherwise to")


class InterestQuerySet(RecordQuerySet):
    """Declared interests."""

    def current(self):
        """Those that have not ended."""
        return self.filter(ended_on=None)

    def of(self, user):
        """What a user has declared, and what the user's organisations have."""
        return self.filter(Q(user=user) | Q(organisation__in=Organisation.objects.of(user)))


class Interest(Record):
    """A declared interest of a person or an organisation in another organisation; public."""

    user = models.ForeignKey(User, models.CASCADE, related_name="interests", null=True, blank=True)
    organisation = models.ForeignKey(
        Organisation, models.CASCADE, related_name="interests", null=True, blank=True, verbose_name=_("organisation")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=InterestKind)
    about = models.ForeignKey(
        Organisation, models.CASCADE, related_name="interests_in_it", verbose_name=_("in which organisation")
    )
    note = models.CharField(_("note"), max_length=300, blank=True)
    started_on = models.DateField(_("since"), null=True, blank=True)
    ended_on = models.DateField(_("until"), null=True, blank=True)

    is_restorable = False

    objects = InterestQuerySet.as_manager()

    class Meta:
        verbose_name = _("declared interest")
        verbose_name_plural = _("declared interests")
        ordering = ["about", "pk"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_of_one",
                condition=Q(user=None, organisation__isnull=False) | Q(user__isnull=False, organisation=None),
                violation_error_message=_("An interest is declared by a person or by an organisation."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_not_in_itself",
                condition=Q(organisation=None) | ~Q(organisation=models.F("about")),
                violation_error_message=_("An organisation has no declared interest in itself."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.organisation} {self.get_kind_display()} {self.about}"
