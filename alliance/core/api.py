"""What all resources of the REST API have in common: one way to list, to read one, to export; one way to refuse."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.urls import reverse
from django.utils import translation
from django.utils.functional import cached_property
from rest_framework import viewsets
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alliance.core import conditional, exports, pagination, throttling
from alliance.core.errors import BadParameters, ParameterError
from alliance.core.facets import FACET, Facet, did_you_mean
from alliance.core.fields import FIELDS, OMIT, Column, Document, read_selection
from alliance.core.filters import PortalFilterSet

# A viewset's method is called `list`, which hides the type inside its class.
Errors = list[ParameterError]
Piece = list[Mapping[str, Any]]


class AcceptNegotiation(DefaultContentNegotiation):
    """By the header Accept alone: `?format=` is a parameter like any other, known or refused."""

    class settings:  # noqa: N801  (the name that DRF reads)
        URL_FORMAT_OVERRIDE = None

    def select_renderer(
        self, request: Request, renderers: Sequence[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        """The usual cases without parsing: whoever takes anything, or names the first renderer's own type."""
        first = renderers[0]
        if request.META.get("HTTP_ACCEPT", "*/*") in ("*/*", "", first.media_type):
            return first, first.media_type
        return super().select_renderer(request, renderers, format_suffix)


class Door:
    """What every answer of the API says about caching and quotas, and that it speaks English. Mixed into APIViews."""

    permission_classes = [AllowAny]  # who sees which row is the queryset's matter
    metadata_class = None
    content_negotiation_class = AcceptNegotiation
    http_method_names = ["get", "head", "options"]
    #: The answer is made from one row alone (see `alliance.core.conditional`).
    one_row = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Also where the answer is rendered, after this returns: another language would be noted on it otherwise.
        translation.activate("en")
        request.LANGUAGE_CODE = "en"  # type: ignore[attr-defined]
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            request.user = AnonymousUser()  # whom Django would find at greater length
        return self.known_answer(request) or super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def known_answer(self, request: HttpRequest) -> HttpResponseBase | None:
        """304 when the client holds this answer, as far as that can be told before anything is looked up."""
        return None

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Which methods there are: the header `Allow`."""
        return Response(status=204)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        django_request = getattr(request, "_request", request)
        throttling.tell(django_request, response)
        if response.status_code in (200, 304) and django_request.method in ("GET", "HEAD"):
            user = getattr(request, "user", None)
            conditional.set_caching(response, signed_in=bool(user and user.is_authenticated))
            if isinstance(response, Response):
                response.add_post_render_callback(self._answer_conditionally(django_request))
        return response

    def _answer_conditionally(self, request: HttpRequest) -> Any:
        def answer(response: HttpResponse) -> HttpResponse:
            found = conditional.answer_conditionally(
                request,
                response,
                etag=self.entity_tag(response.content),
                last_modified=getattr(self, "last_modified", None),
                one_row=self.one_row,
            )
            self.answered(response)
            return found

        return answer

    def answered(self, response: HttpResponse) -> None:
        """Told of every whole answer, its tag included."""

    def entity_tag(self, body: bytes) -> str:
        """The tag of an answer."""
        return conditional.strong_etag(body)

    def refuse_unknown(self, query: QueryDict, known: Sequence[str], errors: Errors) -> None:
        """Note every parameter that this address does not have."""
        for name in [name for name in query if name not in known][:20]:
            hint = did_you_mean(name[:60], known)
            if not hint:
                hint = f"Known are: {', '.join(known)}." if known else "There are none here."
            errors.append(
                ParameterError(name[:60], f"There is no parameter “{name[:60]}”. {hint}", "unknown_parameter")
            )


class Endpoint(Door, APIView):
    """An address of the API that is not a resource. It knows no parameters unless `parameters` names some."""

    parameters: Sequence[str] = ()
    #: Its path names a record that there may not be.
    names_a_record = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        errors: Errors = []
        self.refuse_unknown(request.query_params, self.parameters, errors)
        if errors:
            raise BadParameters(errors)


class Resource(Door, viewsets.GenericViewSet):
    """A kind of public record: a list with the page's own filters, single records, exports. Reading only."""

    pagination_class = pagination.KeysetPagination
    filterset_class: type[PortalFilterSet]
    serializer_class: type[Document]
    #: The name in the address, such as `use-cases`; of its URL patterns, such as `use-case`; and in sentences.
    resource = ""
    url_name = ""
    singular = ""
    plural = ""
    #: What the resource is, for the API description.
    summary = ""
    #: Its records have a latitude and a longitude.
    has_places: ClassVar[bool] = False
    lookup_field = "slug"
    lookup_value_regex = "[-a-zA-Z0-9_]+"

    @classmethod
    def formats(cls) -> Sequence[str]:
        """The endings of its exports."""
        return [ending for ending, one in exports.FORMATS.items() if cls.has_places or not one.places_only]

    # --- a list ------------------------------------------------------------------------------------------------------
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        errors: Errors = []
        query = request.query_params
        asked = pagination.read_page_parameters(query, errors)
        only = read_selection(query, self.serializer_class.names(), errors)
        self._check(query, (*pagination.PARAMETERS, FIELDS, OMIT), errors)
        filters = self.filterset
        pages = pagination.KeysetPagination()
        rows = pages.paginate(
            self.serializer_class.lean(filters.qs, only), filters.sort.keys, asked, request, bound_to=self._bound_to()
        )
        return pages.get_paginated_response(self.serializer_class(rows, many=True, only=only).data)

    @cached_property
    def filterset(self) -> PortalFilterSet:
        """The filters of the page, over the rows that this reader may see."""
        return self.filterset_class(self.request.query_params, self.get_rows(), request=self.request._request)

    def get_rows(self) -> QuerySet:
        """What the filters choose among."""
        return self.get_queryset()

    def _check(self, query: QueryDict, own: Sequence[str], errors: Errors) -> None:
        """Refuse the request when anything is wrong with it; name all that is.

        Raises: BadParameters.
        """
        filters = self.filterset.base_filters
        known = [*filters, *(["sort"] if self.filterset.sorts else []), *own]
        self.refuse_unknown(query, known, errors)
        for name in known:
            several = isinstance(filters.get(name), Facet) or name in (FIELDS, OMIT, FACET)
            if name in query and not several and len(query.getlist(name)) > 1:
                errors.append(ParameterError(name, "Give this parameter once.", "repeated"))
        if self.filterset.plain_values is None:
            for name, found in self.filterset.form.errors.get_json_data().items():
                errors.extend(ParameterError(name, one["message"], one["code"] or "invalid") for one in found)
        if errors:
            raise BadParameters(errors)

    def _bound_to(self) -> str:
        return pagination.fingerprint(self.resource, self.filterset.sort_name, self.filterset.values)

    # --- one record --------------------------------------------------------------------------------------------------
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        errors: Errors = []
        only = read_selection(request.query_params, self.serializer_class.names(), errors)
        self.refuse_unknown(request.query_params, (FIELDS, OMIT), errors)
        if errors:
            raise BadParameters(errors)
        row = self._row_at(self.serializer_class.lean(self.get_queryset(), only), kwargs[self.lookup_field])
        if isinstance(row, Response):
            return row
        self.last_modified = conditional.newest_change([row])
        return Response(self.serializer_class(row, only=only).data)

    def key(self, text: str) -> str:
        """The record's key as the address gives it."""
        return text

    def moved_to(self, key: str) -> str:
        """The key of the record that stands for one that is gone from this address; empty when nothing does."""
        return ""

    def _row_at(self, rows: QuerySet, text: str) -> Any:
        """The record, or the answer that says where it is now."""
        row = rows.filter(**{self.lookup_field: self.key(text)}).first()
        if row is None and (key := self.moved_to(self.key(text))):
            address = self.request.build_absolute_uri(reverse(f"api:{self.url_name}-detail", args=[key]))
            query = self.request.query_params.urlencode()
            return Response(
                {"moved_to": address}, 301, headers={"Location": f"{address}?{query}" if query else address}
            )
        if row is None:
            raise Http404(f"There is no {self.singular} “{text[:100]}”.")
        return row

    # --- all of them -------------------------------------------------------------------------------------------------
    def export(self, request: Request, ending: str, **kwargs: Any) -> HttpResponseBase:
        """The whole filtered set as a file, in the order of the list."""
        document, chosen = self.serializer_class, exports.FORMATS[ending]
        errors: Errors = []
        names = document.names() if chosen.nested else [column.name for column in document.columns]
        selection = read_selection(request.query_params, names, errors)
        self._check(request.query_params, (FIELDS, OMIT), errors)
        columns = [column for column in document.columns if selection is None or column.name in selection]
        only: Iterable[str] | None = selection
        if not chosen.nested:
            places = ("latitude", "longitude") if chosen.places_only else ()
            only = [
                name for name in document.names() if name in {self.lookup_field, *places, *(c.field for c in columns)}
            ]
        filters = self.filterset
        export = exports.Export(
            name=self.resource,
            pieces=self._pieces(filters.qs, filters.sort.keys, only),
            columns=columns,
            is_filtered=any(value not in (None, "", []) for name, value in filters.values.items() if name != "sort"),
            source=self._list_address(request),
            ready=lambda ending: None if selection else self._ready_lines(filters.qs, filters.sort.keys, ending),
        )
        return exports.export_response(request._request, export, ending)

    def _pieces(self, rows: QuerySet, keys: Sequence[str], only: Iterable[str] | None) -> Iterator[Piece]:
        serializer = self.serializer_class(many=True, only=only)
        for piece in pagination.chunks(self.serializer_class.lean(rows, only), keys):
            yield serializer.to_representation(piece)

    def _ready_lines(self, rows: QuerySet, keys: Sequence[str], ending: str) -> Iterator[bytes] | None:
        """All lines of an export as texts that are written already; None when there are none."""
        return None

    def _list_address(self, request: Request) -> str:
        query = request.query_params.urlencode()
        path = request.path.rpartition(".")[0] + "/"
        return request.build_absolute_uri(f"{path}?{query}" if query else path)


def column(name: str, path: str = "", *, is_number: bool = False, between: str = "; ") -> Column:
    """A column of the flat exports; its path is its own name unless given."""
    return Column(name, path or name, is_number=is_number, between=between)
