"""How a number over several results was computed: its inputs, the rule, and what came out."""

from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from alliance.core.templatetags.numbers import percent
from kpis import aggregate_sql
from kpis.aggregate_family import Family, family_of
from kpis.aggregate_models import EXACT
from kpis.aggregates import cell, inputs_of
from kpis.measurement import Design
from kpis.models import Aggregate, AggregateInput, Kpi, Measure, Result, StaleCell
from usecases.models import Region, Vertical

#: The longest cells are listed in full by the list of results, which has pages.
INPUTS_SHOWN = 200


class AggregateView(TemplateView):
    """One cell of an indicator in full. 404 for a dimension that is none, and for a cell without results.

    Context: kpi, cell, inputs (at most `INPUTS_SHOWN`), more, is_stale, measures, api_url, results_url, rule, coverage,
    family (indicators that are the same, with how many results each brings; empty where nobody asked for them).
    """

    template_name = "kpis/aggregate.html"
    family: Family | None = None

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kpi = get_object_or_404(Kpi.objects.select_related("vertical"), slug=kwargs["slug"])
        found = self._cell(kpi)
        inputs = self._inputs(found)
        return super().get_context_data(
            kpi=kpi,
            cell=found,
            inputs=inputs,
            more=found.results - len(inputs),
            is_stale=self._is_stale(found),
            measures=[(one, self._address(found, one)) for one in Measure if self._has(found, one)],
            api_url=reverse("api:aggregate-detail", args=[found.key]),
            results_url=f"{reverse('results:list')}?{found.results_query}",
            family=self.family.counted(found) if self.family else [],
            rule=aggregate_sql.RULE,
            coverage=percent(Decimal(str(round(found.median_coverage * 100, 1)))) if found.median_coverage else "",
            **kwargs,
        )

    def _cell(self, kpi: Kpi) -> Aggregate:
        given = self.request.GET
        measure = given.get("measure", Measure.CHANGE)
        design = given.get("design", "")
        if measure not in Measure.values or design not in ("", *Design.values):
            raise Http404(_("There is no such number."))
        vertical = get_object_or_404(Vertical, code=given["vertical"]) if given.get("vertical") else None
        region = get_object_or_404(Region, slug=given["region"]) if given.get("region") else None
        if given.get("family") == EXACT:
            self.family = family_of(kpi)
            wanted = (vertical, region, design, measure)
            cells = self.family.cells if self.family else ()
            found = next((c for c in cells if (c.vertical, c.region, c.design, c.measure) == wanted), None)
        else:
            found = cell(kpi, vertical=vertical, region=region, design=design, measure=Measure(measure))
        if found is None:
            raise Http404(_("Nothing was measured here yet."))
        return found

    def _inputs(self, found: Aggregate) -> list[AggregateInput]:
        if self.family is None:
            rows = inputs_of(found).select_related("result__kpi", "result__use_case__city__country", "kpi")
            return list(rows[:INPUTS_SHOWN])
        inside = self.family.inputs_of(found)[:INPUTS_SHOWN]
        results = Result.objects.select_related("kpi", "use_case__city__country").in_bulk([one.pk for one in inside])
        for one in inside:
            one.result = results[one.pk]
        return inside

    @staticmethod
    def _address(found: Aggregate, measure: Measure) -> str:
        other = Aggregate(
            kpi=found.kpi, vertical=found.vertical, region=found.region, design=found.design, measure=measure
        )
        other.family = found.family
        return other.get_absolute_url()

    def _has(self, found: Aggregate, measure: Measure) -> bool:
        if self.family is not None:
            same = [
                one
                for one in self.family.cells
                if (one.vertical_id, one.region_id, one.design) == (found.vertical_id, found.region_id, found.design)
            ]
            return any(one.measure == measure for one in same)
        return (
            cell(found.kpi, vertical=found.vertical, region=found.region, design=found.design, measure=measure)
            is not None
        )

    @staticmethod
    def _is_stale(found: Aggregate) -> bool:
        """Whether an input has changed that the number does not know yet."""
        if found.family:  # computed just now
            return False
        inside = Q(kpi_id=found.kpi_id)
        for name in ("vertical_id", "region_id", "design"):
            if value := getattr(found, name):
                inside &= Q(**{name: value})
        return StaleCell.objects.filter(inside).exists()
