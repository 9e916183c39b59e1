"""Files that come with a report."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Versioned
from alliance.members.models import User
from reporting.models.reports import Report, new_key


class AttachmentKind(models.TextChoices):
    """What a file is, by its content."""

    PDF = "pdf", _("PDF")
    IMAGE = "image", _("Image")
    SHEET = "sheet", _("Spreadsheet")


class Attachment(Versioned):
    """A file of a report: private until its report is accepted, and as long as it is not withdrawn."""

    key = models.CharField(max_length=12, unique=True, default=new_key, editable=False)
    report = models.ForeignKey(Report, models.CASCADE, related_name="attachments")
    uploaded_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="attachments")
    kind = models.CharField(_("kind"), max_length=8, choices=AttachmentKind)
    #: As the member called it, and what it shows.
    name = models.CharField(_("name"), max_length=200)
    description = models.CharField(_("what it shows"), max_length=300, blank=True)
    file = models.FileField(upload_to="attachments/")
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField(_("size in bytes"))
    sha256 = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["report", "sha256"],
                name="%(app_label)s_%(class)s_once",
                violation_error_message=_("This file is attached already."),
            )
        ]

    def __str__(self) -> str:
        return self.name
