"""The list of all results."""

from django.db.models import QuerySet

from alliance.core.charts import scale_for
from kpis.filters import ResultFilter
from kpis.kinds import RESULTS
from kpis.models import Result
from usecases.list_views import SavableListView


class ResultListView(SavableListView):
    """All results that the reader may see, with filters; those of a page on one scale."""

    kind = RESULTS
    filterset_class = ResultFilter
    template_name = "kpis/result_list.html"
    fragment_template_name = "kpis/_result_list.html"
    page_size = 25
    page_sizes = (25, 50, 100)
    open_facets = ("design", "vertical", "effect")

    def get_queryset(self) -> QuerySet[Result]:
        return Result.objects.visible_to(self.request.user).for_display()

    def get_context_data(self, **kwargs) -> dict:
        context = super().get_context_data(**kwargs)
        results = list(context["page_obj"].object_list)
        return {**context, "results": results, "scale": scale_for(result.change_percent for result in results)}
