"""Pages of the use cases: list, one case, several side by side, and how to cite one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.generic import DetailView, TemplateView, View

from alliance.core.views import VIEW
from alliance.events.reading import sees_all
from usecases import citations, jsonld, queries
from usecases.cards import card_of, cards_of
from usecases.comparison import MOST_COMPARED, compare
from usecases.filters import UseCaseFilter
from usecases.kinds import USE_CASES
from usecases.list_views import SavableListView
from usecases.models import UseCase
from usecases.search import SEARCHABLE

#: More slugs than this in one address are not looked at.
MOST_SLUGS = 100


def chosen_to_compare(request: HttpRequest) -> list[str]:
    """The slugs that the address names as `u`, each once, in order."""
    slugs = (slug.strip() for slug in request.GET.getlist("u"))
    return list(dict.fromkeys(slug for slug in slugs if slug and "\0" not in slug))[:MOST_SLUGS]


@dataclass(frozen=True)
class Picked:
    """A case already chosen to compare, and the list's query string without it."""

    use_case: UseCase
    query: str


class UseCaseListView(SavableListView):
    """All use cases, with filters; as cards, table or map."""

    kind = USE_CASES
    filterset_class = UseCaseFilter
    template_name = "usecases/use_case_list.html"
    fragment_template_name = "usecases/_use_case_list.html"
    page_size = 10
    page_sizes: Sequence[int] = (10, 25, 50, 100)
    views = {"cards": gettext_lazy("Cards"), "table": gettext_lazy("Table"), "map": gettext_lazy("Map")}
    #: Names of filters that a richer filterset may add are left alone where it does not.
    open_facets = ("vertical", "has_results", "design", "region")
    headline_title = "title"
    headline_texts: Mapping = {
        "solution_marked": "solution",
        "problem_marked": "problem",
        "lessons_marked": SEARCHABLE.texts["D"][0],
        "technologies_marked": SEARCHABLE.texts["B"][2],
        "city_marked": "city__name",
        "country_marked": "city__country__name",
    }

    def get_queryset(self) -> QuerySet[UseCase]:
        return UseCase.objects.visible_to(self.request.user).for_cards()

    def records(self, keys: Sequence[Any]) -> list[Any]:
        """Cards, unless another view is asked for."""
        if self.request.GET.get(VIEW) in ("table", "map"):
            return super().records(keys)
        if self.filter.search:
            return [card_of(case) for case in super().records(keys)]
        return cards_of(keys, drafts=sees_all(self.request.user))

    def get_context_data(self, **kwargs) -> dict:
        picked = self._picked()
        context = super().get_context_data(
            matching=self.filter.filtered,
            picked=picked,
            most_compared=MOST_COMPARED,
            **kwargs,
        )
        if picked:
            kept = urlencode([("u", one.use_case.slug) for one in picked])
            context["clear_url"] += ("&" if "?" in context["clear_url"] else "?") + kept
            context["compare_url"] = f"{reverse('usecases:compare')}?{kept}"
        return {**context, "picked_pks": {one.use_case.pk for one in picked}}

    def _picked(self) -> list[Picked]:
        """The cases already chosen to compare, in the order of the address."""
        slugs = chosen_to_compare(self.request)[:MOST_COMPARED]
        found = {row.slug: row for row in self.get_queryset().filter(slug__in=slugs)} if slugs else {}
        return [Picked(found[slug], self.filter.query_without("u", slug)) for slug in slugs if slug in found]


class UseCaseDetailView(DetailView):
    """One use case: what was wrong, what the city did, what came of it and how sure one can be."""

    template_name = "usecases/use_case_detail.html"
    context_object_name = "use_case"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            return super().get(request, *args, **kwargs)
        except Http404:
            if slug := UseCase.objects.moved_to(kwargs["slug"]):
                return redirect("usecases:detail", slug, permanent=True)
            raise

    def get_queryset(self) -> QuerySet[UseCase]:
        return UseCase.objects.visible_to(self.request.user).for_documents()

    def get_context_data(self, **kwargs) -> dict:
        named = queries.standards_by_layer(self.object)
        return super().get_context_data(
            layers=named,
            suggestions=queries.suggested_standards(self.object),
            related=queries.related_use_cases(self.object, self.request.user),
            lessons=list(self.object.lessons.all()),
            participations=list(self.object.participations.all()),
            technologies=list(self.object.technologies.all()),
            citation=citations.Citation.of(self.object),
            json_ld=jsonld.use_case(self.object),
            canonical_address=f"{settings.PORTAL_ORIGIN}{self.object.get_absolute_url()}",
            **kwargs,
        )


class CitationView(View):
    """How to cite a use case, as a file for a reference manager."""

    def get(self, request: HttpRequest, slug: str, extension: str) -> HttpResponse:
        if extension not in citations.FORMATS:
            known = ", ".join(citations.FORMATS)
            raise Http404(_("Citations come as one of: %(formats)s.") % {"formats": known})
        use_case = UseCase.objects.visible_to(request.user).select_related("city").filter(slug=slug).first()
        if use_case is None and (moved := UseCase.objects.moved_to(slug)):
            return redirect("usecases:cite", moved, extension, permanent=True)
        if use_case is None:
            raise Http404(_("There is no such use case."))
        form = citations.FORMATS[extension]
        response = HttpResponse(form.render(citations.Citation.of(use_case)), content_type=form.content_type)
        disposition = "attachment" if form.is_download else "inline"
        response["Content-Disposition"] = f'{disposition}; filename="{use_case.slug}.{extension}"'
        return response


class UseCaseCompareView(TemplateView):
    """Up to four use cases side by side.

    None named: how to choose, 200. None of the named known: 404. More than four: 400, with a form to choose four.
    """

    template_name = "usecases/use_case_compare.html"

    @cached_property
    def slugs(self) -> list[str]:
        return chosen_to_compare(self.request)

    @cached_property
    def use_cases(self) -> list[UseCase]:
        rows = UseCase.objects.visible_to(self.request.user).filter(slug__in=self.slugs).for_documents()
        found = {row.slug: row for row in rows} if self.slugs else {}
        return [found[slug] for slug in self.slugs if slug in found]

    @property
    def too_many(self) -> bool:
        return len(self.slugs) > MOST_COMPARED

    def render_to_response(self, context, **kwargs) -> HttpResponse:
        status = 200
        if self.slugs and not self.use_cases:
            status = 404
        elif self.too_many:
            status = 400
        return super().render_to_response(context, status=status, **kwargs)

    def get_context_data(self, **kwargs) -> dict:
        known = {use_case.slug for use_case in self.use_cases}
        shown = self.use_cases[:MOST_COMPARED]
        message = ""
        if self.too_many:
            message = ngettext(
                "You chose %(n)d use case. Choose at most %(most)d.",
                "You chose %(n)d use cases. Choose at most %(most)d.",
                len(self.slugs),
            ) % {"n": len(self.slugs), "most": MOST_COMPARED}
        return super().get_context_data(
            use_cases=[] if self.too_many else shown,
            comparison=compare(shown) if shown and not self.too_many else None,
            unknown=[slug[:80] for slug in self.slugs if slug not in known],
            too_many=self.too_many,
            too_many_message=message,
            candidates=self.use_cases if self.too_many else [],
            most_compared=MOST_COMPARED,
            **kwargs,
        )
