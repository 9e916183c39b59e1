"""Pages of the editors: what waits for them, suggestions of the search, decisions about one practice."""

from http import HTTPStatus
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from alliance.events.views import EditorView
from alliance.members.models import User
from practices import desk, editing, services, tasks
from practices.editor_forms import DEEDS, AcceptForm, DeedForm, RejectForm
from practices.forms import AnswerForm
from practices.models import Challenge, Practice, Suggestion, SuggestionState


class DeskView(EditorView):
    """What waits for the editors of practices."""

    template_name = "practices/desk.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **desk.waiting(), grown_up=editing.grown_up(), search_task=tasks.SEARCH, **kwargs
        )


class SuggestionView(EditorView):
    """One suggestion: why these use cases are alike; accept it as edited, or reject it."""

    template_name = "practices/suggestion.html"

    @cached_property
    def suggestion(self) -> Suggestion:
        return get_object_or_404(Suggestion.objects.select_related("vertical"), pk=self.kwargs["pk"])

    @cached_property
    def suggested(self) -> desk.Suggested:
        return desk.told([self.suggestion])[0]

    def accept_form(self, data: Any = None) -> AcceptForm:
        initial = {
            "name": self.suggested.title[:160],
            "vertical": self.suggestion.vertical,
            "primary_kpi": desk.primary_kpi(self.suggestion),
        }
        return AcceptForm(
            data, suggestion=self.suggestion, reasons=desk.link_reasons(self.suggested), initial=initial,
            auto_id="accept-%s",
        )  # fmt: skip

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show(self.accept_form(), RejectForm(auto_id="reject-%s"))

    def show(self, accept: AcceptForm, reject: RejectForm, status: int = 200) -> HttpResponse:
        context = self.get_context_data(
            suggestion=self.suggestion,
            suggested=self.suggested,
            is_open=self.suggestion.state == SuggestionState.OPEN,
            accept_form=accept,
            reject_form=reject,
        )
        return self.render_to_response(context, status=status)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        actor = cast(User, request.user)
        rejects = request.POST.get("deed") == "reject"
        accept = self.accept_form(None if rejects else request.POST)
        reject = RejectForm(request.POST if rejects else None, auto_id="reject-%s")
        if not (reject if rejects else accept).is_valid():
            return self.show(accept, reject, HTTPStatus.UNPROCESSABLE_ENTITY)
        try:
            if rejects:
                editing.reject_suggestion(suggestion=self.suggestion, actor=actor, **reject.cleaned_data)
                messages.success(request, _("Rejected. The same use cases are not suggested again."))
                return HttpResponseRedirect(reverse("practices:desk"))
            made = editing.accept_suggestion(
                suggestion=self.suggestion,
                practice=accept.save(commit=False),
                reasons=accept.reasons,
                reason=accept.cleaned_data["reason"],
                actor=actor,
            )
        except services.RefusedError as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("practices:desk"))
        messages.success(request, _("It is a practice now. Its evidence follows in a moment."))
        return HttpResponseRedirect(made.get_absolute_url())


class DecideView(EditorView):
    """What editors decide about a practice: its state, confirmed harm, a split, a merge; and answers to challenges."""

    template_name = "practices/decide.html"

    @cached_property
    def practice(self) -> Practice:
        return get_object_or_404(Practice, slug=self.kwargs["slug"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        bad: DeedForm | None = kwargs.pop("bad", None)
        forms = {deed: form(practice=self.practice) for deed, form in DEEDS.items()}
        if bad is not None:
            forms[bad.deed] = bad
        return super().get_context_data(practice=self.practice, forms=forms.values(), **kwargs)

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        actor = cast(User, request.user)
        if "challenge" in request.POST:
            return self._answer(request, actor)
        form = DEEDS.get(request.POST.get("deed", ""), DEEDS["state"])(request.POST, practice=self.practice)
        if not form.is_valid():
            context = self.get_context_data(bad=form)
            return self.render_to_response(context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        deed = {
            "state": editing.decide,
            "harm": editing.confirm_harm,
            "merge": editing.merge,
            "split": editing.split,
        }[form.deed]
        given = form.cleaned_data
        if form.deed == "split":
            given = {**given, "use_cases": list(given["use_cases"])}
        try:
            shown = cast(Any, deed)(practice=self.practice, actor=actor, **given)
        except services.RefusedError as refusal:
            form.add_error(None, str(refusal))
            form.data = request.POST.copy()
            form.data["seen"] = str(self._version())
            return self.render_to_response(self.get_context_data(bad=form), status=HTTPStatus.CONFLICT)
        messages.success(request, _("Done."))
        return HttpResponseRedirect(shown.get_absolute_url())

    def _version(self) -> int:
        """What the editor sees from now on."""
        return Practice.objects.values_list("version", flat=True).get(pk=self.practice.pk)

    def _answer(self, request: HttpRequest, actor: User) -> HttpResponse:
        key = request.POST["challenge"]
        is_key = key.isascii() and key.isdecimal() and len(key) < 19
        challenge = get_object_or_404(Challenge, practice=self.practice, pk=int(key) if is_key else 0)
        form = AnswerForm(request.POST)
        if form.is_valid():
            try:
                services.answer_challenge(challenge=challenge, actor=actor, **form.cleaned_data)
            except services.RefusedError as refusal:
                messages.error(request, str(refusal))
        else:
            messages.error(request, _("A challenge is closed by an outcome and an answer."))
        return HttpResponseRedirect(self.practice.get_absolute_url() + "#challenges")
