"""What is done with public records: correcting them, checking results, merging two use cases that are one."""

from http import HTTPStatus
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from alliance.events.views import EditorView
from alliance.members.member_pages import MemberView
from alliance.members.models import Organisation, Role, User
from kpis.models import Result, Verification
from reporting import policies
from reporting.correcting import start_correction
from reporting.merging_records import merge_use_cases
from reporting.models import Merge
from reporting.review_forms import CheckForm, MergeForm
from reporting.verifying import LEVELS, check_result, name_checker
from usecases.models import UseCase


class CorrectionView(MemberView):
    """Begins the correction of a public record, and leads to it."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        sent = request.POST
        record: UseCase | Result
        if sent.get("result"):
            record = get_object_or_404(Result.objects.visible_to(None).for_display(), slug=sent["result"])
        else:
            record = get_object_or_404(UseCase.objects.visible_to(None), slug=sent.get("use_case", ""))
        organisations = Organisation.objects.of(self.user, Role.OWNER, Role.CONTRIBUTOR)
        if sent.get("organisation"):
            organisations = organisations.filter(slug=sent["organisation"])
        organisation = next((one for one in organisations if policies.may_correct(self.user, one, record)), None)
        if organisation is None:
            raise PermissionDenied
        return redirect(start_correction(record=record, organisation=organisation, actor=self.user))


class CheckView(MemberView):
    """How a result was checked, and the form for who may check it."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self.show(self.result(slug))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        result = self.result(slug)
        if "checker" in request.POST:
            return self.name(result, request.POST["checker"])
        form = self.form(result, request.POST)
        if form is None:
            raise PermissionDenied
        if not form.is_valid():
            return self.show(result, form=form, status=HTTPStatus.BAD_REQUEST)
        values = form.cleaned_data
        by_editor = values["level"] == Verification.EVIDENCE_ATTACHED
        try:
            check_result(
                result=result,
                actor=self.user,
                level=values["level"],
                organisation=None if by_editor else values.get("organisation"),
                what=values["what"],
                checked_on=values["checked_on"],
            )
        except ValidationError as error:
            for name, found in error.message_dict.items():
                form.add_error(name, found)
            return self.show(result, form=form, status=HTTPStatus.BAD_REQUEST)
        messages.success(request, _("Noted. Thank you for looking."))
        return redirect(result)

    def name(self, result: Result, name: str) -> HttpResponse:
        organisation = Organisation.objects.filter(name__iexact=name.strip()).first()
        try:
            if organisation is None:
                raise ValidationError(_("No organisation is called “%(name)s”.") % {"name": name.strip()[:100]})
            name_checker(result=result, actor=self.user, organisation=organisation)
        except ValidationError as error:
            return self.show(result, notice=" ".join(error.messages), status=HTTPStatus.BAD_REQUEST)
        messages.success(self.request, _("%(name)s is asked to verify it.") % {"name": organisation})
        return redirect("review:check", result.slug)

    def result(self, slug: str) -> Result:
        return cast(Result, get_object_or_404(Result.objects.visible_to(None).for_display(), slug=slug))

    def organisations(self) -> QuerySet[Organisation]:
        return Organisation.objects.of(self.user, Role.OWNER, Role.CONTRIBUTOR).filter(member_since__isnull=False)

    def form(self, result: Result, data: Any = None) -> CheckForm | None:
        """With the levels that this person may give; None when there is none."""
        organisations = list(self.organisations())
        levels = [
            int(level)
            for level in LEVELS
            if any(policies.may_check(self.user, result, level, one) for one in [None, *organisations])
        ]
        return CheckForm(data, levels=levels, organisations=organisations) if levels else None

    def show(
        self,
        result: Result,
        *,
        form: CheckForm | None = None,
        notice: str = "",
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HttpResponse:
        context = {
            "result": result,
            "form": form or self.form(result),
            "checks": result.checks.select_related("checker", "organisation"),
            "mandates": result.mandates.select_related("organisation"),
            "may_name": policies.may_review_result(self.user, result),
            "notice": notice,
        }
        return render(self.request, "reporting/review/check.html", context, status=status)


class MergeView(EditorView):
    """Two use cases that are one: first both beside each other, then the merging."""

    def get(self, request: HttpRequest) -> HttpResponse:
        named = {name: request.GET[name] for name in ("kept", "merged") if request.GET.get(name)}
        if len(named) < 2:
            return self.show(MergeForm(initial=named))
        form = MergeForm({**named, "reason": "-"})
        pair = (form.cleaned_data["kept"], form.cleaned_data["merged"]) if form.is_valid() else None
        return self.show(MergeForm(initial=named) if pair else form, pair=pair)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = MergeForm(request.POST)
        if not form.is_valid():
            return self.show(form, status=HTTPStatus.BAD_REQUEST)
        values = form.cleaned_data
        try:
            kept = merge_use_cases(
                kept=values["kept"],
                merged=values["merged"],
                actor=cast(User, request.user),
                reason=values["reason"],
            )
        except ValidationError as error:
            form.add_error(None, error)
            return self.show(form, status=HTTPStatus.BAD_REQUEST)
        messages.success(request, _("Merged. Both addresses lead here now."))
        return redirect(kept)

    def show(
        self, form: MergeForm, *, pair: tuple[UseCase, UseCase] | None = None, status: HTTPStatus = HTTPStatus.OK
    ) -> HttpResponse:
        if pair is not None and pair[0] == pair[1]:
            raise Http404
        context = {
            "form": form,
            "pair": pair,
            "may_merge": pair is None or policies.may_merge(self.request.user, *pair),
            "merges": Merge.objects.select_related("kept", "merged", "actor")[:20],
        }
        return render(self.request, "reporting/review/merge.html", context, status=status)
