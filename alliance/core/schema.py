"""The API's own description (OpenAPI 3.1): every parameter, every status, and examples of real records.

Parameters come from the filtersets, bodies from the public JSON's serializers, so that neither is typed a second time.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import django_filters
from django import forms
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from alliance.core import exports, pagination
from alliance.core.api import Door, Resource
from alliance.core.errors import PROBLEM_JSON, QUOTA_EXCEEDED, documented, phrase
from alliance.core.facets import FACET, Facet
from alliance.core.fields import FIELDS, OMIT
from alliance.core.filters import PortalFilterSet, SearchFilter

#: One real record of each resource as the API answers it; a test compares them with the loaded data.
EXAMPLES_FILE = Path(__file__).with_name("api_examples.json")


class FacetValueSerializer(serializers.Serializer):
    """A value of a facet."""

    value = serializers.CharField(help_text="As the list's parameter takes it.")
    name = serializers.CharField(help_text="In English.")
    count = serializers.IntegerField(min_value=0, help_text="Rows that the list has with this value.")


class FacetsSerializer(serializers.Serializer):
    """The counts of a list by its facets."""

    count = serializers.IntegerField(min_value=0, help_text="Rows that match.")
    facets = serializers.DictField(
        child=FacetValueSerializer(many=True),
        help_text="Facet, and its values that have rows or are chosen. A facet's counts leave its own choice out.",
    )


class ParameterErrorSerializer(serializers.Serializer):
    """What is wrong with one query parameter."""

    parameter = serializers.CharField()
    detail = serializers.CharField(help_text="What is wrong, and how to mend it.")
    code = serializers.CharField(help_text="Stable, for programs: unknown_parameter, unknown_value, out_of_range, ...")


class ProblemSerializer(serializers.Serializer):
    """An error as RFC 9457 has it."""

    type = serializers.CharField(help_text="“about:blank”, or the address of an explanation.")
    title = serializers.CharField()
    status = serializers.IntegerField(min_value=400, max_value=599)
    detail = serializers.CharField(help_text="What happened, and what can be done.")
    instance = serializers.CharField(help_text="The path that was asked for.")
    request_id = serializers.CharField(required=False, help_text="Name it when you write to us.")
    errors = ParameterErrorSerializer(many=True, required=False, help_text="One entry for each bad parameter.")
    violated_policies = serializers.ListField(child=serializers.CharField(), required=False)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Under the name that the draft on RateLimit headers gives, which is no Python name."""
        fields = super().get_fields()
        return {name.replace("violated_policies", "violated-policies"): field for name, field in fields.items()}


class PlaceErrorSerializer(serializers.Serializer):
    """What is wrong with one place of a body, or with one parameter."""

    pointer = serializers.CharField(required=False, help_text="The place in the body, a JSON pointer.")
    parameter = serializers.CharField(required=False)
    field = serializers.CharField(required=False, help_text="The entry, such as `standards.0.standard`.")
    detail = serializers.CharField(help_text="What is wrong, and how to mend it; of a warning a question.")
    code = serializers.CharField(help_text="Stable, for programs.")
    answer_as = serializers.CharField(required=False, help_text="Under which a warning is answered.")
    answered = serializers.BooleanField(required=False)


class WritingProblemSerializer(ProblemSerializer):
    """A refused request that writes."""

    errors = PlaceErrorSerializer(many=True, required=False)
    warnings = PlaceErrorSerializer(many=True, required=False, help_text="Unusual things that nobody has answered.")
    items = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="Of a batch: what became of each."
    )
    current = serializers.DictField(required=False, help_text="The record as it is now.")


#: status -> what it means here.
REFUSALS: dict[int, str] = {
    400: "A parameter, its value or a cursor that this list does not know. All are named.",
    401: "The credentials that came with the request are not valid.",
    403: "This needs rights that the account does not have.",
    404: "There is no such record, or none that you may see.",
    405: "This method is not offered here; the header Allow names those that are.",
    406: "The answer does not exist in a form that the header Accept allows.",
    412: "The answer is not the one that If-Match names.",
    415: "The body is not in a form that is read here.",
    429: "Too many requests. Retry-After says when to go on.",
    500: "A fault of the portal. It has been logged.",
    503: "A service that the portal needs does not answer just now. Retry-After says when to try again.",
}


#: The same for requests that write, and for records that are no public ones.
WRITING_REFUSALS: dict[int, str] = {
    **REFUSALS,
    400: "A parameter or the body that is not taken here. `errors` names all that is wrong.",
    401: "Credentials are missing or not valid: send a token.",
    409: "The state of the record does not allow it, or the same request is being worked off.",
    412: "The record is not the one that If-Match names; `current` is the record as it is now.",
    413: "The body is too long.",
    422: "What was sent cannot be taken as it is: `errors` and `warnings` say why and how to mend it.",
    428: "If-Match is missing.",
}


@dataclass(frozen=True)
class Described:
    """An operation that is no reading of a public resource, in words and with its bodies.

    Attributes:
        request: the serializer of its body; None: it has none.
        answers: status -> serializer or OpenApiResponse.
        refusals: of `WRITING_REFUSALS`.
    """

    operation_id: str
    summary: str
    description: str
    answers: Mapping[int, Any]
    refusals: tuple[int, ...]
    request: Any = None
    parameters: tuple[OpenApiParameter, ...] = ()
    tag: str = ""


@cache
def examples() -> Mapping[str, Any]:
    """Real records by resource."""
    return json.loads(EXAMPLES_FILE.read_text(encoding="utf-8"))


class PortalSchema(AutoSchema):
    """Describes what `alliance.core.api` answers."""

    @property
    def _resource(self) -> Resource | None:
        return self.view if isinstance(self.view, Resource) else None

    @property
    def _action(self) -> str:
        return getattr(self.view, "action", "") or ""

    @property
    def _described(self) -> Described | None:
        return getattr(self.view, "described", {}).get(self._action)

    def get_tags(self) -> list[str]:
        if self._described and self._described.tag:
            return [self._described.tag]
        return [self._resource.resource if self._resource else "about"]

    def get_operation_id(self) -> str:
        if self._described:
            return self._described.operation_id
        resource = self._resource
        if resource is None:
            return getattr(self.view, "operation_id", "") or super().get_operation_id()
        action = {"retrieve": "read"}.get(self._action, self._action)
        return f"{resource.resource.replace('-', '_')}_{action}"

    def get_summary(self) -> str | None:
        if self._described:
            return self._described.summary
        resource = self._resource
        if resource is None:
            return getattr(self.view, "summary", None)
        return {
            "list": f"List {resource.plural}",
            "facets": f"Count {resource.plural} by facet",
            "retrieve": f"Read one {resource.singular}",
            "export": f"Save {resource.plural} as a file",
        }[self._action]

    def get_description(self) -> str:
        if self._described:
            return self._described.description
        resource = self._resource
        if resource is None:
            return getattr(self.view, "description", "")
        return {
            "list": "Filtered, searched and sorted as on the page, in pages by position.",
            "facets": "How many rows match the same parameters as those of the list, and how many each value of each "
            "facet would give: at most the 200 most frequent of each, and those that are chosen.",
            "retrieve": f"By {resource.lookup_field}.",
            "export": "The whole filtered set in the order of the list, however large: CSV and XLSX as a flat table, "
            "NDJSON with one record a line as the list gives it"
            + (", GeoJSON as points." if resource.has_places else "."),
        }[self._action]

    def get_auth(self) -> list[dict[str, list[str]]]:
        """Reading public records needs no credentials."""
        return [{"token": []}, {"session": []}] if self._described else [{}]

    def get_request_serializer(self) -> Any:
        return self._described.request if self._described else super().get_request_serializer()

    # --- parameters --------------------------------------------------------------------------------------------------
    def get_override_parameters(self) -> list[OpenApiParameter]:
        if self._described:
            return [*self._described.parameters, *self._quota_headers([*self._described.answers, 429])]
        return [*self._query_parameters(), *self._request_headers(), *self._response_headers()]

    def _query_parameters(self) -> Iterable[OpenApiParameter]:
        resource = self._resource
        if resource is None:
            return getattr(self.view, "query_parameters", ())
        if self._action == "retrieve":
            return [self._key(resource), *_selection(resource.serializer_class.names())]
        found = list(filter_parameters(resource.filterset_class))
        if self._action == "export":
            ending = OpenApiParameter(
                "ending", str, OpenApiParameter.PATH, enum=resource.formats(), description="File format."
            )
            names = [column.name for column in resource.serializer_class.columns]
            return [ending, *found, *_selection(names, "columns; of NDJSON the fields of the record")]
        if self._action == "facets":
            facets = [name for name, one in resource.filterset_class.base_filters.items() if isinstance(one, Facet)]
            return [*found, _facet_parameter(facets)]
        return [*found, *page_parameters(), *_selection(resource.serializer_class.names())]

    @staticmethod
    def _key(resource: Resource) -> OpenApiParameter:
        example = examples().get(resource.resource, {}).get(resource.lookup_field)
        return OpenApiParameter(
            resource.lookup_field,
            str,
            OpenApiParameter.PATH,
            description=f"The {resource.lookup_field} of the {resource.singular}.",
            examples=[OpenApiExample("real", value=example)] if example else [],
        )

    def _request_headers(self) -> list[OpenApiParameter]:
        if self._action == "export":
            return []
        found = [
            OpenApiParameter(
                "If-None-Match", str, OpenApiParameter.HEADER, description="ETags you hold; 304 when one is current."
            )
        ]
        if getattr(self.view, "one_row", False) and self._action == "retrieve":
            found.append(
                OpenApiParameter(
                    "If-Modified-Since", str, OpenApiParameter.HEADER, description="304 when nothing changed since."
                )
            )
        return found

    @staticmethod
    def _quota_headers(statuses: list[int]) -> list[OpenApiParameter]:
        return [
            answer_header("RateLimit-Policy", 'The quota, such as `"client";q=600;w=60`.', statuses),
            answer_header("RateLimit", 'What is left, such as `"client";r=599;t=42`.', statuses),
            answer_header("Retry-After", "Seconds to wait.", [429, 503], int),
        ]

    def _response_headers(self) -> list[OpenApiParameter]:
        header = answer_header
        found = self._quota_headers([200, 304, 400, 404, 429])
        if self._action == "export":
            return [*found, header("Content-Disposition", "A telling file name with the date.", [200])]
        found.append(header("ETag", "Of exactly this answer.", [200, 304]))
        if self._resource and self._action == "retrieve":
            found.append(header("Last-Modified", "When the newest of the rows shown was changed.", [200, 304]))
        if self._action == "list":
            found.append(header("Link", "The next and the previous page (RFC 8288).", [200]))
        return found

    # --- answers -----------------------------------------------------------------------------------------------------
    def get_response_serializers(self) -> dict[Any, Any]:
        if self._described:
            refused = {
                (status, PROBLEM_JSON): OpenApiResponse(WritingProblemSerializer, description=WRITING_REFUSALS[status])
                for status in self._described.refusals
            }
            return {**self._described.answers, **refused}
        answers: dict[Any, Any] = {**self._success()}
        if self._action != "export":
            answers[304] = OpenApiResponse(description="You hold the current answer already.")
        for status in self._statuses():
            answers[(status, PROBLEM_JSON)] = OpenApiResponse(
                ProblemSerializer, description=REFUSALS[status], examples=[_problem_example(status)]
            )
        return answers

    def _success(self) -> dict[Any, Any]:
        resource = self._resource
        if resource is None:
            return getattr(self.view, "answers", {200: OpenApiTypes.OBJECT})
        if self._action == "export":
            files = {ending: exports.FORMATS[ending] for ending in resource.formats()}
            return {
                (200, *(one.media_type for one in files.values())): OpenApiResponse(
                    OpenApiTypes.BINARY, description="The file."
                )
            }
        if self._action == "facets":
            return {200: OpenApiResponse(FacetsSerializer, description="")}
        record = examples().get(resource.resource)
        example = [OpenApiExample("real", value=record, media_type="application/json")] if record else []
        return {200: OpenApiResponse(resource.serializer_class, description="", examples=example)}

    def _statuses(self) -> list[int]:
        names_a_record = self._action == "retrieve" or getattr(self.view, "names_a_record", False)
        left_out = set() if names_a_record else {404}
        if self._action == "export":
            left_out |= {412}
        return [status for status in REFUSALS if status not in left_out]

    def _get_response_for_code(self, serializer, status_code, media_types=None, direction="response"):
        answer = super()._get_response_for_code(serializer, status_code, media_types, direction)
        if not answer.get("description"):
            answer["description"] = phrase(int(status_code))
        return answer


def answer_header(name: str, description: str, statuses: list[int], kind: Any = str) -> OpenApiParameter:
    """A header of an answer."""
    return OpenApiParameter(
        name, kind, OpenApiParameter.HEADER, response=statuses, description=description, required=False
    )


def _problem_example(status: int) -> OpenApiExample:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": REFUSALS[status],
        "instance": "/api/v1/use-cases/",
        "request_id": "5f0c7f1e9a3b4c6d",
    }
    if status == HTTPStatus.BAD_REQUEST:
        body |= {
            "type": documented("bad-parameters"),
            "title": "Bad parameters",
            "detail": "This parameter cannot be used: sortt.",
            "errors": [
                {
                    "parameter": "sortt",
                    "detail": "There is no parameter “sortt”. Did you mean “sort”?",
                    "code": "unknown_parameter",
                }
            ],
        }
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        body |= {"type": QUOTA_EXCEEDED, "violated-policies": ["client"]}
    return OpenApiExample(f"status_{status}", value=body, media_type=PROBLEM_JSON, status_codes=[str(status)])


def page_parameters() -> list[OpenApiParameter]:
    return [
        OpenApiParameter(
            "page_size",
            {
                "type": "integer",
                "minimum": 1,
                "maximum": pagination.LARGEST_PAGE,
                "default": pagination.PAGE_SIZE,
            },
            description="Rows on a page.",
        ),
        OpenApiParameter(
            "cursor",
            str,
            description="A position, out of a link `next` or `previous`. It goes with the same filters and order only.",
        ),
        OpenApiParameter(
            "count",
            {"type": "string", "enum": ["true", "false"], "default": "false"},
            description="Whether to count all rows that match.",
        ),
    ]


def _facet_parameter(names: list[str]) -> OpenApiParameter:
    return OpenApiParameter(
        FACET,
        {"type": "array", "items": {"type": "string", "enum": names}},
        description="Facets to count, also several separated by commas; all of them unless given.",
        style="form",
        explode=True,
        required=False,
    )


def _selection(names: Iterable[str], what: str = "top-level fields") -> list[OpenApiParameter]:
    listed = ", ".join(names)
    return [
        OpenApiParameter(FIELDS, str, description=f"Only these {what}, separated by commas. Known: {listed}."),
        OpenApiParameter(OMIT, str, description="All but these, separated by commas."),
    ]


def filter_parameters(filterset_class: type[PortalFilterSet]) -> Iterable[OpenApiParameter]:
    """The filters and the order of a list, with the values that are known without looking into the database."""
    for name, one in filterset_class.base_filters.items():
        yield OpenApiParameter(name, _filter_schema(one), description=_filter_text(one), **_style(one), required=False)
    if filterset_class.sorts:
        names = "; ".join(f"`{name}`: {sort.label}" for name, sort in filterset_class.sorts.items())
        searched = " With `q` and without a choice: `relevance`." if "relevance" in filterset_class.sorts else ""
        yield OpenApiParameter(
            "sort",
            {"type": "string", "enum": list(filterset_class.sorts), "default": filterset_class.default_sort},
            description=f"Order: {names}.{searched}",
        )


def _style(one: django_filters.Filter) -> dict[str, Any]:
    return {"style": "form", "explode": True} if isinstance(one, Facet) else {}


def _filter_schema(one: django_filters.Filter) -> dict[str, Any]:
    if isinstance(one, Facet):
        values: dict[str, Any] = {"type": "string"}
        if one.choices is not None:
            values["enum"] = [str(value) for value in one.choices.values]
        return {"type": "array", "items": values}
    field = one.field
    if isinstance(field, forms.DecimalField | forms.IntegerField):
        schema: dict[str, Any] = {"type": "integer"}
        for limit, word in ((field.min_value, "minimum"), (field.max_value, "maximum")):
            if limit is not None:
                schema[word] = int(limit)
        return schema
    schema = {"type": "string"}
    if (longest := getattr(field, "max_length", None)) is not None:
        schema["maxLength"] = longest
    return schema


def _filter_text(one: django_filters.Filter) -> str:
    parts = [f"{one.label}."]
    if isinstance(one, SearchFilter):
        parts.append(str(one.extra.get("help_text", "")))
    elif isinstance(one, Facet):
        if one.choices is not None:
            labels = "; ".join(f"`{value}`: {label}" for value, label in one.choices.choices)
            parts.append(f"Any of: {labels}.")
        elif one.rows is not None:
            kind = one.rows().model._meta.verbose_name_plural
            parts.append(f"By {one.key} of the {kind}.")
        parts.append("Repeat it for several values: they widen.")
    return " ".join(filter(None, parts))


# --- what is said once -----------------------------------------------------------------------------------------------
def describe_tags(result: dict[str, Any], generator: Any, **_kwargs: Any) -> dict[str, Any]:
    """Postprocessing hook: what each resource is, in one sentence."""
    classes = [getattr(callback, "cls", object) for *_place, callback in generator.endpoints]
    told = {one.resource: one.summary for one in classes if issubclass(one, Door) and getattr(one, "resource", "")}
    result["tags"] = [{"name": name, "description": summary} for name, summary in told.items()]
    return result


def share_repeated(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Postprocessing hook: refusals, headers and parameters that many operations have stand once, among the components.

    It brings the description from 440 to some 150 kB.
    """
    operations = [operation for methods in result["paths"].values() for operation in methods.values()]
    components = result.setdefault("components", {})
    for operation in operations:
        for answer in operation["responses"].values():
            _share(answer.get("headers", {}), components.setdefault("headers", {}), "headers")
    for operation in operations:
        refusals = {code: answer for code, answer in operation["responses"].items() if code >= "400"}
        _share(refusals, components.setdefault("responses", {}), "responses", "Problem")
        operation["responses"].update(refusals)
    counted = Counter(_text(parameter) for operation in operations for parameter in operation.get("parameters", ()))
    for operation in operations:
        named = {f"{one['in']}_{one['name']}": one for one in operation.get("parameters", ())}
        often = {name: one for name, one in named.items() if counted[_text(one)] > 1}
        _share(often, components.setdefault("parameters", {}), "parameters")
        if named:
            operation["parameters"] = list({**named, **often}.values())
    return result


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _share(places: dict[str, Any], shared: dict[str, Any], kind: str, prefix: str = "") -> None:
    """Put each value among the shared ones, once, and a reference in its place."""
    for key, value in places.items():
        number = 1
        while (name := f"{prefix}{key}" + (f"_{number}" if number > 1 else "")) in shared:
            if _text(shared[name]) == _text(value):
                break
            number += 1
        shared[name] = value
        places[key] = {"$ref": f"#/components/{kind}/{name}"}
