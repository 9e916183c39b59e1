"""People who sign in, and the organisations that take part in use cases."""

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Record, RecordQuerySet
from alliance.members.documents import OrganisationDocument as OrganisationDocument


class UserManager(BaseUserManager):
    """Makes users by e-mail address; the name is optional."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> "User":
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class User(AbstractUser):
    """A person. The e-mail address is the login; it is never shown to others."""

    username = None
    first_name = None
    last_name = None
    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(
        _("name"),
        max_length=150,
        blank=True,
        help_text=_("As others should read it. You may leave it empty."),
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []
    objects = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="%(app_label)s_%(class)s_email_once",
                violation_error_message=_("There is an account with this address already."),
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


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


class Organisation(Record):
    """Who runs, pays for, supplies or studies a use case."""

    slug = models.SlugField(max_length=120, unique=True)
    name = models.CharField(_("name"), max_length=200, unique=True)
    kind = models.CharField(_("kind"), max_length=24, choices=OrganisationKind, blank=True)
    url = models.URLField(_("website"), max_length=500, blank=True)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("organisations:detail", args=[self.slug])
