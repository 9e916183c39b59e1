"""People who sign in."""

from django.conf import settings
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _


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


class Digest(models.TextChoices):
    """How often a person hears by e-mail of what happened to what is theirs."""

    AT_ONCE = "at-once", _("At once")
    DAILY = "daily", _("Once a day")
    WEEKLY = "weekly", _("Once a week")
    NEVER = "never", _("Never")


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

    digest = models.CharField(_("mails about your records"), max_length=8, choices=Digest, default=Digest.DAILY)
    language = models.CharField(
        _("language of mails"), max_length=8, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE
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

    #: Set for a request, never stored: rights that wait for a second factor (see `alliance.members.second_factor`).
    needs_second_factor = False
    rights_rest = False

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args, **kwargs) -> None:
        """Rights that only rest are not lost when the person changes a password."""
        if self.rights_rest and kwargs.get("update_fields") is None:
            kept = {"id", "is_staff", "is_superuser"}
            kwargs["update_fields"] = [field.name for field in self._meta.concrete_fields if field.name not in kept]
        super().save(*args, **kwargs)

    def has_perm(self, perm, obj=None) -> bool:
        return super().has_perm(perm, obj) and (not self.needs_second_factor or self.has_second_factor)

    def has_module_perms(self, app_label) -> bool:
        return super().has_module_perms(app_label) and (not self.needs_second_factor or self.has_second_factor)

    @cached_property
    def has_second_factor(self) -> bool:
        """Whether an authenticator app or a passkey is set up; recovery codes alone are none."""
        from allauth.mfa.models import Authenticator

        kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
        return Authenticator.objects.filter(user_id=self.pk, type__in=kinds).exists()

    @property
    def shown_name(self) -> str:
        """As colleagues read it: the address is shown to nobody else."""
        return self.name or str(_("user no. %(number)s") % {"number": self.pk})

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name
