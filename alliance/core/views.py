"""The list page: filters with live counts, chips, order, pages, and one fragment of it for htmx."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Expression, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.generic.base import ContextMixin, TemplateResponseMixin, View

from alliance.core import search
from alliance.core.facets import Facet, FacetView, Option
from alliance.core.filters import PortalFilterSet, SearchFilter
from alliance.core.whole_numbers import whole_number

Words = str | Promise

#: Parameters of the page that are no filters: exports and the API do not take them.
PAGE, PAGE_SIZE, VIEW, MORE = "page", "page_size", "view", "more"
LARGEST_PAGE = 200
#: Values of a facet that stand there before "more" is asked for; one that hides a single value would save nothing.
SHOWN_VALUES = 8


@dataclass(frozen=True)
class ListError:
    """What is wrong with one parameter: where to mend it and a sentence."""

    name: str
    label: Words
    message: str

    @property
    def anchor(self) -> str:
        """The id of the control or of the group of controls."""
        return f"filter-{self.name}"


@dataclass(frozen=True)
class ShownFacet:
    """A facet as the page shows it: the most frequent values and the chosen ones, the others on request."""

    name: str
    label: Words
    help_text: Words
    options: list[Option]
    hidden: int
    #: Values that are not even shown on request: there are too many.
    left_out: int
    is_open: bool
    is_expanded: bool
    #: Query strings that show all values, or the most frequent ones again.
    more_query: str
    less_query: str

    @property
    def chosen(self) -> list[Option]:
        return [option for option in self.options if option.chosen]


@dataclass(frozen=True)
class ViewLink:
    """One way to look at the same rows."""

    name: str
    label: Words
    query: str
    current: bool


class FilteredView(TemplateResponseMixin, ContextMixin, View):
    """Rows through a filterset: `as_view(filterset_class=...)` takes a richer one from the composition root.

    A bad parameter answers 400, and the page stands: what is valid is in force, and `error_list` has a sentence for
    each thing that is not.

    Context: filter, facets, fields (of the filters that are neither facet nor search), chips, sort_options, total (of
    the rows that match), everything (without filters), loosened (only when nothing matches), export_query,
    canonical_query, clear_query, clear_url, error_list.
    """

    filterset_class: type[PortalFilterSet]
    #: Answer to an htmx request: the part of the page that changes with the filters.
    fragment_template_name = ""
    #: Facets that stand open before anything is chosen.
    open_facets: Sequence[str] = ()

    def get_queryset(self) -> QuerySet:
        raise NotImplementedError

    def rows(self) -> QuerySet:
        """What the filters choose among."""
        return self.get_queryset()

    @cached_property
    def filter(self) -> PortalFilterSet:
        found = self.filterset_class(self.request.GET, self.rows(), request=self.request)
        found.expanded = tuple(self.request.GET.getlist(MORE))
        return found

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        self.errors = [
            ListError(name, self._label(name), str(message))
            for name, messages in self.filter.form.errors.items()
            for message in messages
        ]
        self.status = 400 if self.errors else 200
        context = self.get_context_data(**kwargs)
        # Here, because looking at pages and views may have found more to mend.
        response = self.render_to_response({**context, "error_list": self.errors}, status=self.status)
        if self._is_fragment():
            # Without the empty values that a browser's form sends along.
            query = urlencode([(name, value) for name, values in request.GET.lists() for value in values if value])
            response["HX-Push-Url"] = f"{request.path}?{query}" if query else request.path
        patch_vary_headers(response, ["HX-Request"])
        return response

    def _is_fragment(self) -> bool:
        """Whether htmx asks for the changing part of the page alone."""
        htmx = getattr(self.request, "htmx", False)
        return bool(htmx and self.fragment_template_name and not htmx.boosted and not htmx.history_restore_request)

    def get_template_names(self) -> list[str]:
        if self._is_fragment():
            return [self.fragment_template_name]
        return super().get_template_names()

    def get_context_data(self, **kwargs) -> dict:
        total = kwargs.get("total", self.filter.counts.total)
        export_query = self.export_query()
        return super().get_context_data(
            **{
                "filter": self.filter,
                "facets": [self._shown(facet) for facet in self.filter.facets()],
                "chips": self.filter.chips(),
                "sort_options": self._sort_options(),
                "fields": [
                    self.filter.form[name]
                    for name, one in self.filter.filters.items()
                    if not isinstance(one, Facet | SearchFilter)
                ],
                "total": total,
                "everything": self.filter.counts.everything,
                "loosened": self.filter.loosened() if total == 0 else [],
                "export_query": export_query,
                "canonical_query": export_query,
                "clear_query": self._clear_query(),
                "view": "",  # instead of the view object that Django puts there
                "clear_url": f"{self.request.path}?{query}" if (query := self._clear_query()) else self.request.path,
                **kwargs,
            }
        )

    def export_query(self) -> str:
        """The filters and the order in force, for an export or the API call that gives the same rows."""
        return urlencode(
            [
                (name, value)
                for name in (*self.filter.filters, "sort")
                if name not in self.filter.form.errors and self.filter.values.get(name) not in (None, "", [])
                for value in dict.fromkeys(self.request.GET.getlist(name))
                if value != ""
            ]
        )

    def complain(self, name: str, message: str, *, status: int = 400) -> None:
        """Note that a parameter is wrong; the page is still shown, with the given status unless it is bad already."""
        self.errors.append(ListError(name, self._label(name), message))
        self.status = status if self.status == 200 else self.status

    def _label(self, name: str) -> Words:
        if name in self.filter.form.fields:
            return self.filter.form.fields[name].label or name
        return {PAGE: _("Page"), PAGE_SIZE: _("Rows on a page"), VIEW: _("View")}.get(name, name)

    def _sort_options(self) -> list[tuple[str, Words, bool]]:
        """The orders to choose from. The one in force without being asked for has no value, so that it can change
        by itself: to the best match once there is a search."""
        asked = bool(self.filter.values.get("sort"))
        return [
            ("" if chosen and not asked else name, label, chosen)  # type: ignore[misc]
            for name, label, chosen in self.filter.sort_options()
        ]

    def _query(self, name: str, value: str) -> str:
        """The current query string with one parameter set, or without it when the value is empty."""
        data = self.request.GET.copy()
        data.pop(PAGE, None)
        data.pop(name, None)
        if value:
            data[name] = value
        return data.urlencode()

    def _clear_query(self) -> str:
        """The query string without any filter: order, page size and view stay."""
        kept = [(name, self.request.GET[name]) for name in ("sort", PAGE_SIZE, VIEW) if self.request.GET.get(name)]
        return urlencode(kept)

    def _shown(self, facet: FacetView) -> ShownFacet:
        expanded = facet.name in self.request.GET.getlist(MORE)
        options = facet.options
        if not expanded and facet.known > SHOWN_VALUES + 1:
            options = [option for index, option in enumerate(options) if index < SHOWN_VALUES or option.chosen]
        hidden = 0 if expanded else facet.known - len(options)
        is_expanded = expanded and facet.known > SHOWN_VALUES + 1
        asked = [(name, one) for name, values in self.request.GET.lists() if name != PAGE for one in values]
        return ShownFacet(
            name=facet.name,
            label=facet.label,  # type: ignore[arg-type]
            help_text=facet.help_text,  # type: ignore[arg-type]
            options=options,
            hidden=hidden,
            left_out=facet.known - len(options) if expanded else 0,
            is_open=expanded or facet.name in self.open_facets or bool(facet.chosen),
            is_expanded=is_expanded,
            more_query=urlencode([*asked, (MORE, facet.name)]) if hidden else "",
            less_query=urlencode([pair for pair in asked if pair != (MORE, facet.name)]) if is_expanded else "",
        )


class FacetedListView(FilteredView):
    """A filtered list in pages. A page that does not exist answers 404 and shows the last one.

    Context, besides that of `FilteredView`: page_obj, page_range, paginator, page_sizes, page_size, view, view_links,
    ranked_at_most (how many matches are ranked and listed, where there are too many for all).
    """

    page_size = 20
    page_sizes: Sequence[int] = (20, 50, 100)
    #: Ways to look at the rows, the first by default: name in the address -> word on the switch.
    views: Mapping[str, Words] = {}
    #: What a search marks: the field of the title, and other texts by the name of their annotation.
    headline_title = ""
    headline_texts: Mapping[str, str | Expression] = {}

    def rows_to_show(self, rows: QuerySet) -> QuerySet:
        """The ordered rows with all that a page shows of them. Counting leaves these additions out."""
        if self.filter.search and self.headline_title:
            rows = rows.annotate(**search.headlines(self.filter.search, self.headline_title, self.headline_texts))
        return rows

    def listed_rows(self) -> QuerySet:
        """The ordered rows of all pages."""
        return self.rows_to_show(self.filter.listed)

    def fill(self, page: Page) -> None:
        """Put what is shown into a page that was cut out of `listed_rows`."""

    def get_context_data(self, **kwargs) -> dict:
        page_size = self._page_size()
        # Known with the facets: no query of its own.
        total = self.filter.counts.total
        paginator = Paginator(self.listed_rows(), page_size)
        paginator.count = min(total, self.filter.ranked_at_most or sys.maxsize)
        page = self._page(paginator)
        self.fill(page)
        view = self._view()
        default_view = next(iter(self.views), "")
        export_query = self.export_query()
        return super().get_context_data(
            **{
                "page_obj": page,
                "page_range": list(paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)),
                "paginator": paginator,
                "page_sizes": self.page_sizes,
                "page_size": page_size,
                "ranked_at_most": self.filter.ranked_at_most,
                "view": view,
                "view_links": [
                    ViewLink(name, label, self._query(VIEW, "" if name == default_view else name), name == view)
                    for name, label in self.views.items()
                ],
                "canonical_query": "&".join(
                    filter(None, [export_query, f"page={page.number}" if page.number > 1 else ""])
                ),
                **kwargs,
            }
        )

    def _page_size(self) -> int:
        asked = self.request.GET.get(PAGE_SIZE, "")
        if asked == "":
            return self.page_size
        size = _whole_number(asked)
        if size is None or not 1 <= size <= LARGEST_PAGE:
            self.complain(PAGE_SIZE, _("A page holds 1 to %(most)d rows.") % {"most": LARGEST_PAGE})
            return self.page_size
        return size

    def _page(self, paginator: Paginator) -> Page:
        asked = self.request.GET.get(PAGE, "")
        number = 1 if asked == "" else _whole_number(asked)
        if number is None or number < 1:
            self.complain(PAGE, _("A page is a whole number from 1."))
            return paginator.page(1)
        if number > paginator.num_pages:
            message = ngettext("There is only %(n)d page.", "There are only %(n)d pages.", paginator.num_pages)
            self.complain(PAGE, message % {"n": paginator.num_pages}, status=404)
            return paginator.page(paginator.num_pages)
        return paginator.page(number)

    def _view(self) -> str:
        if not self.views:
            return ""
        first = next(iter(self.views))
        asked = self.request.GET.get(VIEW, "")
        if asked in ("", *self.views):
            return asked or first
        self.complain(VIEW, _("Choose one of: %(names)s.") % {"names": ", ".join(self.views)})
        return first


def _whole_number(text: str) -> int | None:
    """The number that plain ASCII digits with an optional sign write, or None."""
    return None if whole_number(text.removeprefix("-")) is None else int(text)
