"""Mails that wait to be sent, and what people are told."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Versioned
from alliance.members.models.people import User


class MailState(models.TextChoices):
    """Where a mail stands."""

    WAITING = "waiting", _("Waits")
    SENDING = "sending", _("Is being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Could not be sent")


class Mail(Versioned):
    """One mail to one address, written in the transaction of its cause and sent once by the worker.

    `purpose` and `reference` say what it is about: the same pair to the same address is one mail, however often
    it is asked for.
    """

    to = models.EmailField(_("to"))
    purpose = models.CharField(max_length=40)
    reference = models.CharField(max_length=120)
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("text"))
    headers = models.JSONField(default=dict, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=MailState, default=MailState.WAITING)
    send_after = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["to", "purpose", "reference"], name="%(app_label)s_%(class)s_once"),
        ]
        indexes = [
            models.Index(fields=["id"], name="mail_unsent", condition=Q(state__in=["waiting", "sending"])),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.reference}"


class Notification(Versioned):
    """Something happened to what is a person's. Shown in the workspace; mailed as the person's digest says."""

    user = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    #: What happened, as `alliance.members.notices` knows it, and the values that its sentence needs.
    kind = models.CharField(max_length=40)
    values = models.JSONField(default=dict)
    path = models.CharField(max_length=300)
    #: The same happening is told once, however often its cause is worked off.
    reference = models.CharField(max_length=120)
    read_at = models.DateTimeField(null=True, blank=True)
    mail = models.ForeignKey(Mail, models.SET_NULL, null=True, blank=True, related_name="notifications")

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "reference"], name="%(app_label)s_%(class)s_once"),
        ]
        indexes = [models.Index(fields=["user", "-created_at"], name="notification_of_user")]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
