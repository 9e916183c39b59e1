"""Lists that can be saved as a file: what they share beyond the faceted list."""

from alliance.core.views import FacetedListView


class SavableListView(FacetedListView):
    """A list whose rows can be taken elsewhere in the same order, and whose order follows a search.

    Context, besides that of `FacetedListView`: save_query, the filters with the order always named.
    """

    def get_context_data(self, **kwargs) -> dict:
        context = super().get_context_data(**kwargs)
        implied = self._implied_sort()
        # The order that holds without being asked for is sent as none: else the first search after it could not bring
        # the best match to the top, because the form would name the old order.
        context["sort_options"] = [
            ("" if name == implied else name, label, chosen) for name, label, chosen in context["sort_options"]
        ]
        # Other doors may have another default: the order is named.
        named = "" if self.filter.values.get("sort") else f"sort={self.filter.sort_name}"
        context["save_query"] = "&".join(filter(None, [context["export_query"], named]))
        return context

    def _implied_sort(self) -> str:
        return "relevance" if self.filter.search and "relevance" in self.filter.sorts else self.filter.default_sort
