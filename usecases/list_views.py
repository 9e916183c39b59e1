"""Lists that can be saved as a file: what they share beyond the faceted list."""

from django.http import HttpRequest

from alliance.events.lists import DocumentListView


class SavableListView(DocumentListView):
    """A list whose rows can be taken elsewhere, complete and in the same order.

    Context, besides that of `DocumentListView`: save_query, the filters in force with the order always named.
    """

    def setup(self, request: HttpRequest, *args, **kwargs) -> None:
        """Drop the empty values that a form sends along, so that no link of the page repeats them."""
        super().setup(request, *args, **kwargs)
        asked = request.GET.copy()
        for name, values in list(asked.lists()):
            asked.setlist(name, [value for value in values if value])
        asked._mutable = False
        request.GET = asked  # type: ignore[assignment]

    def get_context_data(self, **kwargs) -> dict:
        context = super().get_context_data(**kwargs)
        # Other doors may have another default: the order is named.
        named = "" if self.filter.values.get("sort") else f"sort={self.filter.sort_name}"
        return {**context, "save_query": "&".join(filter(None, [context["export_query"], named]))}
