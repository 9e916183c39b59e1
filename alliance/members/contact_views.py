"""Asking the Alliance, and the secret page of who asked."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import DetailView, FormView, TemplateView

from alliance.members import inquiries, inquiry_figures
from alliance.members.contact_forms import AskForm, ContactForm, FollowUpForm
from alliance.members.models import Inquiry, InquiryState


@method_decorator(never_cache, name="dispatch")
class AskView(FormView):
    """A form that becomes a ticket."""

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    def form_invalid(self, form: AskForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=form.status)

    def form_valid(self, form: AskForm) -> HttpResponse:
        user = self.request.user
        inquiries.ask(
            key=form.key,
            subject=form.cleaned_data["subject"],
            text=form.cleaned_data["text"],
            name=form.cleaned_data["name"],
            email=form.cleaned_data["email"],
            language=get_language() or "en",
            user=user if user.is_authenticated else None,
            **self.told(form),
        )
        return HttpResponseRedirect(reverse("contact:sent"))

    def told(self, form: AskForm) -> dict[str, Any]:
        """What else the ticket is made of."""
        raise NotImplementedError


class ContactView(AskView):
    """A question to the Alliance. Context: form, figures."""

    template_name = "members/contact/ask.html"
    form_class = ContactForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            figures=inquiry_figures.public_figures(), promised_days=inquiry_figures.PROMISED_DAYS, **kwargs
        )

    def told(self, form: AskForm) -> dict[str, Any]:
        return {"topic": form.cleaned_data["topic"]}


class SentView(TemplateView):
    """The same page for everybody: the key is in the mail alone."""

    template_name = "members/contact/sent.html"


@method_decorator(never_cache, name="dispatch")
class TicketView(DetailView):
    """The page of who asked. Whoever has its address may read and write here: it was sent to the asker alone.

    POST, by `deed`: confirm, write, agree, disagree, close.
    """

    template_name = "members/contact/ticket.html"
    context_object_name = "inquiry"

    def get_object(self, queryset: Any = None) -> Inquiry:
        return get_object_or_404(Inquiry.objects.select_related("organisation"), key=self.kwargs["key"])

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        # The address is a secret and must not travel on as the referrer.
        response["Referrer-Policy"] = "strict-origin"
        response["X-Robots-Tag"] = "noindex"
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        thread = self.object.messages.filter(is_internal=False).select_related("organisation")
        return super().get_context_data(thread=thread, **{"form": FollowUpForm(), **kwargs})

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        inquiry = self.object = self.get_object()
        deed = request.POST.get("deed")
        if deed == "confirm":
            inquiries.confirm(inquiry=inquiry)
            messages.success(request, _("Thank you. Your question is on its way; the answer comes by e-mail."))
        elif inquiry.state == InquiryState.UNVERIFIED:
            messages.error(request, _("Confirm your address first."))
        elif deed == "write":
            form = FollowUpForm(request.POST)
            if not form.is_valid():
                return self.render_to_response(self.get_context_data(form=form))
            try:
                inquiries.add_question(inquiry=inquiry, text=form.cleaned_data["text"])
            except inquiries.TooManyMessages:
                form.add_error(None, _("That were many messages in one hour. Your text is still here: try later."))
                return self.render_to_response(self.get_context_data(form=form), status=429)
            messages.success(request, _("Added."))
        elif deed in ("agree", "disagree"):
            inquiries.agree(inquiry=inquiry, may_be_published=deed == "agree")
        elif deed == "close":
            inquiries.close(inquiry=inquiry)
            messages.success(request, _("Closed. Write here when you want to go on."))
        return HttpResponseRedirect(inquiries.path_of(inquiry))
