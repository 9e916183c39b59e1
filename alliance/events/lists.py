"""Lists of pages that choose their rows among ready documents, and show the records of one page."""

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from alliance.core.views import FacetedListView
from alliance.events.cache import answered
from alliance.events.documents import Kind
from alliance.events.reading import state_of, visible_documents


class DocumentListView(FacetedListView):
    """Filters, order, counts and pages come from the documents of `kind`; what a page shows, from `get_queryset`."""

    kind: Kind

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return answered(request, lambda: super(DocumentListView, self).get(request, *args, **kwargs))

    def rows(self) -> QuerySet:
        return visible_documents(self.kind, self.request.user, state_of(self.request))

    def listed_rows(self) -> QuerySet:
        return self.filter.listed.values_list("pk", flat=True)

    def fill(self, page: Page) -> None:
        page.object_list = self.records(list(page.object_list))  # type: ignore[assignment]

    def records(self, keys: Sequence[Any]) -> list[Model]:
        """The records with these keys, in the same order, with all that the page shows of them."""
        found = {row.pk: row for row in self.rows_to_show(self.get_queryset().filter(pk__in=keys))} if keys else {}
        return [found[key] for key in keys if key in found]
