"""What documents and filters say of use cases, as PostgreSQL computes it."""

from django.db.models import Case, CharField, Count, Exists, IntegerField, OuterRef, Subquery, TextChoices, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from usecases.models import Status, UseCase


class Period(TextChoices):
    """When a use case started, in bands that a reader can take in."""

    FROM_2020 = "2020", _("2020 and later")
    FROM_2015 = "2015-2019", _("2015 to 2019")
    FROM_2010 = "2010-2014", _("2010 to 2014")
    EARLIER = "before-2010", _("Before 2010")
    UNKNOWN = "unknown", _("Not stated")


PERIOD = Case(
    When(started_year__gte=2020, then=Value(Period.FROM_2020.value)),
    When(started_year__gte=2015, then=Value(Period.FROM_2015.value)),
    When(started_year__gte=2010, then=Value(Period.FROM_2010.value)),
    When(started_year__lt=2010, then=Value(Period.EARLIER.value)),
    default=Value(Period.UNKNOWN.value),
    output_field=CharField(),
)


class YesNo(TextChoices):
    """A plain question."""

    YES = "yes", _("Yes")
    NO = "no", _("No")


def published_use_cases(path: str) -> Coalesce:
    """How many published use cases point to the row of the outer query through `path`."""
    count = (
        UseCase.objects.filter(status=Status.PUBLISHED, **{path: OuterRef("pk")})
        .order_by()
        .values(path)
        .annotate(n=Count("pk", distinct=True))
        .values("n")
    )
    return Coalesce(Subquery(count, output_field=IntegerField()), 0)


def active(path: str) -> Case:
    """`yes` when a published use case points to the row of the outer query through `path`, else `no`."""
    published = UseCase.objects.filter(status=Status.PUBLISHED, **{path: OuterRef("pk")})
    return Case(When(Exists(published), then=Value("yes")), default=Value("no"), output_field=CharField())
