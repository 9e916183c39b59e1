"""What of a use case is searched, and with which weight."""

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Func, OuterRef, QuerySet, TextField, Value

from alliance.core.search import Searchable
from usecases.models import Lesson, Technology


class _Joined(Func):
    """The texts of related rows in one string."""

    function = "array_to_string"
    output_field = TextField()

    def __init__(self, rows: QuerySet, name: str):
        super().__init__(ArraySubquery(rows.values(name)), Value(" "))


SEARCHABLE = Searchable(
    {
        "A": ("title",),
        "B": (
            F("city__name"),
            F("city__country__name"),
            _Joined(Technology.objects.filter(use_cases=OuterRef("pk")).order_by("name"), "name"),
        ),
        "C": ("problem", "solution"),
        "D": (_Joined(Lesson.objects.filter(use_case=OuterRef("pk")).order_by("position"), "advice"),),
    }
)
