"""The pages of sheets: upload, name the columns, look at what was found, import, undo."""

import csv
import io
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from alliance.core import errors
from alliance.events.models import Job
from alliance.members.member_pages import MemberView
from alliance.members.models import Organisation, Role
from reporting.fields import FORMS
from reporting.models import Import, ImportState, Kind, Report
from reporting.sheets import checking, columns, importing, writing
from reporting.sheets.opening import MOST_BYTES, MOST_ROWS, SheetError

#: The file and what a form puts around it.
_MOST_UPLOADED = MOST_BYTES + 100_000
FINDINGS_SHOWN = 100


class SheetView(MemberView, TemplateView):
    """A page for the people of member organisations."""

    @cached_property
    def organisations(self) -> list[Organisation]:
        """For which the user may report."""
        own = Organisation.objects.of(self.user, Role.OWNER, Role.CONTRIBUTOR)
        return list(own.filter(member_since__isnull=False))

    @cached_property
    def one(self) -> Import:
        """The import of the address, when it is of an organisation of the user's."""
        imports = Import.objects.filter(organisation__in=Organisation.objects.of(self.user))
        return get_object_or_404(imports.select_related("organisation", "author"), key=self.kwargs["key"])


class UploadForm(forms.Form):
    """A sheet, whose it is and what it holds."""

    organisation = forms.ModelChoiceField(
        Organisation.objects.none(),
        to_field_name="slug",
        label=gettext_lazy("For which organisation"),
        empty_label=None,
    )
    kind = forms.ChoiceField(choices=Kind, label=gettext_lazy("What a row holds"), widget=forms.RadioSelect)
    file = forms.FileField(
        label=gettext_lazy("Sheet"),
        help_text=gettext_lazy("Excel (.xlsx), CSV or JSON, as it is: you say next what its columns mean."),
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv,.tsv,.txt,.json"}),
    )

    def __init__(self, *args: Any, organisations: list[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["organisation"]
        field.queryset = Organisation.objects.filter(pk__in=[one.pk for one in organisations])  # type: ignore[attr-defined]
        if len(organisations) == 1:
            field.initial = organisations[0].slug
            field.widget = forms.HiddenInput()
        self.fields["kind"].initial = Kind.RESULT


class SheetsView(SheetView):
    """Upload a sheet; earlier ones; empty sheets to fill in; one's reports as a sheet."""

    template_name = "reporting/sheets/list.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > _MOST_UPLOADED:
            detail = _("At most %(most)s MB are taken. Leave out pictures, or split the sheet.")
            return errors.error_response(
                request,
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                _("This file is too large"),
                detail % {"most": MOST_BYTES // 2**20},
            )
        form = UploadForm(request.POST, request.FILES, organisations=self.organisations)
        if form.is_valid():
            given = form.cleaned_data
            try:
                one = importing.upload(
                    content=given["file"].read(),
                    name=given["file"].name,
                    kind=given["kind"],
                    organisation=given["organisation"],
                    actor=self.user,
                )
            except SheetError as error:
                form.add_error("file", str(error))
            else:
                return HttpResponseRedirect(reverse("reporting:sheet", args=[one.key]))
        return self.render_to_response(self.get_context_data(form=form), status=HTTPStatus.UNPROCESSABLE_ENTITY)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs.setdefault("form", UploadForm(organisations=self.organisations))
        imports = Import.objects.filter(organisation__in=Organisation.objects.of(self.user)).defer("outcome", "mapping")
        return super().get_context_data(
            organisations=self.organisations,
            imports=imports.select_related("organisation", "author")[:50],
            kinds=Kind.choices,
            most_rows=MOST_ROWS,
            most_megabytes=MOST_BYTES // 2**20,
            **kwargs,
        )


class ColumnsForm(forms.Form):
    """What each column of the sheet holds."""

    def __init__(self, *args: Any, one: Import, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = columns.layout(one.kind)
        choices = [("", _("Leave it out")), *((column, columns.label_of(one.kind, column)) for column in offered)]
        self.headers = {f"column{index}": header for index, header in enumerate(one.headers)}
        for name, header in self.headers.items():
            chosen = one.mapping[header]
            more = [] if chosen in offered or not chosen else [(chosen, columns.label_of(one.kind, chosen))]
            self.fields[name] = forms.ChoiceField(
                choices=[*choices, *more], label=header, required=False, initial=chosen
            )

    @property
    def mapping(self) -> dict[str, str]:
        return {header: self.cleaned_data[name] for name, header in self.headers.items()}


class OneSheetView(SheetView):
    """Where one sheet stands, and what can be done with it next."""

    template_name = "reporting/sheets/detail.html"

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        try:
            return self._do(request.POST.get("deed", ""))
        except importing.ImportRefusedError as refusal:
            del self.one
            context = self.get_context_data(refusal=str(refusal))
            return self.render_to_response(context, status=HTTPStatus.CONFLICT)

    def _do(self, deed: str) -> HttpResponse:
        match deed:
            case "columns":
                form = ColumnsForm(self.request.POST, one=self.one)
                if not form.is_valid():
                    return self.render_to_response(
                        self.get_context_data(form=form), status=HTTPStatus.UNPROCESSABLE_ENTITY
                    )
                importing.name_columns(one=self.one, mapping=form.mapping, actor=self.user)
            case "answers":
                given = {
                    key.removeprefix("answer-"): text
                    for key, text in self.request.POST.items()
                    if key.startswith("answer-") and text.strip()
                }
                importing.answer_warnings(one=self.one, answers=given, actor=self.user)
            case "submit" | "drafts":
                importing.confirm(one=self.one, actor=self.user, as_drafts=deed == "drafts")
            case "undo":
                importing.undo(one=self.one, actor=self.user)
                messages.success(self.request, _("The import was undone. The sheet is still here."))
            case _:
                raise Http404
        return HttpResponseRedirect(reverse("reporting:sheet", args=[self.one.key]))

    @cached_property
    def job(self) -> Job | None:
        """The newest job of this sheet."""
        jobs = Job.objects.filter(work__in=[checking.WORK, importing.WORK], arguments__contains={"import": self.one.pk})
        return jobs.order_by("-pk").first()

    def get_template_names(self) -> list[str]:
        htmx = getattr(self.request, "htmx", None)
        return ["reporting/sheets/_state.html"] if htmx else [self.template_name]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        one = self.one
        is_working = self.job is not None and not self.job.is_ended
        if one.state in (ImportState.UPLOADED, ImportState.CHECKED):
            kwargs.setdefault("form", ColumnsForm(one=one))
        findings = one.outcome.get("findings", [])
        pages = Paginator(findings, FINDINGS_SHOWN)
        return super().get_context_data(
            one=one,
            job=self.job,
            is_working=is_working,
            is_checked=one.state == ImportState.CHECKED and not is_working,
            outcome=one.outcome,
            findings=pages.get_page(self.request.GET.get("page")),
            questions=self._questions(),
            unanswered=importing.unanswered(one),
            actions=self._actions(),
            hindrances=importing.hindrances(one) if one.state == ImportState.IMPORTED else [],
            reports=one.reports.select_related("organisation").order_by("row")[:50],
            report_count=one.reports.count(),
            **kwargs,
        )

    def _questions(self) -> list[dict[str, Any]]:
        """Warnings by code and column: how many rows, the first of them, and the answer given."""
        answers = self.one.outcome.get("answers", {})
        found: dict[str, dict[str, Any]] = {}
        for finding in self.one.outcome.get("findings", []):
            if finding["level"] == "warning":
                key = f"{finding['field']}:{finding['code']}"
                entry = found.setdefault(key, {"key": key, "rows": 0, "first": finding, "answer": answers.get(key, "")})
                entry["rows"] += 1
        return list(found.values())

    def _actions(self) -> list[tuple[str, int]]:
        words = {
            checking.Action.CREATE: _("new"),
            checking.Action.UPDATE: _("change a draft of yours"),
            checking.Action.CORRECT: _("correct what was accepted"),
            checking.Action.UNCHANGED: _("are there already, unchanged"),
            checking.Action.REFUSED: _("cannot be taken"),
        }
        counted = self.one.outcome.get("actions", {})
        return [(str(words[action]), counted[action]) for action in checking.Action if counted.get(action)]


class FindingsView(SheetView):
    """All findings of a dry run as CSV, to be worked off beside the sheet."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["row", "column", "field", "level", "code", "message"])
        for finding in self.one.outcome.get("findings", []):
            writer.writerow(
                [writing.guarded(finding[name]) for name in ("row", "column", "field", "level", "code", "message")]
            )
        return _download(b"\xef\xbb\xbf" + text.getvalue().encode(), "findings.csv", "csv")


class TemplateSheetView(SheetView):
    """An empty sheet to fill in."""

    def get(self, request: HttpRequest, kind: str, ending: str, **kwargs: Any) -> HttpResponse:
        if kind not in FORMS:
            raise Http404
        return _download(writing.template(kind, ending), f"{kind}-template.{ending}", ending)


class ReportsSheetView(SheetView):
    """The reports of an organisation as a sheet of the same layout, to change and send back."""

    def get(self, request: HttpRequest, organisation: str, kind: str, ending: str, **kwargs: Any) -> HttpResponse:
        if kind not in FORMS:
            raise Http404
        own = get_object_or_404(Organisation.objects.of(self.user), slug=organisation)
        reports = Report.objects.filter(organisation=own, kind=kind).exclude(state="withdrawn").order_by("pk")
        if reports.count() > MOST_ROWS:
            raise PermissionDenied
        return _download(writing.export(kind, reports, ending), f"{own.slug}-{kind}.{ending}", ending)


def _download(content: bytes, name: str, ending: str) -> HttpResponse:
    response = HttpResponse(content, content_type=writing.CONTENT_TYPES[ending])
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
