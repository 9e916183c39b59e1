"""Tables of the ready documents of indicators and results."""

from django.db import models
from django.db.models import Q

from alliance.events.documents import ReadyDocument, search_index


class KpiDocument(ReadyDocument):
    """An indicator as lists, exports, search and the API give it out."""

    slug = models.TextField()
    code = models.TextField()
    name = models.TextField()
    kpi_set = models.TextField()
    dimension = models.TextField()
    vertical = models.TextField()
    kind = models.TextField()
    direction = models.TextField()
    #: Empty where it is not known.
    level = models.TextField()
    measured = models.TextField()
    result_count = models.IntegerField()

    class Meta(ReadyDocument.Meta):
        verbose_name = "indicator, ready document"
        indexes = [search_index("kpi_doc_search"), models.Index("code", "id", name="kpi_doc_code")]


class ResultDocument(ReadyDocument):
    """A result as lists, exports, search and the API give it out."""

    slug = models.TextField()
    kpi = models.TextField()
    kpi_code = models.TextField()
    kpi_set = models.TextField()
    use_case = models.TextField()
    use_case_title = models.TextField()
    vertical = models.TextField()
    region = models.TextField()
    country = models.TextField()
    city = models.TextField()
    size = models.TextField()
    design = models.TextField()
    method = models.TextField()
    effect = models.TextField()
    grade = models.IntegerField()
    measured_year = models.IntegerField(null=True)
    #: 0 when not known.
    year = models.IntegerField()
    #: Percent without its sign; -1 where none is known.
    size_of_change = models.DecimalField(max_digits=30, decimal_places=12)

    class Meta(ReadyDocument.Meta):
        verbose_name = "result, ready document"
        indexes = [
            search_index("result_doc_search"),
            models.Index(
                models.F("grade").desc(),
                models.F("size_of_change").desc(),
                models.F("id").desc(),
                name="result_doc_evidence",
                condition=Q(is_public=True),
            ),
            models.Index(
                models.F("year").desc(), models.F("id").desc(), name="result_doc_newest", condition=Q(is_public=True)
            ),
            models.Index(
                "kpi",
                models.F("grade").desc(),
                models.F("size_of_change").desc(),
                models.F("id").desc(),
                name="result_doc_kpi",
            ),
            models.Index("use_case", "id", name="result_doc_use_case"),
            models.Index("kpi_code", "id", name="result_doc_kpi_code", condition=Q(is_public=True)),
            models.Index("use_case_title", "id", name="result_doc_title", condition=Q(is_public=True)),
            models.Index("country", "id", name="result_doc_country"),
            models.Index("city", "id", name="result_doc_city"),
        ]
