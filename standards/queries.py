"""Reads of standards with what pages show of them."""

from django.db.models import Prefetch, QuerySet

from standards.models import Edition, EditionStatus, Standard

#: Which edition stands for a standard: one in force before a draft, a draft before one that was replaced or withdrawn.
_ORDER = (EditionStatus.PUBLISHED, EditionStatus.DRAFT, EditionStatus.SUPERSEDED, EditionStatus.WITHDRAWN)


def for_display(rows: QuerySet[Standard]) -> QuerySet[Standard]:
    """Standards with body and editions: one more query for any number of rows."""
    editions = Edition.objects.select_related("supersedes__standard").prefetch_related("superseded_by__standard")
    return rows.select_related("body").prefetch_related(Prefetch("editions", editions))


def for_lists(rows: QuerySet[Standard]) -> QuerySet[Standard]:
    """Standards with body and the marks of their editions."""
    return rows.select_related("body").prefetch_related("editions")


def current_edition(standard: Standard) -> Edition | None:
    """The newest edition in force; without one the newest draft, else the newest of all. Needs the editions at hand."""
    editions = sorted(standard.editions.all(), key=lambda edition: (-edition.year, edition.designation))
    return min(editions, key=lambda edition: _ORDER.index(EditionStatus(edition.status)), default=None)
