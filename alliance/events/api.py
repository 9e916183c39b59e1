"""Resources of the REST API that give out ready documents.

A list or an export passes on the text of the documents as it is; no row becomes an object on the way. Single records go
through the serializer; both give the same bytes.
"""

import copy
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import Expression, F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response

from alliance.core import conditional, pagination, throttling
from alliance.core.api import Errors, Piece
from alliance.core.fields import FIELDS, OMIT, read_selection
from alliance.events import cache, exporting, paging
from alliance.events.documents import Kind, kinds
from alliance.events.facet_api import FacetCounts
from alliance.events.patches import patch_for
from alliance.events.planning import planned_page, written_page
from alliance.events.reading import sees_all, state_of, visible_documents

#: Raised when the envelope of a list changes, so that nobody keeps an answer of the old shape.
ENVELOPE = 1
#: Understood requests that a process remembers.
MOST_PLANS = 1_000
#: Actions whose tags end with a mark.
MARKED = ("list", "facets")
#: Headers of an answer that every reader of it gets.
KEPT = ("Allow", "Content-Type", "ETag", "Link")
_plans: dict[tuple[str, str, bool, str], tuple[paging.TextPagination, Sequence[str] | None]] = {}


class DocumentResource(FacetCounts):
    """A resource whose lists and exports are made of ready documents."""

    renderer_classes = [paging.ReadyRenderer]

    @property
    def kind(self) -> Kind:
        """The kind of documents of the same name."""
        return kinds[self.resource]

    def get_rows(self) -> QuerySet:
        """The documents that this reader may see."""
        return visible_documents(self.kind, self.request.user, state_of(self.request._request))

    # --- a list ------------------------------------------------------------------------------------------------------
    def list(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return self._page(request)

    def _page(self, request: Request) -> Response:
        pages, only = self._planned(request)
        page = pages.finish(request)
        if pages.is_guess and not page:
            filters = self.filterset
            if filters.found(filters.reading, any_row=False) and filters.sort_name == "relevance" and not pages.start:
                filters.note_none_or_too_many()
            pages = self._written(pagination.read_page_parameters(request.query_params, []))
            page = pages.finish(request)
        if only is None:
            return pages.get_paginated_response(page)
        return pages.get_paginated_response([_selected(json.loads(text), only) for text in pages.texts])

    def _planned(self, request: Request) -> tuple[paging.TextPagination, Sequence[str] | None]:
        """The request understood: its page and the fields asked for. Raises: BadParameters.

        What an address means depends on the state of the data alone (names of values, whether documents are stale),
        so it is worked out once a state.
        """
        state = state_of(request._request)
        if self.kind.is_stale(state) or "q" in request.query_params:
            return self._plan(request)
        key = (self.resource, request._request.META.get("QUERY_STRING", ""), sees_all(request.user), state.stamp)
        plan = _plans.get(key)
        if plan is None:
            plan = _plans[key] = self._plan(request)
            while len(_plans) > MOST_PLANS:
                _plans.pop(next(iter(_plans)), None)
        pages, only = plan
        return copy.copy(pages), only

    def _plan(self, request: Request) -> tuple[paging.TextPagination, Sequence[str] | None]:
        errors: Errors = []
        query = request.query_params
        asked = pagination.read_page_parameters(query, errors)
        only = read_selection(query, self.serializer_class.names(), errors)
        self._check(query, (*pagination.PARAMETERS, FIELDS, OMIT), errors)
        patch = patch_for(self.kind, state_of(request._request), sees_all=sees_all(request.user))
        pages = planned_page(self.filterset, "body", asked, bound_to=self._bound_to(), patch=patch)
        return pages or self._written(asked), only

    def _written(self, asked: pagination.PageRequest) -> paging.TextPagination:
        """The page of this request alone."""
        return written_page(self.filterset, self._text("body"), asked, bound_to=self._bound_to())

    def _text(self, column: str) -> Expression | F:
        return self.kind.bodies(state_of(self.request._request), column)

    # --- answers that are known before anything is looked up ---------------------------------------------------------
    #: The place of this answer among those that are kept, if it is.
    _place: str | None = None

    def _mark(self, request: HttpRequest) -> str:
        """What this answer depends on, besides its bytes: what was asked, by whom, and the state of all data."""
        given = request.META
        told = "\n".join(
            [
                request.path,
                given.get("QUERY_STRING", ""),
                given.get("HTTP_ACCEPT", ""),
                str(sees_all(request.user)),
                self.kind.schema,
                str(ENVELOPE),
            ]
        )
        place = hashlib.blake2b(told.encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()
        return f"{place}.{state_of(request).stamp}"

    def known_answer(self, request: HttpRequest) -> HttpResponse | None:
        """304 when the client's tag was given for this very address in this very state of the data; a whole answer
        when somebody got it in this state."""
        action = self.action_map["get"]
        if action not in MARKED or request.method not in ("GET", "HEAD"):
            return None
        if "HTTP_AUTHORIZATION" in request.META:
            return None  # who asks is known only when DRF has looked at the token
        # Searches and counts are what costs PostgreSQL most.
        if action == "facets" or request.GET.get("q"):
            accepted = request.META.get("HTTP_ACCEPT", "")
            self._place = cache.address(request, action, accepted, str(sees_all(request.user)))
        # While PostgreSQL is asked for the state of the data.
        counting = throttling.ClientRateThrottle().begin(request, self._place or "")
        answer = self._unchanged(request)
        if answer is None and self._place:
            kept = self._kept(counting)
            if kept is not None and kept.stamp == state_of(request).stamp:
                answer = HttpResponse(kept.body, headers=kept.headers)
        if answer is None or (counting and not counting.is_allowed()):
            return None
        throttling.tell(request, answer)
        conditional.set_caching(answer, signed_in=request.user.is_authenticated)
        if answer.status_code == 304:
            return answer
        return conditional.answer_conditionally(request, answer, etag=answer["ETag"], last_modified=None, one_row=False)

    def _kept(self, counting: throttling.Counting | None) -> cache.Kept | None:
        if counting is None:
            return cache.recall(self._place or "")
        return counting.also if counting.is_allowed() else None

    def _unchanged(self, request: HttpRequest) -> HttpResponse | None:
        held = request.META.get("HTTP_IF_NONE_MATCH", "")
        if "." not in held or "HTTP_IF_MATCH" in request.META:
            return None
        ending = f'.{self._mark(request)}"'
        tag = next((tag for tag in parse_etags(held) if tag.endswith(ending)), None)
        return tag and HttpResponseNotModified(headers={"ETag": tag.removeprefix("W/")})

    def entity_tag(self, body: bytes) -> str:
        """The hash of the bytes; of a list and its counts, then what `_mark` says."""
        tag = conditional.strong_etag(body)
        return f'{tag[:-1]}.{self._mark(self.request._request)}"' if self.action in MARKED else tag

    def answered(self, response: HttpResponse) -> None:
        """Keep what was costly."""
        if self._place is not None and response.status_code == 200:
            headers = {name: response[name] for name in KEPT if name in response.headers}
            stamp = state_of(self.request._request).stamp
            cache.keep(self._place, cache.Kept(response.content, headers, stamp))

    # --- exports -----------------------------------------------------------------------------------------------------
    def _pieces(self, rows: QuerySet, keys: Sequence[str], only: Iterable[str] | None) -> Iterator[Piece]:
        kept = None if only is None else [*only]
        for texts in exporting.pieces(rows, keys, self._text("body")):
            found = [json.loads(text) for text in texts]
            yield found if kept is None else [_selected(document, kept) for document in found]

    def _ready_lines(self, rows: QuerySet, keys: Sequence[str], ending: str) -> Iterator[bytes] | None:
        column, end = ("csv", b"") if ending == "csv" else ("body", b"\n")
        return (end.join([*texts, b""]) for texts in exporting.pieces(rows, keys, self._text(column)))


def _selected(document: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: document[name] for name in names}
