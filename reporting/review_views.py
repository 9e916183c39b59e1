"""The editors' queue, and one report under review: its entries, its threads, the decision."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.generic import View

from alliance.core.whole_numbers import whole_number
from alliance.events.views import EditorView
from alliance.members.models import User
from alliance.members.policies import bound_to
from kpis.models import Kpi
from reporting import assigning, concerned, dialogue, policies, reviewing, rounds
from reporting.checking import Checked, Finding
from reporting.completeness import completeness
from reporting.duplicates import suspects
from reporting.fields import FORMS, Field
from reporting.known import NewCity
from reporting.models import Kind, Report
from reporting.publishing import NotPublishableError
from reporting.review_forms import PlaceForm, QueueForm
from reporting.services import MoveRefusedError, VersionConflictError
from reporting.states import REVIEWED, State
from reporting.understanding import words_of
from usecases.models import Country

PAGE_SIZE = 25
#: In front of the names of remarks on fields.
REMARK = "remark."
#: Of what happened while an editor looked, so much is told.
MEANWHILE = 3


@dataclass(frozen=True)
class Waiting:
    """One report in the queue. `is_bound`: the editor who looks must keep out of it."""

    report: Report
    title: str
    days: int
    is_bound: bool


def _days(report: Report, now: datetime) -> int:
    return 0 if report.submitted_at is None else (now - report.submitted_at).days


def titled(reports: Iterable[Report]) -> list[tuple[Report, str]]:
    """Reports with what they are called; a result that names its indicator by code is called by the name. One query."""
    reports = list(reports)
    codes = {str(report.entries.get("kpi") or "").upper() for report in reports if report.kind == Kind.RESULT}
    names = dict(Kpi.objects.filter(code__in=codes).values_list("code", "name")) if codes else {}
    return [
        (
            report,
            names.get(str(report.entries.get("kpi") or "").upper(), str(report))
            if report.kind == Kind.RESULT
            else str(report),
        )
        for report in reports
    ]


class QueueView(EditorView):
    """What waits for an editor, the oldest first."""

    template_name = "reporting/review/queue.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = QueueForm(self.request.GET)
        page = Paginator(self._rows(form), PAGE_SIZE).get_page(self.page)
        took_part, bound = concerned.organisations_in(page.object_list), bound_to(self.request.user)
        now = timezone.now()
        waiting = [
            Waiting(report, title, _days(report, now), not bound.isdisjoint(took_part[report.pk]))
            for report, title in titled(page.object_list)
        ]
        return super().get_context_data(
            form=form, page_obj=page, waiting=waiting, workload=assigning.workload(), **kwargs
        )

    def _rows(self, form: QueueForm) -> Any:
        state = State.CHANGES_REQUESTED if form.chosen("waiting") == "member" else State.SUBMITTED
        rows = Report.objects.visible_to(self.request.user).filter(state=state)
        if form.chosen("whose"):
            rows = rows.filter(assigned_to=self.request.user if form.chosen("whose") == "mine" else None)
        for name in ("kind", "topic"):
            if chosen := form.chosen(name):
                rows = rows.filter(**{name: chosen})
        open_threads = Count("comments", filter=Q(comments__thread=None, comments__resolved_at=None))
        rows = rows.select_related("organisation", "assigned_to").annotate(open_threads=open_threads)
        return rows.order_by("submitted_at", "pk")


@dataclass(frozen=True)
class Told:
    """One field as the reviewer sees it."""

    field: Field
    text: str
    understood: str
    findings: list[tuple[Finding, str]]
    threads: list[dialogue.Thread]

    @property
    def remark(self) -> str:
        """The name of the control for a remark on it."""
        return f"{REMARK}{self.field.name}"


@dataclass(frozen=True)
class ToldPage:
    """The fields of one page of the form that say something, or about which something is said."""

    title: str | Promise
    told: list[Told]
    silent: list[Field]


class OneReportView(EditorView):
    """What all pages about one report have in common."""

    def report(self) -> Report:
        rows = Report.objects.visible_to(self.request.user).filter(state__in=REVIEWED)
        related = ("organisation", "author", "assigned_to", "corrects_use_case", "corrects_result__kpi")
        return cast(Report, get_object_or_404(rows.select_related(*related), key=self.kwargs["key"]))

    @property
    def user(self) -> User:
        return cast(User, self.request.user)


class ReviewView(OneReportView):
    """One report: everything that a decision needs, and the decision."""

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        return self.show(self.report())

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        report = self.report()
        if not policies.may_review(self.user, report):
            raise PermissionDenied
        sent = request.POST
        version = whole_number(sent.get("version", "")) or -1
        text = sent.get("text", "")
        form = self.place_form(report, sent) if sent.get("decision") == "accept" else None
        try:
            match sent.get("decision"):
                case "accept" if form is not None and not form.is_valid():
                    return self.show(report, place_form=form, status=HTTPStatus.BAD_REQUEST)
                case "accept":
                    place = form.place() if form is not None else None
                    reviewing.accept_report(report=report, actor=self.user, version=version, place=place)
                    messages.success(request, _("Accepted: it is public now."))
                case "request-changes":
                    reviewing.request_changes(report=report, actor=self.user, version=version, text=text)
                    messages.success(request, _("The member is asked for changes."))
                case "reject":
                    reviewing.reject_report(report=report, actor=self.user, version=version, reason=text)
                    messages.success(request, _("Not accepted. The member reads your reason."))
                case "retract":
                    reviewing.retract_report(report=report, actor=self.user, version=version, reason=text)
                    messages.success(request, _("It is no longer public. The member reads your reason."))
                    return redirect("review:queue")  # it is the member's again
                case _:
                    return self.show(report, notice=_("Choose a decision."), status=HTTPStatus.BAD_REQUEST)
        except VersionConflictError:
            return self.show(
                self.report(),
                notice=_("Nothing was decided: the report changed while you looked. This is how it is now."),
                meanwhile=True,
                text=text,
                status=HTTPStatus.PRECONDITION_FAILED,
            )
        except MoveRefusedError:
            notice = _("Nothing was decided: somebody else has decided meanwhile.")
            return self.show(self.report(), notice=notice, meanwhile=True, text=text, status=HTTPStatus.CONFLICT)
        except NotPublishableError as error:
            return self.show(self.report(), notice=str(error), text=text, status=HTTPStatus.CONFLICT)
        except ValidationError as error:
            notice = " ".join(error.messages)
            return self.show(self.report(), notice=notice, text=text, status=HTTPStatus.BAD_REQUEST)
        return redirect("review:report", key)

    def show(
        self,
        report: Report,
        *,
        notice: str = "",
        meanwhile: bool = False,
        text: str = "",
        place_form: PlaceForm | None = None,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HttpResponse:
        checked, all_rounds = reviewing.examine(report), list(report.rounds.all())
        may_review = policies.may_review(self.user, report)
        since = self.request.GET.get("since", "")
        moves = list(report.moves.select_related("actor"))
        context = {
            "report": report,
            "title": titled([report])[0][1],
            "pages": self.pages(report, checked),
            "general": [thread for thread in dialogue.threads_of(report) if not thread.first.field],
            "may_review": may_review,
            "is_bound": policies.is_bound(self.user, report),
            "decisions": reviewing.decisions_of(report) if may_review else (),
            "completeness": completeness(report.kind, checked.values),
            "errors": checked.errors,
            "difference": rounds.difference(report, all_rounds, int(since) if since.isdecimal() else None),
            "rounds": all_rounds,
            "suspects": suspects(report, self.user, checked.values) if report.state in assigning.PENDING else [],
            "place_form": place_form or self.place_form(report, None, checked),
            "editors": self.editors(report) if may_review else [],
            "moves": moves,
            "meanwhile": moves[-MEANWHILE:][::-1] if meanwhile else [],
            "notice": notice,
            "text": text,
        }
        return render(self.request, "reporting/review/report.html", context, status=status)

    def pages(self, report: Report, checked: Checked) -> list[ToldPage]:
        by_field: dict[str, list[dialogue.Thread]] = {}
        for thread in dialogue.threads_of(report):
            by_field.setdefault(thread.first.field, []).append(thread)
        pages = []
        for page in FORMS[report.kind].pages:
            told = [
                Told(
                    field,
                    rounds.told_text(report.kind, field, report.entries.get(field.name)),
                    words_of(checked.values.get(field.name)),
                    [(one, str(report.answers.get(one.key, ""))) for one in checked.of(field.name)],
                    by_field.get(field.name, []),
                )
                for field in FORMS[report.kind].on(page.name)
            ]
            spoken = [one for one in told if one.text or one.findings or one.threads]
            silent = [one.field for one in told if one not in spoken]
            pages.append(ToldPage(page.title, spoken, silent))
        return pages

    def place_form(self, report: Report, data: QueryDict | None, checked: Checked | None = None) -> PlaceForm | None:
        """Asks for the place of a city that is not on the map yet; None where it is."""
        city = (checked or reviewing.examine(report)).values.get("city")
        if report.state != State.SUBMITTED or not isinstance(city, NewCity):
            return None
        return PlaceForm(data, needs_region=not Country.objects.filter(code=city.country_code).exists())

    def editors(self, report: Report) -> list[tuple[User, int]]:
        """Who may review the report, with what else is waiting with them."""
        took_part = concerned.in_report(report)
        return [(user, count) for user, count in assigning.workload() if bound_to(user).isdisjoint(took_part)]


class DialogueView(OneReportView):
    """Remarks on fields, answers in threads, threads that are settled: all that one form sends."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        report, sent = self.report(), request.POST
        if not policies.may_review(self.user, report):
            raise PermissionDenied
        try:
            dialogue.reply(report=report, actor=self.user, answers=dialogue.replies_in(sent))
            for name in sent:
                if name.startswith(REMARK) and (text := sent.get(name, "").strip()):
                    reviewing.comment(report=report, actor=self.user, field=name.removeprefix(REMARK), text=text)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        for name, is_settled in (("settle", True), ("reopen", False)):
            if (thread := sent.get(name, "")).isdecimal() and len(thread) < 18:
                found = report.comments.filter(pk=int(thread), thread=None).first()
                if found is None:
                    raise Http404
                reviewing.resolve(thread=found, actor=self.user, is_settled=is_settled)
        return redirect("review:report", key)


class AssignView(OneReportView, View):
    """Another editor, or oneself, takes a report."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        report = self.report()
        chosen = request.POST.get("editor", "")
        editor = User.objects.filter(pk=int(chosen)).first() if chosen.isdecimal() and len(chosen) < 18 else None
        try:
            if editor is None:
                raise ValidationError(_("Choose an editor."))
            reviewing.assign_report(report=report, actor=self.user, editor=editor)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return redirect("review:report", key)
