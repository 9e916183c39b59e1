"""Pages over everything: home, site search, map."""

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from babel.lists import format_list
from django.conf import settings
from django.db.models import Expression, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, to_locale
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from alliance.core.charts import Scale, scale_for
from alliance.core.evidence import Grade
from alliance.core.filters import PortalFilterSet
from alliance.core.search import Search, headlines, matching
from alliance.core.templatetags.charts import CLASS_OF_EFFECT, tick_text
from alliance.core.templatetags.numbers import signed_percent
from alliance.core.views import FilteredView, ListError
from alliance.events.cache import answered
from alliance.events.documents import Kind
from alliance.events.reading import state_of, visible_documents
from alliance.members.kinds import ORGANISATIONS
from alliance.members.models import Organisation
from kpis import summaries
from kpis.filters import KpiFilter
from kpis.findings import Finding, finding
from kpis.kinds import KPIS
from kpis.models import Kpi, Result
from kpis.use_case_filters import MeasuredUseCaseFilter
from standards.kinds import STANDARDS
from standards.models import Standard
from standards.queries import for_lists
from usecases.filters import ActiveOrganisationFilter, CityFilter
from usecases.kinds import CITIES, USE_CASES
from usecases.models import City, UseCase
from usecases.standard_filters import UsedStandardFilter

Words = str | Promise

#: Labels on the map of the home page: one a region, as many as find room there.
MOST_LABELS = 6
#: More results of one grade than this, and each dot stands for several.
MOST_DOTS_A_ROW = 120
#: Cities in the list beside the map; filters lead to the others.
MOST_PLACES = 1_000


@dataclass(frozen=True)
class ToldResult:
    """A result with its headline and the scale it is drawn on."""

    result: Result
    finding: Finding
    scale: Scale

    @classmethod
    def of(cls, result: Result) -> "ToldResult":
        change = float(result.change_percent or 0)
        # A fall is drawn on the whole way down to nothing, so that its length says how much is left.
        scale = Scale(-100.0, 0.0, (-100.0, 0.0)) if -100 <= change < 0 else scale_for([change])
        return cls(result, finding(result), scale)

    @property
    def place(self) -> float:
        """Of its dot on the scale, percent."""
        return round(self.scale.position(self.result.change_percent or 0), 1)

    @property
    def zero(self) -> float:
        return round(self.scale.zero, 1)

    @property
    def css(self) -> str:
        return CLASS_OF_EFFECT[self.result.effect]

    @property
    def low(self) -> str:
        return tick_text(self.scale.minimum, self.scale)

    @property
    def high(self) -> str:
        return tick_text(self.scale.maximum, self.scale)

    @property
    def spoken(self) -> str:
        """The drawing in words."""
        return gettext("A line from %(low)s to %(high)s, with a dot at %(change)s: %(grade)s, %(n)s of 4.") % {
            "low": self.low,
            "high": self.high,
            "change": signed_percent(self.result.change_percent),
            "grade": Grade(self.result.grade).label,
            "n": self.result.grade,
        }

    @property
    def anchor(self) -> str:
        """How words that stand at the dot must be anchored to stay within the drawing."""
        return "" if self.place < 40 else "end" if self.place > 60 else "mid"


@dataclass(frozen=True)
class GradeRow:
    """A grade with its count, drawn as a row of dots."""

    grade: int
    label: Words
    explanation: Words
    count: int
    dots: int


@dataclass(frozen=True)
class Evidence:
    """How sure one can be of all results together: a row of dots a grade, each dot one result or several."""

    rows: list[GradeRow]
    results_a_dot: int
    mostly_unsure: bool

    @classmethod
    def of(cls, numbers: summaries.KeyNumbers) -> "Evidence":
        largest = max((row.count for row in numbers.grades), default=0)
        a_dot = next(step for step in _dot_steps() if largest <= step * MOST_DOTS_A_ROW)
        rows = [
            GradeRow(int(row.grade), row.label, row.explanation, row.count, math.ceil(row.count / a_dot))
            for row in numbers.grades
        ]
        return cls(rows, a_dot, numbers.results > 2 * numbers.compared)


def _dot_steps() -> Iterator[int]:
    """1, 10, 100 ..."""
    step = 1
    while True:
        yield step
        step *= 10


def _listed(names: list[str]) -> str:
    """Names as the current language lists them within a sentence: "education, economy and agriculture"."""
    return format_list([name.lower() for name in names], locale=to_locale(get_language() or "en")) if names else ""


def favicon(request: HttpRequest) -> HttpResponse:
    """The icon for programs that ask at the usual address instead of reading the page's link."""
    return redirect(static("img/mark.svg"))


class HomeView(TemplateView):
    """What the portal is, what it holds, and the ways into it. All numbers come from the database."""

    template_name = "home.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return answered(request, lambda: super(HomeView, self).get(request, *args, **kwargs))

    def get_context_data(self, **kwargs) -> dict:
        user = self.request.user
        numbers = summaries.key_numbers(user)
        fields = summaries.use_cases_by_vertical(user)
        specimen = summaries.strongest_result(user)
        documents = visible_documents(USE_CASES, user, state_of(self.request))
        places = summaries.city_places(documents, labels=self._labels(user))
        measured_places = sum(place.has_result for place in places)
        return super().get_context_data(
            numbers=numbers,
            places=places,
            regions=summaries.by_region(places),
            measured_places=measured_places,
            unmeasured_places=len(places) - measured_places,
            goals=summaries.goal_counts(user),
            fields=[field for field in fields if field.count],
            largest_field=max((field.count for field in fields), default=0),
            empty_field_names=_listed([str(field.label) for field in fields if not field.count]),
            evidence=Evidence.of(numbers),
            specimen=ToldResult.of(specimen) if specimen else None,
            newest=[ToldResult.of(result) for result in summaries.newest_results(user)],
            structured_data=self._structured_data(),
            **kwargs,
        )

    @staticmethod
    def _labels(user) -> dict[int, str]:
        """City id -> finding, the surest results first."""
        results = sorted(summaries.strongest_by_region(user), key=lambda result: -result.grade)
        return {result.use_case.city_id: finding(result).text for result in results[:MOST_LABELS]}

    def _structured_data(self) -> dict[str, Any]:
        """The portal as a schema.org WebSite that can be searched."""
        target = f"{settings.PORTAL_ORIGIN}{reverse('search')}?q={{search_term_string}}"
        return {
            "@context": "https://schema.org",
            "@type": "WebSite",
            "name": str(_("Alliance for Best Practices and Standards in Smart Cities")),
            "url": f"{settings.PORTAL_ORIGIN}{reverse('home')}",
            "potentialAction": {
                "@type": "SearchAction",
                "target": {"@type": "EntryPoint", "urlTemplate": target},
                "query-input": "required name=search_term_string",
            },
        }


@dataclass(frozen=True)
class Source:
    """A list that the site search looks through, and what it shows of a hit."""

    kind: Kind
    label: Words
    all_label: Words
    route: str
    filterset_class: type[PortalFilterSet]
    title: str
    texts: Mapping[str, str | Expression]

    records: Callable[[], QuerySet]


SOURCES = (
    Source(
        USE_CASES,
        _("Use cases"),
        _("All use cases that match"),
        "usecases:list",
        MeasuredUseCaseFilter,
        "title",
        {"solution_marked": "solution", "problem_marked": "problem"},
        lambda: UseCase.objects.for_cards(),
    ),
    Source(
        STANDARDS,
        _("Standards"),
        _("All standards that match"),
        "standards:list",
        UsedStandardFilter,
        "title",
        {"designation_marked": "designation", "summary_marked": "summary", "rfp_use_marked": "rfp_use"},
        lambda: for_lists(Standard.objects.all()),
    ),
    Source(
        KPIS,
        _("Indicators"),
        _("All indicators that match"),
        "kpis:list",
        KpiFilter,
        "name",
        {"definition_marked": "definition"},
        lambda: Kpi.objects.select_related("vertical"),
    ),
    Source(
        CITIES,
        _("Cities"),
        _("All cities that match"),
        "cities:list",
        CityFilter,
        "name",
        {},
        lambda: City.objects.select_related("country__region"),
    ),
    Source(
        ORGANISATIONS,
        _("Organisations"),
        _("All organisations that match"),
        "organisations:list",
        ActiveOrganisationFilter,
        "name",
        {},
        lambda: Organisation.objects.all(),
    ),
)

#: Hits shown of each list.
BEST = 5


@dataclass(frozen=True)
class Hits:
    """What one list holds for a search: how many rows, and the best of them."""

    source: Source
    total: int
    rows: list
    query: str

    @property
    def url(self) -> str:
        return f"{reverse(self.source.route)}?{self.query}"


class SearchView(TemplateView):
    """One search over use cases, standards, indicators, cities and organisations."""

    template_name = "search.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return answered(request, lambda: self._found(request, **kwargs))

    def _found(self, request: HttpRequest, **kwargs) -> HttpResponse:
        asked = QueryDict(mutable=True)
        asked.setlist("q", request.GET.getlist("q")[-1:])
        state = state_of(request)
        filtersets = [
            source.filterset_class(asked, visible_documents(source.kind, request.user, state), request=request)
            for source in SOURCES
        ]
        errors = [
            ListError("q", filtersets[0].form.fields["q"].label or "q", str(message))
            for message in filtersets[0].form.errors.get("q", [])
        ]
        search = None if errors else common_search(filtersets)
        groups = (
            [self._hits(source, one, search) for source, one in zip(SOURCES, filtersets, strict=True)] if search else []
        )
        context = self.get_context_data(
            search=search,
            asked=search.asked if search else "",
            groups=[group for group in groups if group.total],
            total=sum(group.total for group in groups),
            any_word=_any_word(search) if search else "",
            error_list=errors,
            **kwargs,
        )
        return self.render_to_response(context, status=400 if errors else 200)

    @staticmethod
    def _hits(source: Source, filterset: PortalFilterSet, search: Search) -> Hits:
        # All lists read the words alike, so that a word that one of them knows is not bent to another's vocabulary.
        filterset.search = search
        rows = filterset.filtered()
        total = rows.count()
        marked = headlines(search, source.title, source.texts)
        keys = list(filterset.listed.values_list("pk", flat=True)[:BEST]) if total else []
        found = source.records().filter(pk__in=keys).annotate(**marked).in_bulk() if keys else {}
        best = [found[key] for key in keys if key in found]
        query = QueryDict(mutable=True)
        query["q"] = search.text
        return Hits(source, total, best, query.urlencode())


def common_search(filtersets: list[PortalFilterSet]) -> Search | None:
    """Read the query once for all lists: a word is corrected only when no list knows it.

    The closest word of any list wins. None without a query.
    """
    readings = [one.search for one in filtersets]
    first = readings[0]
    if first is None:
        return None
    closest: dict[str, list[str]] = {}
    for reading in readings:
        for wrong, right in reading.corrections if reading else ():
            closest.setdefault(wrong, []).append(right)
    corrections = tuple(
        (wrong, max(found, key=lambda right: difflib.SequenceMatcher(None, wrong.lower(), right).ratio()))
        for wrong, found in closest.items()
        if not any(_knows(one, wrong) for one in filtersets)
    )
    text = first.asked
    for wrong, right in corrections:
        text = re.sub(rf"(?<![\w-]){re.escape(wrong)}(?!\w)", right, text)
    return replace(first, text=text, corrections=corrections)


def _knows(filterset: PortalFilterSet, word: str) -> bool:
    """Whether a row of the list holds the word."""
    searchable = filterset.filters["q"].searchable
    return matching(filterset.queryset, Search(word, word), searchable).exists()


def _any_word(search: Search) -> str:
    """A query for rows with one of the words instead of all; empty when there are not several plain words."""
    words = [word for word in search.text.split() if word[0] not in '-"' and word[-1] != '"' and word.lower() != "or"]
    return " OR ".join(words) if len(words) > 1 else ""


class MapView(FilteredView):
    """The cities of the filtered use cases on a map of the world, and in a list by region and country."""

    template_name = "map.html"
    fragment_template_name = "_map_page.html"
    filterset_class = MeasuredUseCaseFilter
    open_facets = ("vertical", "region", "has_results")

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return answered(request, lambda: super(MapView, self).get(request, *args, **kwargs))

    def get_queryset(self) -> QuerySet:
        return visible_documents(USE_CASES, self.request.user, state_of(self.request))

    def get_context_data(self, **kwargs) -> dict:
        rows = self.filter.filtered()
        places = summaries.city_places(rows)
        measured_places = sum(place.has_result for place in places)
        listed = sorted(places, key=lambda place: -place.use_cases)[:MOST_PLACES]
        return super().get_context_data(
            total=sum(place.use_cases for place in places),
            places=places,
            measured_places=measured_places,
            unmeasured_places=len(places) - measured_places,
            regions=summaries.by_region(listed if len(listed) < len(places) else places),
            places_left_out=len(places) - len(listed),
            **kwargs,
        )
