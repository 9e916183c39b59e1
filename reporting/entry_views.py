"""The pages on which a report is written. Whatever is sent is saved, also when it is wrong; nothing is written over."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import ResolverMatch, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import View

from alliance.members.models import Organisation, User
from reporting import dialogue, forms, merging, parking, parts, presence
from reporting.checking import Checked, check
from reporting.conflicts import Choice, decided
from reporting.fields import FORMS, Page, Type
from reporting.forms import EntryPage
from reporting.models import Kind, Report
from reporting.services import MoveRefusedError, VersionConflictError
from reporting.suggestions import LISTED, Suggestion, suggest, units_of
from reporting.titles import title_of
from reporting.understanding import understood


def wants_json(request: HttpRequest) -> bool:
    """Whether the page's own script asks, which saves while somebody types."""
    return request.headers.get("Accept") == "application/json"


def is_stale(request: HttpRequest) -> bool:
    """Whether the form's secret is not the session's: nothing may be saved."""
    return getattr(request, "is_stale", False)


@method_decorator(never_cache, name="dispatch")
class EntriesView(View):
    """What the first page and all others have in common."""

    kind: str = ""
    page: Page
    report: Report | None
    organisation: Organisation

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return super().dispatch(request, *args, **kwargs)
        if request.method != "POST":
            return redirect_to_login(request.get_full_path())
        if wants_json(request):
            return JsonResponse({"signed_out": True}, status=HTTPStatus.UNAUTHORIZED)
        # A request of which nobody knows where it comes from must not get a session of its own.
        if not is_stale(request) and parking.park(request):
            messages.info(request, _("You were signed out. What you typed is kept: sign in, and it is back."))
            return redirect_to_login(request.path)
        return self.give_back(request)

    def give_back(self, request: HttpRequest) -> HttpResponse:
        """What was sent, as hidden fields of a page: for what nothing else can keep."""
        fields = [(name, text) for name, texts in request.POST.lists() for text in texts]
        context = {"fields": [one for one in fields if one[0] != "csrfmiddlewaretoken"], "path": request.path}
        return render(request, "reporting/signed_out.html", context, status=HTTPStatus.UNAUTHORIZED)

    @property
    def user(self) -> User:
        """Who is signed in: nobody else comes this far."""
        return cast(User, self.request.user)

    @property
    def kept(self) -> Report:
        """The report, once there is one."""
        if self.report is None:
            raise LookupError("Nothing is kept yet.")
        return self.report

    # --- what it is about -------------------------------------------------------------------------------------------
    def texts(self) -> dict[str, Any]:
        """What is saved."""
        return merging.texts_of(self.report) if self.report else {}

    def checked(self, texts: Mapping[str, Any]) -> Checked:
        known = FORMS[self.kind].by_name
        entries = {name: value for name, value in texts.items() if name in known}
        return check(self.kind, entries, organisation=self.organisation, report=self.report)

    def address(self) -> str:
        if self.report is None:
            return self.request.path
        return reverse("reporting:page", args=[self.report.key, self.page.name])

    def next_address(self) -> str:
        """Of the page after this one; after the last the one on which the report is sent. A minimal record needs
        no other page."""
        pages = FORMS[self.kind].pages
        after = pages.index(self.page) + 1
        if after == len(pages) or (self.kind == Kind.USE_CASE and "full" not in self.request.GET and after == 1):
            return reverse("reporting:submit", args=[self.kept.key])
        return reverse("reporting:page", args=[self.kept.key, pages[after].name])

    # --- what is shown ----------------------------------------------------------------------------------------------
    def show(
        self,
        *,
        mine: Mapping[str, Any] | None = None,
        seen: Mapping[str, str] | None = None,
        complain: bool = False,
        notice: str = "",
        status: int = HTTPStatus.OK,
    ) -> HttpResponse:
        """The page, with what is saved and over it what is not saved yet."""
        saved = self.texts()
        texts = {**saved, **(mine or {})}
        checked = self.checked(texts)
        form = self.form(texts, checked, complain=complain)
        names = forms.names_on(self.kind, self.page.name)
        shown = {name: text for name, text in saved.items() if name in names or name.startswith(merging.ANSWER)}
        context = {
            "kind": self.kind,
            "page": self.page,
            "pages": FORMS[self.kind].pages,
            "report": self.report,
            "title": title_of(self.report) if self.report else "",
            "organisation": self.organisation,
            "form": form,
            "complain": complain,
            "notice": notice,
            "seen": json.dumps(seen if seen is not None else merging.seen(shown)),
            "action": self.request.get_full_path() if self.report is None else self.address(),
            "others": presence.words(self.report, self.user, self.page.name) if self.report else "",
            "threads": dialogue.by_field(dialogue.threads_of(self.report)) if self.report else {},
            **self.parts_context(checked),
            **self.more_context(),
        }
        return render(self.request, "reporting/entries.html", context, status=status)

    def more_context(self) -> dict[str, Any]:
        return {}

    def parts_context(self, checked: Checked) -> dict[str, Any]:
        """Where the values of a result are asked for: the parts that they can be calculated from."""
        if parts.VALUES[0] not in forms.names_on(self.kind, self.page.name):
            return {}
        kpi = checked.values.get("kpi")
        return {
            "parts": parts.controls(kpi, self.request.POST),
            "parts_kpi": kpi,
            "parts_open": self.request.POST.get("action") == parts.ACTION,
        }

    def form(self, texts: Mapping[str, Any], checked: Checked, *, complain: bool) -> EntryPage:
        more = self.request.GET.get("more", "")
        plain = forms.entry_page(self.kind, self.page, texts=texts, checked=checked, complain=complain, more=more)
        suggested = {
            one.name: suggest(one.field.type, one.value, self.user)
            for one in plain.controls
            if one.field.type in LISTED and one.value and (one.errors or self.is_guessed(one))
        }
        return forms.entry_page(
            self.kind,
            self.page,
            texts=texts,
            checked=checked,
            complain=complain,
            more=more,
            suggested=suggested,
            understood=understood(self.kind, checked.values),
            options=self.units(checked),
        )

    @staticmethod
    def is_guessed(control: forms.Control) -> bool:
        return any(one.finding.code == "kpi-guessed" and not one.answer for one in control.warnings)

    def units(self, checked: Checked) -> dict[str, list[Suggestion]]:
        kpi = checked.values.get("kpi")
        return {one.name: units_of(kpi) for one in FORMS[self.kind].on(self.page.name) if one.type == Type.UNIT and kpi}

    # --- what is saved ----------------------------------------------------------------------------------------------
    def begin(self, mine: Mapping[str, Any]) -> Report:
        """The report that is written; the first page makes one."""
        return self.kept

    def save(self) -> HttpResponse:
        """Keep what was sent, then go on as the pressed button says."""
        data = self.request.POST
        mine, seen = forms.typed(self.kind, self.page, data), forms.seen_from(data)
        if data.get("action") == "resolve":
            texts, undecided = decided(data)
            mine |= texts
            seen = {name: text for name, text in seen.items() if name not in undecided}
        problems: list[str] = []
        if data.get("action") == parts.ACTION:
            values = self.checked({**self.texts(), **mine}).values
            calculated = parts.outcome(values.get("kpi"), values.get("unit"), data)
            mine |= calculated.entries
            problems = calculated.problems
        if self.report is None and not any(mine.values()):
            if wants_json(self.request):
                return JsonResponse({})
            return self.show(mine=mine, seen=seen, complain=True, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        try:
            self.report = self.begin(mine)
            saved = merging.save_merged(report=self.report, actor=self.user, mine=mine, seen=seen)
        except ValidationError as error:
            if wants_json(self.request):
                return JsonResponse({"error": " ".join(error.messages)}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
            notice = " ".join(error.messages)
            return self.show(mine=mine, seen=seen, notice=notice, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        except (MoveRefusedError, VersionConflictError) as error:
            return self.not_saved(mine, closed=isinstance(error, MoveRefusedError))
        self.report = saved.report
        parking.forget(self.request)
        if not wants_json(self.request):
            self.reply()
        if saved.conflicts:
            return self.in_conflict(saved.conflicts)
        if problems:
            return self.show(notice=" ".join(problems), status=HTTPStatus.UNPROCESSABLE_ENTITY)
        return self.saved_json() if wants_json(self.request) else self.go_on(data.get("action", "next"))

    def reply(self) -> None:
        """Answers to what editors said at the fields of the page."""
        if answers := dialogue.replies_in(self.request.POST):
            dialogue.reply(report=self.kept, actor=self.user, answers=answers)

    def go_on(self, action: str) -> HttpResponse:
        """Where the pressed button leads, once all is saved."""
        if action.startswith(("add:", "remove:")):
            verb, name = action.split(":")[:2]
            query = f"?more={name}" if verb == "add" else ""
            return redirect(f"{self.address()}{query}#{forms.element_id(name)}")
        if action == parts.ACTION:
            messages.success(self.request, _("The values are calculated and filled in."))
            return redirect(f"{self.address()}#{forms.element_id(parts.VALUES[0])}")
        if action == "save":
            messages.success(self.request, saved_words())
            return redirect(self.kept)
        if action == "resolve":
            messages.success(self.request, saved_words())
            return redirect(f"{self.address()}?resolved")
        texts = self.texts()
        form = self.form(texts, self.checked(texts), complain=True)
        if action != "next-anyway" and self.stops(form):
            status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
            return self.show(complain=True, status=status)
        return redirect(self.next_address())

    def stops(self, form: EntryPage) -> bool:
        """Whether there is something on the page to mend, or to answer that was not seen before."""
        shown = set(self.request.POST.getlist("shown"))
        unanswered = {one.finding.key for control in form.controls for one in control.warnings if not one.answer}
        return bool(form.errors) or bool(unanswered - shown)

    def saved_json(self) -> JsonResponse:
        """For the page's script: where the report is now, and what was found."""
        texts = self.texts()
        checked = self.checked(texts)
        form = self.form(texts, checked, complain="complain" in self.request.POST)
        names = forms.names_on(self.kind, self.page.name)
        shown = {name: text for name, text in texts.items() if name in names or name.startswith(merging.ANSWER)}
        presence.enter(self.kept, self.user, self.page.name)
        return JsonResponse(
            {
                "address": self.address(),
                "version": self.kept.version,
                "seen": merging.seen(shown),
                "findings": {
                    one.name: render_to_string("reporting/_findings.html", {"control": one}, self.request)
                    for one in form.controls
                },
                "understood": {one.name: one.understood for one in form.controls},
                "options": {one.name: [(o.value, str(o.words)) for o in one.options] for one in form.controls},
                "others": presence.words(self.kept, self.user, self.page.name),
            }
        )

    # --- what cannot be saved ---------------------------------------------------------------------------------------
    def in_conflict(self, conflicts: list[merging.Conflict]) -> HttpResponse:
        """412: both texts, and a choice."""
        if wants_json(self.request):
            return JsonResponse({"conflict": True}, status=HTTPStatus.PRECONDITION_FAILED)
        names = [one.name for one in conflicts]
        current = self.texts()
        context = {
            "report": self.report,
            "title": title_of(self.kept),
            "page": self.page,
            "conflicts": [Choice.of(self.kind, one) for one in conflicts],
            "seen": json.dumps(merging.seen({name: current.get(name) for name in names})),
            "action": self.address(),
        }
        return render(self.request, "reporting/conflict.html", context, status=HTTPStatus.PRECONDITION_FAILED)

    def not_saved(self, mine: Mapping[str, Any], *, closed: bool) -> HttpResponse:
        """409: the report cannot be edited now; the typed texts are shown, so that they can be copied."""
        if wants_json(self.request):
            return JsonResponse({"closed": closed}, status=HTTPStatus.CONFLICT)
        self.kept.refresh_from_db()
        changes = merging.merge(mine=mine, current=self.texts(), seen={}).conflicts
        context = {
            "report": self.report,
            "title": title_of(self.kept),
            "page": self.page,
            "closed": closed,
            "conflicts": [Choice.of(self.kind, one) for one in changes],
        }
        return render(self.request, "reporting/not_saved.html", context, status=HTTPStatus.CONFLICT)

    @classmethod
    def csrf_failure(cls, request: HttpRequest) -> HttpResponseBase:
        """Instead of the page that says that a form has expired: see `older_than_session`."""
        request.is_stale = True  # type: ignore[attr-defined]
        match = cast("ResolverMatch", request.resolver_match)
        view = cls.as_view(**getattr(match.func, "view_initkwargs", {}))
        return view(request, **match.kwargs)

    def older_than_session(self) -> HttpResponse:
        """Somebody signed in elsewhere meanwhile: nothing is saved, nothing is lost."""
        if wants_json(self.request):
            return JsonResponse({"stale": True}, status=HTTPStatus.FORBIDDEN)
        data = self.request.POST
        return self.show(
            mine=forms.typed(self.kind, self.page, data),
            seen=forms.seen_from(data),
            notice=_("This page was older than your session. What you typed is here, but not saved yet: save it now."),
            status=HTTPStatus.FORBIDDEN,
        )


def saved_words() -> str:
    """ "Saved 12:03 UTC." """
    return _("Saved %(time)s.") % {"time": timezone.now().strftime("%H:%M UTC")}
