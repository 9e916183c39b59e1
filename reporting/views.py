"""The workspace: what is mine, one report with its dialogue, and the page on which it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from alliance.members.member_pages import MemberView
from kpis.standing import Standing, change_percent, standing
from reporting import dialogue, forms, merging, policies, presence
from reporting.checking import Checked, check
from reporting.completeness import completeness
from reporting.conflicts import plain_text
from reporting.duplicates import suspects
from reporting.fields import FORMS, Field, Page, Type
from reporting.models import Kind, Report
from reporting.reviewing import comment
from reporting.services import (
    MoveRefusedError,
    NotSubmittableError,
    VersionConflictError,
    submit_report,
    take_up_again,
    withdraw_report,
)
from reporting.states import EDITABLE, State
from reporting.suggestions import LISTED, suggest
from reporting.titles import title_of
from reporting.understanding import words_of
from reporting.workspace import workspace_of
from usecases.models import City, UseCase


class WorkspaceView(MemberView, TemplateView):
    """What is mine."""

    template_name = "reporting/workspace.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(workspace=workspace_of(self.user), **kwargs)


class ReportView(MemberView):
    """Where one report stands, what was said about it, and what more could be told."""

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        report = found_report(request, key)
        checked = check(report.kind, report.entries, organisation=report.organisation, report=report)
        context = {
            "report": report,
            "title": title_of(report),
            "may_edit": policies.may_edit(self.user, report),
            "is_editable": report.state in EDITABLE,
            "completeness": completeness(report.kind, checked.values),
            "pages": page_states(report, checked),
            "threads": dialogue.threads_of(report),
            "may_discuss": policies.may_discuss(request.user, report),
            "moves": report.moves.select_related("actor"),
            "can_be_sent": not checked.errors and not checked.unanswered(report.answers),
            "others": presence.words(report, self.user, ""),
        }
        return render(request, "reporting/report.html", context)


class RepliesView(MemberView):
    """Answers in the threads of a report, and a remark of one's own."""

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        report = found_report(request, key)
        answers = dialogue.replies_in(request.POST)
        try:
            if not policies.may_discuss(self.user, report):
                raise PermissionDenied
            dialogue.reply(report=report, actor=self.user, answers=answers)
            if text := request.POST.get("text", "").strip():
                comment(report=report, actor=self.user, text=text)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return redirect(f"{report.get_absolute_url()}#dialogue")


class SubmitView(MemberView):
    """Everything on one page before it is sent, and what the member gets for it at once."""

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        report = self.find(key)
        if report.state not in EDITABLE:
            return redirect(report)
        presence.enter(report, self.user, "submit")
        return self.show(report)

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        report = self.find(key)
        seen_version = request.POST.get("version", "")
        changed = seen_version != str(report.version)
        try:
            report = self.save_answers(report)
            if changed:
                notice = _("Somebody changed this report since you opened the page. Look again before you send it.")
                return self.show(report, notice=notice, status=HTTPStatus.PRECONDITION_FAILED)
            if request.POST.get("action") == "save":
                return redirect(report)
            submit_report(report=report, actor=self.user, version=report.version)
        except NotSubmittableError:
            return self.show(report, complain=True, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        except VersionConflictError as conflict:
            notice = _("Somebody changed this report since you opened the page. Look again before you send it.")
            return self.show(conflict.current, notice=notice, status=HTTPStatus.PRECONDITION_FAILED)
        except MoveRefusedError:
            messages.info(request, _("This report was sent or closed meanwhile."))
            return redirect(report)
        return redirect("reporting:thanks", key=report.key)

    def find(self, key: str) -> Report:
        report = found_report(self.request, key)
        if not policies.may_edit(self.user, report):
            raise PermissionDenied
        return report

    def save_answers(self, report: Report) -> Report:
        """Answers to warnings are given on this page as well."""
        data = self.request.POST
        mine = {
            merging.ANSWER + name.removeprefix(forms.ANSWER): text.strip()
            for name, text in data.items()
            if name.startswith(forms.ANSWER)
        }
        seen = forms.seen_from(data)
        return merging.save_merged(report=report, actor=self.user, mine=mine, seen=seen).report

    def show(
        self, report: Report, *, notice: str = "", complain: bool = False, status: int = HTTPStatus.OK
    ) -> HttpResponse:
        checked = check(report.kind, report.entries, organisation=report.organisation, report=report)
        answers = {name: text for name, text in merging.texts_of(report).items() if name.startswith(merging.ANSWER)}
        context = {
            "report": report,
            "title": title_of(report),
            "pages": page_states(report, checked),
            "warnings": [warned(report, one) for one in checked.warnings],
            "errors": [(error_address(report, one.field), one) for one in checked.errors],
            "can_be_sent": not checked.errors,
            "completeness": completeness(report.kind, checked.values),
            "standing": standing_of(checked) if report.kind == Kind.RESULT else None,
            "alike": alike_cases(checked) if report.kind == Kind.USE_CASE else (),
            "suspects": suspects(report, self.user, checked.values),
            "is_again": report.state == State.CHANGES_REQUESTED,
            "seen": merging.seen(answers),
            "notice": notice,
            "complain": complain,
            "step": "submit",
            "others": presence.words(report, self.user, "submit"),
        }
        return render(self.request, "reporting/submit.html", context, status=status)


class ThanksView(MemberView):
    """After sending: the same for every result, whatever it says."""

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        report = found_report(request, key)
        return render(request, "reporting/thanks.html", {"report": report, "title": title_of(report)})


class CloseView(MemberView):
    """Take a report back, or up again."""

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        report = found_report(request, key)
        try:
            if request.POST.get("action") == "again":
                take_up_again(report=report, actor=self.user)
                messages.success(request, _("It is a draft again."))
            else:
                withdraw_report(report=report, actor=self.user, reason=request.POST.get("reason", "").strip())
                messages.success(request, _("It is withdrawn. Nothing is deleted: you can take it up again."))
        except MoveRefusedError:
            messages.error(request, _("This report was decided meanwhile."))
        return redirect(report)


class PresenceView(MemberView):
    """For the page's script: who else is here. A call also says that the caller is."""

    def get(self, request: HttpRequest, key: str, page: str) -> HttpResponse:
        report = found_report(request, key)
        presence.enter(report, self.user, page)
        return JsonResponse({"others": presence.words(report, self.user, page)})


class SuggestionsView(MemberView):
    """For the page's script: what a text may mean, as pairs of a text and what it is."""

    def get(self, request: HttpRequest, kind: str) -> HttpResponse:
        if kind not in LISTED:
            raise Http404
        found = suggest(Type(kind), request.GET.get("q", "")[:200], self.user)
        return JsonResponse({"options": [(one.value, str(one.words)) for one in found]})


# --- what pages show -------------------------------------------------------------------------------------------------
def found_report(request: HttpRequest, key: str) -> Report:
    """The report, when this person may see it. Raises: Http404, so that nobody learns that there is one."""
    reports = Report.objects.visible_to(request.user).select_related("organisation", "use_case", "result__use_case")
    report = reports.filter(key=key).first()
    if report is None:
        raise Http404
    return report


@dataclass(frozen=True)
class Told:
    """One question and its answer, as typed; and what it names, where the portal knows that."""

    field: Field
    text: str
    understood: str


@dataclass(frozen=True)
class PageState:
    """One page of the form: what was told there, and how many things are to be mended."""

    page: Page
    told: Sequence[Told]
    open: int
    errors: int
    warnings: int

    @property
    def name(self) -> str:
        return self.page.name

    @property
    def title(self) -> str | Promise:
        return self.page.title

    def __eq__(self, other: object) -> bool:
        return self.page == (other.page if isinstance(other, PageState) else other)


def page_states(report: Report, checked: Checked) -> list[PageState]:
    """All pages of a report, in their order."""
    errors = forms.with_findings(report.kind, checked.errors)
    warnings = forms.with_findings(report.kind, checked.unanswered(report.answers))
    states = []
    for page in FORMS[report.kind].pages:
        fields = FORMS[report.kind].on(page.name)
        told = [
            Told(
                one,
                told_text(report.kind, one, report.entries.get(one.name)),
                words_of(checked.values.get(one.name)),
            )
            for one in fields
        ]
        answered = [one for one in told if one.text]
        states.append(
            PageState(
                page,
                answered,
                len(told) - len(answered),
                len(errors.get(page.name, ())),
                len(warnings.get(page.name, ())),
            )
        )
    return states


def told_text(kind: str, field: Field, value: Any) -> str:
    """An entry for reading: the words of a choice, everything else as typed."""
    text = plain_text(kind, field.name, value)
    if field.type == Type.CHOICE and field.choices and text in field.choices.values:
        return str(field.choices(text).label)
    return {"yes": _("Yes"), "no": _("No")}.get(text, text) if field.type == Type.YES_NO else text


def warned(report: Report, finding: Any) -> forms.Warned:
    """A warning with its answer."""
    return forms.Warned(finding, report.answers.get(finding.key, ""))


def error_address(report: Report, name: str) -> str:
    """Where an error can be mended."""
    page = forms.page_of(report.kind, name)
    anchor = f"#{forms.element_id(name)}" if name else ""
    return f"{reverse('reporting:page', args=[report.key, page])}?check{anchor}"


def standing_of(checked: Checked) -> Standing | None:
    """Where the reported value stands; None without an indicator."""
    values = checked.values
    if (kpi := values.get("kpi")) is None:
        return None
    change = change_percent(
        values.get("baseline_value"), values.get("result_value"), values.get("relative_change_percent")
    )
    return standing(kpi=kpi, change=change, city=city_of(values.get("use_case")), user=None)


def city_of(use_case: UseCase | Report | None) -> City | None:
    """The city of a use case that is public, or of one that is reported."""
    if isinstance(use_case, UseCase):
        return City.objects.select_related("country").get(pk=use_case.city_id)
    if isinstance(use_case, Report):
        found = check(use_case.kind, use_case.entries, organisation=use_case.organisation).values.get("city")
        return found if isinstance(found, City) else None
    return None


def alike_cases(checked: Checked) -> list[UseCase]:
    """Two or three published use cases of the same field, of cities most like the reported one."""
    vertical, city = checked.values.get("vertical"), checked.values.get("city")
    if not vertical:
        return []
    cases = UseCase.objects.visible_to(None).filter(vertical__code=vertical).for_cards().order_by("title", "pk")
    if not isinstance(city, City):
        return list(cases[:3])
    near = sorted(
        cases.exclude(city=city),
        key=lambda case: (
            case.city.country.region_id != city.country.region_id,
            case.city.size_band != city.size_band,
            case.title,
        ),
    )
    return near[:3]
