"""Tables of the ready documents of use cases and cities."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from alliance.events.documents import ReadyDocument, search_index


class UseCaseDocument(ReadyDocument):
    """A use case as lists, exports, search and the API give it out."""

    slug = models.TextField()
    title = models.TextField()
    vertical = models.TextField()
    region = models.TextField()
    country = models.TextField()
    city = models.TextField()
    size = models.TextField()
    stage = models.TextField()
    period = models.TextField()
    covid = models.TextField()
    #: The year it started; 0 when not known.
    start = models.IntegerField()
    started_year = models.IntegerField(null=True)
    published_at = models.DateTimeField(null=True)
    technologies = ArrayField(models.TextField())
    standards = ArrayField(models.TextField())
    organisations = ArrayField(models.TextField())
    # What was measured: filled by the indicators' floor.
    has_results = models.TextField()
    designs = ArrayField(models.TextField())
    kpis = ArrayField(models.TextField())
    strongest_grade = models.IntegerField()
    result_count = models.IntegerField()

    class Meta(ReadyDocument.Meta):
        verbose_name = "use case, ready document"
        indexes = [
            search_index("usecase_doc_search"),
            models.Index(
                "vertical",
                "region",
                "stage",
                models.F("start").desc(),
                models.F("id").desc(),
                name="usecase_doc_filtered",
                condition=Q(is_public=True),
            ),
            models.Index(
                models.F("start").desc(), models.F("id").desc(), name="usecase_doc_newest", condition=Q(is_public=True)
            ),
            models.Index(
                models.F("strongest_grade").desc(),
                models.F("result_count").desc(),
                models.F("id").desc(),
                name="usecase_doc_evidence",
                condition=Q(is_public=True),
            ),
            models.Index("title", "id", name="usecase_doc_title", condition=Q(is_public=True)),
            models.Index(
                models.F("published_at").desc(),
                models.F("id").desc(),
                name="usecase_doc_added",
                condition=Q(is_public=True),
            ),
            models.Index("country", models.F("start").desc(), models.F("id").desc(), name="usecase_doc_country"),
            models.Index("city", models.F("start").desc(), models.F("id").desc(), name="usecase_doc_city"),
            GinIndex(fields=["technologies"], name="usecase_doc_technologies"),
            GinIndex(fields=["standards"], name="usecase_doc_standards"),
            GinIndex(fields=["organisations"], name="usecase_doc_organisations"),
            GinIndex(fields=["kpis"], name="usecase_doc_kpis"),
        ]


class CityDocument(ReadyDocument):
    """A city as lists, exports, search and the API give it out."""

    slug = models.TextField()
    name = models.TextField()
    region = models.TextField()
    country = models.TextField()
    size = models.TextField()
    #: 0 when not known.
    known_population = models.IntegerField()
    active = models.TextField()
    use_case_count = models.IntegerField()

    class Meta(ReadyDocument.Meta):
        verbose_name = "city, ready document"
        indexes = [search_index("city_doc_search"), models.Index("name", "id", name="city_doc_name")]
