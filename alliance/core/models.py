"""Abstract models: what rows have in common. This app owns no tables."""

from django.db import models
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class RecordQuerySet(models.QuerySet):
    """Rows of a public record."""

    def update(self, **kwargs):
        """Like Django's, but a changed row also gets its new version and date."""
        fields = {field.name for field in self.model._meta.get_fields()}
        if {"version", "updated_at"} <= fields and kwargs and "version" not in kwargs:
            kwargs = {"version": F("version") + 1, "updated_at": Now(), **kwargs}
        return super().update(**kwargs)


class Versioned(models.Model):
    """A row with the two dates and the version that conditional requests and edits compare."""

    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        """Save, and count the version on; a first save keeps version 1."""
        if not self._state.adding:
            self.version += 1
            if (update_fields := kwargs.get("update_fields")) is not None:
                kwargs["update_fields"] = {*update_fields, "version", "updated_at"}
        super().save(*args, **kwargs)


class Record(Versioned):
    """A public row: the change log tells of everything that happens to it."""

    #: Editors may bring it back to an earlier state. Not where each step is somebody's decision.
    is_restorable = True
    #: What its history does not show.
    secret_fields: tuple[str, ...] = ()

    class Meta:
        abstract = True
