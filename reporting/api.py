"""Reporting by programs: what the forms and sheets do, with the same fields, checks and services."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.utils.http import parse_etags
from rest_framework.exceptions import Throttled
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.viewsets import GenericViewSet

from alliance.core import pagination
from alliance.core.api import Door, Errors
from alliance.core.errors import BadParameters, ParameterError, ProblemError
from alliance.core.parsing import BoundedJSONParser
from alliance.core.throttling import ATTRIBUTE, ClientRateThrottle, WriteRateThrottle
from alliance.members.models import ApiToken, Organisation, Role, User
from reporting import idempotency
from reporting.api_described import REPORTS, reporting_of
from reporting.api_findings import findings, report_document
from reporting.batches import BatchRefusedError, Item, Outcome, look_at, take
from reporting.checking import check
from reporting.findings import Checked, error
from reporting.models import Kind, Report
from reporting.services import (
    MoveRefusedError,
    NotSubmittableError,
    VersionConflictError,
    save_entries,
    submit_report,
    withdraw_report,
)
from reporting.states import State

#: The largest batch.
MOST_ITEMS = 1_000
#: Parameters of a request that reports, all of them true or false.
FLAGS = ("dry_run", "draft", "atomic")
_ITEMS, _ORGANISATION, _ANSWERS, _SUBMIT = "items", "organisation", "answers", "submit"


class WritingDoor(Door):
    """Methods that write need somebody who is known, count a second time, and take JSON."""

    parser_classes: ClassVar[Sequence[type[BaseParser]]] = [BoundedJSONParser]
    request: Request

    @property
    def is_writing(self) -> bool:
        return self.request.method in ("POST", "PATCH", "DELETE")

    def get_permissions(self) -> list[BasePermission]:
        return [IsAuthenticated()] if self.is_writing else [AllowAny()]

    def get_throttles(self) -> list[BaseThrottle]:
        return [ClientRateThrottle(), WriteRateThrottle()] if self.is_writing else [ClientRateThrottle()]

    def throttled(self, request: Request, wait: float | None) -> None:
        """Name the quota that is used up. Raises: Throttled."""
        refused = Throttled(wait)
        refused.policy = getattr(request._request, ATTRIBUTE).policy  # type: ignore[attr-defined]
        raise refused

    @property
    def user(self) -> User:
        return cast(User, self.request.user)

    @property
    def bound_to(self) -> Organisation | None:
        """The organisation that the token is for; None: any of the user's."""
        return self.request.auth.organisation if isinstance(self.request.auth, ApiToken) else None

    def organisations(self, *roles: str) -> QuerySet[Organisation]:
        """Those of the user for which this request may act."""
        found = Organisation.objects.of(self.user, *roles)
        return found if self.bound_to is None else found.filter(pk=self.bound_to.pk)


class ReportingDoor(WritingDoor):
    """POST to a list of public records: reports one, or a batch. Mixed into the resource."""

    reported: ClassVar[Kind]
    http_method_names: ClassVar[Sequence[str]] = ["get", "head", "options", "post"]

    def create(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Report: one report, or `items`."""
        flags = self._flags(request)
        body = request.data
        if not isinstance(body, Mapping):
            raise bad_body("#", "Give an object: the entries of a report, or a batch in “items”.", "not_an_object")
        is_batch = _ITEMS in body
        items = self._items(body)

        def work() -> HttpResponse:
            return self._work(items, flags, is_batch)

        key = idempotency.key_of(request._request)
        if not key or flags["dry_run"]:
            return work()
        digest = idempotency.digest_of(request._request, json.dumps(body, sort_keys=True).encode())
        return idempotency.once(user=self.user, key=key, digest=digest, work=work)

    def _flags(self, request: Request) -> dict[str, bool]:
        errors: Errors = []
        self.refuse_unknown(request.query_params, FLAGS, errors)
        for name in FLAGS:
            if request.query_params.get(name, "") not in ("", "true", "false"):
                errors.append(ParameterError(name, "Give true or false.", "invalid"))
        if errors:
            raise BadParameters(errors)
        return {name: request.query_params.get(name) == "true" for name in FLAGS}

    # --- what is asked for -------------------------------------------------------------------------------------------
    def _items(self, body: Mapping[str, Any]) -> list[Item]:
        own = {one.slug: one for one in self.organisations(Role.OWNER, Role.CONTRIBUTOR) if one.member_since}
        if _ITEMS not in body:
            return [self._item(body, "#", own)]
        beside = sorted(set(body) - {_ITEMS, _ORGANISATION})
        if beside:
            raise bad_body(f"#/{beside[0]}", "Beside “items” there is only “organisation”.", "unknown_field")
        given = body[_ITEMS]
        if not isinstance(given, list) or not 1 <= len(given) <= MOST_ITEMS:
            raise bad_body(f"#/{_ITEMS}", f"Give a list of 1 to {MOST_ITEMS:,} reports.", "invalid")
        common = {_ORGANISATION: body[_ORGANISATION]} if _ORGANISATION in body else {}
        items = []
        for index, one in enumerate(given):
            if not isinstance(one, Mapping):
                raise bad_body(f"#/{_ITEMS}/{index}", "Give an object: the entries of a report.", "not_an_object")
            items.append(self._item({**common, **one}, f"#/{_ITEMS}/{index}", own))
        return items

    def _item(self, body: Mapping[str, Any], pointer: str, own: Mapping[str, Organisation]) -> Item:
        entries = {name: value for name, value in body.items() if name not in (_ORGANISATION, _ANSWERS)}
        item = Item(entries, answers_of(body, pointer))
        wanted = body.get(_ORGANISATION)
        if wanted is None and len(own) == 1:
            item.organisation = next(iter(own.values()))
        elif isinstance(wanted, str) and wanted in own:
            item.organisation = own[wanted]
        else:
            item.checked.findings.append(error(_ORGANISATION, *_no_organisation(wanted, own)))
        return item

    # --- what becomes of it ------------------------------------------------------------------------------------------
    def _work(self, items: list[Item], flags: Mapping[str, bool], is_batch: bool) -> HttpResponse:
        if flags["dry_run"]:
            look_at(self.reported, items, as_drafts=flags["draft"])
            for item in items:
                item.outcome = item.outcome or Outcome.VALID
            told = [self._told(index, item, is_batch) for index, item in enumerate(items)]
            return answer(self._summary(told, dry_run=True) if is_batch else told[0], 200)
        try:
            take(
                self.reported,
                items,
                actor=self.user,
                as_drafts=flags["draft"],
                all_or_none=flags["atomic"] or not is_batch,
            )
        except BatchRefusedError as refused:
            told = [self._told(index, item, is_batch) for index, item in enumerate(items)]
            if not is_batch:
                raise refusal(items[0].checked, items[0].answers) from refused
            message = "At least one of the reports has errors or unanswered warnings."
            raise ProblemError(422, message, kind="batch-refused", items=told) from refused
        if not is_batch:
            return self._one(items[0])
        told = [self._told(index, item, is_batch) for index, item in enumerate(items)]
        return answer(self._summary(told, dry_run=False), 200)

    def _one(self, item: Item) -> HttpResponse:
        report = cast(Report, item.report)
        body = {**report_document(report, self.request), **findings(item.checked, item.answers)}
        return answer(body, 201, Location=body["api_url"], ETag=tag_of(report))

    def _told(self, index: int, item: Item, is_batch: bool) -> dict[str, Any]:
        place = f"#/{_ITEMS}/{index}" if is_batch else "#"
        return {
            "index": index,
            "outcome": (item.outcome or Outcome.VALID).value,
            "report": report_document(item.report, self.request) if item.report else None,
            **findings(item.checked, item.answers, place),
        }

    @staticmethod
    def _summary(told: list[dict[str, Any]], *, dry_run: bool) -> dict[str, Any]:
        good = sum(one["outcome"] in (Outcome.CREATED, Outcome.VALID) for one in told)
        return {
            "dry_run": dry_run,
            "created": 0 if dry_run else good,
            "refused": len(told) - good,
            "items": told,
        }


class UseCaseReporting(ReportingDoor):
    """Reports use cases."""

    reported = Kind.USE_CASE
    described = {"create": reporting_of(Kind.USE_CASE)}


class ResultReporting(ReportingDoor):
    """Reports results."""

    reported = Kind.RESULT
    described = {"create": reporting_of(Kind.RESULT)}


#: Resource -> what takes reports at the address of its list.
DOORS: dict[str, type[ReportingDoor]] = {"use-cases": UseCaseReporting, "results": ResultReporting}


class ReportResource(WritingDoor, GenericViewSet):
    """The reports of one's own organisations."""

    resource, summary = "reports", "What you report, until it is evidence. Only your own organisations' reports."
    http_method_names: ClassVar[Sequence[str]] = ["get", "head", "options", "patch", "delete"]
    lookup_field = "key"
    lookup_value_regex = "[-_A-Za-z0-9]{12}"
    described = REPORTS

    def get_permissions(self) -> list[BasePermission]:
        return [IsAuthenticated()]

    def get_queryset(self) -> QuerySet[Report]:
        rows = Report.objects.filter(organisation__in=self.organisations())
        return rows.select_related("organisation", "use_case", "result")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Newest first, in pages by position."""
        errors: Errors = []
        query = request.query_params
        asked = pagination.read_page_parameters(query, errors)
        self.refuse_unknown(query, ("kind", "state", *pagination.PARAMETERS), errors)
        filters = {}
        for name, choices in (("kind", Kind), ("state", State)):
            if value := query.get(name):
                filters[name] = value
                if value not in choices.values:
                    known = ", ".join(choices.values)
                    errors.append(
                        ParameterError(name, f"There is no “{value[:40]}”. Known are: {known}.", "unknown_value")
                    )
        if errors:
            raise BadParameters(errors)
        pages = pagination.KeysetPagination()
        bound_to = pagination.fingerprint("reports", "newest", {**filters, "user": self.user.pk})
        rows = pages.paginate(self.get_queryset().filter(**filters), ["-created_at"], asked, request, bound_to=bound_to)
        return pages.get_paginated_response([report_document(row, request) for row in rows])

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self._refuse_parameters(request)
        self.report = self._found()
        return Response(report_document(self.report, request))

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Change some entries, and hand the report over where `submit` is true: both or neither."""
        self._refuse_parameters(request)
        report = self._held()
        body = request.data
        if not isinstance(body, Mapping):
            raise bad_body("#", "Give an object: the entries that change.", "not_an_object")
        submit = body.get(_SUBMIT, False)
        if not isinstance(submit, bool):
            raise bad_body(f"#/{_SUBMIT}", "Give true or false.", "invalid")
        entries = {name: value for name, value in body.items() if name not in (_ANSWERS, _SUBMIT)}
        answers = answers_of(body, "#")
        merged = {**report.entries, **entries}
        checked = check(report.kind, merged, organisation=report.organisation, report=report)
        if any(one.code == "unknown-field" for one in checked.errors):
            raise refusal(checked, answers)
        try:
            with transaction.atomic():
                report = save_entries(
                    report=report, actor=self.user, version=report.version, entries=entries, answers=answers
                )
                if submit:
                    report = submit_report(report=report, actor=self.user, version=report.version, checked=checked)
        except VersionConflictError as conflict:
            raise self._conflict(conflict.current) from conflict
        except NotSubmittableError as refused:
            raise refusal(refused.checked, {**report.answers, **answers}) from refused
        except MoveRefusedError as refused:
            raise ProblemError(409, str(refused), kind="move-refused") from refused
        body = {**report_document(report, request), **findings(checked, report.answers)}
        return answer(body, 200, ETag=tag_of(report))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Withdraw: the report stays with its organisation, out of everybody else's way."""
        self._refuse_parameters(request)
        report = self._held() if "If-Match" in request.headers else self._found()
        try:
            withdraw_report(report=report, actor=self.user)
        except MoveRefusedError as refused:
            raise ProblemError(409, str(refused), kind="move-refused") from refused
        return HttpResponse(status=204)

    def entity_tag(self, body: bytes) -> str:
        """Of one report its version, which If-Match takes."""
        return tag_of(self.report) if self.action == "retrieve" else super().entity_tag(body)

    def _refuse_parameters(self, request: Request) -> None:
        errors: Errors = []
        self.refuse_unknown(request.query_params, (), errors)
        if errors:
            raise BadParameters(errors)

    def _found(self) -> Report:
        report = self.get_queryset().filter(key=self.kwargs["key"]).first()
        if report is None:
            raise Http404(f"You have no report “{self.kwargs['key']}”.")
        return report

    def _held(self) -> Report:
        """The report, where the client's version of it is the current one."""
        report = self._found()
        held = parse_etags(self.request.headers.get("If-Match", ""))
        if not held:
            raise ProblemError(428, "Send the ETag of the report as you read it as If-Match.", kind="version-required")
        if held != ["*"] and tag_of(report) not in held:
            raise self._conflict(report)
        return report

    def _conflict(self, current: Report) -> ProblemError:
        return ProblemError(
            412,
            "The report was changed since you read it.",
            kind="version-conflict",
            headers={"ETag": tag_of(current)},
            current=report_document(current, self.request),
        )


class _AsciiRenderer(JSONRenderer):
    """For half characters that a sentence quotes: they exist in JSON, as escapes, but not in UTF-8."""

    ensure_ascii = True


def tag_of(report: Report) -> str:
    """The entity tag of a report."""
    return f'"{report.key}-{report.version}"'


def answer(body: Any, status: int, **headers: str) -> HttpResponse:
    """JSON, rendered, that nobody else keeps."""
    try:
        text = JSONRenderer().render(body)
    except UnicodeEncodeError:
        text = _AsciiRenderer().render(body)
    response = HttpResponse(text, status=status, content_type="application/json")
    for name, value in {"Cache-Control": "no-store", "Content-Language": "en", **headers}.items():
        response[name] = value
    return response


def answers_of(body: Mapping[str, Any], pointer: str) -> dict[str, str]:
    """The answers to warnings. Raises: ProblemError."""
    given = body.get(_ANSWERS) or {}
    if not isinstance(given, Mapping) or not all(isinstance(one, str) for one in given.values()) or len(given) > 200:
        message = "Give an object: `answer_as` of a warning, and your words."
        raise bad_body(f"{pointer}/{_ANSWERS}", message, "invalid")
    return {name[:200].replace("\x00", ""): words[:2_000].replace("\x00", "") for name, words in given.items()}


def bad_body(pointer: str, detail: str, code: str) -> ProblemError:
    """The body is not what is expected."""
    return ProblemError(400, detail, kind="bad-body", errors=[{"pointer": pointer, "detail": detail, "code": code}])


def refusal(checked: Checked, answers: Mapping[str, str]) -> ProblemError:
    """A report that cannot be taken: because of errors, or of warnings that nobody answered."""
    told = findings(checked, answers)
    if told["errors"]:
        return ProblemError(422, "The report has errors; nothing was saved.", kind="report-errors", **told)
    message = "The report has warnings that nobody has answered; nothing was saved."
    return ProblemError(422, message, kind="unanswered-warnings", **told)


def _no_organisation(wanted: Any, own: Mapping[str, Organisation]) -> tuple[str, str]:
    """Code and sentence."""
    if not own:
        return "no-organisation", "You report for no organisation, or it is no member. Ask one of its owners."
    named = ", ".join(own)
    if wanted is None:
        return "required", f"Say for which of your organisations: {named}."
    return "not-your-organisation", f"You do not report for “{str(wanted)[:60]}”. You do for: {named}."
