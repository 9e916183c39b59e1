"""The table of the ready documents of standards."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from alliance.events.documents import ReadyDocument, search_index


class StandardDocument(ReadyDocument):
    """A standard as lists, exports, search and the API give it out."""

    slug = models.TextField()
    designation = models.TextField()
    title = models.TextField()
    body_slug = models.TextField()
    kind = models.TextField()
    layer = models.TextField()
    verticals = ArrayField(models.TextField())
    aspects = ArrayField(models.TextField())
    statuses = ArrayField(models.TextField())
    # Which published use cases name it: filled by their floor.
    used = models.TextField()
    use_case_count = models.IntegerField()

    class Meta(ReadyDocument.Meta):
        verbose_name = "standard, ready document"
        indexes = [
            search_index("standard_doc_search"),
            models.Index("designation", "id", name="standard_doc_designation"),
        ]
