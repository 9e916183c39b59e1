"""The table of the ready documents of organisations."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from alliance.events.documents import ReadyDocument, search_index


class OrganisationDocument(ReadyDocument):
    """An organisation as lists, exports, search and the API give it out."""

    slug = models.TextField()
    name = models.TextField()
    kind = models.TextField()
    # What its published use cases are about: filled by their floor.
    verticals = ArrayField(models.TextField())
    countries = ArrayField(models.TextField())
    use_case_count = models.IntegerField()

    class Meta(ReadyDocument.Meta):
        verbose_name = "organisation, ready document"
        indexes = [search_index("organisation_doc_search"), models.Index("name", "id", name="organisation_doc_name")]
