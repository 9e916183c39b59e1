"""The pages of a report: the first one, which makes it, and those of one that is kept already."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from alliance.members.models import Organisation, Role
from reporting import forms, parking, policies, presence
from reporting.entry_views import EntriesView, is_stale
from reporting.fields import FORMS
from reporting.models import Report
from reporting.models.reports import new_key
from reporting.services import start_report
from reporting.states import EDITABLE
from reporting.titles import title_of

_SALT = "reporting.start"
_START_IS_GOOD_FOR_SECONDS = 7 * 24 * 3_600


def organisations_of(user: Any) -> list[Organisation]:
    """Those that a user may report for, by name."""
    own = Organisation.objects.of(user, Role.OWNER, Role.CONTRIBUTOR)
    return list(own.exclude(member_since=None).order_by("name", "pk"))


class ReportPageView(EntriesView):
    """One page of a report that is kept already."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.report = None

    def find(self, key: str, page: str) -> Report:
        """Look up the report and the page. Raises: Http404; PermissionDenied for who may only read."""
        reports = Report.objects.visible_to(self.user).select_related("organisation")
        report = reports.filter(key=key).first()
        if report is None:
            raise Http404
        found = next((one for one in FORMS[report.kind].pages if one.name == page), None)
        if found is None:
            raise Http404
        self.report, self.kind, self.page, self.organisation = report, report.kind, found, report.organisation
        if not policies.may_edit(self.user, report):
            raise PermissionDenied
        return report

    def get(self, request: HttpRequest, key: str, page: str) -> HttpResponse:
        report = self.find(key, page)
        if report.state not in EDITABLE:
            return redirect(report)
        presence.enter(report, self.user, page)
        if data := parking.parked(request):
            notice = _("What you typed before you were signed out is here again. It is not saved yet: save it now.")
            mine, seen = forms.typed(self.kind, self.page, data), forms.seen_from(data)
            return self.show(mine=mine, seen=seen, notice=notice)
        return self.show(complain="check" in request.GET)

    def post(self, request: HttpRequest, key: str, page: str) -> HttpResponse:
        self.find(key, page)
        return self.older_than_session() if is_stale(request) else self.save()


class StartView(EntriesView):
    """The first page: nothing is kept before something is typed."""

    report = None

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.page = FORMS[self.kind].pages[0]

    def find(self) -> HttpResponse | None:
        """Look up for whom the user reports; the answer, when that is nobody."""
        self.organisations = organisations_of(self.user)
        if not self.organisations:
            return render(self.request, "reporting/no_organisation.html", {}, status=HTTPStatus.FORBIDDEN)
        chosen = self.request.POST.get("organisation", self.request.GET.get("organisation", ""))
        self.organisation = next((o for o in self.organisations if o.slug == chosen), self.organisations[0])
        self.key = self.started(self.request.POST.get("start", "")) or new_key()
        return None

    def started(self, token: str) -> str:
        """The key that this form was given when it was shown: sent twice, it makes one report."""
        try:
            key, user = signing.loads(token, salt=_SALT, max_age=_START_IS_GOOD_FOR_SECONDS)
        except signing.BadSignature:
            return ""
        return key if user == self.user.pk else ""

    def more_context(self) -> dict[str, Any]:
        begun = (
            Report.objects.visible_to(self.user).filter(author=self.user, kind=self.kind, state__in=EDITABLE).first()
        )
        return {
            "start": signing.dumps([self.key, self.user.pk], salt=_SALT),
            "organisations": self.organisations,
            "begun": begun,
            "begun_title": title_of(begun) if begun else "",
        }

    def get(self, request: HttpRequest) -> HttpResponse:
        if answer := self.find():
            return answer
        if data := parking.parked(request):
            self.key = self.started(data.get("start", "")) or self.key
            notice = _("What you typed before you were signed out is here again. It is not saved yet: save it now.")
            return self.show(mine=forms.typed(self.kind, self.page, data), notice=notice)
        given = {name: request.GET[name] for name in ("use_case", "kpi") if name in request.GET}
        return self.show(mine=given)

    def post(self, request: HttpRequest) -> HttpResponse:
        if answer := self.find():
            return answer
        return self.older_than_session() if is_stale(request) else self.save()

    def begin(self, mine: Mapping[str, Any]) -> Report:
        return start_report(kind=self.kind, organisation=self.organisation, actor=self.user, key=self.key)
