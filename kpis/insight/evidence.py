"""Where evidence is missing: how many results there are by what is counted and by field."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from alliance.core.verticals import VerticalCode
from alliance.events.cache import answered
from kpis.models import Kpi, Result

#: From so many results on a cell is of the next shade.
SHADES = (1, 3, 6)


@dataclass(frozen=True)
class Cell:
    """Results of one row in one field. `query`: of the list of them; empty without any."""

    field: str | Promise
    n: int
    query: str

    @property
    def shade(self) -> int:
        """0 (none) to 3."""
        return sum(self.n >= limit for limit in SHADES)


@dataclass(frozen=True)
class Row:
    """A dimension of indicators, or one indicator."""

    name: str
    #: Where its name leads.
    url: str
    indicators: int
    cells: Sequence[Cell]

    @property
    def n(self) -> int:
        return sum(cell.n for cell in self.cells)


@dataclass(frozen=True)
class EvidenceMap:
    """Rows by fields. `dimension`: the one whose indicators are the rows; empty: all dimensions are."""

    dimension: str
    rows: Sequence[Row]
    #: When the newest of the counted results was changed; None without any.
    as_of: datetime | None = None

    @property
    def fields(self) -> list[tuple[str, str | Promise]]:
        return list(VerticalCode.choices)

    @property
    def n(self) -> int:
        return sum(row.n for row in self.rows)

    @property
    def empty_rows(self) -> int:
        return sum(not row.n for row in self.rows)


def evidence_map(user: object, dimension: str = "") -> EvidenceMap:
    """Two queries. Raises: Http404 for a dimension that no indicator has."""
    kpis = Kpi.objects.order_by("dimension", "name", "pk")
    if dimension:
        kpis = kpis.filter(dimension=dimension)
    known = list(kpis.values_list("slug", "name", "dimension"))
    if dimension and not known:
        raise Http404(_("No indicator has this dimension."))
    counted = (
        Result.objects.visible_to(user)
        .standing()
        .order_by()
        .values_list("kpi__slug", "use_case__vertical__code")
        .annotate(n=Count("pk"), newest=Max("updated_at"))
    )
    chosen = {slug for slug, _name, _dimension in known}
    shown = [row for row in counted if row[0] in chosen]
    found: dict[tuple[str, str], int] = {(kpi, field): n for kpi, field, n, _newest in shown}
    groups: dict[str, list[tuple[str, str]]] = {}
    for slug, name, of in known:
        groups.setdefault(slug if dimension else of, []).append((slug, name))
    rows = []
    for key, members in groups.items():
        slugs = [slug for slug, _name in members]
        url = reverse("kpis:detail", args=[key]) if dimension else f"?{urlencode({'dimension': key})}"
        cells = [_cell(field, label, slugs, found) for field, label in VerticalCode.choices]
        rows.append(Row(members[0][1] if dimension else key, url, len(members), cells))
    return EvidenceMap(dimension, rows, max((newest for *_cell, newest in shown), default=None))


def _cell(field: str, label: str | Promise, slugs: Sequence[str], found: dict[tuple[str, str], int]) -> Cell:
    measured = [slug for slug in slugs if (slug, field) in found]
    query = urlencode([("vertical", field), *(("kpi", slug) for slug in measured)]) if measured else ""
    return Cell(label, sum(found[slug, field] for slug in measured), query)


class EvidenceView(TemplateView):
    """The heat map. Context: evidence, an EvidenceMap."""

    template_name = "kpis/insight/evidence.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return answered(request, lambda: self._page(request))

    def _page(self, request: HttpRequest) -> HttpResponse:
        evidence = evidence_map(request.user, request.GET.get("dimension", ""))
        return self.render_to_response(self.get_context_data(evidence=evidence))
