"""Pages of insight: explore an indicator, cities like mine, where my city stands."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView, View

from alliance.core import exports, throttling
from alliance.core.errors import error_response
from alliance.core.maps import Place, as_place
from kpis.insight import benchmarks, picture, words
from kpis.insight import peers as likeness
from kpis.insight.distribution import Distribution, distribution_of, group_values
from kpis.insight.forms import MOST_PEERS, PEERS_SHOWN, ExploreForm, OwnChangeForm, PeersForm
from kpis.insight.grouping import Source
from kpis.insight.keeping import kept, stamp_of
from kpis.insight.serializers import DistributionSerializer, inputs_query
from kpis.insight.traits import ClimateZone
from kpis.models import Kpi
from usecases.models import City

#: Cities on the map; more would hide each other.
MOST_PLACES = 100
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
}
#: Names of the parameters that say which city and which weights.
CITY_PARAMETERS = ("city", *(f"weight_{factor}" for factor in likeness.DEFAULT_WEIGHTS))


def refused(request: HttpRequest) -> HttpResponse | None:
    """429 for who asks too often for what is costly to make; None: go on."""
    counting = throttling.ClientRateThrottle().begin(request)
    if counting is None or counting.is_allowed():
        return None
    return error_response(
        request,
        429,
        _("Too many requests"),
        _("Please wait a little before the next one."),
        headers={"Retry-After": str(counting.reset)},
    )


def explored(form: ExploreForm, *, with_names: bool = False) -> Distribution | None:
    """What a valid form asks for; None without an indicator."""
    data = form.cleaned_data
    if data.get("kpi") is None:
        return None
    return distribution_of(
        data["kpi"], data["group_by"], measure=data["measure"], chosen=form.chosen, with_names=with_names
    )


class ExploreView(TemplateView):
    """One indicator, grouped: one picture, one table, one sentence, one menu of files, one API call.

    Context: form, found (Distribution; None: nothing is chosen), drawing, sentence, groups (numbers by group), places,
    most_places, query (of the files), inputs_query (of the list of results), api_url.
    """

    template_name = "kpis/insight/explore.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return kept(request, lambda: self._page(request))

    def _page(self, request: HttpRequest) -> HttpResponse:
        form = ExploreForm(request.GET, stamp=stamp_of(request))
        is_good = form.is_valid()
        found = explored(form) if is_good else None
        context = self.get_context_data(form=form, found=found)
        if found:
            context |= self._shown(found)
        return self.render_to_response(context, status=200 if is_good else 400)

    @staticmethod
    def _shown(found: Distribution) -> dict[str, Any]:
        drawing = picture.draw(found)
        address = reverse("api:kpi-distribution", args=[found.kpi.slug])
        return {
            "drawing": picture.on_page(drawing) if drawing else "",
            "sentence": words.sentence(found),
            "groups": [(group, group_values(group)) for group in found.groups],
            "places": places_of(found),
            "most_places": MOST_PLACES,
            "query": urlencode({"kpi": found.kpi.slug, **found.parameters}),
            "inputs_query": inputs_query(found.kpi, found.chosen.parameters),
            "api_url": f"{address}?{urlencode(found.parameters)}",
        }


def places_of(found: Distribution) -> list[Place]:
    """The cities of the results for the map; none where they are too many. Two queries."""
    if not 0 < found.whole.cities <= MOST_PLACES:
        return []
    ids = Source.of(found.kpi, found.group_by, found.measure, found.chosen).cities()
    cities = City.objects.filter(pk__in=ids).order_by("name", "pk")
    return [
        as_place({"name": city.name, "latitude": city.latitude, "longitude": city.longitude, "has_result": True})
        for city in cities
    ]


class ExploreFileView(View):
    """The numbers or the picture of a page as a file: CSV, JSON, SVG or PNG."""

    def get(self, request: HttpRequest, ending: str) -> HttpResponse:
        if (refusal := refused(request)) is not None:
            return refusal
        form = ExploreForm(request.GET)
        found = explored(form, with_names=ending == "json") if form.is_valid() else None
        if found is None or (ending in ("svg", "png") and not len(found)):
            detail = _("Choose an indicator that has results on the page, and save the file from there.")
            return error_response(request, 400, _("There is nothing to save"), detail)
        response = HttpResponse(self._content(found, ending), content_type=CONTENT_TYPES[ending])
        chosen = "-".join(["", *found.chosen.parameters.values()])
        name = f"alliance-{found.kpi.slug}-{found.measure}-by-{found.group_by}{chosen}.{ending}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    @staticmethod
    def _content(found: Distribution, ending: str) -> str | bytes:
        if ending == "json":
            return exports.json_text(DistributionSerializer(found).data)
        if ending == "csv":
            rows = [group_values(group) for group in found.groups]
            head = list(rows[0]) if rows else ["value", "name", "n"]
            lines = [head, *([exports.safe_cell(row[name]) for name in head] for row in rows)]
            return "".join(exports.csv_line("" if cell is None else cell for cell in line) for line in lines)
        drawing = picture.draw(found, width=picture.DRAWING_WIDTH)
        if drawing is None:
            raise ValueError("Without results there is no picture.")
        note = words.note(found)
        return picture.as_svg(drawing, note) if ending == "svg" else picture.as_png(drawing, note)


class PeersView(TemplateView):
    """Cities like mine: the factors, their weights, and all cities by likeness.

    Context: form, mine (Profile or None), peers, total, factors, climate, sources (of what is on record), api_url.
    """

    template_name = "kpis/insight/peers.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return kept(request, lambda: self._page(request))

    def _page(self, request: HttpRequest) -> HttpResponse:
        form = PeersForm(request.GET)
        is_good = form.is_valid()
        mine = form.mine if is_good else None
        context = self.get_context_data(
            form=form,
            mine=mine,
            cities=City.objects.order_by("name", "pk").values_list("slug", "name", "country__code"),
            factors=list(likeness.Factor.labels),
        )
        if mine:
            found = likeness.peers(mine, form.weights, besides=form.own_city)
            query = asked_query(request)
            context |= {
                "peers": found[:PEERS_SHOWN],
                "total": len(found),
                "as_of": max((peer.city.updated_at for peer in found), default=None),
                "weights": [(likeness.Factor(name).label, weight) for name, weight in form.weights.items()],
                "climate": ClimateZone(mine.climate).label if mine.climate else "",
                "sources": likeness.traits_of(form.own_city) if form.own_city else (),
                "api_url": f"{reverse('api:peers')}?{query}",
                "most": MOST_PEERS,
            }
        return self.render_to_response(context, status=200 if is_good else 400)


def asked_query(request: HttpRequest) -> str:
    """What was asked of the city and its weights, without what is empty."""
    names = (*CITY_PARAMETERS, "population", "density", "climate", "income", "region")
    return urlencode([(name, request.GET[name]) for name in names if request.GET.get(name)])


@method_decorator(never_cache, name="dispatch")
class BenchmarkView(TemplateView):
    """Where my change stands among cities like mine. The change comes by POST, and is kept nowhere.

    Context: kpi, form (of the city), own (form of the change), found (Benchmark or None), drawing, place (below, equal,
    above), change as typed, placed (better is positive), numbers, api_url.
    """

    template_name = "kpis/insight/benchmark.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self._page(request, slug, OwnChangeForm())

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        if (refusal := refused(request)) is not None:
            return refusal
        return self._page(request, slug, OwnChangeForm(request.POST))

    def _page(self, request: HttpRequest, slug: str, own: OwnChangeForm) -> HttpResponse:
        kpi = get_object_or_404(Kpi.objects.select_related("vertical"), slug=slug)
        form = PeersForm(request.GET)
        is_good = form.is_valid() and (not own.is_bound or own.is_valid())
        mine = form.mine if form.is_valid() else None
        context = self.get_context_data(
            kpi=kpi,
            form=form,
            own=own,
            mine=mine,
            cities=City.objects.order_by("name", "pk").values_list("slug", "name", "country__code"),
            fewest=benchmarks.FEWEST_PEERS,
            rule=benchmarks.RULE,
        )
        if mine:
            context |= self._found(request, kpi, form, own.cleaned_data.get("change") if own.is_bound else None)
        return self.render_to_response(context, status=200 if is_good else 400)

    @staticmethod
    def _found(request: HttpRequest, kpi: Kpi, form: PeersForm, change: Any) -> dict[str, Any]:
        mine = form.mine
        if mine is None:
            raise ValueError("Without a city there are no peers.")
        found = benchmarks.benchmark(kpi, mine, form.weights, city=form.own_city)
        query = asked_query(request)
        shown: dict[str, Any] = {
            "found": found,
            "query": query,
            "api_url": f"{reverse('api:benchmarks')}?{urlencode({'kpi': kpi.slug})}&{query}",
        }
        if found.distribution is None or found.group is None:
            return shown
        drawing = picture.draw(found.distribution, you=None if change is None else found.placed(change))
        shown |= {"drawing": picture.on_page(drawing) if drawing else "", "numbers": group_values(found.group)}
        if change is not None:
            shown |= {"change": change, "place": found.place(change), "placed": found.placed(change)}
        return shown
