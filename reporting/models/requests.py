"""Requests of programs that must not be worked off twice."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from alliance.members.models import User


class IdempotentRequest(models.Model):
    """An `Idempotency-Key` of a user, what was asked with it, and what was answered."""

    user = models.ForeignKey(User, models.CASCADE, related_name="idempotent_requests")
    key = models.CharField(max_length=255)
    #: SHA-256 of method, path and body: the same key for another request is a mistake.
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("request worked off")
        verbose_name_plural = _("requests worked off")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="%(app_label)s_%(class)s_once")]

    def __str__(self) -> str:
        return self.key
