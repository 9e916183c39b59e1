"""Tokens with which programs act for a person."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Versioned
from alliance.members.models.organisations import Organisation
from alliance.members.models.people import User


class Scope(models.TextChoices):
    """What a token may do; whatever its owner may not do, it may not either."""

    READ = "read", _("Read what the owner may see")
    REPORT = "report", _("Report use cases and results")


class ApiToken(Versioned):
    """A token of a program: `alliance_<key>.<secret>`, shown once. Here are its key and a keyed hash of its secret."""

    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="api_tokens", null=True, blank=True)
    name = models.CharField(_("what it is for"), max_length=100)
    key = models.CharField(max_length=16, unique=True, editable=False)
    secret_digest = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=12, choices=Scope), verbose_name=_("it may"), default=list)
    expires_at = models.DateTimeField(_("valid until"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("taken back"), null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def scope_words(self) -> list[str]:
        """What it may, for people."""
        return [str(Scope(scope).label) for scope in self.scopes]
