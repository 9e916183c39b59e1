"""Questions to the Alliance and, through it, to a city."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Versioned
from alliance.members.models.organisations import Organisation
from alliance.members.models.people import User


class InquiryTopic(models.TextChoices):
    """What an inquiry is about; each topic has its editors."""

    MEMBERSHIP = "membership", _("Membership")
    USE_CASES = "use-cases", _("Use cases and results")
    STANDARDS = "standards", _("Standards")
    API = "api", _("API and data")
    PRESS = "press", _("Press")
    PRIVACY = "privacy", _("Privacy and data rights")
    OTHER = "other", _("Something else")
    CITY = "city", _("A question to a city")


class TopicEditor(Versioned):
    """An editor who answers what is asked about a topic. A topic without one goes to all editors, in turn."""

    topic = models.CharField(_("topic"), max_length=12, choices=InquiryTopic)
    user = models.ForeignKey(User, models.CASCADE, related_name="inquiry_topics", verbose_name=_("editor"))

    class Meta:
        verbose_name = _("editor of a topic")
        verbose_name_plural = _("editors of topics")
        ordering = ["topic", "pk"]
        constraints = [models.UniqueConstraint(fields=["topic", "user"], name="%(app_label)s_%(class)s_once")]

    def __str__(self) -> str:
        return f"{self.get_topic_display()}: {self.user}"


class InquiryState(models.TextChoices):
    """Where an inquiry stands."""

    UNVERIFIED = "unverified", _("Waits for your e-mail address to be confirmed")
    OPEN = "open", _("Waits for an answer")
    ANSWERED = "answered", _("Answered")
    CLOSED = "closed", _("Closed")


class Inquiry(Versioned):
    """A ticket. Its page is found by `key`, which only who asked has; `number` is told to everybody concerned."""

    number = models.PositiveIntegerField(_("ticket"), unique=True, null=True, editable=False)
    key = models.CharField(max_length=43, unique=True, editable=False)
    topic = models.CharField(_("topic"), max_length=12, choices=InquiryTopic)
    state = models.CharField(_("state"), max_length=12, choices=InquiryState, default=InquiryState.UNVERIFIED)
    subject = models.CharField(_("subject"), max_length=200)
    name = models.CharField(_("your name"), max_length=150, blank=True)
    email = models.EmailField(_("e-mail address"))
    language = models.CharField(_("language"), max_length=8, default="en")
    user = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="inquiries")
    assigned_to = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="assigned_inquiries")
    #: A question to a city: whom it goes to, and the path of the page that it was asked from.
    organisation = models.ForeignKey(Organisation, models.SET_NULL, null=True, blank=True, related_name="inquiries")
    about_path = models.CharField(_("asked from"), max_length=300, blank=True)
    may_be_published = models.BooleanField(_("question and answer may be published"), default=False)
    opened_at = models.DateTimeField(_("address confirmed"), null=True, blank=True)
    answered_at = models.DateTimeField(_("first answered"), null=True, blank=True)

    class Meta:
        verbose_name = _("inquiry")
        verbose_name_plural = _("inquiries")
        ordering = ["created_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_numbered_when_open",
                condition=Q(state="unverified") | Q(number__isnull=False, opened_at__isnull=False),
            )
        ]
        indexes = [models.Index(fields=["about_path"], name="inquiry_about", condition=~Q(about_path=""))]

    def __str__(self) -> str:
        return f"{self.number}: {self.subject}"


class InquiryMessage(Versioned):
    """One message of a ticket's thread, by who asked or by who answers."""

    inquiry = models.ForeignKey(Inquiry, models.CASCADE, related_name="messages")
    author = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="inquiry_messages")
    #: For whom the author answers; empty: for the Alliance.
    organisation = models.ForeignKey(
        Organisation, models.SET_NULL, null=True, blank=True, related_name="inquiry_messages"
    )
    from_asker = models.BooleanField(_("from who asked"), default=False)
    is_internal = models.BooleanField(_("among editors only"), default=False)
    #: Both sides agreed that this answer stands on the page that was asked about.
    is_public_note = models.BooleanField(_("public note"), default=False)
    text = models.TextField(_("text"))
    #: Message-ID of a mail that came in: the same mail is never taken twice.
    received_id = models.CharField(max_length=255, null=True, blank=True, unique=True, editable=False)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return self.text[:60]
