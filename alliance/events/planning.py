"""Pages of lists whose SQL is written once for all requests of one shape."""

from collections.abc import Hashable
from dataclasses import dataclass

from django.db.models import Expression, F, QuerySet

from alliance.core import search
from alliance.core.filters import PortalFilterSet
from alliance.core.pagination import Keyset, PageRequest, Position, read_cursor
from alliance.core.plain import Kept, Written
from alliance.events.paging import TextPagination
from alliance.events.patches import Patch


@dataclass(frozen=True)
class Plan:
    """A page as SQL, and the order in which its cursors are read; where rows are counted, the SQL of all of them."""

    keyset: Keyset
    statement: Written
    counting: Written | None


_plans: Kept[Plan] = Kept(500)
#: Searches, by their rows and their words, that had too many matches to rank when they were asked last.
_everyday: Kept[bool] = Kept(1_000)


def planned_page(
    filters: PortalFilterSet, column: str, asked: PageRequest, *, bound_to: str, patch: Patch | None = None
) -> TextPagination | None:
    """The page of a request, its SQL as it was written for the first of its shape; None where each is written anew.

    A search is taken as it stands, and its matches are ranked if they are not too many: a page without rows may be
    wrong (`is_guess`).

    Args:
        column: of the documents, the text to give out.
        patch: of documents of which some are stale; no search goes through it.
    Raises: BadParameters.
    """
    shape = filters.shape if patch is None else filters.shape_over(patch.source)
    if shape is None or (filters.asked and (patch is not None or _place(filters) in _everyday)):
        return None
    direction = None
    if asked.cursor is not None:
        _, backwards, values = read_cursor(asked.cursor)
        direction = (backwards, values is not None)
    key = (shape, column, asked.size, asked.with_count, direction)
    try:
        plan = _plans.get(key, lambda: _written(filters, column, asked, bound_to, patch))
    except TypeError:  # no mark stands for this type of sort value, or a patch does not hold what is read
        return None
    pages = TextPagination(F(column))
    pages.size, pages.with_count, pages.others = asked.size, asked.with_count, asked.others
    pages.bound_to, pages.keyset, pages.is_guess = bound_to, plan.keyset, bool(filters.asked)
    pages.start = pages.start_of(asked.cursor)
    given = filters.given
    if plan.counting is not None:
        pages.counting = plan.counting.sql, tuple(plan.counting.filled(given))
    if pages.start is not None and pages.start.values is not None:
        given = [*given, *pages.start.values]
    pages.statement = plan.statement.sql, tuple(plan.statement.filled(given))
    if patch is not None:
        pages.mend = patch.texts
        pages.statement = patch.filled(pages.statement)
        if plan.counting is not None:
            pages.counting = patch.filled(pages.counting)
    return pages


def _written(
    filters: PortalFilterSet, column: str, asked: PageRequest, bound_to: str, patch: Patch | None = None
) -> Plan:
    """Raises: BadParameters; TypeError when no mark stands for a sort value, or the patch does not hold a column."""
    marked, marks = filters.marked()
    if patch is not None:
        marked.queryset = patch.rows()
    pages = TextPagination(F(column))
    pages.begin(_rows(marked, column), marked.sort.keys, asked, bound_to=bound_to)
    keyset, start = pages.keyset, pages.start
    if start is not None and start.values is not None:
        place = Position(start.backwards, tuple(marks.of(value) for value in start.values))
        pages.window = keyset.window(place, asked.size + 1)
    pages.write()
    if patch is not None:
        pages.statement = patch.written(pages.statement)
        if asked.with_count:
            pages.counting = patch.written(pages.counting)
    counting = Written.of(pages.counting, marks) if asked.with_count else None
    return Plan(keyset, Written.of(pages.statement, marks), counting)


def _rows(marked: PortalFilterSet, column: str) -> QuerySet:
    if marked.sort_name != "relevance" or marked.search is None:
        return marked.qs
    few = marked.queryset.out_of_few(marked.filtered(), ("id", "search_vector", column), search.MOST_RANKED)
    return search.ranked(few, marked.search)


def written_page(
    filters: PortalFilterSet, text: Expression | F, asked: PageRequest, *, bound_to: str
) -> TextPagination:
    """The page of this request alone. Raises: BadParameters."""
    pages = TextPagination(text)
    pages.ranked_at_most = filters.ranked_at_most
    if pages.ranked_at_most:
        _everyday.get(_place(filters), lambda: True)
    pages.begin(filters.listed, filters.sort.keys, asked, bound_to=bound_to)
    pages.write()
    return pages


def _place(filters: PortalFilterSet) -> Hashable:
    return filters.shape, *map(str, filters.given)


def forget() -> None:
    """Write everything anew."""
    _plans.forget()
    _everyday.forget()
