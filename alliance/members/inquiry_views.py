"""Tickets as those see them who answer: editors, and owners and contributors of the organisations that are asked."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import DetailView, ListView

from alliance.core.whole_numbers import whole_number
from alliance.members import inquiries, inquiry_figures, policies
from alliance.members.contact_forms import AnswerForm, AssignForm
from alliance.members.models import Inquiry, InquiryMessage, InquiryState, InquiryTopic, Organisation

_FIRST = {InquiryState.OPEN: 0, InquiryState.ANSWERED: 1, InquiryState.CLOSED: 2}


@method_decorator(never_cache, name="dispatch")
class InquiryListView(LoginRequiredMixin, ListView):
    """Tickets, those that wait first, the oldest of them on top. 403 for who answers nobody.

    Query: state, topic, mine. Context: figures (editors only).
    """

    template_name = "members/contact/inquiry_list.html"
    context_object_name = "inquiries"
    paginate_by = 50

    def get_queryset(self) -> QuerySet[Inquiry]:
        user = self.request.user
        if not (policies.is_editor(user) or Organisation.objects.of(user, *inquiries.ANSWERING).exists()):
            raise PermissionDenied
        found = inquiries.visible_to(user).select_related("assigned_to", "organisation")
        if (state := self.request.GET.get("state")) in InquiryState.values:
            found = found.filter(state=state)
        if (topic := self.request.GET.get("topic")) in InquiryTopic.values:
            found = found.filter(topic=topic)
        if self.request.GET.get("mine"):
            found = found.filter(assigned_to=user)
        order = Case(*(When(state=state, then=Value(n)) for state, n in _FIRST.items()), output_field=IntegerField())
        return found.order_by(order, "opened_at", "pk")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_editor = policies.is_editor(self.request.user)
        return super().get_context_data(
            figures=inquiry_figures.figures() if is_editor else [],
            promised_days=inquiry_figures.PROMISED_DAYS,
            topics=InquiryTopic.choices,
            states=[choice for choice in InquiryState.choices if choice[0] != InquiryState.UNVERIFIED],
            is_editor=is_editor,
            now=timezone.now(),
            **kwargs,
        )


@method_decorator(never_cache, name="dispatch")
class InquiryView(LoginRequiredMixin, DetailView):
    """One ticket with its thread. 404 for who may not answer it.

    POST, by `deed`: answer (412 when somebody wrote meanwhile), close, assign, publish, hide.
    """

    template_name = "members/contact/inquiry.html"
    context_object_name = "inquiry"

    def get_object(self, queryset: Any = None) -> Inquiry:
        found = inquiries.visible_to(self.request.user).select_related("assigned_to", "organisation")
        return get_object_or_404(found, number=self.kwargs["number"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_editor = policies.is_editor(self.request.user)
        thread = self.object.messages.select_related("organisation", "author")
        shown = {
            "thread": thread if is_editor else thread.filter(is_internal=False),
            "is_editor": is_editor,
            "form": AnswerForm(inquiry=self.object, is_editor=is_editor),
            "assign_form": AssignForm(initial={"editor": self.object.assigned_to}) if is_editor else None,
        }
        return super().get_context_data(**{**shown, **kwargs})

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        inquiry = self.object = self.get_object()
        deed = request.POST.get("deed")
        if deed == "answer":
            return self.answer(request, inquiry)
        if deed == "close":
            inquiries.close(inquiry=inquiry, actor=request.user)
            return HttpResponseRedirect(reverse("contact:inquiries"))
        if deed == "assign":
            form = AssignForm(request.POST)
            if form.is_valid():
                inquiries.assign(inquiry=inquiry, actor=request.user, editor=form.cleaned_data["editor"])
                messages.success(request, _("Handed over."))
        elif deed in ("publish", "hide"):
            asked = request.POST.get("message", "")
            message = get_object_or_404(InquiryMessage, inquiry=inquiry, pk=whole_number(asked))
            inquiries.set_public_note(message=message, actor=request.user, is_public_note=deed == "publish")
        return HttpResponseRedirect(reverse("contact:inquiry", args=[inquiry.number]))

    def answer(self, request: HttpRequest, inquiry: Inquiry) -> HttpResponse:
        form = AnswerForm(request.POST, inquiry=inquiry, is_editor=policies.is_editor(request.user))
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        try:
            inquiries.answer(inquiry=inquiry, actor=request.user, **form.cleaned_data)
        except inquiries.ChangedMeanwhile:
            # The text stays, and is sent against the thread that is shown now.
            self.object = self.get_object()
            told = request.POST.copy()
            told["version"] = str(self.object.version)
            form = AnswerForm(told, inquiry=self.object, is_editor=policies.is_editor(request.user))
            return self.render_to_response(self.get_context_data(form=form, changed=True), status=412)
        messages.success(request, _("Sent.") if not form.cleaned_data.get("is_internal") else _("Noted."))
        return HttpResponseRedirect(reverse("contact:inquiry", args=[inquiry.number]))
