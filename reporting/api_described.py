"""What the API description says of reporting."""

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from alliance.core.schema import Described, answer_header, page_parameters
from reporting.api_bodies import (
    BatchSerializer,
    ReportSerializer,
    ToldReportSerializer,
    body_serializer,
    change_serializer,
)
from reporting.models import Kind
from reporting.states import State

_FLAG = {"type": "string", "enum": ["true", "false"], "default": "false"}
_IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag of the report as you read it.", required=True
)
_KEY = OpenApiParameter("key", str, OpenApiParameter.PATH, description="The key of the report.")
_ETAG = answer_header("ETag", "The version of the report, for If-Match.", [200, 201])


def reporting_of(kind: Kind) -> Described:
    """POST to the list of a kind."""
    plural = "use cases" if kind == Kind.USE_CASE else "results"
    return Described(
        operation_id=f"{plural.replace(' ', '_')}_report",
        summary=f"Report {plural}",
        description=f"One report of {'a use case' if kind == Kind.USE_CASE else 'a result'}, or a batch in “items”. "
        "Fields, checks and what happens next are those of the forms: a report becomes a public record when an editor "
        "accepts it. Entries are texts as a person would write them, or numbers. In a batch each report is taken or "
        "refused for itself.",
        parameters=(
            OpenApiParameter("dry_run", _FLAG, description="Check all, change nothing; errors are told with 200."),
            OpenApiParameter("draft", _FLAG, description="Keep as drafts, whatever is missing or unusual."),
            OpenApiParameter("atomic", _FLAG, description="Of a batch take all or none."),
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="1 to 255 characters that stand for this request: sent again within 24 hours, it is "
                "answered as the first time, and nothing is made twice.",
            ),
            answer_header("Location", "The report.", [201]),
            answer_header("ETag", "The version of the report, for If-Match.", [201]),
            answer_header("Idempotency-Replayed", "`true`: this is the answer of an earlier request.", [200, 201]),
        ),
        request=body_serializer(kind),
        answers={
            200: OpenApiResponse(BatchSerializer, description="What became of each report of a batch or dry run."),
            201: OpenApiResponse(ToldReportSerializer, description="The report."),
        },
        refusals=(400, 401, 403, 406, 409, 413, 415, 422, 429, 500, 503),
    )


REPORTS = {
    "list": Described(
        operation_id="reports_list",
        summary="List your reports",
        description="Those of your organisations, newest first, in pages by position.",
        parameters=(
            OpenApiParameter("kind", {"type": "string", "enum": Kind.values}, description="Only these."),
            OpenApiParameter("state", {"type": "string", "enum": State.values}, description="Only in this state."),
            *page_parameters(),
            answer_header("Link", "The next and the previous page (RFC 8288).", [200]),
        ),
        answers={200: OpenApiResponse(ReportSerializer(many=True), description="A page.")},
        refusals=(400, 401, 403, 406, 429, 500, 503),
        tag="reports",
    ),
    "retrieve": Described(
        operation_id="reports_read",
        summary="Read one report",
        description="By its key.",
        parameters=(_KEY, _ETAG),
        answers={
            200: OpenApiResponse(ReportSerializer, description="The report."),
            304: OpenApiResponse(description="You hold the current answer already."),
        },
        refusals=(400, 401, 403, 404, 406, 412, 429, 500, 503),
        tag="reports",
    ),
    "partial_update": Described(
        operation_id="reports_change",
        summary="Change a report",
        description="The entries that change, null to empty one; answers to warnings; “submit” to hand it over too. "
        "All of it or nothing. Only drafts and reports for which changes were requested can be changed.",
        parameters=(_KEY, _IF_MATCH, _ETAG),
        request=change_serializer(),
        answers={200: OpenApiResponse(ToldReportSerializer, description="The report as it is now.")},
        refusals=(400, 401, 403, 404, 406, 409, 412, 413, 415, 422, 428, 429, 500, 503),
        tag="reports",
    ),
    "destroy": Described(
        operation_id="reports_withdraw",
        summary="Withdraw a report",
        description="Before it is decided. It stays with your organisation and can be taken up again in the workspace.",
        parameters=(_KEY,),
        answers={204: OpenApiResponse(description="It is withdrawn.")},
        refusals=(400, 401, 403, 404, 409, 412, 429, 500, 503),
        tag="reports",
    ),
}
