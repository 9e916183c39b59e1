"""How a number over several results was computed: its inputs, the rule, and what came out."""

from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from alliance.core.templatetags.numbers import percent
from kpis import aggregate_sql
from kpis.aggregate_families import Family, cell_of, family_of
from kpis.aggregate_models import EXACT
from kpis.aggregates import cell, inputs_of
from kpis.measurement import Design
from kpis.models import Aggregate, AggregateInput, Kpi, Measure, UncountedInput
from usecases.models import Region, Vertical

#: The longest cells are listed in full by the list of results, which has pages.
INPUTS_SHOWN = 200


class AggregateView(TemplateView):
    """One cell of an indicator in full. 404 for a dimension that is none, and for a cell without results.

    Context: kpi, cell, inputs (at most `INPUTS_SHOWN`), more, is_stale, measures, api_url, results_url, rule, coverage.
    """

    template_name = "kpis/aggregate.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kpi = get_object_or_404(Kpi.objects.select_related("vertical"), slug=kwargs["slug"])
        found = self._cell(kpi)
        inputs = list(self._inputs(found)[:INPUTS_SHOWN])
        return super().get_context_data(
            kpi=kpi,
            cell=found,
            inputs=inputs,
            more=found.results - len(inputs),
            is_stale=self._is_stale(found),
            measures=[(one, self._address(found, one)) for one in Measure if self._has(found, one)],
            api_url=reverse("api:aggregate-detail", args=[found.key]),
            results_url=f"{reverse('results:list')}?{found.results_query}",
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
        wanted: dict[str, Any] = {"vertical": vertical, "region": region, "design": design, "measure": Measure(measure)}
        found = self._of_family(kpi, wanted) if "family" in given else cell(kpi, **wanted)
        if found is None:
            raise Http404(_("Nothing was measured here yet."))
        return found

    def _of_family(self, kpi: Kpi, wanted: dict[str, Any]) -> Aggregate | None:
        family = family_of(kpi)
        if self.request.GET["family"] != EXACT or not family.others:
            raise Http404(_("There is no such number."))
        return cell_of(family, **wanted)

    @staticmethod
    def _inputs(found: Aggregate) -> QuerySet[AggregateInput]:
        return inputs_of(found).select_related("result__kpi", "result__use_case__city__country", "kpi")

    @staticmethod
    def _address(found: Aggregate, measure: Measure) -> str:
        other = Aggregate(
            kpi=found.kpi, vertical=found.vertical, region=found.region, design=found.design, measure=measure
        )
        other.members = found.members
        return other.get_absolute_url()

    @staticmethod
    def _has(found: Aggregate, measure: Measure) -> bool:
        wanted: dict[str, Any] = {
            "vertical": found.vertical,
            "region": found.region,
            "design": found.design,
            "measure": measure,
        }
        if found.members:
            return cell_of(Family(found.kpi, found.members), **wanted) is not None
        return cell(found.kpi, **wanted) is not None

    @staticmethod
    def _is_stale(found: Aggregate) -> bool:
        """Whether an input has changed that the number does not know yet."""
        inside = Q(kpi_id__in=[one.pk for one in found.counted])
        for name in ("vertical_id", "region_id", "design"):
            if value := getattr(found, name):
                inside &= Q(**{name: value})
        uncounted = UncountedInput.objects.filter(kpi_id__in=[one.pk for one in found.counted])
        if uncounted.filter(inside | Q(result_id=None)).exists():
            return True
        return AggregateInput.objects.filter(inside, result_id__in=uncounted.values("result_id")).exists()
