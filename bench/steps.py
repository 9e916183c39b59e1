"""The way from the naive list to the portal's, one technique after another, inside the same Django."""

from django.http import HttpResponse
from rest_framework import pagination
from rest_framework.response import Response
from rest_framework.views import APIView

from alliance.events.documents import kinds
from bench import naive
from usecases.api import UseCaseSerializer
from usecases.models import UseCase, UseCaseDocument

_PAGE = 50


class Cursors(pagination.CursorPagination):
    page_size = _PAGE
    ordering = ("-started_year", "pk")


class WithoutCountView(naive.UseCaseView):
    """Pages by position: nothing is counted, nothing is skipped."""

    pagination_class = Cursors


class _StepView(APIView):
    """One page of the same choice, from the narrow columns of the ready documents and the index over them."""

    permission_classes = []

    def documents(self):
        """The first page."""
        chosen = {name: self.request.query_params[name] for name in ("vertical", "region", "stage")}
        return UseCaseDocument.objects.filter(is_public=True, **chosen).order_by("-start", "id")[:_PAGE]

    def ids(self) -> list[int]:
        return list(self.documents().values_list("id", flat=True))


class NarrowTableView(_StepView):
    """A narrow table with a covering index chooses; model instances and serializers answer."""

    def get(self, request):
        ids = self.ids()
        found = {one.pk: one for one in UseCase.objects.for_documents().filter(pk__in=ids)}
        return Response({"results": UseCaseSerializer([found[key] for key in ids], many=True).data})


class JsonInSqlView(_StepView):
    """PostgreSQL writes the JSON, for each reader anew."""

    def get(self, request):
        ids = self.ids()
        found = dict(kinds["use-cases"].live(["id", "body"]).filter(pk__in=ids))
        return _answer(found[key] for key in ids)


class ReadyDocumentsView(_StepView):
    """The JSON was written when the record changed."""

    def get(self, request):
        return _answer(self.documents().values_list("body", flat=True))


def _answer(bodies) -> HttpResponse:
    return HttpResponse(f'{{"results":[{",".join(bodies)}]}}', content_type="application/json")


#: Name of the step -> its view. The portal's own list is the last one.
STEPS = {
    "without count": WithoutCountView,
    "narrow table": NarrowTableView,
    "JSON in SQL": JsonInSqlView,
    "ready documents": ReadyDocumentsView,
}


def address(step: str) -> str:
    return f"/bench/steps/{step.lower().replace(' ', '-')}/"
