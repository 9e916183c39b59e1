"""Sheets: what was uploaded, how its columns are read, what became of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Versioned
from alliance.members.models import Organisation, User
from reporting.models.reports import Kind, new_key


class ImportState(models.TextChoices):
    """Where an import stands."""

    UPLOADED = "uploaded", _("Uploaded")
    CHECKED = "checked", _("Checked")
    IMPORTED = "imported", _("Imported")
    UNDONE = "undone", _("Undone")


class Import(Versioned):
    """One sheet of an organisation. Its rows become reports in one transaction, or none does."""

    key = models.CharField(max_length=12, unique=True, default=new_key, editable=False)
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="imports")
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="imports")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    state = models.CharField(_("state"), max_length=10, choices=ImportState, default=ImportState.UPLOADED)
    file = models.FileField(upload_to="imports/")
    name = models.CharField(_("name of the file"), max_length=200)
    #: Headers in their order.
    headers = models.JSONField(default=list, blank=True)
    #: Header of a column -> name of the field; empty: the column is left out.
    mapping = models.JSONField(default=dict, blank=True)
    #: What the dry run found: totals, and findings by row and column.
    outcome = models.JSONField(default=dict, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    imported_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name


class ColumnMapping(Versioned):
    """How an organisation names its columns, remembered from its imports."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="column_mappings")
    kind = models.CharField(max_length=10, choices=Kind)
    header = models.CharField(max_length=200)
    field = models.CharField(max_length=60, blank=True)

    class Meta:
        verbose_name = _("name of a column")
        verbose_name_plural = _("names of columns")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "kind", "header"], name="%(app_label)s_%(class)s_once")
        ]

    def __str__(self) -> str:
        return f"{self.header}: {self.field}"
